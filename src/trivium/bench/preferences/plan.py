"""The pieces of the experiment: comparisons, judges that learn from them, and what each way makes of the policy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import numpy as np
import torch

from trivium.bench.page import machine
from trivium.bench.preferences.flaws import FLAWS, one_flaw
from trivium.bench.preferences.ground import Ground, OverConfig
from trivium.bench.preferences.optimised import Measure, contrast, reinforce
from trivium.bench.preferences.pieces import Kept, Piece
from trivium.bench.preferences.proxies import (
    HELDOUT,
    Compared,
    accuracy,
    comparisons,
    drawn_again,
    encoded,
    open_proxy,
    save_proxy,
    train_proxy,
    turned,
)  # fmt: skip
from trivium.evals.preferences.best_of_n import Scores
from trivium.evals.preferences.judging import WAYS, Ensemble, Judge, Scorer

SECOND = "second"
"""The judge that says when to stop: as many comparisons as the smallest proxy's, and other ones."""


@dataclass(frozen=True)
class Wanted:
    """A proxy: how many comparisons, and what is special about it."""

    size: int
    layers: int = 0
    seed: int = 0
    """Above 0: of an ensemble, its comparisons drawn with replacement."""
    last: bool = False
    """Learn from the last comparisons, not from the first."""

    def rows(self, compared: list[Compared]) -> list[Compared]:
        """What it learns from."""
        some = compared[-self.size :] if self.last else compared[: self.size]
        return drawn_again(some, self.seed) if self.seed else some


def proxies(config: OverConfig) -> dict[str, Wanted]:
    """All proxies by name."""
    first = config.sizes[0]
    found = {str(size): Wanted(size) for size in config.sizes}
    found |= {"small": Wanted(first, config.small_layers), SECOND: Wanted(first, last=True)}
    return found | {f"member {i}": Wanted(first, 0, i + 1) for i in range(config.ensemble)}


@dataclass(frozen=True)
class Run:
    """A run of RL: against which proxy, at what price of distance, and which of the runs on other samples it is."""

    judge: str
    price: float = 0.0
    again: int = 0


def reinforced(config: OverConfig) -> dict[str, Run]:
    """The runs of RL by name; those on other samples are named after the first."""
    first = str(config.sizes[0])
    found = {f"{size}{repeat(i)}": Run(str(size), 0.0, i) for i in range(config.rl_seeds) for size in config.sizes}
    found |= {"price of distance": Run(first, config.price), "small proxy": Run("small")}
    return found | {f"ensemble {way}": Run(f"ensemble {way}") for way in WAYS}


def repeat(again: int) -> str:
    """What is added to a run's name for another of it."""
    return f" again {again}" if again else ""


def plan(config: OverConfig) -> dict[str, Piece]:
    """Every piece by name; those that take long, and those that others wait for, first."""
    wanted, judged = proxies(config), ("comparisons", "answers")
    seen = tuple(f"proxy {name}" for name in (*map(str, config.sizes), SECOND))
    members = tuple(f"proxy {name}" for name in wanted if name.startswith("member"))
    found = {"comparisons": Piece(_compared), "answers": Piece(_answers)}
    for name in sorted(wanted, key=lambda name: -wanted[name].size):
        found[f"proxy {name}"] = Piece(lambda g, k, name=name: _proxy(g, k, name), judged)  # type: ignore[misc]
    for flaw in FLAWS:
        found[f"flaw {flaw}"] = Piece(lambda g, k, flaw=flaw: _flaw(g, k, flaw), ("comparisons",))  # type: ignore[misc]
    later: dict[str, Piece] = {}
    for name, run in reinforced(config).items():
        needs = seen + (members if run.judge.startswith("ensemble") else (f"proxy {run.judge}",))
        piece = Piece(lambda g, k, name=name: _rl(g, name), needs)  # type: ignore[misc]
        (later if run.again else found)[f"rl {name}"] = piece
    for beta in config.betas:
        found[f"dpo beta {beta:g}"] = Piece(lambda g, k, beta=beta: _dpo(g, k, beta), seen)  # type: ignore[misc]
    return found | later


