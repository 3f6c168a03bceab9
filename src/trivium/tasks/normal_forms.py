"""Normal forms of short answers: numbers, dates, articles, accents, plurals. What two spellings have in common.

A form is a tuple of words. A date is one word (`1969-07-20`, `1969-07`), and so is a number (`1200000`), however it was
written, so that answers are compared by what they say.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

MONTHS = tuple("january february march april may june july august september october november december".split())
_MONTH = {name: i + 1 for i, name in enumerate(MONTHS)} | {name[:3]: i + 1 for i, name in enumerate(MONTHS)}
_MONTH["sept"] = 9
_ONES = {word: i for i, word in enumerate(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen".split()
)}  # fmt: skip
_TENS = {word: 10 * (i + 2) for i, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split())}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINALS = {word: str(i + 1) for i, word in enumerate(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth".split()
)}  # fmt: skip
DIGITS = 15
"""Digits of a number beyond which it is compared as it is written."""
ARTICLES = frozenset(("a", "an", "the"))
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_UNITS = {
    "kilometre": "km", "kilometer": "km", "metre": "m", "meter": "m", "centimetre": "cm", "centimeter": "cm",
    "millimetre": "mm", "millimeter": "mm", "kilogram": "kg", "kilogramme": "kg", "percent": "%", "mile": "mi",
    "foot": "ft", "feet": "ft", "pound": "lb", "celsius": "c", "inhabitant": "", "people": "",
}  # fmt: skip
_WORD = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,3}(?:[,\u202f\u00a0]\d{3})+(?:\.\d+)?|\d+\.\d+|\d+|%|[^\W\d_]+")
_PER = re.compile(r"\bper (second|minute|hour)\b", re.IGNORECASE)
_SUFFIX = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")
_APOSTROPHES = re.compile(r"['\u2019\u2018`](s\b)?")
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9",
          "xi": "11", "xii": "12", "xiii": "13", "xiv": "14", "xvi": "16"}  # fmt: skip


@dataclass(frozen=True)
class Word:
    """A word of a normal form, and where it stood."""

    form: str
    start: int
    end: int
    capital: bool
    """Whether it was written with a capital letter, or is a number."""


@lru_cache(maxsize=1 << 16)
def normal(text: str) -> tuple[str, ...]:
    """The normal form of a short answer."""
    return tuple(word.form for word in words(text))


@lru_cache(maxsize=1 << 16)
def words(text: str) -> tuple[Word, ...]:
    """The words of a text's normal form with their places. Empty units and articles (not the A of `Vitamin A`) go."""
    found = [
        Word(form, match.start(), match.end(), match[0][0].isupper() or match[0][0].isdigit())
        for match in _WORD.finditer(_joined(text))
        if (form := fold(match[0]))
    ]
    found = _numbers(_dates(found))
    last = len(found) - 1
    kept = [w for i, w in enumerate(found) if w.form not in ARTICLES or (w.capital and (i == last or _signed(text, w)))]
    plain = (Word(_singular(w.form), w.start, w.end, w.capital) for w in kept)
    return tuple(word for word in plain if word.form)


def _signed(text: str, word: Word) -> bool:
    """Whether a sign follows a word: the A of `A+` is no article."""
    return text[word.end : word.end + 1] in tuple("+-.,;)")


