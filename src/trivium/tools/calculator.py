"""A calculator with exact numbers: fractions inside, decimals outside. 9.9 > 9.11 is true, 0.1 + 0.2 is 0.3.

A Pratt parser of its own, so nothing is ever evaluated as a program. Every size is bounded before it is computed:
9**9**9 is an error at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

LONGEST, DEEPEST = 1000, 60
"""Characters of an expression; brackets in brackets and signs on signs."""
MOST_BITS = 20_000
"""The size of any numerator or denominator on the way (about 6000 digits)."""
MOST_FACTORIAL = 1000
MOST_EXPONENT = 1000
"""Of a number written as 1e1000."""
DIGITS, DECIMALS, ROOT_DIGITS = 15, 40, 40
"""Significant digits of a rounded result; decimals of an exact one; digits kept of a root that is not exact."""
TELLABLE = Fraction(1, 10**30)
"""Relative difference at which two numbers, one of them rounded, can still be told apart."""
TOKEN = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|([A-Za-z_]\w*)|(\*\*|//|<=|>=|==|!=|[-+*/%^!()<>=,]))"
)
SPELLINGS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "\u00a0": " "})
LONG_SPELLINGS = {"≤": "<=", "≥": ">=", "≠": "!=", "√": "sqrt ", "²": "**2", "³": "**3"}
COMPARISONS: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
BINDING = {**dict.fromkeys(COMPARISONS, 10), "+": 20, "-": 20, "*": 30, "/": 30, "//": 30, "%": 30, "mod": 30}
POWER, PREFIX, POSTFIX = 50, 40, 60


class CannotCalculate(ValueError):
    """What is wrong with an expression, for people and models to read."""


@dataclass(frozen=True)
class Number:
    """A number, and whether it is exact (a root may not be)."""

    value: Fraction
    exact: bool = True


@dataclass(frozen=True)
class Result:
    """What an expression comes to."""

    value: Fraction | bool
    exact: bool
    text: str
    """A decimal, with a note where it is rounded; `true` or `false` for a comparison."""


def calculate(expression: str) -> Result:
    """The value of an expression. Raises CannotCalculate, saying why.

    `+ - * / // % mod ** ^ !`, brackets, comparisons, percent (`15% * 80`), and the functions of FUNCTIONS. `//` and `%`
    are Python's: rounded down, with the sign of the divisor.
    """
    parser = _Parser(_tokens(expression))
    found = parser.whole()
    if isinstance(found, bool):
        return Result(found, parser.exact, "true" if found else "false")
    return Result(found.value, found.exact, written(found))


def written(number: Number) -> str:
    """A number as a decimal: exact where it ends soon enough, otherwise rounded to 15 digits, which is said."""
    top, bottom = number.value.numerator, number.value.denominator
    places = _places(bottom)
    if number.exact and places is not None and places <= DECIMALS:
        digits = str(abs(top) * 10**places // bottom).rjust(places + 1, "0")
        whole, rest = digits[: len(digits) - places], digits[len(digits) - places :]
        return ("-" if top < 0 else "") + whole + (f".{rest}" if rest else "")
    context = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN, Emax=10**6, Emin=-(10**6))
    decimal = context.divide(Decimal(top), Decimal(bottom))
    text = f"{decimal:f}" if -20 < decimal.adjusted() < 40 else f"{decimal:e}"
    exactly = f"; exactly {top}/{bottom}" if number.exact and len(str(top)) + len(str(bottom)) <= 40 else ""
    return f"{text} (rounded to {DIGITS} digits{exactly})"


def _places(bottom: int) -> int | None:
    """How many decimals a fraction with this denominator has; None when they never end."""
    twos = (bottom & -bottom).bit_length() - 1
    rest, fives = bottom >> twos, 0
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else None


def _tokens(expression: str) -> list[str]:
    if len(expression) > LONGEST:
        raise CannotCalculate(f"The expression has {len(expression)} characters; {LONGEST} are taken.")
    text = expression.translate(SPELLINGS)
    for spelling, meaning in LONG_SPELLINGS.items():
        text = text.replace(spelling, meaning)
    if not text.isascii():
        raise CannotCalculate(f"{next(c for c in text if not c.isascii())!r} is not understood.")
    tokens, place = [], 0
    text = text.rstrip()
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            raise CannotCalculate(f"{text[place:].strip()[:20]!r} is not understood.")
        tokens.append(found[0].strip())
        place = found.end()
    return [*tokens, ""]


class _Parser:
    """One pass over the tokens, computing as it goes; a comparison may stand only on top."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.place, self.depth, self.exact = tokens, 0, 0, True

    @property
    def next(self) -> str:
        return self.tokens[self.place]

    def take(self) -> str:
        self.place += 1
        return self.tokens[self.place - 1]

    def whole(self) -> Number | bool:
        left = self.value(20)
        verdict: bool | None = None
        while self.next in COMPARISONS:
            sign, right = self.take(), self.value(20)
            self.exact = self.exact and left.exact and right.exact
            if not self.exact and abs(left.value - right.value) <= TELLABLE * max(abs(left.value), abs(right.value)):
                raise CannotCalculate("The two are equal as far as can be told: one of them is rounded.")
            holds = COMPARISONS[sign](left.value, right.value)
            verdict = holds if verdict is None else verdict and holds
            left = right
        if self.next:
            raise CannotCalculate(f"{self.next!r} stands where an operator or the end should be.")
        return left if verdict is None else verdict

    def value(self, binding: int) -> Number:
        """The value of what follows, as long as operators bind at least so tightly."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise CannotCalculate(f"More than {DEEPEST} brackets or signs stand in one another.")
        left = self.operand()
        while True:
            sign = self.next
            if sign in ("!", "%") and self.is_postfix(sign):
                left = _bounded(self.postfix(self.take(), left))
            elif sign in ("**", "^"):
                if binding > POWER:
                    break
                self.take()
                left = _power(left, self.value(PREFIX))
            elif BINDING.get(sign, -1) >= max(binding, 20):
                self.take()
                left = _bounded(_joined(sign, left, self.value(BINDING[sign] + 1)))
            else:
                break
        self.depth -= 1
        return left

    def operand(self) -> Number:
        word = self.take()
        if not word:
            raise CannotCalculate("The expression ends where a number should be.")
        if word[0].isdigit() or word[0] == ".":
            return _number(word)
        if word in ("-", "+"):
            found = self.value(PREFIX)
            return Number(-found.value, found.exact) if word == "-" else found
        if word == "(":
            found = self.value(20)
            self.expect(")")
            return found
        if word in CONSTANTS:
            return CONSTANTS[word]
        if word in FUNCTIONS:
            return self.called(word)
        if word[0].isalpha():
            raise CannotCalculate(f"{word!r} is not known. Known are {', '.join([*FUNCTIONS, *CONSTANTS])}.")
        raise CannotCalculate(f"{word!r} stands where a number should be.")

    def called(self, name: str) -> Number:
        """A function's value; `sqrt 2` may go without brackets."""
        if self.next != "(" and name == "sqrt":
            return FUNCTIONS[name]([self.value(POSTFIX)])
        self.expect("(")
        given = [self.value(20)]
        while self.next == ",":
            self.take()
            given.append(self.value(20))
        self.expect(")")
        least, most = ARGUMENTS[name]
        if not least <= len(given) <= most:
            raise CannotCalculate(f"{name} was given {len(given)} values.")
        return _bounded(FUNCTIONS[name](given))

    def expect(self, token: str) -> None:
        if self.take() != token:
            found = self.tokens[self.place - 1] or "the end"
            hint = " Write numbers without thousands separators." if found == "," else ""
            raise CannotCalculate(f"{found!r} stands where {token!r} should be.{hint}")

    def is_postfix(self, sign: str) -> bool:
        """Whether `%` is percent: nothing that could be divided by follows."""
        after = self.tokens[self.place + 1] if self.next else ""
        if sign == "%" and after in ("+", "-"):
            raise CannotCalculate("'%' before a sign may be percent or a remainder: use brackets, or mod.")
        return sign == "!" or not (after and (after[0].isalnum() or after[0] in ".(") and after != "mod")

    def postfix(self, sign: str, left: Number) -> Number:
        return Number(left.value / 100, left.exact) if sign == "%" else _factorial([left])


