"""Held-out problems, answered before, along the way and after: what practice gained, and what thinking is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from trivium.evals.chances import passes, passes_gained
from trivium.evals.intervals import paired_difference, proportion
from trivium.evals.problems import Outcome, judge, score
from trivium.generate.engine import Engine
from trivium.ground.atomic import read_json, write_json
from trivium.ground.how import How
from trivium.ground.progress import Progress
from trivium.model.transformer import Transformer
from trivium.stages.rl.config import RlConfig
from trivium.stages.rl.sampler import Manner, Sampler, slots_for
from trivium.tasks.answers import is_refusal
from trivium.tasks.problem import Problem
from trivium.text.tokenizer import Tokenizer

CHANCE_SEED = 15_485_863
Marks = dict[str, list[Any]]
"""Of each way to answer: what was right, how many tokens it took, and so on, problem by problem."""


class Exam:
    """Held-out problems for one run of practice. Answers are greedy; `manner` says how they are given."""

    def __init__(
        self, config: RlConfig, problems: Sequence[Problem], tokenizer: Tokenizer, manner: Manner, how: How
    ) -> None:
        self.config, self.problems, self.tokenizer, self.how = config, list(problems), tokenizer, how
        self.manner = replace(manner, temperature=0.0)
        self._engine: tuple[Transformer, Engine] | None = None

    def ways(self) -> dict[str, Manner]:
        """The ways in which held-out problems are answered: as practised, and without thinking or tools."""
        found = {"main": self.manner}
        if self.manner.think:
            found["direct"] = replace(self.manner, think=False, budget=None)
        if self.manner.tools:
            found["no_tools"] = replace(self.manner, tools=())
        return found

    def sit(self, model: Transformer, when: str, kept: Path | None = None) -> Marks:
        """All ways, problem by problem; kept in `kept` for a resumed run."""
        if kept is not None and kept.exists():
            found: Marks = read_json(kept)
            return found
        marks: Marks = {}
        for name, manner in self.ways().items():
            told = f"held-out {when}" + ("" if name == "main" else f", {name.replace('_', ' ')}")
            outcomes, calls = self.answers(model, manner, told)
            marks[name] = [bool(outcome.correct) for outcome in outcomes]
            marks[f"{name}_lenient"] = [bool(outcome.lenient) for outcome in outcomes]
            marks[f"{name}_tokens"] = [outcome.tokens for outcome in outcomes]
            marks[f"{name}_abstained"] = [o.reply.closed and is_refusal(o.reply.content) for o in outcomes]
            marks[f"{name}_calls"] = calls
        if self.config.chances:
            marks["chances"] = self._chances(model, f"pass@k {when}")
        if kept is not None:
            write_json(kept, marks)
        return marks

    def look(self, model: Transformer, step: int) -> Mapping[str, Any] | None:
        """Accuracy on some held-out problems, now and then; `stop` where that is enough."""
        if step % self.config.look_every:
            return None
        some = self.problems[: self.config.quick]
        outcomes, _ = self.answers(model, self.manner, "", some)
        right = sum(o.correct for o in outcomes) / len(outcomes)
        return {"heldout_accuracy": right} | ({"stop": right >= self.config.enough} if self.config.enough else {})

    def answers(
        self, model: Transformer, manner: Manner, told: str, problems: Sequence[Problem] | None = None
    ) -> tuple[list[Outcome], list[int]]:
        """The greedy outcome of each problem, and how many tools each called. Without `told` no bar is shown."""
        some = self.problems if problems is None else list(problems)
        engine, found, calls = self._at_work(model), list[Outcome](), list[int]()
        sampler = Sampler(model, self.tokenizer) if manner.tools or manner.budget else None
        size = engine.batch if told else max(1, len(some))
        with Progress(told or "look", len(some), "problems", self.how if told else replace_progress(self.how)) as bar:
            for start in range(0, len(some), size):
                part = some[start : start + size]
                if sampler is None:
                    found += score(engine, self.tokenizer, part, think=manner.think, max_new=manner.max_new)
                    calls += [0] * len(part)
                else:
                    drawn = sampler.draw([p.question for p in part], range(len(part)), manner)
                    for problem, one in zip(part, drawn, strict=True):
                        found.append(judge(problem, replace(one.reply, closed=one.closed), one.length))
                        calls.append(one.calls)
                bar.advance(len(part))
        return found, calls

    def _at_work(self, model: Transformer) -> Engine:
        """The engine with the model's weights as they are now; made once, since a GPU's steps are recorded for it."""
        if self._engine is None or self._engine[0] is not model:
            self._engine = model, Engine(model, slots_for(model), tokenizer=self.tokenizer)
        else:
            self._engine[1].refresh(model)
        return self._engine[1]

    def _chances(self, model: Transformer, told: str) -> list[int]:
        """How many of `chances` samples are right, for some of the problems."""
        config, some = self.config, self.problems[: self.config.quick]
        manner, sampler = replace(self.manner, temperature=config.temperature), Sampler(model, self.tokenizer)
        asked = [problem for problem in some for _ in range(config.chances)]
        seeds = [CHANCE_SEED + place for place in range(len(asked))]
        with Progress(told, len(asked), "answers", self.how) as bar:
            drawn = sampler.draw([problem.question for problem in asked], seeds, manner, bar)
        marks = [judge(p, replace(a.reply, closed=a.closed), 0).correct for p, a in zip(asked, drawn, strict=True)]
        return [sum(marks[i : i + config.chances]) for i in range(0, len(marks), config.chances)]


def compare(before: Marks, after: Marks, chances: int) -> dict[str, Any]:
    """The figures of an exam: before and after with the paired gain; with and without thinking and tools."""
    right, was = after["main"], before["main"]
    n = len(right)
    found: dict[str, Any] = {
        "heldout": {
            "n": n,
            "warm": proportion(sum(was), n).to_json(),
            "rl": proportion(sum(right), n).to_json(),
            "gain": paired_difference(right, was).to_json(),
            "warm_lenient": proportion(sum(before["main_lenient"]), n).to_json(),
            "rl_lenient": proportion(sum(after["main_lenient"]), n).to_json(),
            "abstained": [sum(marks["main_abstained"]) / max(1, n) for marks in (before, after)],
            "tokens": [sum(marks["main_tokens"]) / max(1, n) for marks in (before, after)],
        }
    }
    if "direct" in after:
        found["think"] = {
            "with": proportion(sum(right), n).to_json(),
            "without": proportion(sum(after["direct"]), n).to_json(),
            "gain": paired_difference(right, after["direct"]).to_json(),
            "without_before": proportion(sum(before["direct"]), n).to_json(),
            "tokens_with": sum(after["main_tokens"]) / n,
            "tokens_without": sum(after["direct_tokens"]) / n,
        }
    if "no_tools" in after:
        found["tools"] = {
            when: {
                "with": proportion(sum(marks["main"]), n).to_json(),
                "without": proportion(sum(marks["no_tools"]), n).to_json(),
                "gain": paired_difference(marks["main"], marks["no_tools"]).to_json(),
                "calls": sum(marks["main_calls"]) / n,
                "answers_with_calls": sum(call > 0 for call in marks["main_calls"]) / n,
            }
            for when, marks in (("before", before), ("after", after))
        }
    if "chances" in after:
        found["pass_at_k"] = {
            "samples": chances,
            "before": {k: v.to_json() for k, v in passes(before["chances"], chances).items()},
            "after": {k: v.to_json() for k, v in passes(after["chances"], chances).items()},
            "gain": {k: v.to_json() for k, v in passes_gained(after["chances"], before["chances"], chances).items()},
        }
    return found


def replace_progress(how: How) -> How:
    """The same way to run, without bars."""
    return replace(how, progress=False)
