"""Whether two written answers are one number or one text: fractions exact, LaTeX's ways of writing set aside.

What this cannot say is a question for math-verify, where that is installed.
"""

from __future__ import annotations

import re
from fractions import Fraction

LONGEST = 200
WHOLE = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,60})"
NUMBER = re.compile(rf"([-+]?)((?:{WHOLE})?(?:\.[0-9]{{1,60}})?)")
RATIO = re.compile(rf"([-+]?)({WHOLE})/({WHOLE})")
FRACTION = re.compile(rf"([-+]?)({WHOLE})?\\frac\{{([-+]?)({WHOLE})\}}\{{({WHOLE})\}}")
NOTHING = re.compile(r"-[0.,]+")
"""-0 and its like: no answer."""
SIGNS = str.maketrans({"−": "-", "–": "-", "×": "*", "·": "*", "÷": "/", "π": "\\pi ", "∞": "\\infty ", "°": ""})
SILENT = re.compile(r"\\left(?![A-Za-z])|\\right(?![A-Za-z])|\\[!,;: ]|\\displaystyle|\^\{?\\circ\}?|\\degree|~")
LATEX_WORD = re.compile(r"\\(?:text|mathrm|mbox|textbf)\{([^{}]*)\}")
SHORT_FRACTION = re.compile(r"\\frac([0-9])([0-9])")
RISKY = re.compile(r"__|[\"'`@#&?:;]|\^\{[^{}]*\^|\bor\b|\band\b|\\(?:or|lor|vee|text)", re.IGNORECASE)


def number(text: str) -> Fraction | None:
    """The number that a text writes: whole, with thousands commas, decimal, a fraction, a mixed one; `$` before and
    `%` after it are set aside. None for all else; digits are ASCII and at most sixty in a row; -0 is none.
    """
    if len(text) > LONGEST:
        return None
    form = plain(text)
    form = form.removeprefix("$").removesuffix("%").removesuffix("\\")
    form = re.sub(r"^([-+]?)\\?\$", r"\1", form)
    if found := NUMBER.fullmatch(form):
        digits = found[2].replace(",", "")
        value = Fraction(digits if digits[-1] != "." else digits[:-1]) if digits else None
        return _signed(found[1], value)
    if found := RATIO.fullmatch(form):
        return _signed(found[1], _ratio(found[2], found[3]))
    if found := FRACTION.fullmatch(form):
        part = _ratio(found[4], found[5])
        if part is None or (found[2] and found[3]):
            return None
        return _signed("-" if "-" in (found[1], found[3]) and found[1] != found[3] else "", _mixed(found[2], part))
    return None


def plain(text: str) -> str:
    """A text without dollar signs around it, blanks, LaTeX's spacing and sizes, and a final period."""
    form = text.translate(SIGNS).strip()
    form = form.removesuffix(".")
    for left, right in (("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
        if form.startswith(left) and form.endswith(right) and len(form) > len(left + right):
            form = form[len(left) : -len(right)]
    form = LATEX_WORD.sub(r"\1", SILENT.sub("", form))
    form = re.sub(r"\\[dt]frac", r"\\frac", form)
    form = SHORT_FRACTION.sub(r"\\frac{\1}{\2}", form)
    return re.sub(r"\s+", "", form)


def same_text(left: str, right: str) -> bool:
    """Whether two answers are the same in `plain` form; ASCII only."""
    form = plain(left)
    return form != "" and form.isascii() and form == plain(right)


def may_be_asked(given: str, wanted: str) -> bool:
    """Whether math-verify is asked about an answer: short, ASCII, no towers of powers, and no more of equations,
    lists and choices than the right answer has.
    """
    form, right = plain(given), plain(wanted)
    if NOTHING.fullmatch(form):
        return False
    if not form or len(form) > LONGEST or not form.isascii() or RISKY.search(given):
        return False
    if any(form.count(sign) > right.count(sign) for sign in (",", "=", "<", ">", "\\pm", "\\cup", "\\{")):
        return False
    long_power = re.search(r"\^\{?[0-9]{4,}", form) or re.search(r"[0-9]{61,}|!", form) or form.count("^") > 8
    return not long_power


def _signed(sign: str, value: Fraction | None) -> Fraction | None:
    if value is None or (sign == "-" and value == 0):
        return None
    return -value if sign == "-" else value


def _ratio(top: str, bottom: str) -> Fraction | None:
    below = int(bottom.replace(",", ""))
    return Fraction(int(top.replace(",", "")), below) if below else None


def _mixed(whole: str | None, part: Fraction) -> Fraction:
    return part + int(whole.replace(",", "")) if whole else part
