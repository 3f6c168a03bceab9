"""The engine: the cached batch says what the plain model says, token for token, whoever else is in the batch."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest
import torch

from trivium.generate.engine import Completion, Engine, Request
from trivium.model.folder import save_model
from trivium.model.transformer import Transformer

VOCABULARY = 61


def prompts(count: int, seed: int = 0, longest: int = 20) -> list[list[int]]:
    rng = random.Random(seed)
    return [[rng.randrange(VOCABULARY) for _ in range(rng.randint(1, longest))] for _ in range(count)]


@torch.no_grad()
def logprobs_of(model: Transformer, prompt: list[int], ids: list[int], temperature: float = 1.0) -> torch.Tensor:
    """Log-probabilities of a completion by one full forward pass, without a cache."""
    row = torch.tensor([[*prompt, *ids]])
    logits_TV = model.logits(model(row))[0, len(prompt) - 1 : -1] / temperature
    return logits_TV.log_softmax(-1).gather(1, torch.tensor(ids)[:, None])[:, 0]


@torch.no_grad()
def plain_greedy(model: Transformer, prompt: list[int], count: int) -> list[int]:
    row = list(prompt)
    for _ in range(count):
        row.append(int(model.logits(model(torch.tensor([row])))[0, -1].argmax()))
    return row[len(prompt) :]


def test_greedy_in_a_mixed_batch_equals_the_full_forward_pass(model: Transformer) -> None:
    asked = prompts(9)
    found = Engine(model).run([Request(prompt, 12) for prompt in asked])
    assert [c.ids for c in found] == [plain_greedy(model, prompt, 12) for prompt in asked]
    assert {c.finish for c in found} == {"length"}


def test_greedy_equals_transformers_generate(model: Transformer, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    save_model(tmp_path, model, {})
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32).eval()
    asked = prompts(6, seed=1)
    found = Engine(model).run([Request(prompt, 10) for prompt in asked])
    for prompt, completion in zip(asked, found, strict=True):
        row = torch.tensor([prompt])
        out = theirs.generate(row, attention_mask=torch.ones_like(row), max_new_tokens=10, do_sample=False,
                              pad_token_id=0)  # fmt: skip
        assert out[0, len(prompt) :].tolist() == completion.ids


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0, 1.5])
def test_logprobs_are_those_of_a_full_forward_pass(model: Transformer, temperature: float) -> None:
    asked = prompts(7, seed=2)
    found = Engine(model).run([Request(p, 15, temperature, seed=i) for i, p in enumerate(asked)])
    for prompt, completion in zip(asked, found, strict=True):
        wanted = logprobs_of(model, prompt, completion.ids, temperature or 1.0)
        torch.testing.assert_close(torch.tensor(completion.logprobs), wanted, atol=1e-5, rtol=0)


def test_sampling_follows_the_distribution(model: Transformer) -> None:
    prompt, count = prompts(1)[0], 4000
    found = Engine(model, batch=count).run([Request(prompt, 1, 1.0, seed=i) for i in range(count)])
    shares = torch.bincount(torch.tensor([c.ids[0] for c in found]), minlength=VOCABULARY) / count
    with torch.no_grad():
        wanted = model.logits(model(torch.tensor([prompt])))[0, -1].softmax(-1)
    assert (shares - wanted).abs().max() < 4 * (0.25 / count) ** 0.5


def test_completions_come_in_the_order_of_the_requests_and_no_more_than_asked(model: Transformer) -> None:
    requests = [Request(p, 1 + i % 5) for i, p in enumerate(prompts(11, seed=3))]
    found = Engine(model, batch=4).run(requests)
    assert [len(c.ids) for c in found] == [r.max_new for r in requests]
    alone = [Engine(model).run([request])[0] for request in requests]
    assert [c.ids for c in found] == [c.ids for c in alone]


def test_the_same_seed_says_the_same_whatever_stands_beside_it(model: Transformer) -> None:
    mine = Request(prompts(1, seed=4)[0], 20, 1.0, seed=77)
    others = [Request(p, 25, 1.0, seed=i) for i, p in enumerate(prompts(9, seed=5))]
    found = [Engine(model).run([*others[:k], mine, *others[k:]])[k] for k in (0, 4, 9)]
    assert found[0].ids == found[1].ids == found[2].ids == Engine(model).run([mine])[0].ids
    different = Engine(model).run([dataclasses.replace(mine, seed=78)])[0]
    assert different.ids != found[0].ids


def test_seeds_of_any_size_and_sign_are_streams_of_their_own(model: Transformer) -> None:
    prompt = prompts(1)[0]
    seeds = [0, 1, -1, 2**63, 2**64 - 2, 2**64 + 5]
    found = Engine(model).run([Request(prompt, 12, 1.0, seed) for seed in seeds])
    assert len({tuple(c.ids) for c in found}) == len(seeds)


def test_a_stop_token_ends_a_row_and_is_its_last_id(model: Transformer) -> None:
    asked = prompts(8, seed=6)
    free = Engine(model).run([Request(p, 16) for p in asked])
    stops = tuple({c.ids[5] for c in free[:4]})
    found = Engine(model).run([Request(p, 16, stop=stops) for p in asked])
    for plain, stopped in zip(free, found, strict=True):
        ends = [i for i, token in enumerate(plain.ids) if token in stops]
        wanted = plain.ids[: ends[0] + 1] if ends else plain.ids
        assert stopped.ids == wanted
        assert stopped.finish == ("stop" if ends else "length")
        assert len(stopped.logprobs) == len(stopped.ids)
    assert {c.finish for c in found} >= {"stop"}


def test_stop_tokens_are_each_requests_own(model: Transformer) -> None:
    prompt = prompts(1, seed=7)[0]
    plain = Engine(model).run([Request(prompt, 9)])[0]
    requests = [Request(prompt, 9, stop=(token,)) for token in plain.ids] + [Request(prompt, 9)]
    found = Engine(model).run(requests)
    for request, completion in zip(requests, found, strict=True):
        first = plain.ids.index(request.stop[0]) if request.stop else 8
        assert completion.ids == plain.ids[: first + 1]


def test_equal_prompts_are_read_once(model: Transformer) -> None:
    one, two = prompts(2, seed=8)
    requests = [Request(prompt, 10, 1.0, seed) for seed in range(6) for prompt in (one, two)]
    engine = Engine(model)
    found = engine.run(requests)
    assert engine.admission.read_tokens == len(one) + len(two) - 2
    alone = [Engine(model).run([request])[0] for request in requests]
    assert [c.ids for c in found] == [c.ids for c in alone]
    assert len({tuple(c.ids) for c in found}) == 12


def test_no_requests_give_no_completions(model: Transformer) -> None:
    assert Engine(model).run([]) == []
    assert Completion() == Completion([], [], "length")


def test_the_bf16_engine_computes_on_cast_weights_and_leaves_the_model_alone(model: Transformer) -> None:
    rough = Transformer(model.config, torch.bfloat16)
    rough.load_state_dict(model.state_dict())
    engine = Engine(rough)
    assert {p.dtype for p in engine.model.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in rough.parameters()} == {torch.float32}
    prompt = prompts(1)[0]
    completion = engine.run([Request(prompt, 8)])[0]
    wanted = logprobs_of(model, prompt, completion.ids)
    assert (torch.tensor(completion.logprobs) - wanted).abs().mean() < 0.1