def _number(token: str) -> Number:
    mantissa, _, exponent = token.lower().partition("e")
    if exponent and (len(exponent) > 6 or abs(int(exponent)) > MOST_EXPONENT):
        raise CannotCalculate(f"{token[:30]} is beyond 1e{MOST_EXPONENT}.")
    return Number(Fraction(mantissa if mantissa[-1] != "." else mantissa[:-1]) * Fraction(10) ** int(exponent or 0))


def _bounded(number: Number) -> Number:
    if max(number.value.numerator.bit_length(), number.value.denominator.bit_length()) > MOST_BITS:
        raise CannotCalculate("A number on the way has more than 6000 digits.")
    return number


def _joined(sign: str, left: Number, right: Number) -> Number:
    a, b, exact = left.value, right.value, left.exact and right.exact
    if sign in ("/", "//", "%", "mod") and b == 0:
        raise CannotCalculate("Division by zero.")
    if sign == "+":
        return Number(a + b, exact)
    if sign == "-":
        return Number(a - b, exact)
    if sign == "*":
        return Number(a * b, exact)
    if sign == "/":
        return Number(a / b, exact)
    return Number(Fraction(a // b) if sign == "//" else a % b, exact)


def _power(left: Number, right: Number) -> Number:
    base, exponent = left.value, right.value
    if exponent == Fraction(1, 2):
        return _root([left])
    if exponent.denominator != 1:
        raise CannotCalculate("Exponents are whole numbers, or 1/2; roots are sqrt(…).")
    if base == 0 and exponent < 0:
        raise CannotCalculate("Division by zero.")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if bits > 1 and abs(exponent) * (bits - 1) > MOST_BITS:
        raise CannotCalculate(f"The power would have {_about(base, exponent)} digits; 6000 are taken.")
    if bits <= 1:  # 0, 1, -1: their powers repeat
        exponent = Fraction(0) if exponent == 0 else 2 - exponent % 2
    return _bounded(Number(base ** int(exponent), left.exact and right.exact))


def _about(base: Fraction, exponent: Fraction) -> str:
    each = math.log10(max(abs(base.numerator), base.denominator))
    digits = int(abs(exponent) * Fraction(each))
    return f"about {digits}" if digits < 10**12 else f"more than 10^{math.floor(math.log10(digits))}"


def _whole(number: Number, name: str) -> int:
    if number.value.denominator != 1:
        raise CannotCalculate(f"{name} takes whole numbers.")
    return number.value.numerator


def _factorial(given: list[Number]) -> Number:
    value = _whole(given[0], "factorial")
    if not 0 <= value <= MOST_FACTORIAL:
        raise CannotCalculate(f"Factorials go from 0 to {MOST_FACTORIAL}.")
    return Number(Fraction(math.factorial(value)), given[0].exact)


def _root(given: list[Number]) -> Number:
    value = given[0].value
    if value < 0:
        raise CannotCalculate("Negative numbers have no square root here.")
    top, bottom = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if top * top == value.numerator and bottom * bottom == value.denominator:
        return Number(Fraction(top, bottom), given[0].exact)
    shift = max(0, ROOT_DIGITS - (len(str(value.numerator)) - len(str(value.denominator))) // 2)
    scaled = math.isqrt(value.numerator * 10 ** (2 * shift) // value.denominator)
    return Number(Fraction(scaled, 10**shift), False)


def _round(given: list[Number]) -> Number:
    places = _whole(given[1], "round") if len(given) > 1 else 0
    if abs(places) > DECIMALS:
        raise CannotCalculate(f"round goes to {DECIMALS} decimals.")
    scale = Fraction(10) ** places
    value = abs(given[0].value) * scale + Fraction(1, 2)  # half away from zero, as at school
    return Number((1 if given[0].value >= 0 else -1) * math.floor(value) / scale, given[0].exact)


def _integers(name: str, join: Callable[[int, int], int]) -> Callable[[list[Number]], Number]:
    def joined(given: list[Number]) -> Number:
        found = _whole(given[0], name)
        for number in given[1:]:
            found = join(found, _whole(number, name))
            _bounded(Number(Fraction(found)))
        return Number(Fraction(abs(found)))

    return joined


def _pick(choose: Callable[..., Fraction]) -> Callable[[list[Number]], Number]:
    return lambda given: Number(choose(n.value for n in given), all(n.exact for n in given))


FUNCTIONS: dict[str, Callable[[list[Number]], Number]] = {
    "sqrt": _root,
    "abs": lambda given: Number(abs(given[0].value), given[0].exact),
    "round": _round,
    "floor": lambda given: Number(Fraction(math.floor(given[0].value)), given[0].exact),
    "ceil": lambda given: Number(Fraction(math.ceil(given[0].value)), given[0].exact),
    "factorial": _factorial,
    "min": _pick(min),
    "max": _pick(max),
    "gcd": _integers("gcd", math.gcd),
    "lcm": _integers("lcm", math.lcm),
}
MANY = dict.fromkeys(("min", "max", "gcd", "lcm"), (1, 100))
ARGUMENTS = {name: (1, 1) for name in FUNCTIONS} | {"round": (1, 2)} | MANY
CONSTANTS = {"pi": Number(Fraction("3.1415926535897932384626433832795028841972"), False)}
