"""Files of questions and answers as probes: JSON lines, plain, gzip or zstd; each row that is left out is counted."""

from __future__ import annotations

import gzip
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from trivium.evals.knowledge.probe import Probe, from_cloze, number
from trivium.ground.errors import UsageError

ANSWERS = ("answer", "answers", "aliases", "continuation")
TAKEN_APART = 1 << 20
"""Characters of a line beyond which it is no question."""


def read_questions(path: Path, dropped: Counter[str], datasets: tuple[str, ...] = ()) -> list[Probe]:
    """The probes of a file; with `datasets`, those rows only whose `dataset` is one of them.

    A row has `question` and `answer` or `answers` (a text, or a list of which any is right), perhaps `aliases`,
    `subject`, `relation`, `source`, `id`; or `context` and `continuation`, a sentence to complete. A row that marks
    `"answerable": false` needs no answer. Reasons for rows left out are counted in `dropped`. Raises UsageError for a
    file that is not there, holds no such row, or has a line that is no JSON object.
    """
    if not path.is_file():
        raise UsageError(f"{path} is not there.", 'Give a JSONL file with {"question": …, "answer": …} in each line.')
    found: dict[tuple[str, str], Probe] = {}
    for place, row in _rows(path):
        if datasets and row.get("dataset") not in datasets:
            continue
        probe = _probe(row, f"{path.stem}:{place}", dropped)
        if probe is None:
            continue
        key = (probe.question.casefold(), "")
        if key in found:
            dropped["asked twice"] += 1
            merged = (*found[key].answers, *(a for a in probe.answers if a not in found[key].answers))
            found[key] = Probe(**{**vars(found[key]), "answers": merged})
        else:
            found[key] = probe
    if not found:
        told = ", ".join(f"{count} {reason}" for reason, count in dropped.items()) or "it is empty"
        wanted = f" of {', '.join(datasets)}" if datasets else ""
        raise UsageError(f"{path} holds no question{wanted} ({told}).", 'Each line wants "question" and "answer".')
    return list(found.values())


def _probe(row: Mapping[str, Any], fallback: str, dropped: Counter[str]) -> Probe | None:
    answers = _answers(row)
    question, context = row.get("question"), row.get("context")
    source = str(row.get("source") or row.get("dataset") or "file")
    source = str(row["dataset"]) if row.get("dataset") else source
    id = str(row.get("id") or fallback)
    if not answers and row.get("answerable") is not False:
        dropped["without an answer"] += 1
        return None
    if isinstance(question, str) and question.strip():
        text = " ".join(question.split())
        text = text if text.endswith(("?", ".", ":", "…")) else text + "?"
        subject, relation = str(row.get("subject") or ""), str(row.get("relation") or "")
        why = "" if answers else "premise"
        return Probe(id, text, answers, subject, relation, source, why=why)  # type: ignore[arg-type]
    if isinstance(context, str) and context.strip() and "continuation" in row:
        return from_cloze(id, context, answers, source)
    dropped["without a question"] += 1
    return None


def _answers(row: Mapping[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    for name in ANSWERS:
        value = row.get(name)
        values = value if isinstance(value, list) else [value]
        found += [str(one).strip() for one in values if isinstance(one, str | int | float) and str(one).strip()]
    return tuple(dict.fromkeys(found))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with _opened(path) as lines:
        place = 0
        try:
            for place, line in enumerate(lines, 1):
                if not line.strip() or len(line) > TAKEN_APART:
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"a {type(row).__name__} instead of an object")
                yield place, row
        except (ValueError, OSError, EOFError, RecursionError) as error:
            what = f"Line {max(place, 1)} of {path} or the one after it cannot be read: {error}."
            raise UsageError(what, "Write one JSON object in each line.") from error


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    if path.suffix == ".zst":
        import pyarrow as pa

        return io.TextIOWrapper(pa.CompressedInputStream(pa.OSFile(str(path)), "zstd"), encoding="utf-8")
    return open(path, encoding="utf-8")


def some(probes: list[Probe], limit: int, seed: int) -> list[Probe]:
    """At most `limit` of the probes (0: all), the same ones whatever else the file has beside them, in their order."""
    if not limit or len(probes) <= limit:
        return probes
    drawn = {probe.id for probe in sorted(probes, key=lambda p: number("limit", seed, p.question))[:limit]}
    return [probe for probe in probes if probe.id in drawn][:limit]
