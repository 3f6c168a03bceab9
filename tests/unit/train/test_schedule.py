"""The rate over a run: up, level, down; never above the peak, never at nothing before the end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.ground.errors import ConfigError
from trivium.train.schedule import ScheduleConfig


def test_warm_up_stable_decay() -> None:
    schedule = ScheduleConfig(warmup=0.1, decay=0.4, floor=0.05)
    scales = [schedule.scale(step, 100) for step in range(100)]
    assert scales[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert scales[10:60] == pytest.approx([1.0] * 50)
    assert all(a > b for a, b in pairwise(scales[60:]))
    assert scales[-1] == pytest.approx(0.05 + 0.95 * 0.01 / 0.4)


@given(
    steps=st.integers(1, 200),
    warmup=st.floats(0, 1),
    share=st.floats(0, 1),
    floor=st.floats(0, 1),
)
def test_it_stays_between_nothing_and_the_peak(steps: int, warmup: float, share: float, floor: float) -> None:
    schedule = ScheduleConfig(warmup=warmup, decay=(1 - warmup) * share, floor=floor)
    for step in range(steps):
        assert 0 < schedule.scale(step, steps) <= 1 + 1e-9


def test_no_warm_up_and_no_decay_is_the_peak_throughout() -> None:
    schedule = ScheduleConfig(warmup=0, decay=0, floor=0)
    assert [schedule.scale(step, 7) for step in range(7)] == [1.0] * 7


@pytest.mark.parametrize("changes", [{"warmup": -0.1}, {"warmup": 0.6, "decay": 0.6}, {"floor": 2.0}])
def test_what_cannot_be_meant_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        ScheduleConfig(**changes)
