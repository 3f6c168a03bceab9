"""Looking inside words: counting a letter, spelling, spelling backwards. Hard for a model that sees no letters.

The working writes the word out letter by letter, which is what a model without eyes for letters must do first.
"""

from __future__ import annotations

from random import Random

from trivium.tasks.problem import Problem, identity
from trivium.tasks.words import WORDS

LENGTHS = {1: (3, 4), 2: (5, 6), 3: (7, 12)}
"""Letters in a word, from and to, by level."""


def counting(rng: Random, level: int) -> Problem:
    """How many times a letter occurs in a word; about half of the letters occur more than once, some not at all."""
    word = _word(rng, level)
    letter = _letter(rng, word)
    question = f"How many {letter}'s are in {word}?"
    return Problem(
        "counting",
        identity("counting", question),
        question,
        str(word.count(letter)),
        running_count(word, letter),
        level,
    )


def tally(rng: Random, level: int) -> Problem:
    """The same with the word spelled out in the question: what `counting` would be for eyes that see letters."""
    word = _word(rng, level)
    letter = _letter(rng, word)
    question = f"How many {letter}'s are in {' '.join(word)}?"
    return Problem(
        "tally", identity("tally", question), question, str(word.count(letter)), running_count(word, letter), level
    )


def _letter(rng: Random, word: str) -> str:
    repeated = sorted({letter for letter in word if word.count(letter) > 1})
    luck = rng.random()
    if repeated and luck < 0.5:
        return rng.choice(repeated)
    if luck < 0.85:
        return rng.choice(word)
    return rng.choice(sorted(set("abcdefghilmnoprstuwy") - set(word)))


def running_count(word: str, letter: str) -> str:
    """The word letter by letter, each with how many of `letter` there were so far: `a0 p1 p2 l2 e2`."""
    return " ".join(f"{x}{word[:i].count(letter)}" for i, x in enumerate(word, 1))


def spelling(rng: Random, level: int) -> Problem:
    """Spell a word: its letters with spaces between; the working numbers them."""
    word = _word(rng, level)
    question = f"How do you spell {word}?"
    thought = " ".join(f"{letter}{i}" for i, letter in enumerate(word, 1))
    return Problem("spelling", identity("spelling", question), question, " ".join(word), thought, level)


def reversal(rng: Random, level: int) -> Problem:
    """Spell a word backwards; the working spells it forwards."""
    word = _word(rng, level)
    question = f"How do you spell {word} backwards?"
    backwards = " ".join(reversed(word))
    return Problem("reversal", identity("reversal", question), question, backwards, " ".join(word), level)


def _word(rng: Random, level: int) -> str:
    low, high = LENGTHS[level]
    return rng.choice([word for word in WORDS if low <= len(word) <= high])
