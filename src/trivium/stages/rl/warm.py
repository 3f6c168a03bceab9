"""The warm start, told in ten lines.

1. RL sharpens what a model can sometimes do; it does not create. So the model must first succeed now and then.
2. We look at pass@1 (greedy, with thinking) on held-out-like problems of the current level.
3. Between 25 and 60 %: done. RL has work to do and a signal to do it with.
4. Above: the level is too easy, it moves up, and we look again.
5. Below: a few steps of SFT on worked traces of this level, then we look again.
6. Still below after `patience` steps: the level is too hard, it moves down.
7. The log of looks and moves is kept: it is the reason for the level that RL then practises.
8. The probes are train-split problems that no step trains on, so the held-out ones stay unseen.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import torch

from trivium.evals.problems import score
from trivium.generate.engine import Engine
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import ConfigError
from trivium.ground.how import How
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model, save_model
from trivium.model.transformer import Transformer
from trivium.stages.rl.config import WARM_FORMAT, WARM_STAGE, WarmConfig
from trivium.stages.rl.pool import tasks_of
from trivium.stages.rl.run import prints_of
from trivium.stages.rl.supervised import shown
from trivium.tasks import desk
from trivium.tasks.desk import generate
from trivium.tasks.problem import Problem
from trivium.text.tokenizer import Tokenizer
from trivium.train.batch import Batch
from trivium.train.loop import Loop, LoopConfig
from trivium.train.packing import Example, pack, rows_of

PROBE_SEED = 7_919
EASY, MANY = 30, 80
"""Problems that a step draws from, at least: of level 1, of which there are few, and of the others."""
SHORTEST = 40
"""Tokens of a trace, roughly at least: where a step has room for more than MANY, more are drawn."""


def label_of(config: WarmConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    prints = prints_of((config.task, *config.beside))
    return Label("model", WARM_STAGE, WARM_FORMAT, config, parents_of(inputs), fingerprints=prints)


def run(config: WarmConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Warm `inputs["model"]` up for the task and seal it at `out`, with the level in evals.json. Raises Stopped."""
    label, work = label_of(config, inputs), out.with_name(out.name + ".work")
    source = inputs["model"]
    tokenizer = Tokenizer.open(source.path)
    device = settle(how)
    model = load_model(source.path, device, pick_dtype(device))
    traces = Traces(config, tokenizer)
    ladder = Ladder(config, model, tokenizer, traces)
    loop = Loop(
        model,
        traces,
        LoopConfig(steps=config.steps, optimizer=config.optimizer, schedule=config.schedule),
        label,
        work,
        how,
    )
    with desk.opened([config.task, *(task for task, _ in tasks_of(config.beside))]):
        if not traces.log and not work.exists():
            ladder.look(0)
        if not traces.settled:
            loop.run("warm start", ladder.after)
    log = traces.log
    evals = {
        "task": config.task,
        "level": traces.level,
        "settled": traces.settled,
        "pass_at_1": log[-1]["pass_at_1"],
        "warmup_log": log,
    }
    with sealing(
        out, label, {"level": traces.level, "pass_at_1": round(log[-1]["pass_at_1"], 3), "steps": log[-1]["step"]}
    ) as folder:
        save_model(folder, model, tokenizer.ends)
        tokenizer.save(folder)
        write_json(folder / "evals.json", evals)
        if loop.metrics_path.exists():
            shutil.copy(loop.metrics_path, folder / "metrics.jsonl")
    shutil.rmtree(work, ignore_errors=True)
    return open_artifact(out, "model")


