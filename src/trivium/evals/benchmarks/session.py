"""Tasks on a model: items asked, every one logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trivium.evals.benchmarks.forms import FORMS, form_named, task_name
from trivium.evals.benchmarks.item import Item
from trivium.evals.benchmarks.reading import Bank
from trivium.evals.benchmarks.results import Result, mean_centred, task_figures
from trivium.evals.benchmarks.scoring import Scorer
from trivium.evals.benchmarks.shots import SEED, draw, shown
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.progress import Progress


@dataclass(frozen=True)
class Wish:
    """Which items, and how they are asked."""

    tasks: tuple[str, ...] = ()
    """Names; empty: every task with a form that the data has. `all`: every dataset of the data."""
    limit: int = 0
    """So many items of a task, the first ones (of each group in turn); 0: all."""
    shots: int = 0
    seed: int = SEED


def chosen(bank: Bank, wish: Wish) -> list[str]:
    """The tasks to run. Raises UsageError for one that the data does not have."""
    there = [task for task in [*FORMS, *sorted(bank.items.keys() - FORMS.keys())] if bank.asked(task)]
    if not wish.tasks:
        known = [task for task in there if task in FORMS]
        return known or there
    if wish.tasks == ("all",):
        return there
    names = [form.name if (form := form_named(name)) else task_name(name) for name in wish.tasks]
    for given, name in zip(wish.tasks, names, strict=True):
        if name not in there:
            has = ", ".join(there) or "nothing that can be asked"
            raise UsageError(f"The data has no items of {given!r}.", f"It has {has}.")
    return list(dict.fromkeys(names))


def some(items: Sequence[Item], limit: int) -> list[Item]:
    """The first `limit` items, taken from each group in turn; all of them for 0. They keep their order."""
    if not limit or limit >= len(items):
        return list(items)
    seen: dict[str, int] = {}
    ranks = []
    for place, item in enumerate(items):
        ranks.append((seen.get(item.group, 0), place))
        seen[item.group] = seen.get(item.group, 0) + 1
    return [items[place] for place in sorted(place for _, place in sorted(ranks)[:limit])]


def ask(scorer: Scorer, bank: Bank, task: str, wish: Wish, how: How) -> list[Result]:
    """The results of one task, in the order of its items. Raises UsageError when there are too few shots to show."""
    items = some(bank.asked(task), wish.limit)
    drawn = draw(items, bank.pool(task), wish.shots, wish.seed)
    if wish.shots and min(map(len, drawn)) < wish.shots:
        raise UsageError(f"{task} has too few items to show {wish.shots}.", f"At most {min(map(len, drawn))} here.")
    shots = ["".join(map(shown, others)) for others in drawn]
    requests = [item.requests(before) for item, before in zip(items, shots, strict=True)]
    with Progress(task, sum(map(len, requests)), "choices", how) as bar:
        likelihoods = iter(scorer.score([pair for pairs in requests for pair in pairs], bar))
    return [
        Result(item, item.digest(before), tuple(next(likelihoods) for _ in pairs), wish.shots)
        for item, before, pairs in zip(items, shots, requests, strict=True)
    ]


def figures(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Task -> its figures, and the mean of centred accuracies, from the records of `items.jsonl`."""
    tasks = list(dict.fromkeys(record["task"] for record in records))
    parts = [[record for record in records if record["task"] == task] for task in tasks]
    return {
        "tasks": {task: task_figures(part) for task, part in zip(tasks, parts, strict=True)},
        "mean_centred": mean_centred(parts).to_json() if parts else None,
    }
