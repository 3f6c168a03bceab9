"""How a probe is asked: few-shot texts for base models, conversations for chat models, each over several draws.

Two passes. In the first (`known`) the model is made to answer: what it knows is read from whether its answers are
right and agree. In the second (`plain`, chat models only) it is just asked: there it may say that it does not know.
Draws differ in their shots. All probes of a draw and relation begin with the same words, so that an engine reads
those once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from trivium.evals.knowledge.probe import Probe, number
from trivium.ground.config import check

Pass = Literal["known", "plain"]
MADE_TO_ANSWER = (
    "Answer each question with a name, a number or a few words, nothing else. "
    "If you are not sure, give your best guess."
)
Shot = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How often, and how."""

    samples: int = 16
    """Sampled answers of a probe when made to answer, spread over the draws."""
    draws: int = 4
    """Draws of shots, each with one greedy answer."""
    shots: int = 4
    """Answered questions before the one that is asked."""
    plain: int = 4
    """Sampled answers of a chat model that is just asked, beside the greedy one."""
    temperature: float = 1.0
    """Temperature of the samples."""
    known_tokens: int = 24
    """Longest answer when made to answer."""
    plain_tokens: int = 64
    """Longest reply of a chat model that is just asked."""
    seed: int = 0
    """Decides shots and samples."""

    def __post_init__(self) -> None:
        for name in ("samples", "draws", "known_tokens", "plain_tokens"):
            check(getattr(self, name) >= 1, name, getattr(self, name), "Count from 1 up.")
        for name in ("shots", "plain"):
            check(getattr(self, name) >= 0, name, getattr(self, name), "Count from 0 up.")
        check(0 < self.temperature <= 2, "temperature", self.temperature, "Choose above 0 and at most 2.")


@dataclass(frozen=True)
class Wish:
    """One answer that is wanted. `key` names it among all others of an audit."""

    key: str
    messages: tuple[Mapping[str, Any], ...]
    """A conversation; for a base model one message whose content is the text to continue."""
    chat: bool
    max_new: int
    temperature: float
    seed: int


@dataclass(frozen=True)
class Said:
    """One answer."""

    text: str
    tokens: int
    logprob: float | None = None
    """Sum over its tokens in nats; None where a server does not tell."""
    finish: str = "stop"

    def to_json(self) -> dict[str, Any]:
        """As a line of `answers.jsonl`, without its key."""
        return {"text": self.text, "tokens": self.tokens, "logprob": self.logprob, "finish": self.finish}


class Speaker(Protocol):
    """Whoever answers: a model in an engine, or a server behind a URL."""

    chat: bool

    def say(self, wishes: Sequence[Wish], told: Any) -> None:
        """Call `told(key, said)` for each wish as its answer comes."""


def key_of(probe: Probe, of: Pass, draw: int, k: int) -> str:
    """The name of an answer; `k` 0 is greedy, from 1 on they are samples."""
    return f"{probe.id}\t{of}\t{draw}\t{k}"


def samples_of(asking: Asking, draw: int) -> int:
    """How many samples a draw has: all draws together have `asking.samples`."""
    return asking.samples // asking.draws + (draw < asking.samples % asking.draws)


def wishes_of(probes: Sequence[Probe], shots: Shots, asking: Asking, chat: bool) -> list[Wish]:
    """Everything that is wanted of a model, in an order that keeps prompts with the same beginning together."""
    found = []
    for draw in range(asking.draws):
        for probe in probes:
            messages = _made_to_answer(probe, shots.draw(probe, draw), chat)
            for k in range(1 + samples_of(asking, draw)):
                heat = asking.temperature if k else 0.0
                seed = number(asking.seed, probe.id, draw, k)
                key = key_of(probe, "known", draw, k)
                found.append(Wish(key, messages, chat, asking.known_tokens, heat, seed))
    for probe in probes if chat else ():
        for k in range(1 + asking.plain):
            heat, seed = asking.temperature if k else 0.0, number(asking.seed, probe.id, "plain", k)
            messages = ({"role": "user", "content": probe.question},)
            found.append(Wish(key_of(probe, "plain", 0, k), messages, True, asking.plain_tokens, heat, seed))
    return found


def _made_to_answer(probe: Probe, shots: Sequence[Probe], chat: bool) -> tuple[dict[str, str], ...]:
    if chat:
        turns = []
        for shot in shots:
            turns += [{"role": "user", "content": shot.question}, {"role": "assistant", "content": shot.answers[0]}]
        turns.append({"role": "user", "content": probe.question})
        turns[0] = {"role": "user", "content": f"{MADE_TO_ANSWER}\n\n{turns[0]['content']}"}
        return tuple(turns)
    if probe.cloze and all(shot.cloze for shot in shots):
        text = "\n".join([*(f"{shot.cloze} {shot.answers[0]}." for shot in shots), probe.cloze])
    else:
        lines = [f"Question: {shot.question} Answer: {shot.answers[0]}." for shot in shots]
        text = "\n".join([*lines, f"Question: {probe.question} Answer:"])
    return ({"role": "user", "content": text},)


class Shots:
    """Draws of answered questions: of the same relation where enough are there, else of the same source.

    Shots are probes that are not asked, so that no probe stands among its own shots.
    """

    def __init__(self, pool: Sequence[Probe], asking: Asking) -> None:
        self.asking = asking
        self._by: dict[str, list[Probe]] = defaultdict(list)
        for probe in sorted(pool, key=lambda probe: number("shots", asking.seed, probe.question)):
            if probe.answerable and len(probe.answers[0]) <= 80:
                for name in (f"relation {probe.source}/{probe.relation}", f"source {probe.source}", "all"):
                    self._by[name].append(probe)

    def draw(self, probe: Probe, draw: int) -> list[Probe]:
        """The shots before a probe in a draw; fewer where the pool is small, different ones in each draw."""
        count = self.asking.shots
        own = self._by[f"relation {probe.source}/{probe.relation}"] if probe.relation else []
        names = (own, self._by[f"source {probe.source}"], self._by["all"])
        pool = next((one for one in names if len(one) >= count), names[-1])
        start = draw * count
        wanted = [pool[(start + i) % len(pool)] for i in range(min(count, len(pool)))] if pool else []
        return [shot for shot in wanted if shot.question != probe.question]


def reserve(probes: Sequence[Probe], asking: Asking) -> tuple[list[Probe], list[Probe]]:
    """Which probes are asked and which serve as shots, where there are no others.

    Up to `draws` times `shots` of each source are shots, and never more than a fifth of it.
    """
    by_source: dict[str, list[Probe]] = defaultdict(list)
    for probe in probes:
        if probe.answerable:
            by_source[probe.source].append(probe)
    kept: set[str] = set()
    for group in by_source.values():
        ranked = sorted(group, key=lambda probe: number("reserve", asking.seed, probe.question))
        kept |= {probe.id for probe in ranked[: min(asking.draws * asking.shots, len(group) // 5)]}
    return [p for p in probes if p.id not in kept], [p for p in probes if p.id in kept]
