"""The rules: sentences that state one fact, as (relation, subject, value), with the question that asks for it.

Rules are few and strict: a sentence that says more than one thing, or says it of a pronoun, gives nothing. What they
refuse is named, so that it can be counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_WORD = r"(?:(?:[A-Z]|St|Dr|Mr|Mrs|Mt)\.(?=\s)|[A-Z][\w'\u2019\-]*)"
_SMALL = r"(?:of|the|de|la|le|van|von|du|di|da|del|el|al|bin|ibn|for|in|on|at|y)"
NAME = rf"(?:{_WORD}(?:\s+(?:{_SMALL}\s+){{0,2}}(?:{_WORD}|[0-9]+|[IVX]+)){{0,5}})"
_MONTHS = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_PERSON = rf"(?:{_WORD}(?:\s+(?:(?:of|the|de|la|le|van|von|du|di|da|del|el|al|bin|ibn)\s+){{0,2}}{_WORD}){{0,4}})"
_PLACE = rf"(?:{_WORD}(?:[ -](?:of |the |de |la )?{_WORD}){{0,4}}(?:, {_WORD})?)"
_FULL = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTHS},?\s+\d{{3,4}}|{_MONTHS}\s+\d{{1,2}},?\s+\d{{3,4}})"
DATE = rf"(?:{_FULL}|{_MONTHS}\s+\d{{4}}|\d{{4}})"
_NUMBER = (
    r"(?:about |around |some |approximately |roughly |nearly |over )?"
    r"(?:\d[\d,]*(?:\.\d+)?(?: (?:thousand|million|billion))?)"
)
_UNITS = (
    r"(?:square )?(?:kilometres|kilometers|metres|meters|centimetres|centimeters|millimetres|millimeters|miles|feet"
    r"|inches|km|m|cm|mm|ft)|tonnes|tons|kilograms|kg|grams|pounds|years|days|hours|minutes|seconds|degrees|people"
    r"|inhabitants|percent|per cent|bytes|bits|kilobytes|megabytes|volts|watts"
)
_QUANTITY = (
    r"height|length|width|depth|area|population|weight|mass|diameter|radius|speed|distance|capacity|elevation|altitude"
    r"|temperature|boiling point|melting point|size|wavelength|frequency|age"
)
_CITY = r"capital(?: city)? of (?:the )?"
_ENDS = (
    r"(?= (?:that|which|who|whose|used|in|for|by|from|with|to|on|located|where|consisting|\w+ed|made|known|built"
    r"|written|held|given|found)\b|[,.;:(]|$)"
)
_FIRST = r"(?:first |initially |originally )?"
_FOUNDED = r"(?:was|were) (?:founded|established|created|formed|opened|incorporated)"
_MADE = r"(?:was|is) (?:originally )?(?:developed|designed|created|maintained)"
_THING = rf"(?:[Tt]he )?{NAME}|[Tt]he [a-z]+(?: [a-z]+)?"
_S, _V = rf"(?P<s>{NAME})", rf"(?P<v>{NAME})"
_WHO, _WHEN = rf"(?P<v>{_PERSON})", rf"(?P<v>{DATE})"


@dataclass(frozen=True)
class Rule:
    """A way to state a fact. Groups `s` and `v` of the pattern are the subject and the value."""

    relation: str
    question: str
    """With {s} for the subject, and other groups of the pattern by name."""
    pattern: re.Pattern[str]
    needs: tuple[str, ...]
    """A sentence with none of these is not searched."""


@dataclass(frozen=True)
class Statement:
    """A fact as a sentence states it; places are in the document's text."""

    relation: str
    subject: str
    value: str
    question: str
    start: int
    end: int


_NEEDS = {
    "capital": ("capital",),
    "born on": ("born", " (b. ", " ("),
    "born in": (" born ",),
    "died on": (" died ", " ("),
    "author": (" written by ", " wrote ", " author of "),
    "inventor": (" invented by ", " discovered by "),
    "developer": ("ed by ",),
    "founded by": ("ed by ", "ed in "),
    "quantity": (" of ",),
    "population": (" population ",),
    "definition": (" is a ", " is an "),
}


