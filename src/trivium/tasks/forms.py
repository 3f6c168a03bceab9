"""What answers look like, and how one is read out of a reply: strictly, for rewards, and leniently, for comparison.

A form must not be talked into a reward: it reads plain ASCII, wants the answer and nothing else, and several answers
are a wrong answer even when the right one is among them (the "set, not any" rule).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Protocol

from trivium.tasks.generated.expression import NoExpression, read
from trivium.tasks.problem import Problem, Verdict

LONGEST = 400
"""Characters that an answer may have at most: whoever needs more is not answering."""
LONGEST_WITH_THINKING = 100_000
"""Characters that an answer may have with the thinking before it. Nothing is ever cut off and then judged."""
WHOLE = re.compile(r"(0|[1-9][0-9]{0,30})\.?")
DECIMAL = re.compile(r"((?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?)\.?")
LETTERS = re.compile(r"([A-Za-z](?:([ -]?)[A-Za-z](?:\2[A-Za-z])*)?)\.?")
LISTED = re.compile(r"([0-9A-Za-z]+(?:(, | |,)[0-9A-Za-z]+(?:\2[0-9A-Za-z]+)*)?)\.?")
NUMBERS_WITHIN = re.compile(r"(?<![0-9A-Za-z.])[+-]?[0-9]+(?:\.[0-9]+)*(?![0-9A-Za-z])")
SPELT_WITHIN = re.compile(r"(?<![A-Za-z])[A-Za-z](?:[ -][A-Za-z])+(?![A-Za-z])")
SUMS_WITHIN = re.compile(r"[0-9(][-0-9+*/()=×·÷− ]*[0-9)]")
BLANKS = " \t\r\n"
NOTHING = Verdict(False, None)


class Form(Protocol):
    """What the answers of a task look like."""

    def strict(self, problem: Problem, content: str) -> Verdict:
        """The verdict on content that must be the answer and nothing else."""
        ...

    def lenient(self, problem: Problem, content: str) -> Verdict:
        """The verdict on content that may have words around one answer."""
        ...


def after_thinking(text: str, longest: int = LONGEST) -> str | None:
    """What stands after one leading `<think>` block, if any; None for unclosed or further tags and for far too much."""
    if len(text) > LONGEST_WITH_THINKING:
        return None
    text = text.strip(BLANKS)
    if text.startswith("<think>"):
        _, closed, text = text.partition("</think>")
        if not closed:
            return None
    if "think>" in text or len(text) > longest:
        return None
    return text.strip(BLANKS)


@dataclass(frozen=True)
class Number:
    """One number, written in the one way that `pattern` allows."""

    pattern: re.Pattern[str]

    def strict(self, problem: Problem, content: str) -> Verdict:
        """Signs, leading zeros, separators, a unit or a word make it wrong."""
        match = self.pattern.fullmatch(content)
        return Verdict(match.group(1) == problem.answer, match.group(1)) if match else NOTHING

    def lenient(self, problem: Problem, content: str) -> Verdict:
        """Numbers that the question holds may be repeated, unless the answer is one of them."""
        given = {found.removesuffix(".") for found in NUMBERS_WITHIN.findall(content)}
        asked = set(NUMBERS_WITHIN.findall(problem.question)) | set(re.findall(r"[0-9]+", problem.question))
        given = given - asked if problem.answer not in asked else given
        if len(given) != 1:
            return NOTHING
        found = given.pop()
        return Verdict(found == problem.answer, found)


@dataclass(frozen=True)
class Spelt:
    """Letters, with a blank or a hyphen between each two of them, or with nothing."""

    def strict(self, problem: Problem, content: str) -> Verdict:
        """One separator throughout, ASCII letters of either case."""
        match = LETTERS.fullmatch(content)
        return self._judged(problem, match.group(1)) if match else NOTHING

    def lenient(self, problem: Problem, content: str) -> Verdict:
        """One spelling among words."""
        given = {_letters(found) for found in SPELT_WITHIN.findall(content)}
        if not given:
            return self.strict(problem, content)
        return self._judged(problem, given.pop()) if len(given) == 1 else NOTHING

    @staticmethod
    def _judged(problem: Problem, given: str) -> Verdict:
        return Verdict(_letters(given) == _letters(problem.answer), _letters(given))


@dataclass(frozen=True)
class Listed:
    """The items of the question in an order, with blanks or commas between them."""

    def strict(self, problem: Problem, content: str) -> Verdict:
        """One separator throughout."""
        match = LISTED.fullmatch(content)
        if match is None:
            return NOTHING
        given = _items(match.group(1))
        return Verdict(given == problem.answer.split(), " ".join(given))

    def lenient(self, problem: Problem, content: str) -> Verdict:
        """The items, each once and in order, with other words among them; other numbers make it wrong."""
        wanted = problem.answer.split()
        given = [item for item in _items(content) if item in wanted or item.isdigit()]
        return Verdict(given == wanted, " ".join(given)) if len(given) == len(wanted) else NOTHING


@dataclass(frozen=True)
class Reached:
    """An expression that reaches a number from given ones; `= 24` may follow."""

    def strict(self, problem: Problem, content: str) -> Verdict:
        """Its numbers are looked at before it is computed, so that nothing can grow."""
        key = json.loads(problem.key)
        left, equals, right = content.removesuffix(".").partition("=")
        if equals and right.strip(" ") != str(key["target"]):
            return NOTHING
        try:
            expression = read(left)
            used, allowed = sorted(expression.numbers), list(key["numbers"])
            for number in used:
                allowed.remove(number)
            right_numbers = not allowed or not key["exactly"]
            return Verdict(right_numbers and expression.value() == key["target"], left.strip(" "))
        except (NoExpression, ValueError):
            return NOTHING

    def lenient(self, problem: Problem, content: str) -> Verdict:
        """One expression among words."""
        found = {run.strip(" ") for run in SUMS_WITHIN.findall(content) if set(run) & set("+-*/×·÷−")}
        return self.strict(problem, found.pop()) if len(found) == 1 else NOTHING


def _letters(spelt: str) -> str:
    return " ".join(letter for letter in spelt.lower() if letter not in " -")


def _items(text: str) -> list[str]:
    return re.findall(r"[0-9a-z]+", text.lower())
