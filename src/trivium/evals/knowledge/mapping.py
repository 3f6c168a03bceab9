"""The known map: from the answers to a probe to one record, with its label.

Labels follow SliCK ("Does Fine-Tuning LLMs on New Knowledge Encourage Hallucinations?", arXiv 2405.05904): greedy
answers over draws of shots, and samples. Confidently wrong, the dangerous kind, is ours: no greedy answer is right,
and half of the samples or more agree on one that is not true. Entropies are over clusters of equal answers (semantic
entropy, Farquhar et al. 2024), which for short answers need no second model.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from trivium.evals.knowledge.asking import Asking, Said, key_of, samples_of
from trivium.evals.knowledge.probe import Probe
from trivium.tasks.matching import Judged, clusters, judge

Label = Literal["highly-known", "maybe-known", "weakly-known", "unknown", "confidently-wrong"]
LABELS: tuple[Label, ...] = get_args(Label)
KNOWN, NOT_KNOWN = ("highly-known", "maybe-known"), ("unknown", "confidently-wrong")
CONFIDENT = 0.5
"""Share of samples from which on an answer counts as confident."""
_CORRECTS = re.compile(
    r"\b(?:is not|isn't|was not|wasn't|are not|aren't|did not|didn't|does not|doesn't|never|there is no|there was no"
    r"|no such|actually|incorrect|mistaken|not true|false premise)\b"
)
Outcome = Literal["right", "wrong", "refused", "empty"]


@dataclass(frozen=True)
class Record:
    """What a model made of a probe."""

    probe: Probe
    greedy: tuple[Said, ...]
    """Made to answer, one for each draw."""
    judged: tuple[Judged, ...]
    """Of the greedy answers."""
    samples: tuple[Said, ...]
    right: float
    """Share of samples that are right."""
    top: str
    """The answer that most samples share, and"""
    mass: float
    """the share of samples that say it."""
    agreement: float
    """Share of samples that mean what the first greedy answer means."""
    entropy: float
    """Semantic entropy over clusters of samples, nats."""
    label: Label
    plain: tuple[Said, ...] = ()
    """Just asked (chat models): the greedy reply, then samples."""
    replied: tuple[Judged, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """What the model does with the question: its plain greedy reply; a base model's first greedy answer."""
        return self.replied[0] if self.replied else self.judged[0]

    @property
    def refusing(self) -> float:
        """How probably it refuses: the share of its replies that do."""
        said = self.replied or self.judged
        return said.count("refused") / len(said)

    @property
    def wrong(self) -> float:
        """How probably it is wrong when made to answer, over greedy answers and samples."""
        told = len(self.greedy) + len(self.samples)
        return 1 - (self.judged.count("right") + self.right * len(self.samples)) / max(told, 1)

    @property
    def length(self) -> float:
        """Tokens of the first greedy answer."""
        return float(self.greedy[0].tokens)

    @property
    def surprise(self) -> float | None:
        """Nats a token of the first greedy answer."""
        said = self.greedy[0]
        return None if said.logprob is None else -said.logprob / max(said.tokens, 1)

    def to_json(self) -> dict[str, Any]:
        """The record as a line of `map.jsonl`."""
        return {
            **self.probe.to_json(),
            "label": self.label,
            "outcome": self.outcome,
            "refusing": self.refusing,
            "wrong": self.wrong,
            "greedy": [{**said.to_json(), "judged": j} for said, j in zip(self.greedy, self.judged, strict=True)],
            "samples": dict(Counter(said.text for said in self.samples)),
            "right": self.right,
            "top": self.top,
            "mass": self.mass,
            "agreement": self.agreement,
            "entropy": self.entropy,
            "surprise": self.surprise,
            "plain": [{**said.to_json(), "judged": j} for said, j in zip(self.plain, self.replied, strict=True)],
        }


def record(probe: Probe, answers: Mapping[str, Said], asking: Asking, chat: bool) -> Record:
    """The record of a probe from all answers of an audit. Raises KeyError where one is missing."""
    greedy = tuple(answers[key_of(probe, "known", draw, 0)] for draw in range(asking.draws))
    samples = tuple(
        answers[key_of(probe, "known", draw, k + 1)]
        for draw in range(asking.draws)
        for k in range(samples_of(asking, draw))
    )
    count = 1 + asking.plain if chat else 0
    plain = tuple(answers[key_of(probe, "plain", 0, k)] for k in range(count))
    return made(probe, greedy, samples, plain)


def made(probe: Probe, greedy: Sequence[Said], samples: Sequence[Said], plain: Sequence[Said] = ()) -> Record:
    """The record of these answers."""
    texts = [said.text for said in samples]
    verdicts = {text: verdict(probe, text) for text in {*texts, *(said.text for said in (*greedy, *plain))}}
    numbers = clusters([greedy[0].text, *texts], probe.question)
    counts = Counter(numbers[1:])
    lead, size = counts.most_common(1)[0]
    top = texts[numbers[1:].index(lead)]
    judged = tuple(verdicts[said.text] for said in greedy)
    right = sum(verdicts[text] == "right" for text in texts) / len(texts)
    confident = size / len(texts) >= CONFIDENT and verdicts[top] == "wrong"
    return Record(
        probe, tuple(greedy), judged, tuple(samples), right, top, size / len(texts),
        counts[numbers[0]] / len(texts), entropy_of(list(counts.values())), label_of(judged, right, confident),
        tuple(plain), tuple(verdicts[said.text] for said in plain),
    )  # fmt: skip


def label_of(judged: Sequence[Judged], right: float, confident: bool) -> Label:
    """The label: by greedy answers first, then by the share of samples that are right."""
    if all(one == "right" for one in judged):
        return "highly-known"
    if "right" in judged:
        return "maybe-known"
    if confident:
        return "confidently-wrong"
    return "weakly-known" if right else "unknown"


def verdict(probe: Probe, text: str) -> Judged:
    """What an answer to a probe is. Of a false premise, to correct it counts as to refuse it."""
    found = judge(text, probe.answers, probe.question)
    if found == "wrong" and probe.why == "premise" and _CORRECTS.search(text.casefold()):
        return "refused"
    return found


def entropy_of(counts: Sequence[int]) -> float:
    """Nats of a distribution given by counts."""
    total = sum(counts)
    return sum(c / total * math.log(total / c) for c in counts if c)


def from_json(line: Mapping[str, Any]) -> Record:
    """The record that `to_json` wrote; samples have their texts only. Raises KeyError and TypeError."""

    def said(one: Mapping[str, Any]) -> Said:
        return Said(str(one["text"]), int(one["tokens"]), one["logprob"], str(one["finish"]))

    samples = tuple(Said(text, 0) for text, count in line["samples"].items() for _ in range(count))
    return Record(
        Probe.from_json(line), tuple(map(said, line["greedy"])), tuple(one["judged"] for one in line["greedy"]),
        samples, line["right"], line["top"], line["mass"], line["agreement"], line["entropy"], line["label"],
        tuple(map(said, line["plain"])), tuple(one["judged"] for one in line["plain"]),
    )  # fmt: skip
