"""RL with verifiable rewards, told in ten lines.

1. The warm start says which task and level; its model is where practice begins. (Or any chat model, and `--task`.)
2. Each round draws problems from the train split, or from the pool, and samples a group of answers, with `<think>`.
3. A verifier, not a person, gives the reward: 1 for exactly the right answer and an ended turn, else 0.
4. What did better than its group's mean is made likelier, token by token; what did worse, less likely.
5. A group that is all right or all wrong has no signal: it is skipped, or others are tried in its place.
6. The sampler is the engine in process, with the weights of this very step: nothing is stale unless it is asked for.
7. Held-out problems are answered before and after: the gain is paired, with its interval.
8. The same model answers with its thinking and with an empty thought: what thinking is worth. The same for tools.
9. `reward="random"` and `"format"` are controls: the first must stay flat.
10. Every rollout is kept, with its reward and advantage, for whoever wants to look.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trivium.generate.engine import ThinkBudget
from trivium.ground.artifact import Artifact, Label, hash_file, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import ConfigError, UsageError
from trivium.ground.how import How
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model, save_model
from trivium.model.transformer import Transformer
from trivium.stages.rl.config import RL_FORMAT, RL_STAGE, RlConfig
from trivium.stages.rl.exam import Exam, Marks, compare
from trivium.stages.rl.objective import Objective
from trivium.stages.rl.pool import Pool, tasks_of
from trivium.stages.rl.practice import Practice, watched
from trivium.stages.rl.rewards import scorer_of
from trivium.stages.rl.rollouts import write_table
from trivium.stages.rl.sampler import Manner, Sampler
from trivium.tasks import desk
from trivium.tasks.desk import file_of, generate
from trivium.tasks.problem import Problem
from trivium.text.tokenizer import Tokenizer
from trivium.tools.registry import opened
from trivium.tools.tool import Tool
from trivium.train.crew import turn
from trivium.train.loop import Loop, LoopConfig

SEVERAL_RANKS = True
"""Under torchrun all ranks run this stage: each samples its share of the problems and learns from its rows."""
HELDOUT_SEED = 104_729
FEWEST = 8
"""A task with fewer held-out problems than half of this is none to examine with."""


def label_of(config: RlConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    named = config.reward == "model" and config.reward_model
    judge = {"reward_model": open_artifact(Path(config.reward_model), "reward").id} if named else {}
    prints = judge | prints_of(config.tasks)
    return Label("model", RL_STAGE, RL_FORMAT, config, parents_of(inputs), fingerprints=prints)


def prints_of(tasks: Sequence[str]) -> dict[str, str]:
    """The hash of each file that tasks come from, for labels. Raises UsageError for one that is not there."""
    found = {}
    for name in tasks:
        path = file_of(name)
        if path is not None and not path.is_file():
            raise UsageError(f"There is no file {path}.", f"{name.partition('=')[0]}= wants the path of one.")
        if path is not None:
            found[f"task {path.name}"] = hash_file(path)
    return found


def run(config: RlConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Practise from `inputs["model"]`, a warm start or (with `config.tasks`) any chat model; seal the model at `out`.

    Raises Stopped, and UsageError for ranks that hold shares of the model.
    """
    if how.group is not None and how.shard:
        raise UsageError("RL samples with whole models: --shard does not go with it.", "Leave it out (DDP).")
    label, work, start = label_of(config, inputs), out.with_name(out.name + ".work"), inputs["model"]
    tasks, told = planned(config, start)
    tokenizer = Tokenizer.open(start.path)
    device = settle(how)
    dtype = pick_dtype(device)
    model = load_model(start.path, device, dtype)
    rollouts = work / "rollouts"
    with desk.opened([task for task, _ in tasks]), opened(config.tools) as tools:
        manner = manner_of(config, tools)
        exam = Exam(config, heldout(tasks, config.heldout), tokenizer, manner, how)
        before: Marks = {}
        with turn(how) as mine:
            if mine:
                before = exam.sit(model, "before", work / "before.json")
        pool = Pool(config.pool, tasks, config.seed)
        scorer = scorer_of(config, device, dtype)
        practice = Practice(config, pool, Sampler(model, tokenizer), scorer, manner, rollouts, how)
        first = load_model(start.path, device, dtype).eval() if config.objective.kl else None
        objective = Objective(config.objective, config.temperature, config.updates > 1, first)
        plan = LoopConfig(steps=config.steps, optimizer=config.optimizer, schedule=config.schedule)
        loop = Loop(model, practice, plan, label, work, how, objective, spikes=False)
        loop.run("reinforcement learning", watched(lambda _step: objective.figures(), _look(exam, model, how)))
        with turn(how) as mine:
            if mine:
                after = exam.sit(model, "after")
                spent = {"sampled_tokens": practice.sampled, "learned_tokens": practice.learned}
                evals = {**told, **compare(before, after, config.chances), "practice": spent}
                write_json(work / "evals.json", evals)  # known before the rollouts of a long run are one table
                write_json(work / "marks.json", {"before": before, "after": after})
                _seal(out, label, model, tokenizer, evals, {"before": before, "after": after}, rollouts, loop)
                shutil.rmtree(work)
    return open_artifact(out, "model")


