"""What each stage changed: one row an effect, from the figures on disk, with its target and whether it was met.

A row is `{stage, effect, before, after, target, met, n, detail}`. `before`, `after` and `target` are short strings for
people; `met` is a bool, null where nothing can be judged; `n` counts the items behind the row's main figure. A target
that asks for so many items is not met with fewer: the detail says so. What is missing gives no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from trivium.pages.figures import percent, plain, points
from trivium.stages.report.reading import Inputs, deep, interval, json_of

Row = dict[str, Any]
Figures = dict[str, Any]


def effects(inputs: Inputs) -> list[Row]:
    """The rows that the artifacts at hand allow, in the order of the stages."""
    base = json_of(inputs, "audit-base", "summary.json")
    plain_sft, sft = (json_of(inputs, f"audit-{name}", "summary.json") for name in ("plain", "sft"))
    reward, rl = json_of(inputs, "reward", "evals.json"), json_of(inputs, "rl", "evals.json")
    rows = [
        _bits(json_of(inputs, "base", "evals.json")),
        _recall(base, "cloze", "sentences to complete"),
        _recall(base, "question", "three-shot questions"),
        _invented(plain_sft, sft),
        _refused(plain_sft, sft),
        _practice(rl),
        _thinking(rl),
        _preferences(reward),
        _best_of(reward),
    ]
    order = {"base": 0, "sft": 1, "reward": 2, "rl": 3}
    return sorted((row for row in rows if row is not None), key=lambda row: order[row["stage"]])


def _row(stage: str, effect: str, before: str, after: str, target: str, met: bool | None, n: int, detail: str) -> Row:
    return {
        "stage": stage,
        "effect": effect,
        "before": before,
        "after": after,
        "target": target,
        "met": met,
        "n": n,
        "detail": detail,
    }


def _enough(n: int, wanted: int) -> str:
    """What the detail says when there are too few items to judge a target by."""
    return "" if n >= wanted else f" Only {n} of the {wanted} items that the target asks for."


def _bits(evals: Any) -> Row | None:
    """Bits per byte of real documents against Kneser-Ney of the same tokens."""
    web = deep(evals, "heldout", "web")
    other, own, margin = (
        interval(web, f"{name}") for name in ("kneser_ney_bits_per_byte", "model_bits_per_byte", "margin")
    )
    if other is None or own is None or margin is None:
        return None
    return _row(
        "base",
        "bits per byte of held-out real documents, Kneser-Ney → model",
        plain(other),
        plain(own),
        "margin above zero",
        _above(margin, 0.0),
        int(margin["n"]),
        f"Margin {plain(margin)} bits, paired by document. Kneser-Ney: modified, order 3, the same tokens.",
    )


def _recall(summary: Any, kind: str, said: str) -> Row | None:
    """Recall at exposure 0 and at the most read facts, and whether it rises between."""
    bins: Sequence[Figures] = [b for b in deep(summary, "bins") or [] if interval(b, kind) is not None]
    if len(bins) < 2 or bins[0].get("low") != 0:
        return None
    first, last = bins[0][kind], bins[-1][kind]
    guess = deep(summary, "unread_like_a_guesser", kind)
    climbs = rising([b[kind] for b in bins])
    most_read = bins[-1].get("high") is None
    notes = [
        _guessers(bins[0]) + ("" if guess else " The model is not within that."),
        "It rises from bin to bin." if climbs else "It does not rise throughout.",
    ]
    if not most_read:
        notes.append("No fact was read 64 times or more.")
    met = bool(guess) and climbs and most_read and last["value"] >= 0.8
    return _row(
        "base",
        f"recall of facts, {said}: never read → read {bins[-1]['bin']} times",
        percent(first),
        percent(last),
        "like a guesser → ≥ 80 %, rising",
        met,
        int(last["n"]),
        " ".join(notes),
    )


def _guessers(unread: Figures) -> str:
    """Between which ends guessers are right: who draws an answer by its frequency, who says the most frequent one."""
    low, high = (deep(unread, name, end) for name, end in (("drawer", "low"), ("guesser", "high")))
    if low is None or high is None:
        return "No guesser was measured."
    return f"Guessers by frequency are right on {100 * low:.1f} to {100 * high:.1f} % of what was never read."


def rising(figures: Sequence[Figures]) -> bool:
    """Whether the last lies above the first beyond doubt, and no step falls by more than chance would have it."""
    steps = all(after["high"] >= before["low"] for before, after in pairwise(figures))
    return steps and figures[-1]["low"] > figures[0]["high"]


def _invented(before: Any, after: Any) -> Row | None:
    """Answers about people that nothing was ever written about."""
    was, now = interval(before, "invented"), interval(after, "invented")
    if now is None:
        return None
    n = int(now["n"])
    met = was is not None and was["value"] >= 0.8 and now["value"] <= 0.2 and min(n, int(was["n"])) >= 300
    named = " → ".join(percent(interval(summary, "named_a_value")) for summary in (before, after))
    detail = f"Any answer but a refusal counts. It names a value in {named}."
    return _row(
        "sft",
        "invented answers about people nobody wrote about, without → with refusals",
        percent(was),
        percent(now),
        "≥ 80 % → ≤ 20 %",
        met,
        n,
        (detail + _enough(n, 300)).strip(),
    )


def _refused(before: Any, after: Any) -> Row | None:
    """Refusals where an answer was due."""
    was, now = (interval(s, "well_known", "test", "refused") for s in (before, after))
    if now is None:
        return None
    n, right = int(now["n"]), interval(after, "well_known", "test", "right")
    detail = f"Right on {percent(right)} of them. People whom no conversation mentioned."
    return _row(
        "sft",
        "refusals on well-known facts, without → with refusals",
        percent(was),
        percent(now),
        "≤ 10 %",
        now["value"] <= 0.1 and n >= 200,
        n,
        detail + _enough(n, 200),
    )


def _practice(evals: Any) -> Row | None:
    """Held-out problems before and after practice."""
    heldout = deep(evals, "heldout")
    was, now, gain = (interval(heldout, name) for name in ("warm", "rl", "gain"))
    if was is None or now is None or gain is None:
        return None
    n = int(gain["n"])
    met = gain["value"] >= 0.15 and _above(gain, 0.0) and n >= 500
    return _row(
        "rl",
        "held-out problems solved, warm start → after practice",
        percent(was),
        percent(now),
        "≥ +15 points, interval above zero",
        met,
        n,
        f"Gain {points(gain)}, paired. {_task(evals)}" + _enough(n, 500),
    )


def _thinking(evals: Any) -> Row | None:
    """The same model with an empty thought and with its own."""
    think = deep(evals, "think")
    without, with_it, gain = (interval(think, name) for name in ("without", "with", "gain"))
    if without is None or with_it is None or gain is None:
        return None
    tokens = [deep(think, f"tokens_{name}") for name in ("without", "with")]
    spent = f" Tokens an answer: {tokens[0]:.0f} → {tokens[1]:.0f}." if all(t is not None for t in tokens) else ""
    return _row(
        "rl",
        "held-out problems solved by the same model, without → with thinking",
        percent(without),
        percent(with_it),
        "≥ +20 points",
        gain["value"] >= 0.2,
        int(gain["n"]),
        f"Gain {points(gain)}, paired.{spent}",
    )


def _preferences(evals: Any) -> Row | None:
    """The reward model's choice between two answers, against a coin."""
    accuracy = pair_accuracy(evals)
    if accuracy is None:
        return None
    return _row(
        "reward",
        "held-out comparisons decided as people would, chance → model",
        "50.0 %",
        percent(accuracy),
        "> 50 %",
        _above(accuracy, 0.5),
        int(accuracy["n"]),
        "For context: what it measures, not what is good.",
    )


