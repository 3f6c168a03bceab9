"""Words that say the same as a name: `African` for Africa, `Christian` for Christianity, `USA` for the United States.

Where an adjective stands for its name it must stand alone (`Japanese`) or before a word for what the name is (`the
African continent`): a `Japanese film` names no country.
"""

from __future__ import annotations

from collections.abc import Sequence

from trivium.tasks.normal_forms import Word

_ENDINGS = (("a", "an"), ("ia", "ian"), ("o", "an"), ("y", "ian"), ("", "ese"), ("a", "ese"), ("", "i"), ("", "ian"),
            ("e", "ian"), ("", "ish"), ("land", "ish"), ("ity", ""), ("ism", ""), ("ism", "ist"),
            ("", "ic"))  # fmt: skip
"""Endings of a name and of its adjective."""
_IRREGULAR = {
    "france": "french", "germany": "german", "greece": "greek", "netherland": "dutch", "wale": "welsh",
    "ireland": "irish", "switzerland": "swiss", "turkey": "turkish", "spain": "spanish", "thailand": "thai",
    "poland": "polish", "pole": "polish", "judaism": "jewish", "islam": "muslim", "europe": "european",
    "denmark": "danish", "sweden": "swedish", "norway": "norwegian", "china": "chinese", "portugal": "portuguese",
}  # fmt: skip
_SHORTEST = 4
"""Letters that a name and its adjective share at least: `Iran`, `Iranian`."""
_KINDS = frozenset("continent country nation people person citizen citizenship nationality state kingdom faith "
                   "religion church man woman".split())  # fmt: skip
_LANDS = frozenset("nation country state kingdom".split())
_BRIEF = 8
"""Words of an answer whose last word may be an adjective without its noun."""
_REGIONS = frozenset("east west north south eastern western northern southern central middle southeast northeast "
                     "southwest northwest sub saharan equatorial mainland".split())  # fmt: skip
_PARTED = frozenset("africa asia europe antarctica australia oceania".split())
"""Names of which a part has the name too: East Africa is in Africa. South Korea is no part of Korea."""
_BRANCHES = {"catholicism": frozenset(("roman",)), "catholic": frozenset(("roman",)), "christianity": frozenset(
    "orthodox protestant catholic evangelical".split()), "islam": frozenset("sunni shia shiite".split()),
    "buddhism": frozenset("theravada mahayana zen tibetan".split())}  # fmt: skip
"""Branches of a faith are that faith."""
_SPELT = {
    ("usa",): ("united", "state"), ("us",): ("united", "state"), ("united", "state", "of", "america"): ("united",
    "state"), ("america",): ("united", "state"), ("uk",): ("united", "kingdom"), ("great", "britain"): ("united",
    "kingdom"), ("britain",): ("united", "kingdom"), ("ussr",): ("soviet", "union"),
    ("people", "republic", "of", "china"): ("china",),
}  # fmt: skip


def spelt(form: tuple[str, ...]) -> tuple[str, ...]:
    """The usual spelling of a whole answer: `USA` and `United States of America` are one."""
    return _SPELT.get(form, form)


def adjective_of(word: str, name: str) -> bool:
    """Whether a word is a name's adjective: `African` of Africa."""
    if _IRREGULAR.get(name) == word:
        return True
    for ending, instead in _ENDINGS:
        stem = name.removesuffix(ending)
        if name.endswith(ending) and len(stem) >= _SHORTEST - len(instead) // 3 and word == stem + instead != name:
            return True
    return False


def stands_for(given: Sequence[Word], at: int, name: str) -> bool:
    """Whether the word at a place says a one-word name as its adjective: last, before a kind, or as a faith."""
    word = given[at]
    if not word.capital or not adjective_of(word.form, name):
        return False
    faith = name.endswith(("ity", "ism")) or name == "islam"
    ends = at + 1 == len(given) <= _BRIEF  # a longer one may have been cut off there
    kind = at + 1 < len(given) and given[at + 1].form in _KINDS
    return faith or ends or kind or (at + 2 < len(given) and given[at + 2].form in _LANDS)


def is_part(before: str, name: str) -> bool:
    """Whether a word before a name makes a part or branch of it: `East` Africa, `Roman` Catholicism."""
    country = (before, name) == ("south", "africa")
    return (before in _REGIONS and name in _PARTED and not country) or before in _BRANCHES.get(name, ())