def _rule(relation: str, question: str, pattern: str) -> Rule:
    return Rule(relation, question, re.compile(pattern), _NEEDS.get(relation, (" was ", " is ", " were ")))


_CAPITAL, _BORN, _DIED = "What is the capital of {s}?", "When was {s} born?", "When did {s} die?"
_FOUND, _RELEASED, _WROTE = "When was {s} founded?", "When was {s} first released?", "Who wrote {s}?"
RULES = (
    _rule("capital", _CAPITAL, rf"\b{_V},? (?:is|was|being) the (?:\w+ )?{_CITY}{_S}"),
    _rule("capital", _CAPITAL, rf"\b[Tt]he {_CITY}{_S} is (?:the city of )?{_V}"),
    _rule("capital", _CAPITAL, rf"\b{_V}, the {_CITY}{_S}"),
    _rule("born on", _BORN, rf"\b{_S} (?:was|is) born (?:on|in) {_WHEN}"),
    _rule("born on", _BORN, rf"\b{_S} \((?:born|b\.) (?:on )?{_WHEN}\)"),
    _rule("born on", _BORN, rf"\b{_S} \((?P<v>{_FULL}) ?[\u2013\u2014-] ?{_FULL}\)"),
    _rule("died on", _DIED, rf"\b{_S} died (?:on|in) {_WHEN}"),
    _rule("died on", _DIED, rf"\b{_S} \({_FULL} ?[\u2013\u2014-] ?(?P<v>{_FULL})\)"),
    _rule("born in", "Where was {s} born?", rf"\b{_S} was born (?:on {DATE},? )?(?:in|at) (?P<v>{_PLACE})"),
    _rule("founded in", _FOUND, rf"\b{_S} {_FOUNDED} (?:on|in) {_WHEN}"),
    _rule("founded by", "Who founded {s}?", rf"\b{_S} was (?:founded|established) (?:in {DATE} )?by {_WHO}"),
    _rule("released in", _RELEASED, rf"\b{_S} was {_FIRST}(?:released|published) (?:on|in) {_WHEN}"),
    _rule("author", _WROTE, rf"\b{_S} (?:was|is) (?:a \w+ )?written by {_WHO}"),
    _rule("author", _WROTE, rf"\b{_WHO} (?:wrote|is the author of|was the author of) (?:the (?:\w+ )?)?{_S}"),
    _rule("inventor", "Who invented {s}?", rf"\b(?P<s>{_THING}) was (?:invented|discovered) by {_WHO}"),
    _rule("developer", "Who developed {s}?", rf"\b{_S} {_MADE} by {_WHO}"),
    _rule(
        "quantity",
        "What is the {q} of {s}?",
        rf"\b[Tt]he (?P<q>{_QUANTITY}) of (?:the )?{_S} is (?P<v>{_NUMBER} ?(?:{_UNITS})?)\b",
    ),
    _rule("population", "What is the population of {s}?", rf"\b{_S} (?:has|had) a population of (?P<v>{_NUMBER})\b"),
    _rule(
        "measure",
        "How {q} is {s}?",
        rf"\b{_S} is (?P<v>{_NUMBER} (?:{_UNITS})) (?P<q>tall|long|high|wide|deep|thick)\b",
    ),
    _rule(
        "definition",
        "What is {s}?",
        rf"^(?:(?:A|An|The) )?(?P<s>{NAME}|[A-Z]?[a-z]+(?: [a-z]+)?) is (?:a|an) "
        rf"(?P<v>[a-z][\w\-]*(?: [a-zA-Z][\w\-]*){{0,4}}?){_ENDS}",
    ),
)
PRONOUNS = frozenset(
    "he she it they we i you this that these those there here what who which one his her its their our my your some "
    "many all both each such another other everyone nobody nothing something someone anyone most".split()
)
_VAGUE = frozenset(
    "way thing part kind type sort lot number set bit list good bad great new little simple common example problem "
    "matter question case result reason good-looking nice must shame pity mistake".split()
)
_STARTS = frozenset(
    "the a an in on at as when while after before if although though but and or so because since for from with by "
    "however also then now today yesterday where why how not only even either neither".split()
)
_HEDGES = re.compile(
    r"\b(?:not|never|(?-i:may)|might|could|would|should|perhaps|possibly|probably|reportedly|allegedly|if|whether"
    r"|said to be|supposedly|unlikely|rumou?red|imagine|suppose|pretend)\b|n't\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?!\s|$)[^.!?\n]*|(?<=\b[A-Z])\.[^.!?\n]*)*[.!?]?")
