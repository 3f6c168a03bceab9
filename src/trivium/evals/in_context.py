"""Learning from the prompt: accuracy by the number of shots, beside shots whose labels are shuffled.

Two made-up tasks that no text can have taught. `mapping`: invented words have one of four endings, each ending has a
label, and only the shots say which; the word that is asked is fresh, so that its label must be inferred. `recall`:
invented pairs, and the word that is asked stood among them, so that its partner need only be copied (the induction
heads of "In-context Learning and Induction Heads", arXiv 2209.11895). Real tasks take their own items as shots.
The control says what the form of the shots alone gives ("Rethinking the Role of Demonstrations", arXiv 2202.12837).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from trivium.evals.benchmarks.forms import FORMS
from trivium.evals.benchmarks.item import Item
from trivium.evals.benchmarks.results import Result, accuracy
from trivium.evals.benchmarks.scoring import Scorer
from trivium.evals.benchmarks.shots import draw, shown
from trivium.evals.intervals import paired_difference
from trivium.ground.how import How
from trivium.ground.progress import Progress

SHOTS = (0, 1, 2, 4, 8, 16, 32)
LABELS = 4
ONSETS, VOWELS = "b d f g h j k l m n p r s t v w z".split(), "a e i o u".split()


@dataclass(frozen=True)
class Puzzle:
    """A question with shots in order: the first n of them are the prompt of n shots."""

    item: Item
    shots: tuple[str, ...]
    shuffled: tuple[str, ...]
    """The same shots, their labels dealt out anew."""


Maker = Callable[[Random, int], Puzzle]


def word(random: Random, syllables: int) -> str:
    """An invented word of so many syllables."""
    return "".join(random.choice(ONSETS) + random.choice(VOWELS) for _ in range(syllables))


def mapping(random: Random, number: int) -> Puzzle:
    """A puzzle of `mapping`: endings and labels are drawn anew, every four shots show each label once."""
    endings = distinct(random, LABELS, lambda: word(random, 1))
    labels = distinct(random, LABELS, lambda: word(random, 2))
    stems = distinct(random, SHOTS[-1] + 1, lambda: word(random, 2))
    kinds = [kind for _ in range(SHOTS[-1] // LABELS) for kind in random.sample(range(LABELS), LABELS)]
    asked = random.randrange(LABELS)
    words = [stem + endings[kind] for stem, kind in zip(stems, kinds, strict=False)]
    item = Item(f"mapping/{number}", "mapping", f"{stems[-1]}{endings[asked]} ->", tuple(labels), asked)
    dealt = [random.choice(labels) for _ in kinds]
    return Puzzle(item, _lines(words, [labels[kind] for kind in kinds]), _lines(words, dealt))


def recall(random: Random, number: int) -> Puzzle:
    """A puzzle of `recall`: the asked pair is the first shot, so that every number of shots from one on holds it.

    The other choices are partners of later words: with few shots they have not been seen.
    """
    words = distinct(random, 2 * SHOTS[-1], lambda: word(random, 2))
    keys, values = words[: SHOTS[-1]], words[SHOTS[-1] :]
    places = random.sample(range(LABELS), LABELS)
    choices = tuple(values[place] for place in places)
    item = Item(f"recall/{number}", "recall", f"{keys[0]} ->", choices, places.index(0))
    dealt = random.sample(values, len(values))
    return Puzzle(item, _lines(keys, values), _lines(keys, dealt))


def real(items: Sequence[Item], pool: Sequence[Item], seed: int) -> list[Puzzle]:
    """Puzzles from a task's own items; shuffled shots show one of their own choices, drawn at random."""
    random, found = Random(f"control|{seed}"), []
    for item, others in zip(items, draw(items, pool, SHOTS[-1], seed), strict=True):
        wrong = tuple(shown(other, random.randrange(len(other.choices))) for other in others)
        found.append(Puzzle(item, tuple(map(shown, others)), wrong))
    return found


MADE_UP: dict[str, Maker] = {"mapping": mapping, "recall": recall}


def made_up(name: str, count: int, seed: int) -> list[Puzzle]:
    """`count` puzzles of a made-up task, each from its own seed."""
    return [MADE_UP[name](Random(f"{name}|{seed}|{number}"), number) for number in range(count)]


def measure(scorer: Scorer, name: str, puzzles: Sequence[Puzzle], how: How) -> list[dict[str, Any]]:
    """Rows, one a number of shots: accuracy, that of the control, and the gain over no shots on the same items.

    Numbers of shots that some puzzle does not have are left out; so are those whose prompts would not fit into the
    model. The figure is the task's headline.
    """
    fewest = min((len(puzzle.shots) for puzzle in puzzles), default=0)
    numbers = [count for count in SHOTS if count <= fewest]
    rows: list[dict[str, Any]] = []
    first: list[float] = []
    with Progress(f"shots: {name}", 2 * len(numbers) * len(puzzles), "items", how) as bar:
        for count in numbers:
            cut = scorer.cut
            right = _headlines(scorer, puzzles, [puzzle.shots[:count] for puzzle in puzzles])
            control = _headlines(scorer, puzzles, [puzzle.shuffled[:count] for puzzle in puzzles]) if count else right
            bar.advance(2 * len(puzzles))
            if scorer.cut > cut:
                break
            first = first or right
            rows.append(
                {
                    "shots": count,
                    "accuracy": accuracy(right).to_json(),
                    "shuffled": accuracy(control).to_json(),
                    "gain": paired_difference(right, first).to_json(),
                    "over_shuffled": paired_difference(right, control).to_json(),
                }
            )
    return rows


def chance(puzzles: Sequence[Puzzle]) -> float:
    """The accuracy of knowing nothing."""
    form = FORMS.get(puzzles[0].item.task) if puzzles else None
    if form is not None and form.chance is not None:
        return form.chance
    return sum(1 / len(puzzle.item.choices) for puzzle in puzzles) / max(len(puzzles), 1)


def distinct(random: Random, count: int, make: Callable[[], str]) -> list[str]:
    """So many different words, in the order in which they were made, then mixed."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[make()] = None
    return random.sample(list(found), count)


def _headlines(scorer: Scorer, puzzles: Sequence[Puzzle], shots: Sequence[Sequence[str]]) -> list[float]:
    requests = [puzzle.item.requests("".join(shown)) for puzzle, shown in zip(puzzles, shots, strict=True)]
    likelihoods = iter(scorer.score([pair for pairs in requests for pair in pairs]))
    return [
        Result(puzzle.item, "", tuple(next(likelihoods) for _ in pairs)).headline
        for puzzle, pairs in zip(puzzles, requests, strict=True)
    ]


def _lines(words: Sequence[str], labels: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{one} -> {label}\n" for one, label in zip(words, labels, strict=True))