def _compared(ground: Ground, kept: Kept) -> Any:
    """Comparisons to learn from, with the share of verdicts that came out wrong, and held-out ones without any."""
    config = ground.config
    learn = comparisons(ground, ground.train, max(config.sizes), 1)
    keep = comparisons(ground, ground.test, min(HELDOUT, max(config.sizes) // 4), 2)
    told = {"train": turned(learn, config.noise, config.seed), "heldout": keep}
    return {name: [list(asdict(row).values()) for row in rows] for name, rows in told.items()}


def _rows(kept: Kept, split: str = "train") -> list[Compared]:
    return [Compared(*row) for row in kept["comparisons"][split]]


def _answers(ground: Ground, kept: Kept) -> Any:
    """The policy's answers to the test prompts, `most` to each, and the policy's figures."""
    asked = ground.asked()
    texts = ground.answers(ground.policy(), asked, ground.config.seed * 101 + 3)
    measure = Measure(ground, {})
    parameters = sum(p.numel() for p in measure.reference.parameters())
    start = {key: measure.start[key] for key in ("gold", "answer_tokens")}
    policy = {"parameters": parameters, **start}
    return {"texts": texts, "golds": ground.gold(asked, texts).tolist(), "policy": policy, "where": _where(ground)}


def _where(ground: Ground) -> str:
    """Machine, versions and day, for the section."""
    device = ground.device
    name = f"; {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""
    return f"{date.today().isoformat()}, {machine()}{name}, torch {torch.__version__}"


def _proxy(ground: Ground, kept: Kept, name: str) -> Any:
    """A proxy's figures, and its scores of the answers; its weights go to a folder of their own."""
    wanted = proxies(ground.config)[name]
    rows = wanted.rows(_rows(kept))
    judge = train_proxy(ground, f"proxy-{name.replace(' ', '-')}", rows, wanted.layers, wanted.seed)
    save_proxy(ground, name, judge)
    figures = {"comparisons": len(rows), "blocks": judge.model.config.num_hidden_layers,
               "accuracy": accuracy(judge, encoded(ground, _rows(kept, "heldout")))}  # fmt: skip
    return {"figures": figures, "scores": judge(ground.asked(), kept["answers"]["texts"]).tolist()}


def _measure(ground: Ground, more: dict[str, Scorer]) -> Measure:
    names = (*map(str, ground.config.sizes), SECOND)
    return Measure(ground, {name: open_proxy(ground, name) for name in names} | more)


def _rl(ground: Ground, name: str) -> Any:
    run = reinforced(ground.config)[name]
    scorer: Scorer = (
        _ensemble(ground, run.judge.split()[1]) if run.judge.startswith("ensemble") else open_proxy(ground, run.judge)
    )
    measure = _measure(ground, {name.partition(" again")[0]: scorer})
    return reinforce(measure, f"rl-{name.replace(' ', '-')}", scorer, run.price, run.again)


def _ensemble(ground: Ground, way: str) -> Ensemble:
    """The members on one scale: that of each over one answer of the policy to each test prompt."""
    members: list[Judge] = [open_proxy(ground, f"member {i}") for i in range(ground.config.ensemble)]
    texts = ground.answers(ground.policy(), ground.test, ground.config.seed * 101 + 4)
    return Ensemble(members, way).fit(ground.test, texts)


def together(scores: list[Scores], way: str) -> Scores:
    """What an ensemble says of answers that its members have scored, each on the scale of these scores."""
    ensemble = Ensemble([_nobody] * len(scores), way)
    return ensemble.joined(np.stack([(one - one.mean()) / (one.std() or 1.0) for one in scores]))


def _nobody(prompts: Any, answers: Any) -> Scores:
    raise AssertionError("The scores are known.")


def _dpo(ground: Ground, kept: Kept, beta: float) -> Any:
    rows = _rows(kept)[: ground.config.sizes[0]]
    return contrast(_measure(ground, {}), f"dpo-{beta:g}", rows, beta)


def _flaw(ground: Ground, kept: Kept, flaw: str) -> Any:
    sizes = sorted(ground.config.sizes)
    return one_flaw(Measure(ground, {}), flaw, _rows(kept)[: sizes[len(sizes) // 2]])