_LED = re.compile(r"^(?:In|At|From|Near|To) (?=[A-Z])")
_WRAPPED = re.compile(r"(?<=[^\n]{45})\n(?=[^\s\-*\u2022#>|])")
"""The end of a long line after which another goes on: a blank of the same width."""
_JOINED = re.compile(r"^\s*,?\s*(?:and|or|&)\s+(?:[A-Z]|\d|the [A-Z])|^\s*,\s+[A-Z][\w'-]+,? and\b")


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """The sentences of a text with their places. Lines end sentences unless they are long: then they are wrapped."""
    for match in _SENTENCE.finditer(_WRAPPED.sub(" ", text)):
        said = match[0]
        lead = len(said) - len(said.lstrip(" \t-*\u2022#>"))
        said = said[lead:].rstrip()
        if 12 <= len(said) <= 400:
            yield match.start() + lead, said


def statements(place: int, sentence: str) -> Iterator[Statement | str]:
    """What a sentence states by any rule, or the reason why a match is refused."""
    if sentence.endswith("?"):
        return
    for rule in RULES:
        match = rule.pattern.search(sentence) if any(word in sentence for word in rule.needs) else None
        if match is not None:
            yield refused(match, sentence) or _stated(rule, match, place)


def _stated(rule: Rule, match: re.Match[str], place: int) -> Statement:
    groups = {key: " ".join((value or "").split()) for key, value in match.groupdict().items()}
    subject, value = _unled(_plain(groups["s"])), _LED.sub("", _plain(groups["v"]))
    relation = f"{rule.relation}: {groups['q']}" if groups.get("q") else rule.relation
    question = rule.question.format(**{**groups, "s": subject})
    return Statement(relation, subject, value, question, place + match.start(), place + match.end())


def _plain(text: str) -> str:
    return re.sub(r"^(?:about|around|some|approximately|roughly|nearly|over) ", "", text.strip(" ,;")).removesuffix(".")


def _unled(subject: str) -> str:
    """A name at the beginning of a sentence without its article."""
    return re.sub(r"^[Tt]he (?=[A-Z])", "", subject)


def refused(match: re.Match[str], sentence: str) -> str:
    """Why a match is no fact to ask about; "" when it is."""
    subject, value = _unled(match["s"].strip()), match["v"].strip()
    first = re.split(r"\s", subject)[0].casefold()
    if first.strip("'\u2019") in PRONOUNS or value.split()[0].casefold() in PRONOUNS:
        return "pronoun"
    if first in _STARTS or len(subject) < 3 or (" " not in subject and subject.casefold() in _VAGUE):
        return "no name"
    if _HEDGES.search(sentence[: match.end()]) or sentence.lstrip().startswith(('"', "\u201c", "'")):
        return "hedged or quoted"
    after = sentence[match.end("v") :] if match.end("v") > match.end("s") else sentence[match.end("s") :]
    before = sentence[: match.start("s")]
    if _JOINED.match(after) or re.search(r"[A-Z][\w'-]*,? (?:and|or) (?:the )?$", before):
        return "list"
    if set(value.casefold().split()) & _VAGUE:
        return "vague"
    return ""
