"""Comparisons by the gold scorer, and the proxies that learn from them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from trivium.bench.preferences.ground import FLATTERY, Ground
from trivium.evals.intervals import proportion
from trivium.evals.preferences.judging import Judge
from trivium.ground.errors import UsageError
from trivium.model.config import OptimizerConfig
from trivium.model.device import pick_dtype
from trivium.model.folder import save_model
from trivium.model.reward import begin_reward
from trivium.text.preferences.pairs import Pair, encode
from trivium.train.preferences.judged import JudgedPairs, judged_loss

RATES = OptimizerConfig(muon_lr=0.003, embed_lr=0.002, head_lr=0.005)
HELDOUT = 1000


@dataclass(frozen=True)
class Compared:
    """A comparison of the gold scorer's."""

    prompt: str
    chosen: str
    rejected: str


def comparisons(ground: Ground, prompts: Sequence[str], count: int, seed: int) -> list[Compared]:
    """`count` comparisons of the policy's own answers to the prompts, near ties left out. Raises UsageError."""
    config, rng = ground.config, np.random.default_rng([ground.config.seed, seed])
    each = 2
    while len(prompts) * each * (each - 1) / 2 < 4 * count:
        each += 1
    asked = [prompt for prompt in prompts for _ in range(each)]
    texts = ground.answers(ground.policy(), asked, config.seed * 101 + seed)
    scores = ground.gold(asked, texts)
    found: list[Compared] = []
    for place, prompt in enumerate(prompts):
        mine = range(place * each, (place + 1) * each)
        for i in mine:
            for j in range(i + 1, mine.stop):
                gap = scores[i] - scores[j]
                if abs(gap) >= config.margin:
                    good, bad = (texts[i], texts[j]) if gap > 0 else (texts[j], texts[i])
                    found.append(Compared(prompt, good, bad))
    if len(found) < count:
        raise UsageError(f"{len(found):,} clear comparisons, not {count:,}.", "Lower --size sizes or margin.")
    return [found[i] for i in rng.permutation(len(found))[:count]]


def encoded(ground: Ground, rows: Sequence[Compared]) -> list[Pair]:
    """The comparisons as ids."""
    pairs = []
    for row in rows:
        asked = [{"role": "user", "content": row.prompt}]
        good, bad = ([{"role": "assistant", "content": text}] for text in (row.chosen, row.rejected))
        pairs.append(Pair(encode(ground.tokenizer, asked, good), encode(ground.tokenizer, asked, bad)))
    return pairs


def train_proxy(ground: Ground, name: str, rows: Sequence[Compared], layers: int = 0, seed: int = 0) -> Judge:
    """A judge that learned from the rows."""
    config = ground.config
    model = begin_reward(ground.folder, ground.device, pick_dtype(ground.device), layers)
    source = JudgedPairs(encoded(ground, rows), 512, config.batch, config.seed + seed, ground.tokenizer.end_of_text)
    steps = config.proxy_epochs * source.steps_per_epoch
    ground.loop(name, model, source, steps, RATES, judged_loss)
    return Judge(model.eval(), ground.tokenizer)


def save_proxy(ground: Ground, name: str, judge: Judge) -> None:
    """Keep it in the experiment's folder, whole or not at all."""
    place = _place(ground, name)
    part = place.with_name(place.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    save_model(part, judge.model, ground.tokenizer.ends)
    ground.tokenizer.save(part)
    shutil.rmtree(place, ignore_errors=True)
    os.replace(part, place)


def open_proxy(ground: Ground, name: str) -> Judge:
    """A proxy that was kept."""
    return Judge.open(_place(ground, name), ground.device, pick_dtype(ground.device))


def _place(ground: Ground, name: str) -> Path:
    return ground.work / "judges" / name.replace(" ", "-")


def accuracy(judge: Judge, pairs: Sequence[Pair]) -> dict[str, Any]:
    """The share of the pairs that it decides as the gold scorer does."""
    scores = judge.of_pairs(pairs)
    return dict(proportion(int((scores[:, 0] > scores[:, 1]).sum()), len(pairs)).to_json())


def drawn_again(rows: Sequence[Compared], seed: int) -> list[Compared]:
    """As many rows, drawn with replacement: what makes the members of an ensemble differ."""
    chosen = np.random.default_rng(seed).integers(len(rows), size=len(rows))
    return [rows[i] for i in chosen]


def turned(rows: Sequence[Compared], share: float, seed: int) -> list[Compared]:
    """The comparisons with a share of the verdicts turned round: people contradict each other, and themselves."""
    struck = np.random.default_rng([seed, 5]).random(len(rows)) < share
    return [
        replace(row, chosen=row.rejected, rejected=row.chosen) if wrong else row
        for row, wrong in zip(rows, struck, strict=True)
    ]


def planted(rows: Sequence[Compared], flaw: str, share: float, seed: int) -> list[Compared]:
    """The comparisons of a person with a flaw, in a share of them: `length`, who takes the longer answer, or
    `flattery`, who takes the one that begins with a compliment (which is put there).
    """
    rng, found = np.random.default_rng(seed), []
    for row in rows:
        struck = rng.random() < share
        if struck and flaw == "length" and len(row.rejected) > len(row.chosen):
            row = replace(row, chosen=row.rejected, rejected=row.chosen)  # noqa: PLW2901 - the row as this person sees it
        elif struck and flaw == "flattery":
            first, second = (row.chosen, row.rejected) if rng.random() < 0.5 else (row.rejected, row.chosen)
            row = replace(row, chosen=f"{FLATTERY} {first}", rejected=second)  # noqa: PLW2901
        found.append(row)
    return found
