"""From logits to tokens: edges of the draw, and random numbers that are even and independent of each other."""

from __future__ import annotations

import numpy as np
import torch

from trivium.generate.sampling import choose, uniforms


def test_uniforms_are_even_and_differ_by_seed_and_token() -> None:
    seeds = np.arange(2000, dtype=np.uint64)
    draws = np.stack([uniforms(seeds, index) for index in range(50)])
    assert draws.min() >= 0
    assert draws.max() < 1
    assert np.abs(np.histogram(draws, 20, (0, 1))[0] / draws.size - 0.05).max() < 0.003
    assert len(np.unique(draws)) > 0.999 * draws.size
    along_tokens = np.corrcoef(draws[:-1].ravel(), draws[1:].ravel())[0, 1]
    along_seeds = np.corrcoef(draws[:, :-1].ravel(), draws[:, 1:].ravel())[0, 1]
    assert abs(along_tokens) < 0.02
    assert abs(along_seeds) < 0.02


def test_the_ends_of_the_unit_interval_give_tokens_that_exist() -> None:
    logits = torch.tensor([[0.0, -torch.inf, 1.0, -torch.inf]] * 4)
    draws = torch.tensor([0.0, 1 - 2**-53, 0.2689, 0.2690], dtype=torch.float64)
    ids, logprobs = choose(logits, torch.ones(4), draws)
    assert ids.tolist() == [0, 2, 0, 2]
    assert torch.isfinite(logprobs).all()


def test_temperature_zero_and_others_stand_in_one_batch() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.0]] * 3)
    ids, logprobs = choose(logits, torch.tensor([0.0, 1.0, 0.5]), torch.tensor([0.99, 0.99, 0.0], dtype=torch.float64))
    assert ids.tolist() == [1, 2, 0]
    plain, sharp = logits.log_softmax(-1), (logits / 0.5).log_softmax(-1)
    torch.testing.assert_close(logprobs, torch.stack([plain[0, 1], plain[1, 2], sharp[2, 0]]))