def planned(config: RlConfig, start: Artifact) -> tuple[list[tuple[str, int]], dict[str, Any]]:
    """What is practised, and what the figures say of it. Raises UsageError where nobody says what."""
    plan = start.json("evals.json") if start.has("evals.json") else {}
    if config.tasks:
        tasks = tasks_of(config.tasks)
    elif "task" in plan and "level" in plan:
        tasks = [(str(plan["task"]), int(plan["level"]))]
    else:
        raise UsageError(f"{start.path} does not say what it was warmed up for.", "Name it: --task addition:3.")
    named = {"task": ", ".join(dict.fromkeys(task for task, _ in tasks)), "level": max(level for _, level in tasks)}
    return tasks, {**named, "tasks": [f"{task}:{level}" if level else task for task, level in tasks],
                   "warmup_log": [] if config.tasks else plan.get("warmup_log", [])}  # fmt: skip


def manner_of(config: RlConfig, tools: Sequence[Tool]) -> Manner:
    """How answers are sampled in practice."""
    budget = ThinkBudget(config.budget) if config.budget else None
    return Manner(config.max_new, config.temperature, config.think, budget, tools, config.tool_rounds)


def heldout(tasks: Sequence[tuple[str, int]], count: int) -> list[Problem]:
    """Held-out problems, as many of each task as divides evenly, in turn; fewer of a task that has no more."""
    each = [
        some(task, level, count // len(tasks) + (place < count % len(tasks)))
        for place, (task, level) in enumerate(tasks)
    ]
    return [part[i] for i in range(max(map(len, each))) for part in each if i < len(part)]


def some(task: str, level: int, count: int) -> list[Problem]:
    """Up to `count` held-out problems. Raises ConfigError for an unknown task or level."""
    while True:
        try:
            return generate(task, level, count, HELDOUT_SEED, "heldout")
        except ConfigError:
            if count < FEWEST:
                raise
            count //= 2


def _look(exam: Exam, model: Transformer, how: How) -> Any:
    def look(step: int) -> Mapping[str, Any] | None:
        if step % exam.config.look_every:
            return None
        found: Mapping[str, Any] | None = None
        with turn(how) as mine:
            if mine:
                found = exam.look(model, step)
        if how.group is None or not exam.config.enough:
            return found
        return dict(json.loads(how.group.everybody(json.dumps(found))[0]))  # all end together

    return look


def _seal(
    out: Path,
    label: Label,
    model: Transformer,
    tokenizer: Tokenizer,
    evals: dict[str, Any],
    marks: dict[str, Marks],
    rollouts: Path,
    loop: Loop,
) -> None:
    held = evals["heldout"]
    facts = {
        "task": evals["task"],
        "level": evals["level"],
        "before": round(held["warm"]["value"], 3),
        "after": round(held["rl"]["value"], 3),
        "gain": round(held["gain"]["value"], 3),
    }
    with sealing(out, label, facts) as folder:
        save_model(folder, model, tokenizer.ends)
        tokenizer.save(folder)
        write_json(folder / "evals.json", evals)
        write_json(folder / "marks.json", marks)
        write_table(rollouts, folder / "rollouts.parquet")
        shutil.copy(loop.metrics_path, folder / "metrics.jsonl")
