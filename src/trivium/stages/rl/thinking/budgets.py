"""Accuracy against tokens: the same problems with thoughts that are cut, left alone, or made longer.

A budget closes the thought by force when it is used up (0 closes it at once). A model that would stop thinking early
is made to go on by "Wait" in the place of its closing tag (s1, 2501.19393).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trivium.evals.chances import majority
from trivium.evals.intervals import Interval, paired_difference, proportion
from trivium.evals.problems import judge
from trivium.generate.engine import ThinkBudget
from trivium.stages.rl.sampler import Answer, Manner, Sampler
from trivium.tasks.desk import verify
from trivium.tasks.problem import Problem

BUDGETS = (0, 16, 64, 256, 1024)
WAIT = "Wait"
VOTE_SEED = 32_452_843


@dataclass
class Way:
    """How one way to answer did, problem by problem."""

    name: str
    right: list[bool] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    forced: list[bool] = field(default_factory=list)
    """Whether a budget put something in."""

    @property
    def accuracy(self) -> Interval:
        """The share of right answers."""
        return proportion(sum(self.right), len(self.right))

    @property
    def mean_tokens(self) -> float:
        """Tokens an answer."""
        return sum(self.tokens) / max(1, len(self.tokens))

    def to_json(self) -> dict[str, Any]:
        """The figures, without the problems."""
        forced = sum(self.forced) / max(1, len(self.forced))
        return {"way": self.name, "accuracy": self.accuracy.to_json(), "tokens": self.mean_tokens, "forced": forced}


def answered(sampler: Sampler, problems: Sequence[Problem], manner: Manner, name: str) -> Way:
    """How the problems are answered in one way, one answer each."""
    drawn = sampler.draw([problem.question for problem in problems], range(len(problems)), manner)
    way = Way(name)
    for problem, answer in zip(problems, drawn, strict=True):
        way.right.append(right(problem, answer))
        way.tokens.append(answer.length)
        way.forced.append(not all(answer.own))
    return way


def right(problem: Problem, answer: Answer) -> bool:
    """The strict verdict on an answer."""
    return answer.closed and judge(problem, answer.reply, 0).correct


def by_budget(
    sampler: Sampler, problems: Sequence[Problem], max_new: int, budgets: Sequence[int] = BUDGETS, wait: int = 0
) -> list[Way]:
    """Greedy answers without a thought, with each budget, freely, and (with `wait`) made to think at least so long.

    An answer has `max_new` tokens after its thought, whatever the thought took; freely, it has the largest budget.
    """
    longest = max(budgets, default=0)
    ways = [answered(sampler, problems, Manner(max_new, think=False), "no thought")]
    for budget in budgets:
        manner = Manner(max_new + budget + 1, think=True, budget=ThinkBudget(budget))
        ways.append(answered(sampler, problems, manner, f"at most {budget}"))
    free = Manner(max_new + longest, think=True)
    ways.append(answered(sampler, problems, free, "freely"))
    if wait:
        ids = tuple(sampler.tokenizer.encode(WAIT))
        most = max(longest, wait)
        more = Manner(max_new + most + 1, think=True, budget=ThinkBudget(most, least=wait, wait=ids))
        ways.append(answered(sampler, problems, more, f"at least {wait}"))
    return ways


def vote(sampler: Sampler, problems: Sequence[Problem], manner: Manner, samples: int, name: str = "") -> Way:
    """What the majority of so many samples says of each problem; the tokens are those of all of them."""
    asked = [problem for problem in problems for _ in range(samples)]
    seeds = [VOTE_SEED + place for place in range(len(asked))]
    drawn = sampler.draw([problem.question for problem in asked], seeds, manner)
    way = Way(name or f"majority of {samples}")
    for start, problem in zip(range(0, len(asked), samples), problems, strict=True):
        some = drawn[start : start + samples]
        said = [verify(problem, one.reply.content).answer if one.closed else None for one in some]
        elected = majority(said)
        way.right.append(elected is not None and verify(problem, elected).correct)
        way.tokens.append(sum(one.length for one in some))
        way.forced.append(False)
    return way


def vote_at(sampler: Sampler, problems: Sequence[Problem], manner: Manner, tokens: float) -> Way:
    """The majority of as many samples as fit into `tokens` a problem (one at least), found from a first look."""
    each = answered(sampler, problems[:32], manner, "").mean_tokens
    samples = max(1, round(tokens / max(each, 1.0)))
    kind = "thinking" if manner.think else "direct"
    return vote(sampler, problems, manner, samples, f"majority of {samples}, {kind}")


def gain(way: Way, other: Way) -> Interval:
    """The first way's accuracy minus the other's on the same problems, paired bootstrap."""
    return paired_difference(way.right, other.right)
