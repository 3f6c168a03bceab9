"""RL with verifiable rewards, told in ten lines.

1. The warm start says which task and level; its model is where practice begins.
2. Each step draws problems from the train split and samples a group of answers to each, with `<think>`.
3. A verifier, not a person, gives the reward: 1 for exactly the right answer and an ended turn, else 0.
4. What did better than its group's mean is made likelier, token by token; what did worse, less likely.
5. A group that is all right or all wrong has no signal and is skipped.
6. The sampler is the engine in process, with the weights of this very step: nothing is stale.
7. Held-out problems are answered before and after: the gain is paired, with its interval.
8. The same model answers with its thinking and with an empty thought: what thinking is worth.
9. `reward="random"` is the control: it must stay flat.
10. Every rollout is kept, with its reward and advantage, for whoever wants to look.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trivium.evals.intervals import paired_difference, proportion
from trivium.evals.problems import Outcome, score
from trivium.generate.engine import Engine
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.ground.progress import Progress
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model, save_model
from trivium.model.transformer import Transformer
from trivium.stages.rl.config import RL_FORMAT, RL_STAGE, RlConfig
from trivium.stages.rl.rollouts import Practice
from trivium.tasks.problem import Problem
from trivium.tasks.registry import generate
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig

HELDOUT_SEED = 104_729


def label_of(config: RlConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    return Label("model", RL_STAGE, RL_FORMAT, config, parents_of(inputs))


def run(config: RlConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Practise the task of `inputs["model"]`, a warm start, and seal the model at `out`. Raises Stopped."""
    label, work = label_of(config, inputs), out.with_name(out.name + ".work")
    warm = inputs["model"]
    plan = warm.json("evals.json")
    task, level = str(plan["task"]), int(plan["level"])
    tokenizer = Tokenizer.open(warm.path)
    device = settle(how)
    model = load_model(warm.path, device, pick_dtype(device))
    exam = Exam(config, generate(task, level, config.heldout, HELDOUT_SEED, "heldout"), tokenizer, how)
    before = exam.before(model, work / "before.json")
    rollouts = work / "rollouts"
    practice = Practice(config, task, level, model, tokenizer, rollouts)
    plan_of_loop = LoopConfig(steps=config.steps, optimizer=config.optimizer, schedule=config.schedule)
    loop = Loop(model, practice, plan_of_loop, label, work, how, spikes=False)
    loop.run("reinforcement learning", lambda step: exam.look(model, step))
    evals = {"task": task, "level": level, "warmup_log": plan["warmup_log"], **exam.after(model, before)}
    gain = evals["heldout"]["gain"]
    facts = {
        "task": task,
        "level": level,
        "before": round(evals["heldout"]["warm"]["value"], 3),
        "after": round(evals["heldout"]["rl"]["value"], 3),
        "gain": round(gain["value"], 3),
    }
    with sealing(out, label, facts) as folder:
        save_model(folder, model, tokenizer.ends)
        tokenizer.save(folder)
        write_json(folder / "evals.json", evals)
        write_rollouts(rollouts, folder / "rollouts.parquet")
        shutil.copy(loop.metrics_path, folder / "metrics.jsonl")
    shutil.rmtree(work)
    return open_artifact(out, "model")


class Exam:
    """Held-out problems, answered before, along the way and after."""

    def __init__(self, config: RlConfig, problems: list[Problem], tokenizer: Tokenizer, how: How) -> None:
        self.config, self.problems, self.tokenizer, self.how = config, problems, tokenizer, how

    def before(self, model: Transformer, path: Path) -> dict[str, list[bool]]:
        """Which problems the warm start gets right, thinking and not; kept in `path` for a resumed run."""
        if not path.exists():
            write_json(
                path,
                {
                    "think": self._right(self._answers(model, True, "held-out before")),
                    "direct": self._right(self._answers(model, False, "held-out before, no thinking")),
                },
            )
        found: dict[str, list[bool]] = read_json(path)
        return found

    def look(self, model: Transformer, step: int) -> Mapping[str, Any] | None:
        """Accuracy on some held-out problems, now and then."""
        if step % self.config.look_every:
            return None
        some = self.problems[: self.config.quick]
        outcomes = score(Engine(model), self.tokenizer, some, think=True, max_new=self.config.max_new)
        return {"heldout_accuracy": sum(o.correct for o in outcomes) / len(outcomes)}

    def after(self, model: Transformer, before: dict[str, list[bool]]) -> dict[str, Any]:
        """Accuracy before and after and the paired gain; with and without thinking and the paired gain."""
        thought = self._answers(model, True, "held-out after")
        direct = self._answers(model, False, "held-out after, no thinking")
        right, plain = self._right(thought), self._right(direct)
        return {
            "heldout": {
                "n": len(right),
                "warm": proportion(sum(before["think"]), len(right)).to_json(),
                "rl": proportion(sum(right), len(right)).to_json(),
                "gain": paired_difference(right, before["think"]).to_json(),
            },
            "think": {
                "with": proportion(sum(right), len(right)).to_json(),
                "without": proportion(sum(plain), len(right)).to_json(),
                "gain": paired_difference(right, plain).to_json(),
                "without_before": proportion(sum(before["direct"]), len(right)).to_json(),
                "tokens_with": sum(o.tokens for o in thought) / len(thought),
                "tokens_without": sum(o.tokens for o in direct) / len(direct),
            },
        }

    def _answers(self, model: Transformer, think: bool, name: str) -> list[Outcome]:
        found: list[Outcome] = []
        engine = Engine(model)
        with Progress(name, len(self.problems), "problems", self.how) as bar:
            for start in range(0, len(self.problems), engine.batch):
                part = self.problems[start : start + engine.batch]
                found += score(engine, self.tokenizer, part, think=think, max_new=self.config.max_new)
                bar.advance(len(part))
        return found

    @staticmethod
    def _right(outcomes: list[Outcome]) -> list[bool]:
        return [bool(outcome.correct) for outcome in outcomes]


def write_rollouts(folder: Path, to: Path) -> None:
    """The rollouts of all steps as one Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.Table.from_pylist([record for path in sorted(folder.iterdir()) for record in read_jsonl(path)]),
        to,
        compression="zstd",
    )
