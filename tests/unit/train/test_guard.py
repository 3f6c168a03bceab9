"""The guard: what it lets pass, what it stops, and that it remembers over a resume."""

from __future__ import annotations

import json
import math
import random

import pytest

from trivium.ground.errors import GuardTripped
from trivium.train.guard import STRIKES, WINDOW, Guard


def settled(guard: Guard, steps: int = 60) -> Guard:
    rng = random.Random(0)
    for step in range(steps):
        guard.look(step, 3.0 + rng.gauss(0, 0.05), 1.0)
    return guard


@pytest.mark.parametrize(("loss", "norm"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.nan), (1.0, math.inf)])
@pytest.mark.parametrize("spikes", [True, False])
def test_what_is_not_finite_stops_at_once(loss: float, norm: float, spikes: bool) -> None:
    with pytest.raises(GuardTripped, match="At step 7") as caught:
        Guard(spikes).look(7, loss, norm)
    assert caught.value.exit_code == 5


def test_three_spikes_in_a_row_stop_and_two_do_not() -> None:
    guard = settled(Guard())
    for _ in range(3):
        for _ in range(STRIKES - 1):
            guard.look(60, 9.0, 1.0)
        guard.look(61, 3.0, 1.0)
        settled(guard, WINDOW)
    for _ in range(STRIKES - 1):
        guard.look(70, 9.0, 1.0)
    with pytest.raises(GuardTripped, match=r"9\.000.*3rd time"):
        guard.look(72, 9.0, 1.0)


def test_early_steps_and_losses_without_meaning_may_jump() -> None:
    early = Guard()
    for loss in (8.0, 2.0, 30.0, 30.0, 30.0, 1.0):
        early.look(0, loss, 1.0)
    free = settled(Guard(spikes=False))
    for _ in range(10):
        free.look(0, 99.0, 1.0)


def test_a_falling_or_level_loss_never_stops() -> None:
    guard = Guard()
    for step in range(1000):
        guard.look(step, 1.0 + 7.0 * 0.99**step, 1.0)
    level = Guard()
    for step in range(300):
        level.look(step, 2.0, 1.0)


def test_it_remembers_over_a_resume() -> None:
    guard = settled(Guard())
    for _ in range(STRIKES - 1):
        guard.look(60, 9.0, 1.0)
    again = Guard()
    again.restore(json.loads(json.dumps(guard.state())))
    assert again.state() == guard.state()
    with pytest.raises(GuardTripped):
        again.look(62, 9.0, 1.0)
