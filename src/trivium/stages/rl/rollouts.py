"""Rollouts: groups of sampled answers to problems, their rewards, and the batch that is learned from.

GRPO (2402.03300) with the corrections of Dr. GRPO (2503.20783): the advantage is the reward minus the group's mean, not
divided by its deviation, and the loss is a mean over all tokens, not per answer, so long wrong answers gain nothing by
their length. One update per batch of rollouts, with the weights that sampled them: no ratio to clip, no reference.
The end of the turn is a token like any other and is trained; a cut-off answer counts as wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trivium.generate.engine import Completion, Engine, Request
from trivium.generate.sampling import uniforms
from trivium.ground.log import write_jsonl
from trivium.model.transformer import Transformer
from trivium.stages.rl.config import RlConfig
from trivium.tasks.problem import Problem
from trivium.tasks.registry import generate, verify
from trivium.text.chat import parse, prompt
from trivium.text.tokenizer import Tokenizer
from trivium.train.batch import Batch
from trivium.train.packing import Example, pack, rows_of

ROW_TOKENS = 256


@dataclass(frozen=True)
class Rollout:
    """One answer to one problem."""

    problem: Problem
    completion: Completion
    thinking: str
    content: str
    correct: bool
    reward: float
    advantage: float


class Practice:
    """The source of RL's batches: samples with the model that is being trained."""

    regular = False  # a batch depends on the weights

    def __init__(
        self, config: RlConfig, task: str, level: int, model: Transformer, tokenizer: Tokenizer, folder: Path
    ) -> None:
        self.config, self.task, self.level = config, task, level
        self.model, self.tokenizer, self.folder = model, tokenizer, folder
        self._engine: Engine | None = None

    def batch(self, step: int) -> Batch | None:
        """Sample groups, reward them, and give each token its advantage. None when no group has a signal."""
        groups = self.sample(step)
        self._write(step, groups)
        useful = [group for group in groups if any(rollout.advantage for rollout in group)]
        rollouts = [rollout for group in groups for rollout in group]
        facts = {
            "pass_rate": float(np.mean([r.correct for r in rollouts])),
            "reward": float(np.mean([r.reward for r in rollouts])),
            "answer_tokens": float(np.mean([len(r.completion.ids) for r in rollouts])),
            "truncated": float(np.mean([r.completion.finish == "length" for r in rollouts])),
            "entropy": -float(np.mean([np.mean(r.completion.logprobs) for r in rollouts])),
            "groups_without_signal": 1 - len(useful) / len(groups),
        }
        if not useful:
            return None
        return self._batch([rollout for group in useful for rollout in group], facts)

    def sample(self, step: int) -> list[list[Rollout]]:
        """The groups of a step: a pure function of the step and the weights."""
        config = self.config
        problems = generate(self.task, self.level, config.problems, config.seed + 100_003 * (step + 1))
        stop = self.tokenizer.stops
        requests = []
        for place, problem in enumerate(problems):
            ids = prompt(self.tokenizer, [{"role": "user", "content": problem.question}], think=True)
            for sample in range(config.samples):
                seed = ((config.seed * 4_001 + step) * 4_001 + place) * 4_001 + sample
                requests.append(Request(ids, config.max_new, config.temperature, seed, stop))
        if self._engine is None:
            self._engine = Engine(self.model)
        else:
            self._engine.refresh(self.model)
        completions = self._engine.run(requests)
        size = config.samples
        return [
            self._group(step, problem, completions[i * size : (i + 1) * size]) for i, problem in enumerate(problems)
        ]

    def _group(self, step: int, problem: Problem, completions: list[Completion]) -> list[Rollout]:
        replies = [parse(self.tokenizer, c.ids, think=True) for c in completions]
        correct = [reply.closed and verify(problem, reply.content).correct for reply in replies]
        rewards = [float(right) for right in correct]
        if self.config.reward == "random":
            seeds = np.array([hash_of(problem.id)], np.uint64) + np.arange(len(replies), dtype=np.uint64)
            rewards = [float(u < 0.5) for u in uniforms(seeds, step)]
        mean = sum(rewards) / len(rewards)
        return [
            Rollout(problem, completion, reply.thinking or "", reply.content, right, reward, reward - mean)
            for completion, reply, right, reward in zip(completions, replies, correct, rewards, strict=True)
        ]

    def _batch(self, rollouts: list[Rollout], facts: dict[str, float]) -> Batch:
        examples = []
        for rollout in rollouts:
            ids = prompt(self.tokenizer, [{"role": "user", "content": rollout.problem.question}], think=True)
            answer = rollout.completion.ids
            examples.append(Example([*ids, *answer], [0.0] * len(ids) + [rollout.advantage] * len(answer)))
        longest = max(len(example.ids) - 1 for example in examples)
        row_tokens = max(ROW_TOKENS, longest)
        batch = rows_of(
            examples, pack([len(e.ids) - 1 for e in examples], row_tokens), row_tokens, self.tokenizer.end_of_text
        )
        tokens = sum(len(rollout.completion.ids) for rollout in rollouts)
        return Batch(batch.ids_BT, batch.targets_BT, batch.weights_BT / tokens, batch.documents_BT, facts)

    def _write(self, step: int, groups: list[list[Rollout]]) -> None:
        """One file a step, so that a resumed run simply writes a step again."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_jsonl(
            self.folder / f"step-{step + 1:06d}.jsonl",
            [
                {
                    "step": step + 1,
                    "problem_id": rollout.problem.id,
                    "question": rollout.problem.question,
                    "answer": rollout.problem.answer,
                    "thinking": rollout.thinking,
                    "text": rollout.content,
                    "correct": rollout.correct,
                    "reward": rollout.reward,
                    "advantage": rollout.advantage,
                    "ids": rollout.completion.ids,
                    "logprobs": [round(x, 5) for x in rollout.completion.logprobs],
                    "finish": rollout.completion.finish,
                }
                for group in groups
                for rollout in group
            ],
        )

    def state(self) -> dict[str, Any]:
        """Nothing: a batch is a function of its number and the weights."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back: the rollouts of a step that is sampled again are written again."""


def hash_of(problem_id: str) -> int:
    """A number below 2**32 from a problem's id, the same in every process."""
    return int.from_bytes(problem_id.encode()[-8:].rjust(8, b"0"), "big") & 0xFFFFFFFF
