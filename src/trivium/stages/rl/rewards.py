"""What an answer is worth, in parts that are kept beside it. A scorer is any function of problems and answers.

The parts of a reward are added up. "correct" is no part: it is the verifier's word, told for every answer whatever the
reward is, so that a control can be measured by what it did not reward.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from trivium.generate.sampling import uniforms
from trivium.ground.errors import UsageError
from trivium.model.reward import load_reward
from trivium.stages.rl.config import RlConfig
from trivium.stages.rl.sampler import Answer
from trivium.tasks.answers import is_refusal
from trivium.tasks.desk import verify
from trivium.tasks.problem import Problem
from trivium.text.chat import render
from trivium.text.tokenizer import Tokenizer

AT_ONCE = 64


class Scorer(Protocol):
    """Gives the parts of each answer's reward, by name. A pure function, so that a resumed run gives the same."""

    def __call__(
        self, problems: Sequence[Problem], answers: Sequence[Answer], correct: Sequence[bool], number: int
    ) -> list[dict[str, float]]:
        """`correct` is what the verifier says of each; `number` is the round's."""
        ...


def judged(problem: Problem, answer: Answer) -> bool:
    """The verifier's word: the right answer and nothing else, after the thoughts, in a turn that was ended."""
    return answer.closed and verify(problem, answer.reply.content).correct


def verified(
    problems: Sequence[Problem], answers: Sequence[Answer], correct: Sequence[bool], number: int
) -> list[dict[str, float]]:
    """1 for what is right, else 0."""
    return [{"answer": float(right)} for right in correct]


def formed(
    problems: Sequence[Problem], answers: Sequence[Answer], correct: Sequence[bool], number: int
) -> list[dict[str, float]]:
    """The control that pays for form alone: 1 for any answer in an ended turn."""
    return [{"format": float(answer.closed and answer.reply.content.strip() != "")} for answer in answers]


def by_coin(
    problems: Sequence[Problem], answers: Sequence[Answer], correct: Sequence[bool], number: int
) -> list[dict[str, float]]:
    """The control that pays for nothing: a coin for each answer, thrown anew each round."""
    places: dict[str, int] = {}
    seeds = []
    for problem in problems:
        place = places.setdefault(problem.id, 0)
        places[problem.id] += 1
        seeds.append(hash_of(problem.id) + place)
    return [{"coin": float(u < 0.5)} for u in uniforms(np.array(seeds, np.uint64), number)]


class Ternary:
    """1 for what is right, 0 for saying that one does not know, -t/(1-t) for what is wrong.

    Under it answering pays exactly when one is right more often than t; so practice need not cost honesty.
    """

    def __init__(self, threshold: float) -> None:
        self.wrong = -threshold / (1 - threshold)

    def __call__(
        self, problems: Sequence[Problem], answers: Sequence[Answer], correct: Sequence[bool], number: int
    ) -> list[dict[str, float]]:
        """A refusal counts in an ended turn alone."""
        return [
            {"answer": 1.0 if right else 0.0 if abstains(answer) else self.wrong}
            for answer, right in zip(answers, correct, strict=True)
        ]


def abstains(answer: Answer) -> bool:
    """Whether an answer says, in an ended turn, that its speaker does not know."""
    return answer.closed and is_refusal(answer.reply.content)


class Learned:
    """The score of a reward model at the end of the answer's turn; thoughts are not shown to it."""

    def __init__(self, folder: Path, device: torch.device, dtype: torch.dtype) -> None:
        self.tokenizer, self.model = Tokenizer.open(folder), load_reward(folder, device, dtype)

    @torch.no_grad()
    def __call__(
        self, problems: Sequence[Problem], answers: Sequence[Answer], correct: Sequence[bool], number: int
    ) -> list[dict[str, float]]:
        """An answer that was cut off is scored as it stands, as if it ended there."""
        rows = [self._row(p.question, a.reply.content) for p, a in zip(problems, answers, strict=True)]
        scores: list[float] = []
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            longest = max(map(len, some))
            padded = [row + [self.tokenizer.end_of_text] * (longest - len(row)) for row in some]
            scores_BT = self.model.scores(torch.tensor(padded, device=self.model.device))
            ends = torch.tensor([len(row) - 1 for row in some], device=scores_BT.device)
            scores += scores_BT.gather(1, ends[:, None])[:, 0].tolist()
        return [{"model": score} for score in scores]

    def _row(self, question: str, content: str) -> list[int]:
        messages = [{"role": "user", "content": question}, {"role": "assistant", "content": content}]
        ids = render(self.tokenizer, messages).ids
        ends = [place for place, index in enumerate(ids) if index in self.tokenizer.stops]
        return ids[: ends[-1] + 1] if ends else ids


def scorer_of(config: RlConfig, device: torch.device, dtype: torch.dtype) -> Scorer:
    """The scorer that a config asks for. Raises ArtifactError for a folder that holds no reward model."""
    if config.reward == "model":
        if not config.reward_model:
            raise UsageError("No reward model is named.", "Give its folder: --reward-model FOLDER.")
        return Learned(Path(config.reward_model), device, dtype)
    if config.reward == "ternary":
        return Ternary(config.threshold)
    return {"verified": verified, "format": formed, "random": by_coin}[config.reward]


def hash_of(problem_id: str) -> int:
    """A number below 2**32 from a problem's id, the same in every process."""
    return int.from_bytes(problem_id.encode()[-8:].rjust(8, b"0"), "big") & 0xFFFFFFFF
