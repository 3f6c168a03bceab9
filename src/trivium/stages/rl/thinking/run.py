"""Thinking, looked at from five sides.

1. Accuracy against tokens: no thought, thoughts cut at budgets, left alone, made longer; and votes at equal tokens.
2. The gain: the same checkpoint with its thoughts minus without, paired by problem.
3. The twin: the same start, taught direct answers with at least as many tokens. It never thinks; is it as good?
4. Faithfulness: the model reads another's thought, or its own with tokens changed; that must cost accuracy.
5. Transfer: on tasks that were never rewarded, does the habit of thinking help, or only cost tokens?
How long thoughts are over training is in the metrics of practice.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trivium.evals.intervals import paired_difference
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.config import from_json
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model
from trivium.model.transformer import Transformer
from trivium.stages.rl.config import RlConfig, ThinkingConfig
from trivium.stages.rl.pool import tasks_of
from trivium.stages.rl.run import heldout, planned
from trivium.stages.rl.sampler import Manner, Sampler
from trivium.stages.rl.supervised import Lessons, teach
from trivium.stages.rl.thinking.budgets import Way, answered, by_budget, gain, vote_at
from trivium.stages.rl.thinking.faithful import faithfulness
from trivium.tasks import desk
from trivium.tasks.problem import Problem
from trivium.text.tokenizer import Tokenizer

STAGE, FORMAT = "thinking", 1


def label_of(config: ThinkingConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    return Label("thinking", STAGE, FORMAT, config, parents_of(inputs))


def run(config: ThinkingConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Ask about the thinking of `inputs["rl"]`, beside `inputs["model"]` where it began; seal thinking.json."""
    work, practised, start = out.with_name(out.name + ".work"), inputs["rl"], inputs["model"]
    rl = from_json(RlConfig, practised.manifest["config"])
    tasks, _ = planned(rl, inputs.get("warm", start))
    tokenizer, device = Tokenizer.open(practised.path), settle(how)
    model = load_model(practised.path, device, pick_dtype(device))
    names = [task for task, _ in (*tasks, *tasks_of(config.transfer))]
    with desk.opened(names):
        problems = heldout(tasks, config.problems)
        sampler = Sampler(model, tokenizer)
        ways = by_budget(sampler, problems, rl.max_new, config.budgets, config.wait)
        by_name = {way.name: way for way in ways}
        free, none = by_name["freely"], by_name["no thought"]
        ways.append(vote_at(sampler, problems, Manner(rl.max_new, rl.temperature, think=False), free.mean_tokens))
        found: dict[str, Any] = {
            "tasks": [f"{task}:{level}" if level else task for task, level in tasks],
            "ways": [way.to_json() for way in ways],
            "gain": gain(free, none).to_json(),
            "faithfulness": faithfulness(model, tokenizer, problems, rl.max_new, config.corrupted),
            "transfer": _transfer(config, model, inputs.get("warm", start), tokenizer, rl.max_new),
        }
        how.stop.check("after the questions about thinking")
        if config.twin:
            spent = _tokens(practised, inputs.get("warm"))
            found["twin"] = _twin(config, start, tasks, problems, free, spent, rl.max_new, work, how)
    with sealing(out, label_of(config, inputs), {"gain": round(found["gain"]["value"], 3)}) as folder:
        write_json(folder / "thinking.json", found)
    shutil.rmtree(work, ignore_errors=True)
    return open_artifact(out, "thinking")


def _transfer(
    config: ThinkingConfig, model: Transformer, start: Artifact, tokenizer: Tokenizer, max_new: int
) -> list[dict[str, Any]]:
    """Tasks that were never rewarded: with and without thinking, before practice and after."""
    if not config.transfer:
        return []
    first = load_model(start.path, model.device, model.compute_dtype)
    rows = []
    for task in tasks_of(config.transfer):
        problems = heldout([task], config.problems)
        found: dict[str, dict[str, Way]] = {}
        for when, which in (("before", first), ("after", model)):
            sampler = Sampler(which, tokenizer)
            found[when] = {
                "with": answered(sampler, problems, Manner(max_new, think=True), "with"),
                "without": answered(sampler, problems, Manner(max_new, think=False), "without"),
            }
        rows.append(
            {
                "task": f"{task[0]}:{task[1]}" if task[1] else task[0],
                **{when: {kind: way.to_json() for kind, way in ways.items()} for when, ways in found.items()},
                "gain_before": gain(found["before"]["with"], found["before"]["without"]).to_json(),
                "gain_after": gain(found["after"]["with"], found["after"]["without"]).to_json(),
                "practice_gained": gain(found["after"]["with"], found["before"]["with"]).to_json(),
            }
        )
    return rows


def _tokens(practised: Artifact, warm: Artifact | None) -> int:
    """How many tokens the thinking model learned from, padding of its warm start included."""
    spent = int(practised.json("evals.json")["practice"]["learned_tokens"])
    if warm is not None and warm.has("metrics.jsonl"):
        spent += sum(int(line["tokens"]) for line in read_jsonl(warm.file("metrics.jsonl")))
    return spent


def _twin(
    config: ThinkingConfig,
    start: Artifact,
    tasks: Sequence[tuple[str, int]],
    problems: Sequence[Problem],
    thinking: Way,
    tokens: int,
    max_new: int,
    work: Path,
    how: How,
) -> dict[str, Any]:
    """The twin's figures, and how far the thinking model is above it."""
    kept = work / "twin.json"
    if not kept.exists():
        device, tokenizer = settle(how), Tokenizer.open(start.path)
        model = load_model(start.path, device, pick_dtype(device))
        spent = teach(model, Lessons(tasks, tokenizer, config.rows, think=False), tokens, work / "twin", "twin", how)
        way = answered(Sampler(model, tokenizer), problems, Manner(max_new, think=False), "twin")
        write_json(kept, {**way.to_json(), "right": way.right, "taught": spent["tokens"]})
    found: dict[str, Any] = read_json(kept)
    right = found.pop("right")
    return {**found, "thinking_above": paired_difference(thinking.right, right).to_json()}
