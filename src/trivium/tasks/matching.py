"""Is this answer the true one? By normal forms and aliases, in sentences too, with no second model as judge.

Right is an answer that names a true value and stands by it: alone, or in a sentence, not as a part of a longer name
(`New York` is not `York`), not denied, not one of several guesses. `tests/unit/tasks/labelled_answers.jsonl` has
answers labelled by hand, on which this is measured.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from trivium.tasks.answers import is_refusal
from trivium.tasks.kindred import is_part, spelt, stands_for
from trivium.tasks.normal_forms import Word, fold, normal, words

Judged = Literal["right", "wrong", "refused", "empty"]
LONGEST = 2000
"""Characters of an answer that are read."""
_REFUSING = re.compile(
    r"\b(?:(?:do not|don't|does not|doesn't|did not|didn't) (?:\w+ ){0,2}(?:know|recall|recogni[sz]e|exist|have "
    r"(?:\w+ ){0,3}(?:information|details|knowledge|data|answer|record|ability|means|capability))"
    r"|(?:not|isn't|i'm not) (?:\w+ ){0,2}(?:aware of|familiar with|sure|certain)"
    r"|(?:unable|not able) to (?:say|tell|find|provide|answer|verify|determine)"
    r"|(?:cannot|can't|could not|couldn't) (?:\w+ )?(?:say|tell|find|provide|answer|verify|determine|confirm|help)"
    r"|no (?:reliable |such )?(?:information|record|knowledge|idea|data|evidence|person|place|event|thing)"
    r"|never (?:heard|read|came|come)|(?:it|that|this|answer) is (?:not known|unknown)|unknown to me|beyond what i know"
    r"|would (?:only )?be guessing|have not (?:learned|read|heard)|haven't (?:learned|read|heard)|not publicly known"
    r"|not (?:something|anything|one) (?:that )?i (?:know|have|can)"
    r"|is (?:not|outside) (?:something|in|of)? ?(?:my|what i) (?:know|knowledge|have|read))"
)
_STILL = re.compile(
    r"\b(?:but|however|though|although)\b.{0,40}"
    r"\b(?:think|believe|guess|might|maybe|probably|perhaps|say|it is|it's|may be|could be)\b"
)
_NO_WORDS = re.compile(r"^\W*(?:unknown|i don'?t know|not known|n/?a|none|no idea|unsure|not sure)\W*$")
_DENYING = frozenset("not never isn wasn aren no neither nor than unlike except without rather instead".split())
_TITLES = frozenset(
    "mr mrs ms dr sir dame lord lady king queen prince princess president emperor pope saint st professor prof general "
    "captain city town river mount lake republic kingdom state country province island planet language people "
    "university college corporation corp inc ltd company".split()
)
_LINKS = frozenset(
    "of in on at by for from to with and or is was are were be been as it that which who he she they".split()
)
_OPENERS = frozenset(("answer", "he", "she", "it", "this", "that", "i", "they", "yes", "well", "in", "by", "on", "my"))
LONG = 60
"""Characters from which on an answer is more than a value."""
_VERB = re.compile(r"\s(?:is|was|are|were)\s")
_BY_THE_WAY = re.compile(
    r",\s(?!\d|specifically|namely|that is|in particular|[A-Z]\w+(?:\s[A-Z]\w+)?(?:[.;]|$))|;\s|\.\s(?=[A-Z])"
)
_ABOUT = re.compile(r"^\s*(?:about|around|approximately|roughly|nearly|some|circa|c\.)\s+", re.IGNORECASE)
_DAY = re.compile(r"\d{3,4}-\d\d-\d\d")
_BLEND = re.compile(r"\b(?:blend|mix|mixture|combination|fusion) of\b(.*?(?:\band\b|,).*)", re.IGNORECASE)
_ADJECTIVES = re.compile(r"\s(?:an?|the)\s[a-z]+(?=,\s[a-z]+(?:\s[a-z]+)?(?:[.;,]|$))")
_EITHER = re.compile(r"\s+or\s+")
_END = re.compile(r"(?<!\b[JSMD]r)(?<!\bSt)(?<!\bMrs)(?<!\b[A-Z])[.;!?](?:\s|$)")
_PAIR = re.compile(r"\band then\b|\bthen\b|\band\b|&")
_CHOICE = re.compile(r"\bor\b|(?<=\w{3})/(?=\w{3})|\s/\s|\beither\b", re.IGNORECASE)


def judge(text: str, wanted: Sequence[str], question: str = "") -> Judged:
    """What an answer to `question` is when any of `wanted` is true (aliases too; none for what nobody can answer)."""
    said = main_line(text)
    if not said:
        return "empty"
    if names_one(said, wanted, question):
        return "right"
    return "refused" if refuses(text) else "wrong"


@lru_cache(maxsize=1 << 16)
def refuses(text: str) -> bool:
    """Whether the text says that its speaker does not know, and leaves it at that."""
    plain = fold(text[:LONGEST].replace("\u2019", "'"))
    if _NO_WORDS.match(plain):
        return True
    found = _REFUSING.search(plain)
    place = found.end() if found else 0
    return (found is not None or is_refusal(plain)) and _STILL.search(plain, place) is None


@lru_cache(maxsize=1 << 16)
def main_line(text: str) -> str:
    """The first line with words, without the marks of a list or of Markdown, and without `Answer:`."""
    for line in text[:LONGEST].splitlines():
        plain = re.sub(r"[*_`#>]+", "", line).strip(" \t-\u2022\"'\u201c\u201d")
        plain = re.sub(r"^(?:the )?(?:answer|a)\s*(?::|is:)\s*", "", plain, flags=re.IGNORECASE)
        if re.search(r"\w", plain):
            return plain
    return ""


def names_one(said: str, wanted: Sequence[str], question: str = "") -> bool:
    """Whether the answer names one of the wanted values and stands by it."""
    forms = {form for one in wanted for form in _forms(one)}
    answer = spelt(normal(said))
    if answer in forms or "".join(answer) in map("".join, forms):
        return True
    if not forms or _is_choice(said, forms) or _other_date(answer, forms):
        return False
    said = _claim(said)
    given, asked = words(said), normal(question)
    return any(_stands(given, form, asked, said) for form in forms) or _listed(said, forms)


def _forms(wanted: str) -> list[tuple[str, ...]]:
    """The normal forms of a true value; `sperm or egg cells` means that either will do."""
    some = [wanted, *(_EITHER.split(wanted) if _EITHER.search(wanted) else ())]
    return [form for one in some if (form := spelt(normal(_ABOUT.sub("", one))))]


def _claim(said: str) -> str:
    """Of a long sentence what it claims: up to the first comma after its verb. What comes then is said by the way."""
    match = _VERB.search(said) if len(said) > LONG else None
    begin = match.end() if match else 0
    described = _ADJECTIVES.match(said, begin - 1)  # a bright, fiery red
    end = _BY_THE_WAY.search(said, described.end() + 1 if described else begin) if match else None
    return said[: end.start()] if end else said


def _stands(given: Sequence[Word], form: tuple[str, ...], asked: tuple[str, ...], said: str) -> bool:
    """Whether the form stands among the words by itself: whole, not denied, not only as an echo of the question."""
    size = len(form)
    for at in range(len(given) - size + 1):
        if not all(_fits(given[at + i].form, form[i]) for i in range(size)) and not (
            size == 1 and stands_for(given, at, form[0])
        ):
            continue
        if _within(asked, form) and not _is_said_anew(given, at, said):
            continue
        before, after = given[:at], given[at + size :]
        if {word.form for word in before[-3:]} & _DENYING:
            continue
        left = () if "language" in asked else before  # American English is English
        if not _grows(left, given[at], said, given[at + size - 1], after):
            return True
    return False


def _fits(said: str, wanted: str) -> bool:
    """Whether a word says what is wanted: the same, or a date of which only the month or the year is wanted."""
    if said == wanted:
        return True
    return bool(re.fullmatch(r"\d{3,4}(-\d\d)?", wanted)) and said.startswith(wanted + "-")


def _grows(before: Sequence[Word], first: Word, said: str, last: Word, after: Sequence[Word]) -> bool:
    """Whether the words beside it make it another name: `New York` for York, `1,200 men` is still 1200."""
    number = first.form[0].isdigit()
    if before and is_part(before[-1].form, first.form):
        before = before[:-1]
    if before and before[-1].capital and first.capital and not number and _touch(said, before[-1], first):
        opener = before[-1].form in _OPENERS | _TITLES | _LINKS or (len(before) == 1 and before[-1].form in _LINKS)
        if not opener and not before[-1].form[0].isdigit():
            return True
    if after and after[0].capital and last.capital and after[0].form != last.form and _touch(said, last, after[0]):
        return after[0].form not in _TITLES | _LINKS and not after[0].form[0].isdigit()
    return False


def _touch(said: str, left: Word, right: Word) -> bool:
    """Whether nothing but blanks or a hyphen stands between two words; a point after an initial."""
    between = said[left.end : right.start]
    return re.fullmatch(r"[\s\-'\u2019]*" if left.end - left.start > 1 else r"[\s\-'\u2019.]*", between) is not None


def _within(text: tuple[str, ...], form: tuple[str, ...]) -> bool:
    return any(text[i : i + len(form)] == form for i in range(len(text) - len(form) + 1))


def _is_said_anew(given: Sequence[Word], at: int, said: str) -> bool:
    """Whether a value that the question has too is what the answer claims: right after `is`, `was`, `:`."""
    return (at == 0 and len(given) <= 2) or bool(
        at and given[at - 1].form in ("is", "was", "are", "were", "called", "from")
    )


def _is_choice(said: str, forms: set[tuple[str, ...]]) -> bool:
    """Whether several answers are offered of which not all are true: `Paris or Lyon`, a list of four towns."""
    head = _END.split(said)[0]
    parts = [part for part in _CHOICE.split(head) if normal(part)]
    if len(parts) == 1 and (blend := _BLEND.search(head)):
        parts = [part for part in re.split(r",|\band\b", blend[1]) if normal(part)]
    if len(parts) > 1:
        return not all(any(_holds(part, form) for form in forms) for part in parts)
    pair = [normal(part) for part in _PAIR.split(head)]
    if len(pair) == 2 and all(1 <= len(part) <= 3 for part in pair) and sum(part in forms for part in pair) == 1:
        return True
    listed = [part for part in re.split(r",|\band\b", head) if normal(part)]
    short = [part for part in listed if len(normal(part)) <= 4]
    return len(listed) >= 3 and len(short) == len(listed) and sum(_holds(p, f) for p in listed for f in forms) == 1 \
        and not any(len(form) >= len(listed) for form in forms)  # fmt: skip


def _other_date(answer: tuple[str, ...], forms: set[tuple[str, ...]]) -> bool:
    """Whether a whole date is said where another whole one is true: `15 May 1648` for 1648, 24 October."""
    days = {word for form in forms for word in form if _DAY.fullmatch(word)}
    return bool(days) and any(_DAY.fullmatch(word) and word not in days for word in answer)


def _holds(part: str, form: tuple[str, ...]) -> bool:
    return _within(normal(part), form)


def _listed(said: str, forms: set[tuple[str, ...]]) -> bool:
    """Whether the answer is several of the wanted values: `Lennon and McCartney` where each is one of them."""
    parts = [normal(part) for part in re.split(r",|;|\band\b|&", said) if normal(part)]
    return len(parts) > 1 and all(part in forms for part in parts)


def same(a: str, b: str, question: str = "") -> bool:
    """Whether two answers to a question mean the same: one names what the other is."""
    one, other = main_line(a), main_line(b)
    if normal(one) == normal(other):
        return True
    if refuses(a) or refuses(b):
        return refuses(a) and refuses(b)
    if not _share(normal(one), normal(other)):
        return False
    return bool(one and other) and (names_one(one, (other,), question) or names_one(other, (one,), question))


def _share(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one may name the other: all of its words are there, or a date or an equal spelling may decide."""
    a, b = set(one), set(other)
    dated = any("-" in word for word in a | b)
    return a <= b or b <= a or dated or "".join(one) == "".join(other)


def clusters(answers: Sequence[str], question: str = "") -> list[int]:
    """For each answer the number of its cluster of equal answers, numbered in order of first appearance."""
    heads: list[str] = []
    known: dict[str, int] = {}
    found = []
    for answer in answers:
        if answer not in known:
            known[answer] = next((i for i, head in enumerate(heads) if same(head, answer, question)), len(heads))
            if known[answer] == len(heads):
                heads.append(answer)
        found.append(known[answer])
    return found
