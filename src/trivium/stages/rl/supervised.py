"""SFT on the same problems, as a control: what as many tokens of imitation do in the place of practice.

Of two kinds: on worked traces (the warm start, continued), and on direct answers (the twin, which never thinks).
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trivium.ground.artifact import Label
from trivium.ground.how import How
from trivium.model.config import OptimizerConfig
from trivium.model.transformer import Transformer
from trivium.tasks.desk import generate
from trivium.tasks.problem import Problem
from trivium.text.chat import render
from trivium.text.tokenizer import Tokenizer
from trivium.train.batch import Batch
from trivium.train.loop import Loop, LoopConfig
from trivium.train.packing import Example, pack, rows_of
from trivium.train.schedule import ScheduleConfig

ROW_TOKENS = 256
SEED = 67_867_967
TEACHING = OptimizerConfig(muon_lr=0.002, embed_lr=0.001, head_lr=0.0005)
MANNER = ScheduleConfig(warmup=0.05, decay=0.3, floor=0.1)


def shown(tokenizer: Tokenizer, problem: Problem, think: bool) -> Example:
    """A problem and its answer, with its worked trace or with an empty thought, as a conversation to be taught."""
    said: dict[str, Any] = {"role": "assistant", "content": problem.answer}
    if think:
        said["reasoning_content"] = problem.thought
    elif tokenizer.template is None:
        said |= {"reasoning_content": "", "trainable_think": False}
    rendered = render(tokenizer, [{"role": "user", "content": problem.question}, said])
    return Example(rendered.ids, [float(taught) for taught in rendered.mask])


class Lessons:
    """Batches of new problems of some tasks, each worked or answered. A pure function of the step."""

    regular = False  # rows are as many as the examples need

    def __init__(
        self, tasks: Sequence[tuple[str, int]], tokenizer: Tokenizer, count: int, think: bool, seed: int = 0
    ) -> None:
        """`count` problems a step."""
        self.tasks, self.tokenizer, self.count, self.think, self.seed = tuple(tasks), tokenizer, count, think, seed
        self.taught = 0
        """Tokens that were taught so far."""

    def batch(self, step: int) -> Batch:
        """The problems of a step; the loss is a mean over their taught tokens."""
        each = max(1, self.count // len(self.tasks))
        problems = [
            problem for task, level in self.tasks for problem in generate(task, level, each, SEED + self.seed + step)
        ]
        examples = [shown(self.tokenizer, problem, self.think) for problem in problems]
        lengths = [len(example.ids) - 1 for example in examples]
        room = max(ROW_TOKENS, *lengths)
        batch = rows_of(examples, pack(lengths, room), room, self.tokenizer.end_of_text)
        taught = batch.weights_BT.sum()
        self.taught += int(taught)
        return Batch(batch.ids_BT, batch.targets_BT, batch.weights_BT / taught.clamp(min=1.0), batch.documents_BT)

    def state(self) -> dict[str, Any]:
        """How much was taught."""
        return {"taught": self.taught}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self.taught = int(state["taught"])


def teach(
    model: Transformer,
    lessons: Lessons,
    tokens: int,
    work: Path,
    name: str,
    how: How,
    optimizer: OptimizerConfig = TEACHING,
) -> dict[str, float]:
    """Teach a model in place until about `tokens` tokens were taught. Resumable; its figures, and `work` is removed.

    How many steps that takes is found from the first batch: batches are alike.
    """
    first = lessons.batch(0)
    each = max(1, int((first.weights_BT != 0).sum()))
    lessons.taught = 0
    steps = max(1, round(tokens / each))
    label = Label("model", f"rl-{name}", 1, {"tokens": tokens, "tasks": [list(task) for task in lessons.tasks]})
    plan = LoopConfig(steps=steps, optimizer=optimizer, schedule=MANNER)
    loop = Loop(model, lessons, plan, label, work, how)
    loop.run(f"control: {name}")
    model.eval()
    shutil.rmtree(work, ignore_errors=True)
    return {"tokens": float(lessons.taught), "steps": float(steps)}
