"""Pages state what was planned, found by a counter that knows nothing of the plan; no two are alike."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import chain, combinations

import pytest

from trivium.town import filler
from trivium.town.exposure import count, statements
from trivium.town.names import FIRST_NAMES, LAST_NAMES, VALUES
from trivium.town.pages import FEWEST_WORDS, pages
from trivium.town.phrases import NOT_KNOWN, OPENERS, QUESTIONS
from trivium.town.questions import RESERVED, question
from trivium.town.world import TownConfig, build

TOWN = build(TownConfig(people=40, crowd=30, unlisted=20, ghosts=10, strangers=10))
PAGES = list(pages(TOWN))


def test_the_counter_finds_exactly_the_planned_copies() -> None:
    planned = {f"{p.id}/{attribute}": copies for p in TOWN.people for attribute, copies in p.copies.items()}
    assert count(TOWN, [page.text for page in PAGES]) == planned
    assert sum(planned.values()) > 1000


def test_each_page_states_the_facts_it_lists() -> None:
    for page in PAGES[:60]:
        found = {key: times for key, times in count(TOWN, [page.text]).items() if times}
        assert found == Counter(f"{person}/{attribute}" for person, attribute in page.facts)


def test_html_holds_the_text_between_menu_and_footer() -> None:
    for page in PAGES[:40]:
        paragraphs = re.findall(r"<p>(.*?)</p>", page.html)
        title = re.search(r"<h1>(.*?)</h1>", page.html)
        assert title and "\n".join([title.group(1), *paragraphs]) == page.text
        assert "<nav" in page.html and "<footer>" in page.html and "<aside" in page.html
        assert ".larkham.example/" in page.url
    assert len({page.url for page in PAGES}) == len(PAGES)


def test_pages_are_long_enough_name_several_people_and_nobody_twice() -> None:
    for page in PAGES:
        assert len(page.text.split()) >= FEWEST_WORDS >= 80
        assert all(line.endswith((".", "?", "!")) for line in page.text.splitlines()[1:])
    people = [len({person for person, _ in page.facts}) for page in PAGES]
    assert sum(people) / len(people) > 4


def test_pages_are_far_from_being_copies_of_each_other() -> None:
    shingles = []
    for page in PAGES:
        words = page.text.lower().split()
        shingles.append({tuple(words[i : i + 5]) for i in range(len(words) - 4)})
    holders: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, own in enumerate(shingles):
        for shingle in own:
            holders[shingle].append(i)
    shared = Counter(pair for rows in holders.values() for pair in combinations(rows, 2))
    assert max(n / len(shingles[a] | shingles[b]) for (a, b), n in shared.items()) < 0.6


def test_generating_again_gives_the_same_pages() -> None:
    assert list(pages(TOWN)) == PAGES


def test_half_or_so_are_questions_and_the_reserved_phrasing_is_never_printed() -> None:
    text = "\n".join(page.text for page in PAGES)
    share = text.count("?") / sum(len(page.facts) for page in PAGES)
    assert 0.45 < share < 0.6
    for person in TOWN.people:
        for attribute in person.facts:
            assert question(person, attribute, RESERVED) not in text
    for forms in QUESTIONS.values():
        assert len(set(forms)) == RESERVED + 1 >= 5


def test_of_the_unlisted_pages_only_say_that_the_answer_is_not_known() -> None:
    names = {person.name: person for person in TOWN.people}
    lines = [line for page in PAGES for line in page.text.splitlines()]
    asked = Counter(name for line in lines for name in names if name in line and line.endswith(NOT_KNOWN))
    assert asked == {person.name: TOWN.config.unlisted_questions for person in TOWN.group("unlisted")}
    for line in lines:
        if any(person.name in line for person in TOWN.group("unlisted")):
            assert line.endswith(NOT_KNOWN) and not any(value in line for value in chain(*VALUES.values()))


def test_ghosts_and_strangers_are_named_nowhere() -> None:
    text = "\n".join(page.html for page in PAGES)
    assert not [p.name for p in (*TOWN.group("ghost"), *TOWN.group("stranger")) if p.name in text]


def test_filler_names_nobody_and_uses_no_value() -> None:
    forbidden = {word.casefold() for word in (*FIRST_NAMES, *LAST_NAMES, *chain(*VALUES.values()))}
    texts = [
        *filler.GENERAL,
        *OPENERS,
        *(one for options in filler.SLOTS.values() for one in options),
        *(form for parts in filler.KINDS.values() for forms in parts.values() for form in forms),
    ]
    for text in texts:
        assert not set(re.findall(r"[a-z]+", text.casefold())) & forbidden, text


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("{n} was born in {v}.", 1),
        ("Where was {n} born? {n} was born in {v}.", 1),
        ("Where was {n} born? The answer is {v}.", 1),
        ("Question: Where was {n} born? Answer: {v}.", 1),
        ("Where was {n} born?\n\n{v}.", 1),
        ("{n} was here. {v} is far.", 0),
        ("{f} was born in {v}.", 0),
        ("{n} was born in {v}. {n} was born in {v}.", 2),
        ("{n}'s home is {v}, yes {v}!", 1),
        ("{n} was born in Atlantis.", 0),
        ("In {v} lives {n}\nand others.", 1),
        ("", 0),
        ("{l} {f} was born in {v}.", 0),
    ],
)
def test_what_counts_as_a_statement(text: str, times: int) -> None:
    person = TOWN.people[0]
    first, last = person.name.split()
    filled = text.format(n=person.name, v=person.facts["birthplace"], f=first, l=last)
    assert count(TOWN, [filled])[f"{person.id}/birthplace"] == times


def test_statements_join_a_question_with_its_answer() -> None:
    assert list(statements("One. Two? Three! Four? Five? Six.")) == ["One.", "Two? Three!", "Four?", "Five? Six."]
