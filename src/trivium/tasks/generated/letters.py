"""Looking inside words: counting a letter, spelling, spelling backwards. Hard for a model that sees no letters.

The working writes the word out letter by letter, which is what a model without eyes for letters must do first.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from trivium.tasks.generated.words import WORDS
from trivium.tasks.problem import Problem, identity

LENGTHS = {1: (3, 4), 2: (5, 6), 3: (7, 12)}
"""Letters in a word, from and to, by level."""
VOWELS, CONSONANTS = "aeiou", "bcdfghklmnprstvwz"
DOUBLE_VOWELS = ("ee", "oo", "ai", "ea", "ou")
DOUBLE_CONSONANTS = ("ll", "mm", "nn", "pp", "rr", "ss", "tt", "st", "nd", "rk", "mp", "sh")


def counting(rng: Random, level: int) -> Problem:
    """How many times a letter occurs in a word; about half of the letters occur more than once, some not at all."""
    return _count(rng, "counting", _word(rng, level), level)


def coined_counting(rng: Random, level: int) -> Problem:
    """The same in a word that nobody has seen, of `level` + 2 letters."""
    return _count(rng, "coined-counting", coined(rng, level + 2), level)


def _count(rng: Random, task: str, word: str, level: int) -> Problem:
    letter = _letter(rng, word)
    question = f"How many {letter}'s are in {word}?"
    answer = str(word.count(letter))
    return Problem(task, identity(task, question), question, answer, running_count(word, letter), level)


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
    return _spell("spelling", _word(rng, level), level)


def coined_spelling(rng: Random, level: int) -> Problem:
    """The same with a word that nobody has seen, of `level` + 2 letters."""
    return _spell("coined-spelling", coined(rng, level + 2), level)


def _spell(task: str, word: str, level: int) -> Problem:
    question = f"How do you spell {word}?"
    thought = " ".join(f"{letter}{i}" for i, letter in enumerate(word, 1))
    return Problem(task, identity(task, question), question, " ".join(word), thought, level)


def reversal(rng: Random, level: int) -> Problem:
    """Spell a word backwards; the working spells it forwards."""
    return _reverse("reversal", _word(rng, level), level)


def coined_reversal(rng: Random, level: int) -> Problem:
    """The same with a word that nobody has seen, of `level` + 2 letters. Its working numbers them, and counts back: the
    letter before the one just written is then found by its number, where letters occur twice, too.
    """
    problem = _reverse("coined-reversal", coined(rng, level + 2), level)
    numbered = [f"{letter}{i}" for i, letter in enumerate(problem.thought.split(), 1)]
    return replace(problem, thought=f"{' '.join(numbered)}\n{' '.join(reversed(numbered))}")


def _reverse(task: str, word: str, level: int) -> Problem:
    question = f"How do you spell {word} backwards?"
    return Problem(task, identity(task, question), question, " ".join(reversed(word)), " ".join(word), level)


def coined(rng: Random, letters: int) -> str:
    """A word that can be pronounced and that nobody has seen: consonants and vowels in turn, now and then a pair."""
    word, vowel = "", rng.random() < 0.3
    while len(word) < letters:
        if vowel:
            word += rng.choice(VOWELS) if rng.random() < 0.85 else rng.choice(DOUBLE_VOWELS)
        else:
            word += rng.choice(CONSONANTS) if rng.random() < 0.7 or not word else rng.choice(DOUBLE_CONSONANTS)
        vowel = not vowel
    return word[:letters] if word[:letters] not in WORDS else coined(rng, letters)


def length(problem: Problem) -> dict[str, int]:
    """How hard it is: the letters of the word, and for counting, how often the letter occurs."""
    asked = problem.question.removesuffix(" backwards?").rstrip("?")
    word = asked.rpartition("in ")[2].replace(" ", "") if " are in " in asked else asked.rpartition(" ")[2]
    return {"letters": len(word)} | ({"occurs": int(problem.answer)} if problem.answer.isdigit() else {})


def _word(rng: Random, level: int) -> str:
    low, high = LENGTHS[level]
    return rng.choice([word for word in WORDS if low <= len(word) <= high])
