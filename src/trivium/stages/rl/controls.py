"""What stands beside the result of practice, so that it cannot be mistaken for something else.

- start: the model that practice began with, asked in the same way.
- prompt: the same, asked to think, and asked not to: what the prompt alone does.
- sft: the start, taught as many tokens as practice learned from, of worked traces: what mere imitation does.
- vote: the majority of several answers of the start, at the tokens that one answer of the practised model takes.
- random, format: practice itself, paid by a coin, or for the form alone; where these were run.

Each row has its accuracy on the same held-out problems and, paired, how far practice is above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trivium.evals.intervals import paired_difference, proportion
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.config import from_json
from trivium.ground.how import How
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model
from trivium.stages.rl.config import ControlsConfig, RlConfig
from trivium.stages.rl.exam import Exam
from trivium.stages.rl.run import heldout, manner_of, planned
from trivium.stages.rl.sampler import Sampler
from trivium.stages.rl.supervised import Lessons, teach
from trivium.stages.rl.thinking.budgets import vote_at
from trivium.tasks import desk
from trivium.text.tokenizer import Tokenizer
from trivium.tools.registry import opened

STAGE, FORMAT = "controls", 1
RUNS = "control-"
"""What the inputs' names begin with that are runs of practice of their own."""
Row = dict[str, Any]


def label_of(config: ControlsConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    return Label("controls", STAGE, FORMAT, config, parents_of(inputs))


def run(config: ControlsConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Measure the controls of `inputs["rl"]`, which began from `inputs["model"]`; seal controls.json."""
    work = out.with_name(out.name + ".work")
    practised, start = inputs["rl"], inputs["model"]
    marks = practised.json("marks.json")
    before, after = marks["before"], marks["after"]
    rows = [
        _row("practice", after["main"], after["main"], _mean(after["main_tokens"])),
        _row("start", before["main"], after["main"], _mean(before["main_tokens"])),
    ]
    if "prompt" in config.names and "direct" in before:
        tokens = _mean(before["direct_tokens"])
        rows.append(_row("prompt: not to think", before["direct"], after["main"], tokens))
    for name, artifact in inputs.items():
        if name.startswith(RUNS):
            theirs = artifact.json("marks.json")["after"]
            told = f"{name.removeprefix(RUNS)} reward"
            rows.append(_row(told, theirs["main"], after["main"], _mean(theirs["main_tokens"])))
    rows += _measured(config, start, practised, after, work, how)
    with sealing(out, label_of(config, inputs), {"controls": len(rows) - 1}) as folder:
        write_json(folder / "controls.json", {"task": practised.json("evals.json")["task"], "rows": rows})
    return open_artifact(out, "controls")


def _measured(
    config: ControlsConfig, start: Artifact, practised: Artifact, after: Mapping[str, Any], work: Path, how: How
) -> list[Row]:
    """The controls that must be made: votes, and SFT continued."""
    rl = from_json(RlConfig, practised.manifest["config"])
    tasks, _ = planned(rl, start)
    tokenizer, device = Tokenizer.open(start.path), settle(how)
    model = load_model(start.path, device, pick_dtype(device))
    rows = list[Row]()
    with desk.opened([task for task, _ in tasks]), opened(rl.tools) as tools:
        problems = heldout(tasks, rl.heldout)
        manner = manner_of(rl, tools)
        if "vote" in config.names:
            spent = _mean(after["main_tokens"])
            for think in dict.fromkeys((manner.think, False if manner.think else manner.think)):
                budget = manner.budget if think is not False else None
                way = vote_at(Sampler(model, tokenizer), problems, replace(manner, think=think, budget=budget), spent)
                rows.append(_row(way.name, way.right, after["main"], way.mean_tokens))
        if "sft" in config.names:
            tokens = int(practised.json("evals.json")["practice"]["learned_tokens"])
            kept = work / "sft.json"
            if not kept.exists():
                lessons = Lessons(tasks, tokenizer, config.rows, think=rl.think is True)
                spent_on = teach(model, lessons, tokens, work / "sft", "SFT", how)
                exam = Exam(replace(rl, chances=0), problems, tokenizer, replace(manner, tools=()), how)
                outcomes, _ = exam.answers(model, exam.manner, "held-out after SFT")
                right, used = [o.correct for o in outcomes], [o.tokens for o in outcomes]
                write_json(kept, {"right": right, "tokens": used, **{f"sft_{k}": v for k, v in spent_on.items()}})
            found = read_json(kept)
            name = f"SFT on {found['sft_tokens']:,.0f} tokens"
            rows.append(_row(name, found["right"], after["main"], _mean(found["tokens"])))
    return rows


def _row(name: str, right: list[bool], practised: list[bool], tokens: float) -> Row:
    n = len(right)
    return {
        "control": name,
        "accuracy": proportion(sum(right), n).to_json(),
        "practice_above": paired_difference(practised, right).to_json(),
        "tokens": tokens,
    }


def _mean(values: list[float]) -> float:
    return sum(values) / max(1, len(values))
