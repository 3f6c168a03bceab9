"""Rollouts: answers with their rewards and advantages; as rows of a batch, as JSON lines and as a Parquet table.

A rollout keeps its ids as they were sampled, a mask of the model's own and its log-probabilities in full: a resumed run
learns from the very same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from trivium.ground.log import read_jsonl
from trivium.stages.rl.advantages import advantages, overlong_penalty, shares
from trivium.stages.rl.config import ObjectiveConfig
from trivium.stages.rl.rewards import Scorer, abstains, judged
from trivium.stages.rl.sampler import Answer
from trivium.tasks.problem import Problem
from trivium.train.batch import Batch
from trivium.train.packing import Example, pack, rows_of

ROW_TOKENS = 256


@dataclass(frozen=True)
class Rollout:
    """One answer to one problem."""

    problem: Problem
    prompt: list[int]
    ids: list[int]
    own: list[bool]
    logprobs: list[float]
    finish: str
    thinking: str
    text: str
    """What stands after the thoughts of the last turn."""
    seed: int
    length: int
    """Tokens of the model's own, and of a budget."""
    correct: bool
    abstained: bool
    parts: dict[str, float]
    """The reward, by name."""
    reward: float
    advantage: float = 0.0
    calls: int = 0
    failed_calls: int = 0

    @property
    def truncated(self) -> bool:
        """Whether it was cut off."""
        return self.finish == "length"

    @property
    def learned(self) -> int:
        """How many of its tokens are the model's own."""
        return sum(self.own)


Group = list[Rollout]
"""All rollouts of one problem in one round."""


def grade(
    problems: Sequence[Problem],
    answers: Sequence[Answer],
    scorer: Scorer,
    objective: ObjectiveConfig,
    longest: int,
    number: int,
) -> list[Rollout]:
    """One rollout for each answer, without an advantage yet."""
    correct = [judged(problem, answer) for problem, answer in zip(problems, answers, strict=True)]
    parts = scorer(problems, answers, correct, number)
    found = []
    for problem, answer, right, worth in zip(problems, answers, correct, parts, strict=True):
        lost = overlong_penalty(answer.length, objective, longest)
        told = worth | ({"overlong": -lost} if lost else {})
        found.append(
            Rollout(
                problem, answer.prompt, answer.ids, answer.own, answer.logprobs, answer.finish, answer.thinking,
                answer.reply.content, answer.seed, answer.length, right, abstains(answer), told, sum(told.values()),
                calls=answer.calls, failed_calls=answer.failed,
            )
        )  # fmt: skip
    return found


def weigh(groups: Sequence[Group], objective: ObjectiveConfig) -> list[Group]:
    """The groups with their advantages."""
    found = advantages([[rollout.reward for rollout in group] for group in groups], objective.advantage)
    return [
        [replace(rollout, advantage=one) for rollout, one in zip(group, ones, strict=True)]
        for group, ones in zip(groups, found, strict=True)
    ]


def signal(group: Group) -> bool:
    """Whether a group has anything to teach."""
    return any(rollout.advantage for rollout in group)


def batch_of(groups: Sequence[Group], objective: ObjectiveConfig, longest: int, pad: int) -> Batch | None:
    """The groups as rows: each of the model's own tokens weighs its answer's advantage, all else nothing.

    Cut-off answers are left out where the objective masks them. None when nothing is left.
    """
    masked = objective.overlong == "masked"
    rollouts = [r for group in groups for r in group if not (masked and r.truncated) and r.learned]
    if not rollouts:
        return None
    factors, whole = shares([rollout.learned for rollout in rollouts], objective.mean, longest)
    examples = [_example(rollout, factor, whole) for rollout, factor in zip(rollouts, factors, strict=True)]
    row_tokens = max(ROW_TOKENS, *(len(example.ids) - 1 for example in examples))
    lengths = [len(example.ids) - 1 for example in examples]
    batch = rows_of(examples, pack(lengths, row_tokens), row_tokens, pad)
    return replace(batch, weights_BT=batch.weights_BT / whole)


def _example(rollout: Rollout, factor: float, whole: float) -> Example:
    before = [0.0] * len(rollout.prompt)
    own = [float(one) for one in rollout.own]
    more = {
        "own": [*before, *own],
        "sampled": [*before, *rollout.logprobs],
        "share": [*before, *(one * factor / whole for one in own)],
    }
    weights = [*before, *(rollout.advantage * factor * one for one in own)]
    return Example([*rollout.prompt, *rollout.ids], weights, more)


def to_record(rollout: Rollout, step: int) -> dict[str, Any]:
    """A rollout as a JSON line. `step` is the first update that learns from it, counted from 1."""
    problem = rollout.problem
    about = {"step": step, "task": problem.task, "level": problem.level, "problem_id": problem.id}
    about |= {"question": problem.question, "answer": problem.answer}
    rest = {name: value for name, value in vars(rollout).items() if name != "problem"}
    return {**about, "problem": asdict(problem), **rest}


def from_record(record: dict[str, Any]) -> Rollout:
    """The rollout of a line. What the problem's verifier knows beyond it comes back with it."""
    names = Rollout.__dataclass_fields__
    rest = {name: value for name, value in record.items() if name in names}
    return Rollout(**{**rest, "problem": Problem(**record["problem"])})


def regroup(records: Sequence[dict[str, Any]], samples: int) -> list[Group]:
    """The groups of a round from its lines, which are in order."""
    rollouts = [from_record(record) for record in records]
    return [rollouts[start : start + samples] for start in range(0, len(rollouts), samples)]


def _plain(line: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {**{name: line[name] for name in names}, "parts": list(line["parts"].items()), "seed": str(line["seed"])}


def write_table(folder: Path, to: Path) -> int:
    """Write the rollouts of all rounds, whose lines are in `folder`, as one Parquet file, a round at a time.

    Gives their number; without any, no file is made.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [(name, getattr(pa, kind)()) for name, kind in PLAIN.items()]
        + [
            ("prompt", pa.list_(pa.int32())), ("ids", pa.list_(pa.int32())), ("own", pa.list_(pa.bool_())),
            ("logprobs", pa.list_(pa.float32())), ("parts", pa.map_(pa.string(), pa.float32())),
        ]
    )  # fmt: skip
    files = sorted(folder.glob("step-*.jsonl"))
    if not files:
        return 0
    count = 0
    with pq.ParquetWriter(to, schema, compression="zstd") as writer:
        for path in files:
            rows = [_plain(line, schema.names) for line in read_jsonl(path)]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            count += len(rows)
    return count


PLAIN = {
    "step": "int32",
    "task": "string",
    "level": "int32",
    "problem_id": "string",
    "question": "string",
    "answer": "string",
    "thinking": "string",
    "text": "string",
    "correct": "bool_",
    "abstained": "bool_",
    "reward": "float64",
    "advantage": "float64",
    "finish": "string",
    "length": "int32",
    "calls": "int32",
    "failed_calls": "int32",
    "seed": "string",
}
"""The table's plain columns. A seed is text: it may have more bits than any whole number of the format."""