def fold(text: str) -> str:
    """Lower case without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(c for c in plain if not unicodedata.combining(c))


def _joined(text: str) -> str:
    """The text with what is no word between its words made blank, at the same places: ordinal suffixes, apostrophes."""
    text = _PER.sub(lambda match: f"/{match[1][0]}".ljust(len(match[0])), text)
    text = _SUFFIX.sub(lambda match: " " * len(match[0]), text)
    text = _APOSTROPHES.sub(lambda match: " " * len(match[0]), text)
    return re.sub(r"\b(?:[A-Z]\.)+", lambda match: match[0].replace(".", "").ljust(len(match[0])), text)


def _dates(given: list[Word]) -> list[Word]:
    """`14 December 1972`, `December 14, 1972`, `December 1972` and `1972-12-14` as one word each."""
    out: list[Word] = []
    at = 0
    while at < len(given):
        taken, form = _date_at([word.form for word in given[at : at + 4]])
        if taken:
            out.append(Word(form, given[at].start, given[at + taken - 1].end, True))
        else:
            out.append(given[at])
        at += taken or 1
    return out


def _date_at(head: list[str]) -> tuple[int, str]:
    """How many words a date takes at the beginning of these, and the date; 0 for none."""
    for day_at, month_at, year_at in ((0, 1, 2), (0, 2, 3), (1, 0, 2), (None, 0, 1)):
        if len(head) <= max(day_at or 0, month_at) or head[month_at] not in _MONTH:
            continue
        if month_at == 2 and head[1] != "of":  # the 4th of July 1776
            continue
        if day_at is not None and not (head[day_at].isdigit() and 1 <= int(head[day_at]) <= 31):
            continue
        day = "" if day_at is None else f"-{int(head[day_at]):02d}"
        month = f"{_MONTH[head[month_at]]:02d}"
        if len(head) > year_at and re.fullmatch(r"\d{3,4}", head[year_at]):
            return year_at + 1, f"{head[year_at]}-{month}{day}"
        if day:
            return max(month_at, day_at or 0) + 1, f"--{month}{day}"
    return 0, ""


def _numbers(given: list[Word]) -> list[Word]:
    """Number words and digits, with their scales, as one word each: `one hundred and five`, `1.2 million`."""
    out: list[Word] = []
    at = 0
    while at < len(given):
        taken, form = _number_at([word.form for word in given[at : at + 12]])
        if taken:
            out.append(Word(form, given[at].start, given[at + taken - 1].end, True))
        else:
            out.append(given[at])
        at += taken or 1
    return out


def _number_at(head: list[str]) -> tuple[int, str]:
    if head[0] in _ORDINALS:
        return 1, _ORDINALS[head[0]]
    if head[0] in _ROMAN:
        return 1, _ROMAN[head[0]]
    total, current, taken, last = 0.0, 0.0, 0, ""
    for i, form in enumerate(head):
        kind = _kind_of(form)
        if kind == "scale" and taken:
            scale = _SCALES[form]
            current *= scale
            if scale > 100:
                total, current = total + current, 0.0
        elif kind == "digits" and not taken:
            if len(form) > DIGITS:
                return 1, form
            current = float(form.replace(",", "").replace("\u202f", "").replace("\u00a0", ""))
        elif (kind == "tens" and last in ("", "scale")) or (kind == "ones" and last in ("", "tens", "scale")):
            current += _ONES.get(form, 0) + _TENS.get(form, 0)
        elif kind == "tens" and i == 1 and 13 <= current <= 20:  # a year: nineteen eighty-nine
            current = 100 * current + _TENS[form]
        elif form == "and" and last == "scale" and i + 1 < len(head) and _kind_of(head[i + 1]) in ("ones", "tens"):
            continue
        else:
            break
        last, taken = kind, i + 1
    if not taken:
        return 0, ""
    value = total + current
    return taken, str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"


def _kind_of(form: str) -> str:
    if form in _ONES:
        return "ones"
    if form in _TENS:
        return "tens"
    if form in _SCALES:
        return "scale"
    return "digits" if re.fullmatch(r"\d[\d,\u202f\u00a0]*(?:\.\d+)?", form) else ""


def _singular(form: str) -> str:
    """The word without a plural's ending; units by their sign."""
    base = form
    if len(form) > 3 and form.isalpha():
        if form.endswith("ies") and len(form) > 4:
            base = form[:-3] + "y"
        elif form.endswith(("sses", "shes", "ches", "xes")):
            base = form[:-2]
        elif form.endswith("s") and not form.endswith(("ss", "us", "is")):
            base = form[:-1]
    return _UNITS.get(base, _UNITS.get(form, base))
