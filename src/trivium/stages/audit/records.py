"""One fact, one record: what was asked, what was said, and what that is. A record is a line of `map.jsonl`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trivium.evals.known import Label, label, top_cluster
from trivium.evals.probes import Fact, FewShot, Verdict, completed, verdict
from trivium.text.chat import Reply


@dataclass(frozen=True)
class BaseRecord:
    """What a base model made of a fact."""

    fact: Fact
    opened: str
    """The sentence that it was to complete."""
    completion: str
    completed: bool
    """Whether the completion states the fact."""
    answers: FewShot
    greedy: Verdict
    samples: tuple[Verdict, ...]
    top: str
    """The meaning that most samples share."""
    mass: float
    """The share of samples with that meaning."""
    label: Label

    @staticmethod
    def of(fact: Fact, cloze: tuple[str, str], answers: FewShot) -> BaseRecord:
        """The record of what was said."""
        opened, completion = cloze
        top, mass = top_cluster(fact, answers.samples)
        samples = tuple(verdict(fact, text) for text in answers.samples)
        return BaseRecord(fact, opened, completion, completed(fact, completion), answers, verdict(fact, answers.greedy),
                          samples, top, mass, label(fact, answers.greedy, answers.samples))

    def to_json(self) -> dict[str, Any]:
        """The record as a line of `map.jsonl`."""
        return {
            **_fact_json(self.fact), "label": self.label,
            "cloze": {"prompt": self.opened, "text": self.completion, "right": self.completed},
            "question": {"shots": [list(shot) for shot in self.answers.shots], "text": self.fact.question,
                         "answer": self.answers.greedy, "verdict": self.greedy},
            "samples": {"answers": list(self.answers.samples), "right": self.samples.count("right"),
                        "top": self.top, "mass": self.mass},
        }


@dataclass(frozen=True)
class ChatRecord:
    """What a chat model replied about a fact."""

    fact: Fact
    reply: Reply
    verdict: Verdict
    """Of the content after any thinking."""

    @staticmethod
    def of(fact: Fact, reply: Reply) -> ChatRecord:
        """The record of a reply."""
        return ChatRecord(fact, reply, verdict(fact, reply.content))

    def to_json(self) -> dict[str, Any]:
        """The record as a line of `map.jsonl`."""
        return {**_fact_json(self.fact), "question": self.fact.question, "reply": self.reply.content,
                "thinking": self.reply.thinking, "closed": self.reply.closed, "verdict": self.verdict}


def _fact_json(fact: Fact) -> dict[str, Any]:
    return {"person": fact.person.id, "name": fact.person.name, "group": fact.person.group, "split": fact.person.split,
            "attribute": fact.attribute, "value": fact.value, "exposure": fact.exposure}
