"""What a request may wish: cuts and penalties as transformers makes them, log-probabilities as the model has them."""

from __future__ import annotations

import random

import pytest
import torch

from trivium.generate.engine import Engine, Request
from trivium.generate.sampling import draws, uniforms
from trivium.generate.steps.shaping import Shaping
from trivium.model.transformer import Transformer

V = 61


def prompt(seed: int, length: int = 12) -> list[int]:
    return random.Random(seed).choices(range(V), k=length)


def shaped(logits_V: torch.Tensor, request: Request, ids: list[int]) -> torch.Tensor:
    """What the request makes of the logits, at its temperature, beside a row that wishes nothing."""
    rows = [None, (request, ids), (Request((0,), 1), ids)]
    made = Shaping(rows, len(logits_V), torch.device("cpu")).shape(logits_V.expand(3, -1))
    assert torch.equal(made[0], logits_V)
    assert torch.equal(made[2], logits_V)
    return made[1] / (request.temperature or 1)


@pytest.mark.parametrize("temperature", [1.0, 0.6, 1.7])
@pytest.mark.parametrize(
    "wish", [{"top_k": 1}, {"top_k": 7}, {"top_p": 0.6}, {"top_p": 0.01}, {"min_p": 0.2}, {"repetition": 1.3}, {
        "top_k": 20, "top_p": 0.8, "min_p": 0.05, "repetition": 0.9}],
)  # fmt: skip
def test_cuts_and_penalties_are_those_of_transformers(temperature: float, wish: dict[str, float]) -> None:
    import transformers as theirs

    logits, ids = torch.randn(V, generator=torch.Generator().manual_seed(1)) * 3, prompt(0)
    steps = []
    if "repetition" in wish:
        steps.append(theirs.RepetitionPenaltyLogitsProcessor(wish["repetition"]))
    steps.append(theirs.TemperatureLogitsWarper(temperature))
    if "top_k" in wish:
        steps.append(theirs.TopKLogitsWarper(int(wish["top_k"])))
    if "top_p" in wish:
        steps.append(theirs.TopPLogitsWarper(wish["top_p"]))
    if "min_p" in wish:
        steps.append(theirs.MinPLogitsWarper(wish["min_p"]))
    wanted = theirs.LogitsProcessorList(steps)(torch.tensor([ids]), logits[None].clone())[0]
    found = shaped(logits, Request(ids, 1, temperature, **wish), ids)  # type: ignore[arg-type]
    torch.testing.assert_close(found.softmax(-1), wanted.softmax(-1), atol=1e-6, rtol=0)
    assert torch.equal(found == -torch.inf, wanted == -torch.inf)


def test_only_the_likeliest_is_left_of_top_k_1(model: Transformer) -> None:
    greedy = Engine(model).run([Request(prompt(1), 15)])[0]
    found = Engine(model).run([Request(prompt(1), 15, 1.5, seed, top_k=1) for seed in range(3)])
    assert [c.ids for c in found] == [greedy.ids] * 3


def test_a_bias_decides_but_log_probabilities_stay_the_models(model: Transformer) -> None:
    found = Engine(model).run([Request(prompt(2), 6, t, bias={7: 1e4}) for t in (0.0, 1.0)])
    assert [c.ids for c in found] == [[7] * 6] * 2
    with torch.no_grad():
        logits = model.logits(model(torch.tensor([[*prompt(2), *[7] * 6]])))[0, 11:-1]
    wanted = logits.log_softmax(-1)[:, 7]
    for completion in found:
        torch.testing.assert_close(torch.tensor(completion.logprobs), wanted, atol=1e-5, rtol=0)


def test_repetition_remembers_prompt_and_completion(model: Transformer) -> None:
    found = Engine(model).run([Request(prompt(3), 20, repetition=1e6), Request(prompt(3), 20)])
    plain, held_back = found[1].ids, found[0].ids
    assert len(set(plain) & set(prompt(3)) | set()) > 0
    first = next((i for i, index in enumerate(plain) if index in [*prompt(3), *plain[:i]]), 20)
    assert held_back[:first] == plain[:first]
    with torch.no_grad():
        row = list(prompt(3))
        for index in held_back:
            logits = model.logits(model(torch.tensor([row])))[0, -1]
            there = torch.tensor(sorted(set(row)))
            logits[there] = torch.where(logits[there] > 0, logits[there] / 1e6, logits[there] * 1e6)
            assert index == int(logits.argmax())
            row.append(index)


def test_top_log_probabilities_are_the_forward_passes(model: Transformer) -> None:
    asked = Request(prompt(4), 8, 0.7, 3, top_logprobs=5)
    other = Request(prompt(5), 12, 1.0, 4)
    found, beside = Engine(model).run([asked, other])
    assert beside.top == []
    with torch.no_grad():
        logits = model.logits(model(torch.tensor([[*asked.ids, *found.ids]])))[0, 11:-1]
    values, ids = (logits / 0.7).log_softmax(-1).topk(5)
    assert [[index for index, _ in row] for row in found.top] == ids.tolist()
    told = torch.tensor([[value for _, value in row] for row in found.top])
    torch.testing.assert_close(told, values, atol=3e-5, rtol=0)  # sums in another order, in fp32
    assert Engine(model).run([other])[0].ids == beside.ids


@pytest.mark.parametrize("length", [1, 2, 65, 150])
def test_a_prompts_own_log_probabilities(model: Transformer, length: int) -> None:
    asked = prompt(6, length)
    requests = [Request(asked, n, prompt_logprobs=True, top_logprobs=2) for n in (0, 3)]
    found = Engine(model).run([*requests, Request(asked, 3)])
    assert [len(c.ids) for c in found] == [0, 3, 3]
    assert found[1].ids == found[2].ids
    with torch.no_grad():
        logprobs = model.logits(model(torch.tensor([asked])))[0, :-1].log_softmax(-1)
    wanted = logprobs.gather(1, torch.tensor(asked[1:])[:, None])[:, 0]
    for completion in found[:2]:
        assert completion.prompt_logprobs[0] is None
        torch.testing.assert_close(torch.tensor(completion.prompt_logprobs[1:]), wanted, atol=1e-5, rtol=0)
        assert [len(row) for row in completion.prompt_top] == [0, *[2] * (length - 1)]
        best = [row[0][0] for row in completion.prompt_top[1:]]
        assert best == logprobs.argmax(-1).tolist()


def test_both_ways_of_drawing_numbers_are_one() -> None:
    import numpy as np

    seeds = np.array([0, 1, 2**63, 2**64 - 1, 12345678901234567890], np.uint64)
    index = np.array([0, 7, 0, 123456, 3])
    found = draws(torch.from_numpy(seeds.view(np.int64)), torch.from_numpy(index))
    assert found.tolist() == uniforms(seeds, index).tolist()
