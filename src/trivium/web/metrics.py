"""Counts and times of a server, as Prometheus reads them."""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterable

Labels = tuple[tuple[str, str], ...]
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


class Metrics:
    """Counters, gauges that are asked when read, and histograms; any thread may add to them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, tuple[str, str]] = {}
        self._counts: dict[str, dict[Labels, float]] = {}
        self._gauges: dict[str, Callable[[], float]] = {}
        self._times: dict[str, tuple[list[int], float]] = {}

    def counter(self, name: str, told: str) -> None:
        """Know a counter."""
        self._told[name], self._counts[name] = ("counter", told), {}

    def gauge(self, name: str, told: str, read: Callable[[], float]) -> None:
        """Know a gauge, which `read` gives at any time."""
        self._told[name], self._gauges[name] = ("gauge", told), read

    def histogram(self, name: str, told: str) -> None:
        """Know a histogram of seconds."""
        self._told[name], self._times[name] = ("histogram", told), ([0] * (len(SECONDS) + 1), 0.0)

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Count up."""
        key = tuple(sorted(labels.items()))
        with self._lock:
            counts = self._counts[name]
            counts[key] = counts.get(key, 0.0) + amount

    def observe(self, name: str, seconds: float, times: int = 1) -> None:
        """Note a time, so many times."""
        place = bisect.bisect_left(SECONDS, seconds)
        with self._lock:
            counts, total = self._times[name]
            counts[place] += times
            self._times[name] = (counts, total + seconds * times)

    def value(self, name: str, **labels: str) -> float:
        """What a counter with these labels, or a gauge, stands at."""
        if name in self._gauges:
            return self._gauges[name]()
        with self._lock:
            return self._counts[name].get(tuple(sorted(labels.items())), 0.0)

    def text(self) -> str:
        """All of them in Prometheus' text format 0.0.4."""
        lines: list[str] = []
        for name, (kind, told) in self._told.items():
            lines += [f"# HELP {name} {told}", f"# TYPE {name} {kind}"]
            if kind == "gauge":
                lines.append(f"{name} {self._gauges[name]():g}")
            elif kind == "counter":
                with self._lock:
                    counts = list(self._counts[name].items())
                lines += [f"{name}{_spelled(labels)} {count:.15g}" for labels, count in counts]
            else:
                lines += self._histogram(name)
        return "\n".join(lines) + "\n"

    def _histogram(self, name: str) -> Iterable[str]:
        with self._lock:
            counts, total = list(self._times[name][0]), self._times[name][1]
        so_far = 0
        for edge, count in zip((*map(str, SECONDS), "+Inf"), counts, strict=True):
            so_far += count
            yield f'{name}_bucket{{le="{edge}"}} {so_far}'
        yield f"{name}_sum {total:.6f}"
        yield f"{name}_count {so_far}"


def _spelled(labels: Labels) -> str:
    if not labels:
        return ""
    clean = (f'{key}="{value.replace(chr(92), "").replace(chr(34), "").replace(chr(10), "")}"' for key, value in labels)
    return "{" + ",".join(clean) + "}"
