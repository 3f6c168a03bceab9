"""From a group's rewards to advantages, and how much a token of each answer weighs. Plain numbers, no tensors.

The rules are the field's: GRPO (2402.03300), Dr. GRPO (2503.20783), RLOO (2402.14740), REINFORCE with one baseline, and
division by the group's mean, under which a rare success counts more than a usual one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from trivium.stages.rl.config import ObjectiveConfig

TINY = 1e-6
"""Keeps a division from being one by nothing."""


def advantages(groups: Sequence[Sequence[float]], rule: str) -> list[list[float]]:
    """One advantage for each reward, group by group. A group of equal rewards has none, but with rule "batch"."""
    if rule == "batch":
        rewards = [reward for group in groups for reward in group]
        baseline = math.fsum(rewards) / max(1, len(rewards))
        return [[reward - baseline for reward in group] for group in groups]
    return [_of_group(group, rule) for group in groups]


def _of_group(rewards: Sequence[float], rule: str) -> list[float]:
    count = len(rewards)
    if all(reward == rewards[0] for reward in rewards):
        return [0.0] * count
    mean = sum(rewards) / count
    centred = [reward - mean for reward in rewards]
    if rule == "deviation":
        deviation = math.sqrt(sum(x * x for x in centred) / (count - 1))
        return [x / (deviation + TINY) for x in centred]
    if rule == "loo":
        return [x * count / (count - 1) for x in centred]
    if rule == "max":
        return [x / (abs(mean) + TINY) for x in centred]
    return centred


def overlong_penalty(length: int, config: ObjectiveConfig, longest: int) -> float:
    """What an answer of so many tokens loses: 0 up to the margin, then evenly up to 1 (DAPO, 2503.14476)."""
    if config.overlong != "penalised" or not config.overlong_margin:
        return 0.0
    return min(1.0, max(0.0, (length - (longest - config.overlong_margin)) / config.overlong_margin))


def shares(lengths: Sequence[int], rule: str, longest: int) -> tuple[list[float], float]:
    """A factor for the tokens of each answer, and what all are divided by, so that the loss is the mean of the rule.

    Lengths count the tokens that the model wrote itself; answers without any weigh nothing.
    """
    some = [length for length in lengths if length]
    if rule == "tokens":
        return [1.0] * len(lengths), float(max(1, sum(some)))
    if rule == "answers":
        return [1.0 / length if length else 0.0 for length in lengths], float(max(1, len(some)))
    return [1.0] * len(lengths), float(max(1, len(some) * longest))
