"""Progress of long work: a bar with rate and time left on a terminal, a line every ten seconds in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, TypeVar

from trivium.ground.how import How

T = TypeVar("T")
LINE_SECONDS = 10.0


class Progress:
    """A context with `advance`; `unit` names what is counted ("tokens", "pages", "rollouts")."""

    def __init__(self, label: str, total: float, unit: str, how: How, done: float = 0) -> None:
        self.label, self.total, self.unit, self.how = label, total, unit, how
        self.done, self._start_done = done, done
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        self._started = self._printed = time.monotonic()
        if self.how.progress and sys.stderr.isatty():
            self._bar, self._task = _rich_bar(self)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self.how.progress and kind is None:
            self._line(time.monotonic())

    def advance(self, amount: float = 1, note: str = "") -> None:
        """Count `amount` more as done and show `note` (a loss, a rate) beside the bar."""
        self.done += amount
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, note=note, rate=self._rate(time.monotonic()))
        elif self.how.progress and time.monotonic() - self._printed >= LINE_SECONDS:
            self._line(time.monotonic(), note)

    def _rate(self, now: float) -> str:
        per_second = (self.done - self._start_done) / max(now - self._started, 1e-9)
        return f"{per_second:,.0f} {self.unit}/s" if per_second >= 10 else f"{per_second:.2g} {self.unit}/s"

    def _line(self, now: float, note: str = "") -> None:
        self._printed = now
        elapsed = now - self._started
        left = (self.total - self.done) * elapsed / max(self.done - self._start_done, 1e-9)
        share = 100 * self.done / max(self.total, 1e-9)
        text = f"  {self.label}: {share:.0f} % · {self._rate(now)} · {elapsed:.0f} s"
        text += f" · {left:.0f} s left" if self.done < self.total else ""
        print(text + (f" · {note}" if note else ""), file=sys.stderr, flush=True)


def tracked(items: Iterable[T], label: str, total: float, unit: str, how: How) -> Iterator[T]:
    """The items, counted by a progress bar as they are taken."""
    with Progress(label, total, unit, how) as bar:
        for item in items:
            yield item
            bar.advance()


def _rich_bar(progress: Progress) -> tuple[Any, Any]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        "  {task.description}",
        BarColumn(30),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    texts = [TextColumn(c) if isinstance(c, str) else c for c in columns]
    bar = Bar(*texts, console=Console(stderr=True), transient=False)
    task = bar.add_task(progress.label, total=progress.total, rate="", note="")
    bar.update(task, completed=progress.done)
    return bar, task
