"""Questions that nobody can answer, by construction: invented names, false premises, years after the data's end.

Invented names come from two pools. Recombined ones are made of parts of the real subjects; disjoint ones of syllables
that make no real name's word, so that a model cannot have learned from the first pool how to refuse the second. A name
whose words the documents or probes have together is not used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from trivium.evals.knowledge.probe import Probe
from trivium.tasks.normal_forms import fold

_ONSETS = "B Br D Dr F G Gl H K Kl L M N P Pr Qu R S St T Tr V Vr Z Zh".split()
_MIDDLES = "a e i o u ae io ua".split()
_CODAS = "ld mb nd rv sk th x zz ckt lm rn v".split()
_ENDS = "ano eth ik oum ula ry vane iel osk umi".split()
TRIES = 20
"""Draws of a name or a wrong value before it is given up."""
_EVENTS = (
    "Who won the football World Cup in {y}?",
    "Which film won the Academy Award for Best Picture in {y}?",
    "Who received the Nobel Prize in Physics in {y}?",
    "What was the population of {s} in {y}?",
    "Who was the head of government of {s} in {y}?",
    "Which city hosted the Summer Olympic Games in {y}?",
    "What was the most spoken language of {s} in {y}?",
    "Which song was sold most often in {y}?",
    "How many people visited {s} in {y}?",
    "What was the strongest earthquake of {y}?",
)
_PREMISES = (
    "Why did {s} change its {r} from {v} back to {a}?",
    "Since {v} is the {r} of {s}, when did that begin?",
    "Who decided that {v} should be the {r} of {s}?",
    "In which year did {v} become the {r} of {s}?",
)


def unanswerable(real: Sequence[Probe], count: int, data_end: int, seed: int, taken: str = "") -> list[Probe]:
    """`count` questions of each kind (fewer where the real ones are too few to make them from).

    `taken`: a folded text that no invented name may stand in.
    """
    rng = Random(f"unanswerable|{seed}")
    usable = [p for p in real if p.answerable and p.subject and p.subject in p.question]
    return [
        *_invented(usable, count, rng, taken),
        *_premises(usable, count, rng),
        *_future(usable, count, data_end, rng),
    ]


def _invented(real: Sequence[Probe], count: int, rng: Random, taken: str) -> list[Probe]:
    """Real questions about names that nobody has: half recombined, half of syllables."""
    by_relation: dict[str, list[Probe]] = defaultdict(list)
    for probe in real:
        by_relation[probe.relation].append(probe)
    relations = sorted(name for name, group in by_relation.items() if len(group) > 1)
    there = {fold(probe.subject) for probe in real}
    found: list[Probe] = []
    for pool, most in (("recombined", (count + 1) // 2), ("disjoint", count)):
        for i in range(count * TRIES if relations else 0):
            if len(found) == most:
                break
            model, other = rng.sample(by_relation[relations[i % len(relations)]], 2)
            name = recombined(model.subject, other.subject, rng) if pool == "recombined" else coined(model.subject, rng)
            if name and fold(name) not in there and not (taken and fold(name) in taken):
                there.add(fold(name))
                found.append(_about(model, name, f"invented:{len(found)}", pool))
    return found


def _about(model: Probe, name: str, id: str, pool: str) -> Probe:
    return replace(
        model, id=id, question=model.question.replace(model.subject, name),
        cloze=model.cloze.replace(model.subject, name), subject=name,
        answers=(), source="unanswerable", why="invented", pool=pool, document="", start=0, end=0,
        exposure=0,
    )  # fmt: skip


def recombined(one: str, other: str, rng: Random) -> str:
    """A name with the first words of one and the last of the other; "" where that gives nothing new."""
    a, b = one.split(), other.split()
    if len(a) < 2 or len(b) < 2:
        half = max(2, len(a[0]) // 2), max(2, len(b[-1]) // 2)
        name = a[0][: half[0]] + b[-1][half[1] :].lower()
        return name if len(a) == len(b) == 1 and len(name) >= 4 and name not in (one, other) else ""
    name = " ".join([*a[: rng.randint(1, len(a) - 1)], b[-1]])
    return name if name not in (one, other) else ""


def coined(like: str, rng: Random) -> str:
    """A name of syllables, of about as many words as `like` has."""
    return " ".join(_word(rng) for _ in range(min(max(len(like.split()), 1), 3)))


def _word(rng: Random) -> str:
    return rng.choice(_ONSETS) + rng.choice(_MIDDLES) + rng.choice(_CODAS) + rng.choice(_ENDS)


def _premises(real: Sequence[Probe], count: int, rng: Random) -> list[Probe]:
    """Questions that take a wrong value for granted: another subject's answer to the same."""
    by_relation: dict[str, list[Probe]] = defaultdict(list)
    for probe in real:
        if probe.question.startswith(f"What is the {probe.relation} "):
            by_relation[probe.relation].append(probe)
    pairs: list[tuple[Probe, str]] = []
    able = [probe for group in by_relation.values() for probe in group]
    for probe in rng.sample(able, len(able)):
        if len(pairs) == count:
            break
        true = {fold(answer) for answer in probe.answers}
        tried = (rng.choice(by_relation[probe.relation]).answers[0] for _ in range(TRIES))
        if value := next((answer for answer in tried if fold(answer) not in true), ""):
            pairs.append((probe, value))
    return [
        Probe(
            f"premise:{i}", _PREMISES[i % len(_PREMISES)].format(s=p.subject, r=p.relation, v=value, a=p.answers[0]),
            (), p.subject, "", "unanswerable", why="premise", exposure=0,
        )
        for i, (p, value) in enumerate(pairs)
    ]  # fmt: skip


def _future(real: Sequence[Probe], count: int, data_end: int, rng: Random) -> list[Probe]:
    """Questions about years that no text of the data can know."""
    places = sorted(
        {p.subject for p in real if p.relation in ("capital", "continent", "official language", "population")}
    )
    events = [event for event in _EVENTS if places or "{s}" not in event]
    found: dict[str, Probe] = {}
    for i in range(count * 4):
        if len(found) == count:
            break
        year, place = data_end + rng.randint(6, 60), rng.choice(places) if places else ""
        event = events[i % len(events)]
        question = event.format(y=year, s=place)
        subject = place if "{s}" in event else str(year)
        found.setdefault(
            question, Probe(f"future:{i}", question, (), subject, "", "unanswerable", why="future", exposure=0)
        )
    return list(found.values())
