"""The town's pages: every planned statement printed once, spread over varied pages about several people each.

A person's statements are bundled one to three to a sentence, the bundles of everybody are shuffled so that nobody is
named twice on a page, and the page's kind lays filler around them. What a page states is kept as its ground truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from trivium.town import filler
from trivium.town.layout import SITES, html_of, url_of
from trivium.town.phrases import ASIDES, NOT_KNOWN, OPENERS, POSSESSIVES, PREDICATES, QUESTION_STYLES
from trivium.town.questions import RESERVED, full_answer, question
from trivium.town.world import Person, Town

Bundle = tuple[Person, tuple[str, ...]]
"""A person and the attributes that one sentence (or one question) states."""
FEWEST_WORDS = 95
"""Words of main text that a page has at least: the web filters want 50, the design 80."""
SENTENCE_SIZES = ((1, 2, 3), (7, 4, 1))
"""Facts in a sentence, and how often."""
USUAL = (6, 3, 2, 1, 1, 1)
"""How often the first, second ... wording of a fact is used: a usual one learns fast, the rare ones make it general."""


@dataclass(frozen=True)
class TownPage:
    """A page as a crawler gets it, and what it states."""

    url: str
    html: str
    facts: tuple[tuple[str, str], ...]
    """The (person id, attribute) of each statement in order."""
    kind: str
    text: str
    """The main text without menus: title and paragraphs, one a line."""


def pages(town: Town) -> Iterator[TownPage]:
    """All pages of the town in a fixed shuffled order; together they state each fact as often as planned."""
    rng = Random(f"pages|{town.config.seed}")
    prose, asked = _bundles(rng, town)
    stacks = [(kind, stack) for stack in _deal(rng, prose, (8, 11)) for kind in [rng.choice(_PROSE)]]
    stacks += [("questions", stack) for stack in _deal(rng, asked, (9, 12))]
    rng.shuffle(stacks)
    for number, (kind, stack) in enumerate(stacks):
        yield _page(rng, kind, stack, number)


_PROSE = tuple(kind for kind in filler.KINDS if kind != "questions")


def _bundles(rng: Random, town: Town) -> tuple[list[Bundle], list[Bundle]]:
    """All statements, those for sentences and those for questions, each person's spread evenly over its list."""
    prose: list[tuple[float, Bundle]] = []
    asked: list[tuple[float, Bundle]] = []
    for person in (*town.group("written"), *town.group("crowd")):
        share = town.config.crowd_question_share if person.group == "crowd" else town.config.question_share
        sentences, questions = _shared_out(rng, person, share)
        prose += _placed(rng, person, sentences)
        asked += _placed(rng, person, questions)
    for person in town.group("unlisted"):
        attributes = rng.sample(list(person.facts), town.config.unlisted_questions)
        asked += _placed(rng, person, [(attribute,) for attribute in attributes])
    return _in_order(prose), _in_order(asked)


def _shared_out(rng: Random, person: Person, share: float) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The attributes of a person's planned sentences, and of the planned questions: about a `share` of all."""
    left = dict(person.copies)
    questions: list[tuple[str, ...]] = []
    for attribute, copies in person.copies.items():
        count = sum(rng.random() < share for _ in range(copies))
        left[attribute] -= count
        questions += [(attribute,)] * count
    rng.shuffle(questions)
    sentences = []
    while any(left.values()):
        size = rng.choices(*SENTENCE_SIZES)[0]
        keys = {attribute: rng.random() ** (1 / count) for attribute, count in left.items() if count}
        picked = tuple(sorted(keys, key=keys.__getitem__)[-size:])
        for attribute in picked:
            left[attribute] -= 1
        sentences.append(picked)
    return sentences, questions


def _placed(rng: Random, person: Person, bundles: Sequence[tuple[str, ...]]) -> list[tuple[float, Bundle]]:
    """The bundles of a person at places from 0 to 1, evenly spread but for chance."""
    return [((i + rng.random()) / len(bundles), (person, bundle)) for i, bundle in enumerate(bundles)]


def _in_order(placed: list[tuple[float, Bundle]]) -> list[Bundle]:
    return [bundle for _, bundle in sorted(placed, key=lambda pair: pair[0])]


