"""Requests that join and leave at any step get what they get alone, and nothing is read twice."""

from __future__ import annotations

import random

import pytest
import torch

from trivium.generate import admission
from trivium.generate.engine import Completion, Engine, Request
from trivium.ground.errors import UsageError
from trivium.model.transformer import Transformer


def prompts(count: int, seed: int, shortest: int = 1, longest: int = 20) -> list[list[int]]:
    rng = random.Random(seed)
    return [[rng.randrange(61) for _ in range(rng.randint(shortest, longest))] for _ in range(count)]


def alone(model: Transformer, requests: list[Request]) -> list[list[int]]:
    return [Engine(model).run([request])[0].ids for request in requests]


def follow(engine: Engine) -> dict[int, Completion]:
    """Step until nothing is left; each event must tell of the ids that came since the one before."""
    found: dict[int, Completion] = {}
    told: dict[int, int] = {}
    while engine.live or engine.waiting:
        for event in engine.step():
            found[event.ticket] = event.completion
            first = len(event.completion.ids) - event.new
            told[event.ticket] = told.get(event.ticket, first) + event.new
            assert told[event.ticket] == len(event.completion.ids)
    assert engine.step() == []
    return found


def test_requests_join_and_leave_at_any_step(model: Transformer) -> None:
    rng = random.Random(1)
    requests = [Request(p, rng.randint(1, 30), rng.choice([0.0, 1.0]), i) for i, p in enumerate(prompts(25, 1))]
    engine, waiting, tickets, found = Engine(model, batch=4), list(requests), [], {}
    while waiting or engine.live or engine.waiting:
        for _ in range(min(len(waiting), rng.choice([0, 0, 1, 3]))):
            tickets.append(engine.add(waiting.pop(0)))
        assert engine.live <= 4
        for event in engine.step():
            found[event.ticket] = event.completion
    assert [found[ticket].ids for ticket in tickets] == alone(model, requests)


def test_a_cancelled_request_gives_its_slot_back_and_disturbs_nobody(model: Transformer) -> None:
    requests = [Request(p, 40, 1.0, i) for i, p in enumerate(prompts(6, 2))]
    engine = Engine(model, batch=2)
    tickets = [engine.add(request) for request in requests]
    for _ in range(3):
        engine.step()
    engine.cancel(tickets[0])
    engine.cancel(tickets[4])
    engine.cancel(tickets[4])
    engine.cancel(10_000)
    assert (engine.live, engine.waiting) == (1, 3)
    engine.step()
    assert (engine.live, engine.waiting) == (2, 2)
    found = follow(engine)
    kept = [1, 2, 3, 5]
    assert sorted(found) == [tickets[i] for i in kept]
    assert [found[tickets[i]].ids for i in kept] == alone(model, [requests[i] for i in kept])


def test_one_that_is_cancelled_while_it_reads_for_others_leaves_them_to_read(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "ALONE", {"cpu": 8})
    prompt = prompts(1, 3, 50, 50)[0]
    requests = [Request(prompt, 6, 1.0, seed) for seed in range(3)]
    engine = Engine(model)
    tickets = [engine.add(request) for request in requests]
    engine.step()
    engine.cancel(tickets[0])
    found = follow(engine)
    assert [found[ticket].ids for ticket in tickets[1:]] == alone(model, requests[1:])


def test_long_prompts_are_read_in_parts_while_others_go_on(model: Transformer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "BESIDE", {"cpu": 16})
    short, long = Request(prompts(1, 4)[0], 30), Request(prompts(1, 5, 100, 100)[0], 5)
    engine = Engine(model)
    first = engine.add(short)
    engine.step()
    second = engine.add(long)
    for count in range(1, 7):
        before = engine.admission.read_tokens
        assert [(event.ticket, event.new) for event in engine.step()] == [(first, 1)], count
        assert engine.admission.read_tokens - before == 16
    found = follow(engine)
    assert [found[first].ids, found[second].ids] == alone(model, [short, long])


def test_a_common_beginning_is_read_once(model: Transformer) -> None:
    header = prompts(1, 6, 40, 40)[0]
    requests = [Request([*header, *p], 8, 1.0, i) for i, p in enumerate(prompts(9, 7))]
    engine = Engine(model)
    found = engine.run(requests)
    shortest = min(len(request.ids) for request in requests)
    assert engine.admission.read_tokens <= shortest + sum(len(request.ids) - 40 for request in requests)
    assert [c.ids for c in found] == alone(model, requests)


def test_a_conversation_goes_on_where_it_was(model: Transformer) -> None:
    engine, said = Engine(model), prompts(1, 8, 30, 30)[0]
    for turn in range(4):
        before = engine.admission.read_tokens
        ticket = engine.add(Request(said, 12))
        found = follow(engine)[ticket]
        assert found.ids == alone(model, [Request(said, 12)])[0]
        if turn:
            assert engine.admission.read_tokens - before <= 4
        said = [*said, *found.ids, 3, 1, 4]


