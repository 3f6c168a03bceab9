"""The test sets that training text is kept clean of: read once, held as sorted hashes, 9 bytes for each run of words.

n-gram overlap as for GPT-3 (arXiv 2005.14165, appendix C: 13 words). Every string of a record is looked at for itself
(question, choices, answer, passage), so that runs do not cross from one field to the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trivium.ground.compiled import keep, place_of
from trivium.ground.errors import UsageError
from trivium.text.decontamination.ngrams import first_known, runs_into, words_into

MOST_SETS = 255
NOT_TEXT = frozenset(("id", "source", "license", "licence", "url", "split", "subject", "task", "type", "category"))
"""Fields of a record whose strings are not looked at."""


class TestSets:
    """Runs of words of some test sets. `find` says which set a text overlaps with."""

    __test__ = False  # not a test, whatever pytest makes of the name

    def __init__(self, files: Sequence[str], n: int) -> None:
        """Raises UsageError for a file that cannot be read, or that holds no run of n words."""
        if len(files) > MOST_SETS:
            raise UsageError(f"{len(files)} test sets.", f"At most {MOST_SETS}: put some into one file.")
        self.n, self.names = n, [Path(name).name.split(".")[0] for name in files]
        hashes, owners = [], []
        for number, name in enumerate(files):
            found = self._runs_of(name)
            if not len(found):
                raise UsageError(f"{name} holds no {n} words in a row.", "Give another file, or a smaller ngram.")
            hashes.append(found)
            owners.append(np.full(len(found), number, np.uint8))
        every, owner = np.concatenate(hashes), np.concatenate(owners)
        self.known, first = np.unique(every, return_index=True)
        self._owner = owner[first]

    def find(self, text: str) -> str:
        """The name of the first test set with which the text shares a run of words; "" when it shares none."""
        runs, count = self._hashed(text)
        place = _compiled()[2](runs, count, self.known)
        return self.names[self._owner[place]] if place >= 0 else ""

    def _runs_of(self, name: str) -> npt.NDArray[np.uint64]:
        found = [np.zeros(0, np.uint64)]
        for text in strings_of(name):
            runs, count = self._hashed(text)
            found.append(runs[:count])
        return np.unique(np.concatenate(found))

    def _hashed(self, text: str) -> tuple[npt.NDArray[np.uint64], int]:
        words_of, runs_of, _ = _compiled()
        given = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
        words, runs = np.empty(len(given) // 2 + 1, np.uint64), np.empty(len(given) // 2 + 1, np.uint64)
        return runs, runs_of(words, words_of(given, words), self.n, runs)


def strings_of(name: str) -> Iterator[str]:
    """The strings of a JSON-lines (.gz, .zst) or Parquet file's records; of any other file, its paragraphs."""
    from trivium.text.decontamination.records import records_of

    for record in records_of(Path(name)):
        yield from _strings(record)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inside in value.items():
            if key not in NOT_TEXT:
                yield from _strings(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _strings(inside)


@lru_cache(maxsize=1)
def _compiled() -> tuple[Any, Any, Any]:
    place = place_of(Path(__file__).parents[1], ("decontamination",))
    return keep(words_into, place), keep(runs_into, place), keep(first_known, place)
