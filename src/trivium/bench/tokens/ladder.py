"""Documents and problems for the digit policy: real texts, generated sums, and a ladder of held-out ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np

from trivium.bench.corpus import sample_texts
from trivium.ground.errors import ConfigError, UsageError
from trivium.stages.tokenizer.bulk import Bulk
from trivium.tasks.problem import Problem
from trivium.tasks.registry import generate
from trivium.text.reading import read_files
from trivium.text.shards import TokenShard
from trivium.text.tokenizer import Tokenizer
from trivium.town.questions import few_shot

LADDER = (*(("addition", level) for level in range(1, 6)), *(("comparison", level) for level in (1, 2, 3)))
"""Rungs: sums of one to five digits, decimals of up to one to three places."""
WEIGHTS = (1, 2, 4, 6, 6, 2, 2, 2)
"""How often each rung is in the training text: short sums are few, long ones many."""
PER_DOCUMENT = 8
LONGEST = 8192
"""Characters of a held-out document that are read."""
BATCH = 256


class Texts(NamedTuple):
    """What all models of the bench read, and what none does."""

    train: list[str]
    heldout: list[str]


def documents(paths: Sequence[Path], megabytes: float, sums_megabytes: float, heldout: int) -> Texts:
    """Real texts and sheets of sums in a drawn order, and held-out real texts. Raises UsageError for too few texts."""
    if paths:
        found = [document.text for document in read_files(paths, int(megabytes * 1e6)) if document.text.strip()]
    else:
        found = sample_texts(10**9)
    rng = Random("bench digits")
    rng.shuffle(found)
    if len(found) < 2 * heldout:
        raise UsageError(f"There are {len(found)} texts; {heldout} are to be held out.", "Give more: --text FILE")
    sums, size = [], 0
    while size < sums_megabytes * 1e6:
        sums.append(sheet(rng))
        size += len(sums[-1])
    train = found[heldout:] + sums
    rng.shuffle(train)
    return Texts(train, [text[:LONGEST] for text in found[:heldout]])


def sheet(rng: Random) -> str:
    """Problems of one rung with their answers, as the ladder will show some before it asks."""
    task, level = rng.choices(LADDER, WEIGHTS)[0]
    problems = [generate(task, level, 1, rng.randrange(1 << 40))[0] for _ in range(PER_DOCUMENT)]
    *shown, last = ((problem.question, problem.answer) for problem in problems)
    return f"{few_shot(shown, last[0])} {last[1]}.\n"


def rungs(problems: int) -> dict[str, list[Problem]]:
    """Held-out problems by rung ("addition 3"), so many, or as many as there are."""
    return {f"{task} {level}": _most(task, level, problems) for task, level in LADDER}


def _most(task: str, level: int, count: int) -> list[Problem]:
    while True:
        try:
            return generate(task, level, count, 0, "heldout")
        except ConfigError:
            if count <= 4:
                raise
            count = count * 3 // 4


def shard_of(tokenizer: Tokenizer, texts: Sequence[str]) -> TokenShard:
    """The texts as a shard in memory, each followed by `<|endoftext|>`."""
    bulk, parts, ends = Bulk(tokenizer, texts[:64]), [], [0]
    end = np.array([tokenizer.end_of_text], np.uint32)
    for first in range(0, len(texts), BATCH):
        for ids in bulk.encode(texts[first : first + BATCH]):
            parts += [ids, end]
            ends.append(ends[-1] + len(ids) + 1)
    return TokenShard(np.concatenate(parts).astype(np.uint32), np.array(ends, np.int64))
