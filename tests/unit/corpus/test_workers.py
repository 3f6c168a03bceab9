"""Workers that hang, die or fail: the item is named, the order is kept, the run goes on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from trivium.stages.corpus.workers import Lost, in_order

CRAFT = """
import os
def make(scale):
    def work(item):
        if item == "hang":
            while True:
                pass
        if item == "die":
            os._exit(3)
        if item == "bug":
            raise ValueError("a bug")
        return item * scale
    return work
"""


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Callable[[object], object]]:
    """A maker of work in a module that children can import."""
    (tmp_path / "craft_of_tests.py").write_text(CRAFT, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    import craft_of_tests  # type: ignore[import-not-found]

    return craft_of_tests.make  # type: ignore[no-any-return]


def test_order_is_kept_and_lost_items_are_named(make: Callable[[int], Callable[[object], object]]) -> None:
    items: list[object] = [1, "hang", 2, "die", *range(3, 40)]
    results = list(in_order(make, (10,), items, workers=2, cpu_seconds=0.3))
    assert [r.reason for r in results if isinstance(r, Lost)] == ["timeout", "crashed"]
    assert [r for r in results if not isinstance(r, Lost)] == [10, 20, *range(30, 400, 10)]
    assert isinstance(results[1], Lost)
    assert isinstance(results[3], Lost)


def test_a_bug_is_raised_with_its_trace(make: Callable[[int], Callable[[object], object]]) -> None:
    with pytest.raises(RuntimeError, match="ValueError: a bug"):
        list(in_order(make, (1,), ["bug"], workers=1, cpu_seconds=5))


def test_crashes_without_end_are_not_the_items_fault(make: Callable[[int], Callable[[object], object]]) -> None:
    with pytest.raises(RuntimeError, match="in a row"):
        list(in_order(make, (1,), ["die"] * 50, workers=2, cpu_seconds=5))


def test_nothing_in_nothing_out(make: Callable[[int], Callable[[object], object]]) -> None:
    assert list(in_order(make, (1,), [], workers=1, cpu_seconds=5)) == []
