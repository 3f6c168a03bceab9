"""What a model knows: four labels for a fact, by one greedy answer and some samples, and recall by exposure.

Known and weak follow SliCK ("Does Fine-Tuning LLMs on New Knowledge Encourage Hallucinations?", arXiv 2405.05904);
confidently wrong, the dangerous kind, is set apart: most samples agree on one answer, and it is not true. Short answers
are clustered by the value that they name, so no second model has to judge whether two mean the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

from trivium.evals.intervals import Interval, proportion
from trivium.evals.probes import Fact, verdict
from trivium.tasks.answers import is_refusal, normal_form
from trivium.town.questions import values_in
from trivium.town.world import Town

Label = Literal["known", "weak", "unknown", "confidently-wrong"]
LABELS: tuple[Label, ...] = get_args(Label)

BINS: tuple[tuple[int, int | None], ...] = ((0, 0), (1, 3), (4, 12), (13, 31), (32, 63), (64, None))
"""Exposures, from and to; the last has no end."""


def bin_name(low: int, high: int | None) -> str:
    """`0`, `1-3`, `64+`."""
    return f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"


def in_bin(fact: Fact, low: int, high: int | None) -> bool:
    """Whether the fact's exposure is from `low` to `high`."""
    return fact.exposure >= low and (high is None or fact.exposure <= high)


def cluster(fact: Fact, text: str) -> str:
    """What an answer means: the value that it names, or its words when it names none or several."""
    values = values_in(text, fact.attribute)
    return values[0] if len(values) == 1 else normal_form(text)


def top_cluster(fact: Fact, samples: Sequence[str]) -> tuple[str, float]:
    """The meaning that most samples share (the earliest, when several lead) and their share; "" and 0 for none."""
    counts = Counter(cluster(fact, text) for text in samples)
    meaning, count = counts.most_common(1)[0] if counts else ("", 0)
    return meaning, count / max(len(samples), 1)


def label(fact: Fact, greedy: str, samples: Sequence[str]) -> Label:
    """The label of a fact.

    known: the greedy answer is right, and half of the samples or more. confidently-wrong: neither the greedy answer nor
    the answer that half of the samples or more share is right (a refusal is never confident). weak: some answer is
    right. unknown: none is.
    """
    right = sum(verdict(fact, text) == "right" for text in samples)
    sure = verdict(fact, greedy) == "right"
    meaning, mass = top_cluster(fact, samples)
    if sure and 2 * right >= len(samples):
        return "known"
    if not sure and mass >= 0.5 and meaning not in ("", fact.value) and not is_refusal(meaning):
        return "confidently-wrong"
    return "weak" if sure or right else "unknown"


def by_exposure(facts: Sequence[Fact], hits: Mapping[str, Sequence[bool]], town: Town) -> list[dict[str, Any]]:
    """Rows, one an exposure bin: its ends, for each name in `hits` (one bool a fact) its rate, and the guessers'."""
    rows = []
    for low, high in BINS:
        places = [i for i, fact in enumerate(facts) if in_bin(fact, low, high)]
        row: dict[str, Any] = {"bin": bin_name(low, high), "low": low, "high": high, "n": len(places)}
        row |= {name: share(flags[i] for i in places).to_json() for name, flags in hits.items()}
        rows.append(row | guessers([facts[i] for i in places], town))
    return rows


def guessers(facts: Sequence[Fact], town: Town) -> dict[str, Any]:
    """How often somebody who knows only how frequent each value is would be right on the same facts.

    `guesser` always says the attribute's most frequent value; `drawer` draws a value as often as it is frequent (its
    hits are what is to be expected, rounded).
    """
    shares = {attribute: value_shares(town, attribute) for attribute in {fact.attribute for fact in facts}}
    usual = {attribute: town.guesser(attribute)[0] for attribute in shares}
    expected = sum(shares[fact.attribute][fact.value] for fact in facts)
    return {
        "guesser": share(usual[fact.attribute] == fact.value for fact in facts).to_json(),
        "drawer": proportion(round(expected), len(facts)).to_json(),
    }


def value_shares(town: Town, attribute: str) -> dict[str, float]:
    """How frequent each value of the attribute is among everybody."""
    counts = Counter(person.facts[attribute] for person in town.people)
    return {value: count / len(town.people) for value, count in counts.items()}


def share(flags: Iterable[bool]) -> Interval:
    """The share of flags that are set, with its interval."""
    found = list(flags)
    return proportion(sum(found), len(found))


def counts_of(labels: Iterable[Label]) -> dict[str, int]:
    """How many facts have each label, zeros included."""
    counts = Counter(labels)
    return {name: counts[name] for name in LABELS}
