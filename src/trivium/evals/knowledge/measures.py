"""What an audit measures, each with its 95 % interval: Wilson's for shares, the bootstrap over entities for the rest.

Refusal Index: the rank correlation between how probably a model refuses a question and how probably it would be wrong
(2510.01782; there both are estimated from single answers, here both are shares of several). Unlike a rate of refusals
it cannot be raised by refusing more.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from trivium.evals.intervals import Interval, proportion
from trivium.evals.knowledge.mapping import KNOWN, LABELS, NOT_KNOWN, Record
from trivium.evals.knowledge.probe import Probe, split_of
from trivium.evals.knowledge.resampled import Floats, auroc, coded, over_entities, spearman

COLUMNS = ("all", "train", "test", "new relation", "new source", "unanswerable")
DETECTORS = ("agreement", "entropy", "surprise", "length")
EXPOSURES: tuple[tuple[int, int | None], ...] = (
    (0, 0), (1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (17, 32), (33, 64), (65, None),
)  # fmt: skip


def share(flags: Iterable[bool]) -> Interval:
    """The share of flags that are set."""
    found = list(flags)
    return proportion(sum(found), len(found))


def entity(probe: Probe) -> str:
    """What a bootstrap resamples: the subject, or the question where none is named."""
    return probe.subject or probe.question


def rates(records: Sequence[Record], base: Mapping[str, Record]) -> dict[str, Any]:
    """Shares of outcomes, and how refusals fall on what `base` (by probe id) knows; all with intervals.

    `hallucination` is wrong among all, `wrong_of_answered` among those answered. Refusal recall is over answerable
    probes that `base` does not know, over-refusal over those that it knows highly, precision over all refusals.
    """
    knew = [base.get(r.probe.id, r) for r in records]
    refused = [r.outcome == "refused" for r in records]
    able = [r.probe.answerable for r in records]
    ignorant = [not a or k.label in NOT_KNOWN for a, k in zip(able, knew, strict=True)]
    rows = list(zip(refused, able, knew, ignorant, strict=True))
    answered = [r for r in records if r.outcome in ("right", "wrong")]
    answerable = [r for r in records if r.probe.answerable]
    found = {
        "accuracy": share(r.outcome == "right" for r in answerable),
        "hallucination": share(r.outcome == "wrong" for r in records),
        "abstained": share(refused),
        "empty": share(r.outcome == "empty" for r in records),
        "wrong_of_answered": share(r.outcome == "wrong" for r in answered),
        "refusal_recall": share(f for f, a, k, _ in rows if a and k.label in NOT_KNOWN),
        "refusal_recall_unanswerable": share(f for f, a, _, _ in rows if not a),
        "over_refusal": share(f for f, a, k, _ in rows if a and k.label == "highly-known"),
        "over_refusal_known": share(f for f, a, k, _ in rows if a and k.label in KNOWN),
        "refusal_precision": share(i for f, _, _, i in rows if f),
    }
    return {name: one.to_json() for name, one in found.items()} | {"refusal_index": refusal_index(records, base)}


def refusal_index(records: Sequence[Record], base: Mapping[str, Record]) -> dict[str, Any]:
    """The rank correlation of refusing and being wrong, over all records and with its control.

    `shuffled` gives the refusals to other probes at random: its interval holds 0 unless something is wrong here.
    """
    refusing = coded([r.refusing for r in records])
    wrong = coded([base.get(r.probe.id, r).wrong for r in records])
    index = over_entities(spearman, [entity(r.probe) for r in records], refusing, wrong)
    generator, once = np.random.default_rng(1), np.ones(len(records))
    mixed = (generator.permutation(refusing) for _ in range(200))
    drawn = [spearman(one, wrong, once) for one in mixed] if len(records) > 1 else [math.nan]
    if all(map(math.isfinite, drawn)):
        low, high = np.quantile(drawn, (0.025, 0.975))
        shuffled = Interval(float(np.mean(drawn)), float(low), float(high), len(records))
    else:
        shuffled = Interval(math.nan, -1.0, 1.0, len(records))
    return {**index.to_json(), "shuffled": shuffled.to_json()}


def change(before: Sequence[Record], after: Sequence[Record]) -> dict[str, Any]:
    """From one audit to another of the same probes, in the same order, entities resampled.

    `accuracy` is the difference of right answers to what can be answered (a loss is negative), `hallucination` the
    quotient of wrong answers to everything: 0.5 is half.
    """
    pairs = [(b, a) for b, a in zip(before, after, strict=True) if a.probe.answerable]
    rights = [[float(one.outcome == "right") for one in some] for some in zip(*pairs, strict=True)] or [[], []]
    wrongs = [[float(one.outcome == "wrong") for one in some] for some in (before, after)]
    gap = over_entities(lambda b, a, w: float(w @ (a - b) / w.sum()), [entity(a.probe) for _, a in pairs], *rights)
    quotient = over_entities(
        lambda b, a, w: float(w @ a / (w @ b)) if w @ b else math.nan, [entity(a.probe) for a in after], *wrongs
    )
    return {"accuracy": gap.to_json(), "hallucination": quotient.to_json()}


def columns(
    records: Sequence[Record], base: Mapping[str, Record], held_out: tuple[str, ...], seed: int
) -> dict[str, Any]:
    """`rates` of all records, and of each side of the splits."""
    sides: dict[str, list[Record]] = {name: [] for name in COLUMNS}
    for one in records:
        sides["all"].append(one)
        sides[split_of(one.probe, held_out, seed)].append(one)
    found = {name: {"n": len(group), **rates(group, base)} for name, group in sides.items()}
    for why in ("invented", "premise", "future", "unwritten"):
        group = [one for one in records if one.probe.why == why]
        if group:
            found[f"unanswerable: {why}"] = {"n": len(group), **rates(group, base)}
    for pool in ("recombined", "disjoint"):
        group = [one for one in records if one.probe.pool == pool]
        if group:
            found[f"invented: {pool}"] = {"n": len(group), **rates(group, base)}
    return found


def detectors(records: Sequence[Record]) -> dict[str, Any]:
    """AUROC of each detector for a wrong first greedy answer: answerable probes that got an answer, and all such.

    `shuffled` is agreement with its labels shuffled; `over_length` how much the best of agreement and entropy has over
    length alone, on the same probes.
    """
    found: dict[str, Any] = {}
    for name, group in (
        ("answerable", [r for r in records if r.probe.answerable and r.judged[0] in ("right", "wrong")]),
        ("all", [r for r in records if r.judged[0] in ("right", "wrong")]),
    ):
        wrong = [float(r.judged[0] == "wrong") for r in group]
        entities = [entity(r.probe) for r in group]
        scores = {
            "agreement": coded([-r.agreement for r in group]),
            "entropy": coded([r.entropy for r in group]),
            "length": coded([r.length for r in group]),
        }
        if all(r.surprise is not None for r in group):
            scores["surprise"] = coded([r.surprise or 0.0 for r in group])
        row = {key: over_entities(auroc, entities, values, wrong).to_json() for key, values in scores.items()}
        mixed = np.random.default_rng(2).permutation(wrong).tolist()
        row["shuffled"] = over_entities(auroc, entities, scores["agreement"], mixed).to_json()
        for key in ("agreement", "entropy"):
            gap = over_entities(
                lambda a, b, is_wrong, w: auroc(a, is_wrong, w) - auroc(b, is_wrong, w),
                entities, scores[key], scores["length"], wrong,
            )  # fmt: skip
            row[f"{key}_over_length"] = gap.to_json()
        found[name] = row
    return found


def calibration(records: Sequence[Record], bins: int = 10) -> dict[str, Any]:
    """Accuracy by agreement, in bins, and the expected calibration error; answerable probes only."""
    asked = [r for r in records if r.probe.answerable]
    sure = [r.agreement for r in asked]
    right = [float(r.judged[0] == "right") for r in asked]
    rows = []
    for i in range(bins):
        inside = [j for j, one in enumerate(sure) if min(int(one * bins), bins - 1) == i]
        if inside:
            accuracy = share(right[j] > 0.5 for j in inside)
            rows.append({"agreement": float(np.mean([sure[j] for j in inside])), "accuracy": accuracy.to_json()})

    def error(s: Floats, r: Floats, w: Floats) -> float:
        places = np.minimum((s * bins).astype(int), bins - 1)
        gaps = np.bincount(places, w * (s - r), minlength=bins)
        return float(np.abs(gaps).sum() / max(w.sum(), 1))

    return {"rows": rows, "error": over_entities(error, [entity(r.probe) for r in asked], sure, right).to_json()}


def by_exposure(records: Sequence[Record]) -> dict[str, Any] | None:
    """Outcomes by how often the corpus states the fact, with the floor; None where no true fact has one.

    The floor is Good and Turing's estimate of what was never seen, facts seen once over all statements: a model that
    is calibrated and always answers invents at least about so much (2311.14648).
    """
    known = [r for r in records if r.probe.exposure is not None]
    if not any(r.probe.answerable for r in known):
        return None
    rows = []
    for low, high in EXPOSURES:
        inside = [r for r in known if low <= (r.probe.exposure or 0) <= (high if high is not None else math.inf)]
        if inside:
            name = f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"
            rows.append(
                {
                    "bin": name,
                    "low": low,
                    "high": high,
                    "hallucination": share(r.outcome == "wrong" for r in inside).to_json(),
                    "right": share(r.outcome == "right" for r in inside).to_json(),
                    "labels": {label: sum(r.label == label for r in inside) for label in LABELS},
                }
            )
    seen = [r.probe.exposure or 0 for r in known if r.probe.exposure]
    singles = sum(count == 1 for count in seen)
    return {
        "rows": rows,
        "facts": len(seen),
        "statements": sum(seen),
        "singletons": singles,
        "floor": singles / sum(seen) if seen else None,
        "singleton_share": proportion(singles, len(seen)).to_json(),
    }


def guesser(records: Sequence[Record]) -> dict[str, Any]:
    """How often somebody would be right who always says a relation's most frequent answer."""
    answers: dict[str, list[str]] = defaultdict(list)
    asked = [r.probe for r in records if r.probe.answerable and r.probe.relation]
    for probe in asked:
        answers[f"{probe.source}/{probe.relation}"].append(probe.answers[0].casefold())
    most = {name: Counter(sorted(values)).most_common(1)[0][0] for name, values in answers.items()}
    return share(most[f"{p.source}/{p.relation}"] in {a.casefold() for a in p.answers} for p in asked).to_json()
