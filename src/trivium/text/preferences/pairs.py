"""Comparisons as token ids: prompt and answer in the model's conversation format, and which ids are the answer's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from trivium.text.chat import Message, prompt, render
from trivium.text.preferences.rows import Preference, Reading
from trivium.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Encoded:
    """A conversation up to the end of its last answer: the id that a judge reads its score at is the last one."""

    ids: list[int]
    mask: list[bool]
    """True for the answer's ids and the end of its turn, False for everything that was there before it."""


@dataclass(frozen=True)
class Pair:
    """A comparison as ids."""

    chosen: Encoded
    rejected: Encoded
    tie: bool = False

    @property
    def tokens(self) -> int:
        """Ids of both conversations."""
        return len(self.chosen.ids) + len(self.rejected.ids)


def encode(tokenizer: Tokenizer, asked: Sequence[Message], answer: Sequence[Message]) -> Encoded:
    """Prompt and answer as ids. The mask is True on what the model is to produce after the prompt, and nowhere else.

    Earlier answers of the assistant belong to the prompt. Raises UsageError for a model that knows no conversation.
    """
    whole = render(tokenizer, [*asked, *answer])
    begun = prompt(tokenizer, asked)
    start = next((i for i, (a, b) in enumerate(zip(begun, whole.ids, strict=False)) if a != b), len(begun))
    end = max((i + 1 for i, taught in enumerate(whole.mask) if taught), default=len(whole.ids))
    mask = [taught and i >= start for i, taught in enumerate(whole.mask[:end])]
    return Encoded(whole.ids[:end], mask)


def encode_pairs(tokenizer: Tokenizer, reading: Reading, longest: int) -> list[Pair]:
    """The comparisons as ids; one with a longer conversation than `longest` ids is dropped from `reading`, counted."""
    pairs, kept = [], []
    for row in reading.rows:
        pair = Pair(encode(tokenizer, row.prompt, row.chosen), encode(tokenizer, row.prompt, row.rejected), row.tie)
        if max(len(pair.chosen.ids), len(pair.rejected.ids)) > longest:
            reading.drop(f"longer than {longest:,} tokens", row.place)
            continue
        pairs.append(pair)
        kept.append(row)
    reading.rows[:] = kept
    return pairs


def by_prompt(rows: Sequence[Preference], share: float) -> list[bool]:
    """For each comparison whether it is held out: by a hash of its prompt, so that no prompt is on both sides."""
    return [_place(row.asked) < share for row in rows]


def _place(text: str) -> float:
    return int(hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8], 16) / 16**8
