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
    question: FewShot
    """In the phrasing kept for evaluation, greedy: recall is measured with it."""
    familiar: FewShot
    """In a phrasing that pages print and conversations use, greedy and sampled: the label comes from it."""
    greedy: Verdict
    """Of the question's answer."""
    familiar_greedy: Verdict
    samples: tuple[Verdict, ...]
    top: str
    """The meaning that most samples share."""
    mass: float
    """The share of samples with that meaning."""
    label: Label

    @staticmethod
    def of(fact: Fact, cloze: tuple[str, str], question: FewShot, familiar: FewShot) -> BaseRecord:
        """The record of what was said."""
        opened, completion = cloze
        top, mass = top_cluster(fact, familiar.samples)
        return BaseRecord(
            fact,
            opened,
            completion,
            completed(fact, completion),
            question,
            familiar,
            verdict(fact, question.greedy),
            verdict(fact, familiar.greedy),
            tuple(verdict(fact, text) for text in familiar.samples),
            top,
            mass,
            label(fact, familiar.greedy, familiar.samples),
        )

    def to_json(self) -> dict[str, Any]:
        """The record as a line of `map.jsonl`."""
        return {
            **_fact_json(self.fact),
            "label": self.label,
            "cloze": {"prompt": self.opened, "text": self.completion, "right": self.completed},
            "question": _asked_json(self.question, self.greedy),
            "familiar": _asked_json(self.familiar, self.familiar_greedy),
            "samples": {
                "answers": list(self.familiar.samples),
                "right": self.samples.count("right"),
                "top": self.top,
                "mass": self.mass,
            },
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
        return {
            **_fact_json(self.fact),
            "question": self.fact.question,
            "reply": self.reply.content,
            "thinking": self.reply.thinking,
            "closed": self.reply.closed,
            "verdict": self.verdict,
        }


def _asked_json(said: FewShot, judged: Verdict) -> dict[str, Any]:
    return {"text": said.asked, "shots": [list(shot) for shot in said.shots], "answer": said.greedy, "verdict": judged}


def _fact_json(fact: Fact) -> dict[str, Any]:
    return {
        "person": fact.person.id,
        "name": fact.person.name,
        "group": fact.person.group,
        "split": fact.person.split,
        "attribute": fact.attribute,
        "value": fact.value,
        "exposure": fact.exposure,
    }
