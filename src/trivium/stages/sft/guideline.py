"""A guideline: plain Markdown that says who an assistant is, how it talks, what it refuses, what it says when unsure.

Title: the name. `## Who`: `- topic: wording`, topics as in WHO. `## Tone`: prose. `## Format`: prose, of which "at most
N words", "at least N words", "no Markdown" and "use Markdown" are checked, too. `## Answers`, `## Everyday`: wordings
with the slots {answer}, {brief}, {full}. `## Refuses`: `- topic: question / question / …`. `## Refusing` and
`## Unsure`: wordings. A person writes all of it; a writing model is given the whole text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from trivium.ground.errors import UsageError
from trivium.tasks.answers import normal_form

WHO = ("name", "maker", "kind", "person", "skills", "learned", "limits", "feelings")
"""What people ask an assistant about itself, in the order of `town.smalltalk.IDENTITY`."""
SLOTS = {
    "who": set[str](), "answers": {"answer"}, "everyday": {"brief", "full"}, "refusing": {"topic"},
    "unsure": set[str](),
}  # fmt: skip
SECTIONS = ("who", "tone", "format", "answers", "everyday", "refuses", "refusing", "unsure")
_SLOT = re.compile(r"\{(\w*)\}")
_MARKDOWN = re.compile(r"\*\*[^*\n]+\*\*|^\s*(?:[-*+] |\d+\. |#{1,6} )|`[^`\n]+`", re.MULTILINE)


@dataclass(frozen=True)
class Guideline:
    """What a file says."""

    name: str
    text: str
    """All of it, as a writing model reads it."""
    who: dict[str, tuple[str, ...]]
    answers: tuple[str, ...]
    everyday: tuple[str, ...]
    refuses: dict[str, tuple[str, ...]]
    """Topic -> questions about it; the last is kept to measure with."""
    refusing: tuple[str, ...]
    unsure: tuple[str, ...]
    most: int
    """Words of a reply at most; 0 for any number."""
    least: int
    markdown: bool | None
    """Whether replies use Markdown; None where the guideline does not say."""

    def breach(self, reply: str) -> str:
        """Which rule of the format a reply breaks: "empty", "too_wordy", "too_brief", "markdown"; "" for none."""
        words = len(reply.split())
        if not words:
            return "empty"
        if self.most and words > self.most:
            return "too_wordy"
        if words < self.least:
            return "too_brief"
        return "markdown" if self.markdown is False and has_markdown(reply) else ""


def has_markdown(text: str) -> bool:
    """Whether a text has bold type, a list, a heading or code in it."""
    return _MARKDOWN.search(text) is not None


def said_as(reply: str, wordings: tuple[str, ...]) -> bool:
    """Whether a reply has the words of one of the wordings: the longest stretch of it that is no slot."""
    given = f" {normal_form(reply)} "
    forms = (max((normal_form(piece) for piece in _SLOT.split(one)[::2]), key=len) for one in wordings)
    return any(form and f" {form} " in given for form in forms)


def find_guideline(name: str) -> Path:
    """The file of this name, or the bundled guideline: engineer, teacher. Raises UsageError."""
    if Path(name).is_file():
        return Path(name)
    bundled = Path(str(files("trivium") / "samples" / "guidelines"))
    if (bundled / f"{name}.md").is_file():
        return bundled / f"{name}.md"
    known = ", ".join(sorted(path.stem for path in bundled.glob("*.md")))
    raise UsageError(f"There is no guideline {name}.", f"Give a Markdown file, or one of: {known}.")


def read_guideline(path: Path) -> Guideline:
    """The guideline in a file. Raises UsageError, naming the section, for what is missing or cannot be filled in."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "Give a Markdown file in UTF-8.") from error
    title = re.search(r"^# +(.+?) *$", text, re.MULTILINE)
    if title is None:
        raise UsageError(f"{path} has no title.", "Begin with the assistant's name: # Bolt")
    parts = re.split(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    bodies = {name.casefold(): body for name, body in zip(parts[1::2], parts[2::2], strict=True)}
    strange = [name for name in bodies if name not in SECTIONS]
    missing = [name for name in SECTIONS if name not in bodies]
    if strange or missing:
        what = f"a section {strange[0]!r}" if strange else f"no section {missing[0]!r}"
        raise UsageError(f"{path} has {what}.", f"Sections are {', '.join(name.capitalize() for name in SECTIONS)}.")
    items = {name: _items(body) for name, body in bodies.items()}
    for name, slots in SLOTS.items():
        _check(path, name, items[name], slots)
    who = _topics(path, "who", items["who"])
    if unknown := set(who) - set(WHO):
        raise UsageError(f"{path}, Who: {min(unknown)!r} is no topic.", f"Topics are {', '.join(WHO)}.")
    refuses = _topics(path, "refuses", items["refuses"])
    asked = {t: tuple(q.strip() for one in some for q in one.split(" / ") if q.strip()) for t, some in refuses.items()}
    for topic, questions in asked.items():
        if len(questions) < 2:
            raise UsageError(f"{path}, Refuses: {topic} has one question.", "Give two or more: one is kept to measure.")
    form = bodies["format"].casefold()
    most, least = (int(m[1]) if (m := re.search(rf"{at} (\d+) words", form)) else 0 for at in ("at most", "at least"))
    markdown = False if "no markdown" in form else True if "markdown" in form else None
    return Guideline(
        title[1], text, {key: tuple(values) for key, values in who.items()}, tuple(items["answers"]),
        tuple(items["everyday"]), asked, tuple(items["refusing"]), tuple(items["unsure"]), most, least, markdown,
    )  # fmt: skip


def _items(body: str) -> list[str]:
    """The items of a list; lines set in under an item belong to it, one step of indentation taken off."""
    found: list[str] = []
    for line in body.splitlines():
        if line.startswith("- "):
            found.append(line[2:].strip())
        elif line.startswith("  ") and found:
            found[-1] += "\n" + line[2:].rstrip()
    return found


def _check(path: Path, name: str, items: list[str], slots: set[str]) -> None:
    if not items:
        raise UsageError(f"{path}, {name.capitalize()}: no wordings.", "Give one or more, each after a dash.")
    for item in items:
        used = set(_SLOT.findall(item))
        if used - slots or (name in ("answers", "everyday") and not used):
            wanted = " or ".join(f"{{{slot}}}" for slot in sorted(slots)) or "none"
            raise UsageError(f"{path}, {name.capitalize()}: {item[:60]!r}.", f"Slots of this section: {wanted}.")


def _topics(path: Path, name: str, items: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in items:
        topic, colon, rest = item.partition(":")
        if not colon or not rest.strip():
            raise UsageError(f"{path}, {name.capitalize()}: {item[:60]!r}.", "Write `- topic: text`.")
        found.setdefault(topic.strip(), []).append(rest.strip())
    return found