class Traces:
    """Batches of worked traces at a level that may move; the level and its log are the state."""

    regular = False  # a batch depends on the level, which follows the model

    def __init__(self, config: WarmConfig, tokenizer: Tokenizer) -> None:
        self.config, self.tokenizer = config, tokenizer
        self.level = config.level
        self.since = 0
        """The step at which this level began."""
        self.settled = False
        self.log: list[dict[str, Any]] = []
        self.probes: dict[int, list[Problem]] = {}

    def probe(self, level: int) -> list[Problem]:
        """The problems that pass@1 is looked at with. They are left out of the traces."""
        if level not in self.probes:
            count = min(self.config.probes, EASY) if level == 1 else self.config.probes
            self.probes[level] = generate(self.config.task, level, count, PROBE_SEED + level)
        return self.probes[level]

    def batch(self, step: int) -> Batch:
        """Rows full of lessons: of each task alike. Of the one that the rule looks at, half is of the current level and
        half of those below, so that none is unlearned.
        """
        config = self.config
        beside = tasks_of(config.beside)
        budget = config.rows * config.row_tokens * 9 // 20
        budget //= 1 + len(beside)
        examples = self._examples(step, config.task, self.level, budget)
        for level in range(1, self.level):
            examples += self._examples(step, config.task, level, budget // (self.level - 1))
        for task, level in beside:
            examples += self._examples(step, task, level, 2 * budget)
        groups = pack([len(e.ids) - 1 for e in examples], config.row_tokens)[: config.rows]
        batch = rows_of(examples, groups, config.row_tokens, self.tokenizer.end_of_text)
        weights = batch.weights_BT / batch.weights_BT.sum().clamp(min=1.0)
        return Batch(batch.ids_BT, batch.targets_BT, weights, batch.documents_BT, {"level": float(self.level)})

    def _examples(self, step: int, task: str, level: int, tokens: int) -> list[Example]:
        """Lessons of a task and level, of about so many tokens in all, none of them a probe."""
        config = self.config
        count = max(EASY if level == 1 else MANY, tokens // SHORTEST)
        problems = drawn(task, level, count, config.seed + 1 + step)
        known = {problem.id for problem in self.probe(level)} if task == config.task else set()
        dice = Random(f"{config.seed}|{step}|{task}|{level}")
        found: list[Example] = []
        for problem in problems:
            if problem.id in known:
                continue
            example = shown(self.tokenizer, problem, think=not config.direct or dice.random() >= config.direct)
            tokens -= len(example.ids)
            if tokens < 0:
                break
            found.append(example)
        return found

    def state(self) -> dict[str, Any]:
        """Level, its beginning, whether it is settled, and the log of looks."""
        return {"level": self.level, "since": self.since, "settled": self.settled, "log": self.log}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self.level, self.since = int(state["level"]), int(state["since"])
        self.settled, self.log = bool(state["settled"]), list(state["log"])


def drawn(task: str, level: int, count: int, seed: int) -> list[Problem]:
    """Up to so many problems of the train split, half as many until the level has them. Raises ConfigError."""
    while True:
        try:
            return generate(task, level, count, seed)
        except ConfigError:
            if count <= EASY:
                raise
            count = max(EASY, count // 2)


class Ladder:
    """The rule: look at pass@1, move the level, say when it is enough."""

    def __init__(self, config: WarmConfig, model: Transformer, tokenizer: Tokenizer, traces: Traces) -> None:
        self.config, self.model, self.tokenizer, self.traces = config, model, tokenizer, traces
        self._engine: Engine | None = None

    def after(self, step: int) -> Mapping[str, Any] | None:
        """After a step: look when it is time; `stop` when the rule is met."""
        if step % self.config.check_every:
            return None
        return {"pass_at_1": self.look(step), "stop": self.traces.settled}

    def look(self, step: int) -> float:
        """Measure and move until the level fits or needs training; the last pass@1."""
        config, traces = self.config, self.traces
        while True:
            passed = self._pass_at_1(traces.level)
            record = {"step": step, "level": traces.level, "pass_at_1": passed, "move": "train"}
            traces.log.append(record)
            if config.low <= passed <= config.high or (passed > config.high and traces.level == config.highest):
                record["move"] = "start RL"
                traces.settled = True
                return passed
            if passed > config.high:
                record["move"] = "harder"
                traces.level += 1
                traces.since = step
                continue
            if step - traces.since >= config.patience and traces.level > 1:
                record["move"] = "easier"
                traces.level -= 1
                traces.since = step
                continue
            return passed

    @torch.no_grad()
    def _pass_at_1(self, level: int) -> float:
        if self._engine is None:
            self._engine = Engine(self.model)
        else:
            self._engine.refresh(self.model)
        config, problems = self.config, self.traces.probe(level)
        outcomes = score(self._engine, self.tokenizer, problems, think=config.direct < 1, max_new=config.max_new)
        return sum(outcome.correct for outcome in outcomes) / len(outcomes)