def _deal(rng: Random, bundles: Sequence[Bundle], sizes: tuple[int, int]) -> list[list[Bundle]]:
    """The bundles in stacks of a size between `sizes`, with nobody twice in a stack."""
    stacks: list[list[Bundle]] = []
    waiting = list(bundles)
    while waiting:
        size = rng.randint(*sizes)
        stack: dict[str, Bundle] = {}
        passed: list[Bundle] = []
        for i, bundle in enumerate(waiting):
            if bundle[0].id in stack:
                passed.append(bundle)
            else:
                stack[bundle[0].id] = bundle
            if len(stack) == size:
                passed += waiting[i + 1 :]
                break
        waiting = passed
        stacks.append(list(stack.values()))
    return stacks


def _page(rng: Random, kind: str, stack: Sequence[Bundle], number: int) -> TownPage:
    parts = filler.KINDS[kind]
    title = filler.sentence(rng, rng.choice(parts["title"]))
    first, last = (filler.sentence(rng, rng.choice(parts[part])) for part in ("first", "last"))
    extras = [filler.sentence(rng, form) for form in rng.sample(filler.GENERAL, len(filler.GENERAL))]
    stated = [_asked(rng, b) if kind == "questions" else _told(rng, b) for b in stack]
    if kind == "questions":
        paragraphs = [f"{first} {extras.pop()}", *stated, f"{extras.pop()} {extras.pop()} {last}"]
    else:
        paragraphs = [f"{first} {extras.pop()}"]
        while stated:
            count = rng.randint(2, 4)
            group, stated = stated[:count], stated[count:]
            paragraphs.append(" ".join(group))
        middle = rng.randrange(1, len(paragraphs))
        paragraphs[middle] += f" {extras.pop()}"
        paragraphs.append(last)
    while sum(len(paragraph.split()) for paragraph in paragraphs) < FEWEST_WORDS:
        paragraphs[-1] = f"{extras.pop()} {paragraphs[-1]}"
    host = rng.choice(list(SITES))
    told = ((person, attributes) for person, attributes in stack if person.group != "unlisted")
    facts = tuple((person.id, attribute) for person, attributes in told for attribute in attributes)
    return TownPage(
        url_of(host, title, number), html_of(rng, host, title, paragraphs), facts, kind, "\n".join([title, *paragraphs])
    )


def _told(rng: Random, bundle: Bundle) -> str:
    """One sentence that names the person first, in full, and then states the bundle's facts."""
    person, attributes = bundle
    subject, rest = person.name, list(attributes)
    aside = next((a for a in rest if a in ASIDES), None) if len(rest) > 1 and rng.random() < 0.35 else None
    if aside:
        rest.remove(aside)
        subject = f"{subject}, {_put(ASIDES[aside], person, aside)},"
    if len(rest) == 1 and not aside and rng.random() < 0.25:
        said = f"{subject}'s {_put(rng.choice(POSSESSIVES[rest[0]]), person, rest[0])}"
    else:
        verbs = [_put(rng.choices(PREDICATES[a], USUAL)[0], person, a) for a in rest]
        said = f"{subject} {' and '.join([', '.join(verbs[:-1]), verbs[-1]] if len(verbs) > 1 else verbs)}"
    if rng.random() < 0.12:
        opener = rng.choice(OPENERS)
        said = f"{opener}{'' if opener.endswith('that') else ','} {said}"
    return f"{said}."


def _asked(rng: Random, bundle: Bundle) -> str:
    """A question in a phrasing that is not reserved, with its answer (or that it is not known), in one line."""
    person, (attribute,) = bundle
    asked = question(person, attribute, rng.randrange(RESERVED))
    if person.group == "unlisted":
        return f"{asked} {rng.choice(NOT_KNOWN)}"
    form = rng.choices(list(QUESTION_STYLES), list(QUESTION_STYLES.values()))[0]
    return form.format(q=asked, v=person.facts[attribute], s=full_answer(person, attribute, rng.randrange(3)))


def _put(form: str, person: Person, attribute: str) -> str:
    return form.replace("{v}", person.facts[attribute])
