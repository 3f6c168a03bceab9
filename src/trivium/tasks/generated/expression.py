"""Reading an expression of whole numbers, + - * / and brackets: its numbers in order, and its exact value.

A parser of our own, so that nothing is ever evaluated as a program. No powers, signs, functions or points: whoever
writes one has not kept to the rules of countdown. Its numbers can be looked at before anything is computed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

LONGEST, DEEPEST = 200, 12
"""Characters of an expression, and brackets inside brackets."""
TOKEN = re.compile(r" *([0-9]+|[-+*/()])")
SPELLINGS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-"})


class NoExpression(ValueError):
    """The text is no expression of the allowed kind, or divides by zero."""


@dataclass(frozen=True)
class Expression:
    """An expression that was read."""

    numbers: tuple[int, ...]
    """Its numbers from left to right."""
    _postfix: tuple[str, ...]

    def value(self) -> Fraction:
        """What it comes to, exactly. Raises NoExpression for a division by zero."""
        stack: list[Fraction] = []
        for sign in self._postfix:
            if sign[0].isdigit():
                stack.append(Fraction(int(sign)))
                continue
            right, left = stack.pop(), stack.pop()
            if sign == "/" and right == 0:
                raise NoExpression("division by zero")
            stack.append(_joined(sign, left, right))
        return stack[0]


def read(text: str) -> Expression:
    """The expression that the text is. Raises NoExpression for all else: too long, too deep, other signs, broken."""
    tokens = _tokens(text)
    output: list[str] = []
    waiting: list[str] = []
    number_next = True
    for sign in tokens:
        if sign[0].isdigit() if number_next else sign in "+-*/":
            if number_next:
                output.append(sign)
            else:
                while waiting and waiting[-1] != "(" and (waiting[-1] in "*/" or sign in "+-"):
                    output.append(waiting.pop())
                waiting.append(sign)
            number_next = not number_next
        elif sign == "(" and number_next and waiting.count("(") < DEEPEST:
            waiting.append(sign)
        elif sign == ")" and not number_next and "(" in waiting:
            while waiting[-1] != "(":
                output.append(waiting.pop())
            waiting.pop()
        else:
            raise NoExpression(f"{sign!r} stands where it cannot")
    if number_next or "(" in waiting:
        raise NoExpression("the expression breaks off")
    output += reversed(waiting)
    return Expression(tuple(int(sign) for sign in output if sign[0].isdigit()), tuple(output))


def _tokens(text: str) -> list[str]:
    if len(text) > LONGEST:
        raise NoExpression("too long")
    text = text.translate(SPELLINGS).strip(" ")
    tokens, place = [], 0
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            raise NoExpression(f"{text[place : place + 10]!r} does not belong there")
        sign = found[1]
        if sign[0] == "0" and len(sign) > 1:
            raise NoExpression("a number with leading zeros")
        tokens.append(sign)
        place = found.end()
    return tokens


def _joined(sign: str, left: Fraction, right: Fraction) -> Fraction:
    if sign == "+":
        return left + right
    if sign == "-":
        return left - right
    return left * right if sign == "*" else left / right
