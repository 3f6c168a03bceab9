"""The source of RL's batches: rounds of rollouts, sampled with the model that is being trained.

A round is a pure function of its number, the weights and the pool. Of several ranks each samples its share of a round's
problems; then all have all rollouts, and the loop gives each its rows, as in every other stage.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from trivium.ground.atomic import write_atomic
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.stages.rl.config import RlConfig
from trivium.stages.rl.pool import Pool
from trivium.stages.rl.rewards import Scorer
from trivium.stages.rl.rollouts import Group, batch_of, from_record, grade, regroup, signal, to_record, weigh
from trivium.stages.rl.sampler import Manner, Sampler
from trivium.tasks.problem import Problem
from trivium.train.batch import Batch

AGAIN = 1_000_000_007
"""Added to the seeds of a round's problems that take the place of others."""
MOST_OF_A_ROUND = 4_001


class Practice:
    """Rounds as batches. Its state is the pool; the rollouts of the round under way are on disk."""

    regular = False  # a batch depends on the weights

    def __init__(
        self, config: RlConfig, pool: Pool, sampler: Sampler, scorer: Scorer, manner: Manner, folder: Path, how: How
    ) -> None:
        self.config, self.pool, self.sampler, self.scorer, self.manner = config, pool, sampler, scorer, manner
        self.folder, self.how = folder, how
        self.learned = 0
        """Tokens that were learned from so far, each counted once an update."""
        self.sampled = 0
        """Tokens that were sampled so far."""
        self._round: tuple[int, list[Group], int] | None = None

    def batch(self, step: int) -> Batch | None:
        """The rollouts of the step's round as rows. None when no group has a signal."""
        number, update = divmod(step, self.config.updates)
        groups, tried = self._groups(number, fresh=update == 0)
        kept = groups if self.config.objective.kl else [group for group in groups if signal(group)]
        if not any(signal(group) for group in kept):
            return None
        objective, tokenizer = self.config.objective, self.sampler.tokenizer
        batch = batch_of(kept, objective, self.config.max_new, tokenizer.end_of_text)
        if batch is None:
            return None
        self.learned += int(batch.more["own"].sum())
        return replace(batch, facts=self.facts(groups, tried))

    def _groups(self, number: int, fresh: bool) -> tuple[list[Group], int]:
        """The groups of a round and how many were tried for them: sampled, remembered, or read back."""
        if fresh:
            groups, tried = self.sample(number)
            self._write(number, groups, tried)
            self._round = (number, groups, tried)
        elif self._round is None or self._round[0] != number:  # continued in the middle of a round
            records = list(read_jsonl(self._path(number)))
            tried = int(records[0]["tried"]) if records else 0
            self._round = (number, regroup(records, self.config.samples), tried)
        assert self._round is not None
        return self._round[1], self._round[2]

    def sample(self, number: int) -> tuple[list[Group], int]:
        """The groups of a round, and how many were tried for them. The pool is told."""
        config = self.config
        groups = self._try(number, self.pool.draw(number, config.problems), 0)
        tried = len(groups)
        self._tell(number, groups)
        for attempt in range(1, config.pool.resample + 1):
            missing = sum(not signal(group) for group in groups)
            if not missing:
                break
            more = self._try(number, self.pool.new(number, config.problems, attempt), attempt)
            tried += len(more)
            self._tell(number, more)
            better = [group for group in more if signal(group)][:missing]
            worse = [place for place, group in enumerate(groups) if not signal(group)]
            for place, group in zip(worse, better, strict=False):
                groups[place] = group
        return (weigh(groups, config.objective) if config.objective.advantage == "batch" else groups), tried

    def _tell(self, number: int, groups: Sequence[Group]) -> None:
        rates = [(group[0].problem, sum(r.correct for r in group) / len(group)) for group in groups if group]
        self.pool.tell(number, rates)
        self.sampled += sum(r.length for group in groups for r in group)

    def _try(self, number: int, problems: Sequence[Problem], attempt: int) -> list[Group]:
        """A group for each problem; each rank samples its share of them."""
        config, place = self.config, self.how.place
        mine = list(range(place.rank, len(problems), place.ranks))
        asked, seeds = [], []
        for index in mine:
            for sample in range(config.samples):
                seed = (config.seed * MOST_OF_A_ROUND + number) * MOST_OF_A_ROUND + index
                seeds.append(seed * MOST_OF_A_ROUND + sample + AGAIN * attempt)
                asked.append(problems[index])
        answers = self.sampler.draw([problem.question for problem in asked], seeds, self.manner)
        rollouts = grade(asked, answers, self.scorer, config.objective, config.max_new, number)
        size = config.samples
        groups = [rollouts[start : start + size] for start in range(0, len(rollouts), size)]
        return weigh(self._shared(groups, len(problems)), config.objective)

    def _shared(self, groups: list[Group], count: int) -> list[Group]:
        """The groups of all ranks, in the order of the problems."""
        if self.how.group is None:
            return groups
        told = json.dumps([[to_record(rollout, 0) for rollout in group] for group in groups])
        found: list[Group] = [[] for _ in range(count)]
        for rank, text in enumerate(self.how.group.everybody(told)):
            for index, records in zip(range(rank, count, self.how.place.ranks), json.loads(text), strict=True):
                found[index] = [from_record(record) for record in records]
        return found

    def facts(self, groups: Sequence[Group], tried: int) -> dict[str, float]:
        """Figures of a round. The names with a slash, and `frac_reward_zero_std`, are TRL's."""
        rollouts = [rollout for group in groups for rollout in group]
        lengths = [rollout.length for rollout in rollouts]
        ended = [r.length for r in rollouts if not r.truncated]
        silent = sum(not signal(group) for group in groups) / len(groups)
        rewards = np.array([[r.reward for r in group] for group in groups])
        found = {
            "pass_rate": _mean([r.correct for r in rollouts]),
            "reward": float(rewards.mean()),
            "reward_std": float(rewards.std(1, ddof=1).mean()),
            "answer_tokens": _mean([len(r.ids) for r in rollouts]),
            "truncated": _mean([r.truncated for r in rollouts]),
            "entropy": -_mean([_mean([p for p, own in zip(r.logprobs, r.own, strict=True) if own]) for r in rollouts]),
            "groups_without_signal": silent,
            "frac_reward_zero_std": silent,
            "completions/mean_length": _mean(lengths),
            "completions/min_length": float(min(lengths)),
            "completions/max_length": float(max(lengths)),
            "completions/clipped_ratio": _mean([r.truncated for r in rollouts]),
            "completions/mean_terminated_length": _mean(ended),
            "tokens_right": _mean([r.length for r in rollouts if r.correct]),
            "tokens_wrong": _mean([r.length for r in rollouts if not r.correct]),
            "abstained": _mean([r.abstained for r in rollouts]),
            "problems_tried": float(tried),
            "pool": float(len(self.pool)),
        }
        if self.manner.tools:
            calls = sum(r.calls for r in rollouts)
            found["tools/call_frequency"] = calls / len(rollouts)
            found["tools/answers_with_calls"] = _mean([r.calls > 0 for r in rollouts])
            found["tools/failure_frequency"] = sum(r.failed_calls for r in rollouts) / max(1, calls)
        return found

    def _path(self, number: int) -> Path:
        return self.folder / f"step-{number * self.config.updates + 1:06d}.jsonl"

    def _write(self, number: int, groups: Sequence[Group], tried: int) -> None:
        """One file a round, so that a resumed run simply writes a round again."""
        if self.how.place.rank:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        step = number * self.config.updates + 1
        lines = [{**to_record(rollout, step), "tried": tried} for group in groups for rollout in group]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write_atomic(self._path(number), text.encode())

    def state(self) -> dict[str, Any]:
        """The pool, and the counts."""
        return {"pool": self.pool.state(), "learned": self.learned, "sampled": self.sampled}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave: the rollouts of a step that is sampled again are written again."""
        self.pool.restore(state["pool"])
        self.learned, self.sampled = int(state["learned"]), int(state["sampled"])


def watched(*looks: Callable[[int], Mapping[str, Any] | None]) -> Callable[[int], Mapping[str, Any]]:
    """A loop's callback that gives the figures of several."""

    def look(step: int) -> Mapping[str, Any]:
        return {name: value for one in looks for name, value in (one(step) or {}).items()}

    return look


def _mean(values: Sequence[float]) -> float:
    """The mean; not a number where there is nothing."""
    return float(np.mean(values)) if len(values) else float("nan")
