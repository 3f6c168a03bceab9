"""What both sides of the benches of teaching read: conversations of several exchanges, and comparisons of them.

A conversation has 1 to `EXCHANGES` exchanges, so that lengths differ as they do in practice. In a comparison the last
answer is the true one, or one to another question. Ids come from one tokenizer, rendered and masked once for both.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train as train_tokenizer
from trivium.text.chat import render
from trivium.text.preferences.pairs import Pair, encode
from trivium.text.tokenizer import Tokenizer
from trivium.town.conversations import Conversation, style
from trivium.train.packing import Example

EXCHANGES = 16
VOCABULARY = 1024
"""Of the tokenizer: no more than any model's."""
IGNORED = -100
"""The label of a token that is not taught, as the field writes it."""


def conversations(count: int, seed: int = 0) -> list[Conversation]:
    """Conversations of 1 to `EXCHANGES` exchanges about equally often."""
    rng, found = Random(f"teaching|{seed}"), []
    talks = iter(style(count * EXCHANGES, seed))
    for _ in range(count):
        found.append([message for _ in range(rng.randint(1, EXCHANGES)) for message in next(talks)])
    return found


def tokenizer_of(folder: Path, talks: Sequence[Conversation]) -> Tokenizer:
    """A tokenizer that learned from conversations; kept in the folder."""
    if not (folder / "tokenizer.json").is_file():
        texts = (" ".join(message["content"] for message in talk) for talk in talks[:2000])
        train_tokenizer(texts, TokenizerConfig(vocabulary=VOCABULARY)).save(folder)
    return Tokenizer.open(folder)


def lessons(tokenizer: Tokenizer, talks: Sequence[Conversation], longest: int) -> list[Example]:
    """Conversations as ids with what is taught of them; those that are longer than a row are left out."""
    rendered = [render(tokenizer, talk) for talk in talks]
    return [Example(one.ids, [float(taught) for taught in one.mask]) for one in rendered if len(one.ids) <= longest]


def pairs(tokenizer: Tokenizer, talks: Sequence[Conversation], longest: int) -> list[Pair]:
    """A comparison from each conversation; those with an answer that ends later than `longest` are left out."""
    found = []
    for talk, other in zip(talks, [*talks[1:], talks[0]], strict=True):
        chosen, rejected = (encode(tokenizer, talk[:-1], [last[-1]]) for last in (talk, other))
        if max(len(chosen.ids), len(rejected.ids)) <= longest:
            found.append(Pair(chosen, rejected))
    return found


def lessons_for_peer(examples: Sequence[Example], path: Path) -> Path:
    """The same for TRL: `input_ids` and `labels`."""
    rows = [
        {
            "input_ids": list(one.ids),
            "labels": [id if weight else IGNORED for id, weight in zip(one.ids, one.weights, strict=True)],
        }
        for one in examples
    ]
    return _written(rows, path)


def pairs_for_peer(found: Sequence[Pair], path: Path) -> Path:
    """The same for TRL: `chosen_ids` and `rejected_ids`."""
    return _written([{"chosen_ids": one.chosen.ids, "rejected_ids": one.rejected.ids} for one in found], path)


def _written(rows: list[dict[str, Any]], path: Path) -> Path:
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path.resolve()
