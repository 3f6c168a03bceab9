"""The files of comparisons that a command is given, and the two sides that they are split into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trivium.ground.artifact import MANIFEST, Artifact, Label, hash_file, open_artifact
from trivium.ground.errors import UsageError
from trivium.text.preferences.pairs import Pair, by_prompt, encode_pairs
from trivium.text.preferences.rows import Preference, Reading, need_some, read_preferences
from trivium.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Given:
    """The files of comparisons."""

    comparisons: tuple[Path, ...]
    """To learn from."""
    test: tuple[Path, ...] = ()
    """To measure on; without any, a share of the prompts of `comparisons`."""
    where: tuple[str, ...] = ()
    """Only rows whose field has this value: `dataset=hh-rlhf`."""

    def fingerprints(self) -> dict[str, str]:
        """What decides the rows, wherever the files lie. Raises UsageError for a file that is not there."""
        found = {}
        for role, paths in (("comparisons", self.comparisons), ("test", self.test)):
            for i, path in enumerate(paths):
                if not path.is_file():
                    raise UsageError(f"{path} is not there.", "Give a file of comparisons.")
                found[f"{role}-{i}"] = hash_file(path)
        return found | {f"where-{i}": text for i, text in enumerate(self.where)}

    @staticmethod
    def already(out: Path, label: Label) -> Artifact | None:
        """What is at `out`, if it is just this. Raises UsageError for anything else, which must not be replaced."""
        if not out.exists():
            return None
        if (out / MANIFEST).is_file():
            found = open_artifact(out)
            if found.id == label.id:
                return found
            if found.manifest["stage"] == label.stage:
                return None
        raise UsageError(f"{out} holds something else.", "Give another --out.")


@dataclass(frozen=True)
class Split:
    """Comparisons on one side, as rows and as ids."""

    rows: list[Preference]
    pairs: list[Pair]

    @property
    def longer_is_better(self) -> bool:
        """Whether more verdicts went to the longer answer than to the shorter one."""
        sides = [(a > b) - (a < b) for row in self.rows if not row.tie for a, b in [row.lengths]]
        return sum(sides) >= 0

    def figures(self, measure: Callable[..., dict[str, Any]], scores: Any, learned: Split) -> dict[str, Any]:
        """What `measure` (`evals.preferences.pairs.pair_figures`) says of scores `(pairs, 2)` of this side."""
        import numpy as np

        return measure(
            scores,
            np.array([row.lengths for row in self.rows], np.int64).reshape(-1, 2),
            [row.asked for row in self.rows],
            [row.tie for row in self.rows],
            learned.longer_is_better,
            [row.margin for row in self.rows],
        )


def splits(given: Given, tokenizer: Tokenizer, heldout: float, longest: int) -> tuple[Reading, Split, Split]:
    """What was read, what to learn from, and what to measure on. Raises UsageError when one side is empty."""
    reading = read_preferences(given.comparisons, given.where)
    need_some(reading, given.comparisons)
    pairs = encode_pairs(tokenizer, reading, longest)
    if given.test:
        tested = read_preferences(given.test, given.where)
        need_some(tested, given.test)
        kept = encode_pairs(tokenizer, tested, longest)
        asked = {row.asked for row in tested.rows}
        mine = [(row, pair) for row, pair in zip(reading.rows, pairs, strict=True) if row.asked not in asked]
        for _ in range(len(pairs) - len(mine)):
            reading.drop("its prompt is in the test files", "")
        learn, keep = Split([r for r, _ in mine], [p for _, p in mine]), Split(tested.rows, kept)
    else:
        held = by_prompt(reading.rows, heldout)
        learn, keep = (
            Split(
                [row for row, out in zip(reading.rows, held, strict=True) if out == side],
                [pair for pair, out in zip(pairs, held, strict=True) if out == side],
            )
            for side in (False, True)
        )
    if not learn.pairs:
        raise UsageError("No comparison is left to learn from.", "Lower --heldout, raise --longest, or give more.")
    if heldout > 0 and not keep.pairs:
        raise UsageError("No comparison is held out to measure on.", "Raise --heldout, give --test, or --heldout 0.")
    return reading, learn, keep