def test_samples_of_a_group_wait_for_its_first_though_that_one_waits_for_a_header(model: Transformer) -> None:
    """Questions with one header, each sampled several times: header and questions are read once, samples not at all."""
    header, tails = prompts(1, 6, 40, 40)[0], prompts(6, 7, 20, 20)
    requests = [Request([*header, *tail], 3, 1.0, k) for tail in tails for k in range(5)]
    engine = Engine(model, batch=len(requests))
    found = engine.run(requests)
    assert engine.admission.read_tokens <= len(header) + sum(len(tail) - 1 for tail in tails)
    assert [c.ids for c in found] == alone(model, requests)


def test_those_who_wait_for_a_cancelled_one_read_for_themselves(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "ALONE", {"cpu": 16})
    engine, request = Engine(model), Request(prompts(1, 6, 40, 40)[0], 3)
    tickets = [engine.add(request) for _ in range(3)]
    engine.step()  # of the first 16 tokens are read, the others wait
    engine.cancel(tickets[0])
    found = follow(engine)
    assert [found[ticket].ids for ticket in tickets[1:]] == alone(model, [request, request])


def test_run_forgets_what_was_before(model: Transformer) -> None:
    requests = [Request(p, 8, 1.0) for p in prompts(5, 9, 20, 30)]
    engine = Engine(model)
    first, read = engine.run(requests), engine.admission.read_tokens
    assert engine.run(requests) == first
    assert engine.admission.read_tokens == 2 * read


def test_holes_are_filled_from_behind(model: Transformer) -> None:
    requests = [Request(p, 3 if i % 4 else 40, 1.0, i) for i, p in enumerate(prompts(32, 10))]
    engine = Engine(model)
    assert [c.ids for c in engine.run(requests)] == alone(model, requests)
    assert engine.offered <= 32 * 3 + 10 * 37


def test_slots_grow_under_way(model: Transformer) -> None:
    requests = [Request(p, 10 * 4**i, 1.0, i) for i, p in enumerate(prompts(4, 11))]
    engine = Engine(model)
    tickets = []
    for request in requests:
        tickets.append(engine.add(request))
        engine.step()
    found = follow(engine)
    assert [found[ticket].ids for ticket in tickets] == alone(model, requests)
    assert (engine.admission.slots.rows, engine.admission.slots.tokens) == (4, 1024)


def test_nothing_more_is_read_than_a_slot_holds(model: Transformer) -> None:
    engine = Engine(model, slots_tokens=32)
    assert len(engine.run([Request([1] * 20, 12)])[0].ids) == 12
    with pytest.raises(UsageError, match="has 32 tokens"):
        engine.add(Request([1] * 20, 13))
    assert engine.waiting == 0


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request([], 3), "ids is 'empty'"),
        (Request([61], 3), "ids 0 to 60"),
        (Request([-1], 3), "ids 0 to 60"),
        (Request([1], -1), "max_new"),
        (Request([1], 1, -0.5), "temperature"),
        (Request([1], 1, top_k=-1), "top_k"),
        (Request([1], 1, top_p=0.0), "top_p"),
        (Request([1], 1, min_p=2.0), "min_p"),
        (Request([1], 1, repetition=0.0), "repetition"),
        (Request([1], 1, bias={99: 1.0}), "bias"),
        (Request([1], 1, top_logprobs=100), "top_logprobs"),
        (Request([1], 1, stop_strings=("a",)), "tokenizer="),
    ],
)
def test_a_request_without_sense_is_refused_and_the_engine_goes_on(
    model: Transformer, request_: Request, words: str
) -> None:
    engine = Engine(model)
    ticket = engine.add(Request([1, 2], 4))
    with pytest.raises(UsageError, match=words):
        engine.add(request_)
    assert len(follow(engine)[ticket].ids) == 4


def test_new_weights_are_taken_over_in_place(model: Transformer) -> None:
    from copy import deepcopy

    other = deepcopy(model)
    requests = [Request(p, 10) for p in prompts(3, 12)]
    engine = Engine(other)
    addresses = [p.data_ptr() for p in engine.model.parameters()]
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.3)
    engine.refresh(other)
    assert [p.data_ptr() for p in engine.model.parameters()] == addresses
    assert [c.ids for c in engine.run(requests)] == alone(other, requests)
    assert alone(other, requests) != alone(model, requests)
    engine.add(requests[0])
    engine.step()
    with pytest.raises(UsageError, match="live"):
        engine.refresh(other)


def test_what_needs_no_change_is_the_models_own_memory(model: Transformer) -> None:
    engine = Engine(model)
    own, given = dict(engine.model.named_parameters()), dict(model.named_parameters())
    assert list(own) == list(given)
    shared = {name for name in own if own[name].data_ptr() == given[name].data_ptr()}
    joined = {name for name in own if name.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight"))}
    joined |= {name for name in own if name.endswith(("gate_proj.weight", "up_proj.weight"))}
    assert shared == set(own) - joined
    for name, weight in own.items():
        torch.testing.assert_close(weight, given[name], rtol=0, atol=0)