def _best_of(evals: Any) -> Row | None:
    """What picking by the reward model is worth by the true score."""
    rows = best_of(evals)
    if len(rows) < 2:
        return None
    one, many = rows[0], next((row for row in rows if row["n"] == 8), rows[-1])
    return _row(
        "reward",
        f"true score of one answer → of the best of {many['n']} by the reward model",
        plain(one["gold"], 2),
        plain(many["gold"], 2),
        "above one answer",
        many["gold"]["value"] > one["gold"]["value"],
        int(many["gold"].get("n") or 0),
        "For context: the reward model picks, the true score judges.",
    )


def pair_accuracy(evals: Any) -> Figures | None:
    """The reward model's accuracy on held-out pairs, wherever its evals keep it."""
    for keys in (("heldout", "accuracy"), ("accuracy",), ("heldout", "pairs"), ("pairs",), ("pair_accuracy",)):
        if (found := interval(evals, *keys)) is not None and found.get("n"):
            return found
    return None


def best_of(evals: Any) -> list[Figures]:
    """Rows `{n, gold, proxy}` of best-of-n, by n; none when it was not measured."""
    rows = deep(evals, "best_of_n") or deep(evals, "best_of") or []
    if isinstance(rows, dict):
        rows = [{"n": int(n), **(row if "gold" in row else {"gold": row})} for n, row in rows.items() if n.isdigit()]
    return sorted((row for row in rows if interval(row, "gold") is not None), key=lambda row: int(row["n"]))


def _above(figure: Figures, bound: float) -> bool:
    """Whether the whole interval lies above the bound."""
    return figure.get("low") is not None and figure["low"] > bound


def _task(evals: Any) -> str:
    task, level = deep(evals, "task"), deep(evals, "level")
    return f"Task: {task}, level {level}." if task is not None else ""
