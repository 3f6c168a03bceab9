"""Watching over a request's thinking: how much there was, and which ids must come next, whatever the model says."""

from __future__ import annotations

from collections.abc import Sequence

from trivium.generate.request import ThinkBudget
from trivium.text.tokenizer import THINK, THINK_END, Tokenizer


class Thinking:
    """One request's. A prompt that ends in an open block of thoughts has begun to think already."""

    def __init__(self, budget: ThinkBudget, prompt: Sequence[int], tokenizer: Tokenizer | None) -> None:
        self.budget = budget
        self._open = budget.open or spelled(tokenizer, THINK)
        self._close = budget.close or spelled(tokenizer, THINK_END)
        self._so_far = list(prompt)
        opened, closed = _last(self._so_far, self._open), _last(self._so_far, self._close)
        self.inside = opened > closed
        self.count = len(prompt) - opened - len(self._open) if self.inside else 0
        """Thinking tokens so far; those that were put in count too."""
        self._forced: list[int] = []
        self._full()

    def next(self, sampled: int) -> tuple[int, bool]:
        """The id that comes: the sampled one, or one that is put in (then True). It is counted."""
        forced = bool(self._forced)
        index = self._forced.pop(0) if forced else sampled
        early = self.inside and self.count < self.budget.least and (index,) == self._close
        if early and not forced:
            self._forced = list(self.budget.wait)
            index, forced = self._forced.pop(0), True
        self._count(index)
        return index, forced

    def _count(self, index: int) -> None:
        self._so_far.append(index)
        if self.inside:
            self.count += 1
            self.inside = not _ends(self._so_far, self._close)
        elif _ends(self._so_far, self._open):
            self.inside, self.count = True, 0
        if self.inside and not self._forced:
            self._full()

    def _full(self) -> None:
        most = self.budget.most
        if self.inside and most is not None and self.count >= most:
            self._forced = list(self._close)


def spelled(tokenizer: Tokenizer | None, tag: str) -> tuple[int, ...]:
    """The ids of a tag: its own, or those of its spelling where the vocabulary has none for it."""
    assert tokenizer is not None
    index = tokenizer.special.get(tag)
    return tuple(tokenizer.encode(tag)) if index is None else (index,)


def _ends(ids: list[int], tag: Sequence[int]) -> bool:
    return ids[-len(tag) :] == list(tag)


def _last(ids: list[int], tag: Sequence[int]) -> int:
    """Where the tag last begins in the ids; -1 for nowhere."""
    places = range(len(ids) - len(tag), -1, -1)
    return next((i for i in places if ids[i] == tag[0] and ids[i : i + len(tag)] == list(tag)), -1)
