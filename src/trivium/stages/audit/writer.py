"""A model behind a URL writes questions from passages of the documents; only what the passage supports is kept."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from random import Random

from trivium.evals.knowledge.probe import Probe
from trivium.evals.knowledge.remote import Remote
from trivium.ground.how import How
from trivium.ground.progress import tracked
from trivium.index.documents import Entry
from trivium.tasks.normal_forms import normal

ASK = """Write one question about a fact in this passage, with its answer. The question must name what it is about, \
must make sense without the passage, and must have exactly one short answer (a name, a number, a date) that stands in \
the passage word by word. Reply with JSON only: {{"question": "...", "answer": "...", "subject": "..."}}

Passage:
{passage}"""
SHORTEST, LONGEST = 200, 1200
"""Characters of a passage."""
_POINTING = re.compile(r"\b(?:passage|text|article|document|author|above|this|these|following)\b", re.IGNORECASE)


def write(
    entries: Iterable[Entry], count: int, server: Remote, seed: int, how: How, dropped: Counter[str]
) -> list[Probe]:
    """At most `count` probes, one from each of as many passages. What is refused is counted in `dropped`."""
    rng = Random(f"writer|{seed}")
    passages = [one for entry in entries if (one := _passage(entry, rng)) is not None]
    rng.shuffle(passages)
    found: list[Probe] = []
    for entry, start, passage in tracked(
        passages[:count], "questions written", min(count, len(passages)), "questions", how
    ):
        how.stop.check("while questions were written")
        said = server.complete([{"role": "user", "content": ASK.format(passage=passage)}], 160, seed, 0.0)
        read = _read(said, passage)
        if isinstance(read, str):
            dropped[read] += 1
            continue
        question, answer, subject = read
        at = start + max(passage.find(answer), 0)
        found.append(
            Probe(f"written:{len(found)}", question, (answer,), subject, "", "written", document=entry.id, start=at,
                  end=at + len(answer), exposure=1)
        )  # fmt: skip
    return found


def _passage(entry: Entry, rng: Random) -> tuple[Entry, int, str] | None:
    places = [m for m in re.finditer(rf"[^\n]{{{SHORTEST},}}", entry.text)]
    if not places:
        return None
    match = rng.choice(places)
    return entry, match.start(), match[0][:LONGEST]


def _read(said: str, passage: str) -> tuple[str, str, str] | str:
    """Question, answer and subject; or why they are not used."""
    found = re.search(r"\{.*\}", said, re.DOTALL)
    try:
        value = json.loads(found[0] if found else "")
        question, answer, subject = (" ".join(str(value[key]).split()) for key in ("question", "answer", "subject"))
    except (ValueError, LookupError, TypeError):
        return "writer: no JSON"
    form, text = normal(answer), normal(passage)
    if not form or len(form) > 8 or not any(text[i : i + len(form)] == form for i in range(len(text))):
        return "writer: answer not in the passage"
    if not question.endswith("?") or _POINTING.search(question) or not normal(subject):
        return "writer: question does not stand alone"
    if set(form) <= set(normal(question)):
        return "writer: answer in the question"
    return question, answer, subject
