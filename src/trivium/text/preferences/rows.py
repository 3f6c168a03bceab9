"""Comparisons in files of others: TRL's names (prompt, chosen, rejected), texts or lists of messages, and what is wrong
with the rows that are none.

JSON lines (plain, gzip, zstd) and Parquet. A prompt may also stand inside both answers: as the messages that they share
(TRL's "implicit prompt"), or as a transcript of `Human:` and `Assistant:` turns (HH-RLHF's files).
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trivium.ground.errors import UsageError
from trivium.text.chat import ROLES, Message

PACKED = {".gz": "gzip", ".zst": "zstd"}
ROWS = (".jsonl", ".ndjson", ".parquet")
BATCH = 256
MOST_NAMED = 5
"""Rows of a reason whose places are told."""
_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant):[ ]?")
_SPEAKERS = {"Human": "user", "Assistant": "assistant"}
_FROM = {"human": "user", "gpt": "assistant", "system": "system"}


@dataclass(frozen=True)
class Preference:
    """Two answers to one prompt, the better one as `chosen`; of a tie the order says nothing."""

    prompt: tuple[Message, ...]
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]
    tie: bool = False
    margin: float | None = None
    """How much better the rater found it, where the row says so."""
    place: str = ""
    """File and line (or row), counted from 1."""

    @property
    def asked(self) -> str:
        """The prompt as one string: what decides on which side of a split it falls."""
        return json.dumps([[m["role"], m["content"]] for m in self.prompt], ensure_ascii=False)

    @property
    def lengths(self) -> tuple[int, int]:
        """Characters of the chosen and of the rejected answer."""
        chosen, rejected = (sum(len(m["content"]) for m in answer) for answer in (self.chosen, self.rejected))
        return chosen, rejected


@dataclass
class Reading:
    """The comparisons of some files, and what became of every other row."""

    rows: list[Preference] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    """Reason -> rows."""
    places: dict[str, list[str]] = field(default_factory=dict)
    """Reason -> the places of its first rows."""
    others: int = 0
    """Rows that `where` did not ask for."""

    def drop(self, reason: str, place: str) -> None:
        """Count a row that is no comparison."""
        self.dropped[reason] += 1
        named = self.places.setdefault(reason, [])
        if len(named) < MOST_NAMED:
            named.append(place)

    def to_json(self) -> dict[str, Any]:
        """For files and for people: counts, reasons, places."""
        return {
            "comparisons": len(self.rows),
            "ties": sum(row.tie for row in self.rows),
            "dropped": {
                reason: {"rows": count, "first": self.places[reason]} for reason, count in self.dropped.most_common()
            },
            "not_asked_for": self.others,
        }


class _Bad(Exception):
    """Why a row is no comparison."""


def read_preferences(paths: Iterable[Path], where: Sequence[str] = ()) -> Reading:
    """The comparisons of some files, in order, with every dropped row counted by reason.

    `where` keeps the rows whose field has a value: `dataset=hh-rlhf`. Raises UsageError for a file that cannot be
    opened or unpacked, and for a `where` without an equals sign.
    """
    wanted = dict(_asked_for(text) for text in where)
    reading = Reading()
    for path in paths:
        for place, row in _rows(path):
            if not isinstance(row, dict):
                reading.drop("no JSON" if row is None else "no JSON object", place)
            elif any(str(row.get(key)) != value for key, value in wanted.items()):
                reading.others += 1
            else:
                try:
                    reading.rows.append(comparison(row, place))
                except _Bad as why:
                    reading.drop(str(why), place)
    return reading


def need_some(reading: Reading, paths: Iterable[Path]) -> None:
    """Raise UsageError, with the commonest reason, when nothing was read."""
    if reading.rows:
        return
    names = ", ".join(map(str, paths))
    if not reading.dropped:
        raise UsageError(f"{names} has no row that was asked for ({reading.others:,} others).", "Look at --where.")
    reason, count = reading.dropped.most_common(1)[0]
    first = reading.places[reason][0]
    raise UsageError(
        f"{names} holds no comparison: {count:,} rows dropped, {reason} (first: {first}).",
        'A row is {"prompt": …, "chosen": …, "rejected": …}, of texts or of lists of messages.',
    )


def comparison(row: Mapping[str, Any], place: str = "") -> Preference:
    """The comparison that a row says. Raises the reason as an exception that `read_preferences` counts."""
    if row.get("choice") == "skip":
        raise _Bad("skipped by the person")
    chosen, rejected = row.get("chosen"), row.get("rejected")
    if not chosen or not rejected:
        raise _Bad(f"no {'chosen' if not chosen else 'rejected'}")
    prompt = _prompt_of(row)
    if prompt is None:
        prompt, first, second = _apart(chosen, rejected)
    else:
        first, second = (_answer(text, prompt) for text in (chosen, rejected))
    if [m["content"] for m in first] == [m["content"] for m in second]:
        raise _Bad("the two answers are equal")
    if first[-1]["role"] != "assistant" or second[-1]["role"] != "assistant":
        raise _Bad("an answer does not end with the assistant")
    if not prompt:
        raise _Bad("no prompt")
    margin = row.get("margin")
    if isinstance(margin, bool) or not isinstance(margin, int | float) or not math.isfinite(margin):
        margin = None
    return Preference(tuple(prompt), tuple(first), tuple(second), row.get("tie") is True, margin, place)


def _prompt_of(row: Mapping[str, Any]) -> list[Message] | None:
    """The row's own prompt; None when it stands in the answers."""
    prompt = row.get("prompt")
    if prompt is None and isinstance(row.get("instruction"), str):
        more = row.get("input") or ""
        prompt = row["instruction"] + (f"\n\n{more}" if more else "")
    if prompt is None and isinstance(row.get("conversations"), list):
        prompt = row["conversations"]
    if prompt is None:
        return None
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}] if prompt.strip() else []
    return _messages(prompt)


def _answer(value: Any, prompt: Sequence[Message]) -> list[Message]:
    """An answer's messages; a prompt that is repeated before it is cut off."""
    if isinstance(value, str):
        return [{"role": "assistant", "content": value}]
    messages = _messages([value] if isinstance(value, dict) else value)
    if messages[: len(prompt)] == list(prompt) and len(messages) > len(prompt):
        return messages[len(prompt) :]
    return messages


def _apart(chosen: Any, rejected: Any) -> tuple[list[Message], list[Message], list[Message]]:
    """Prompt and answers out of two whole conversations."""
    if isinstance(chosen, str) and isinstance(rejected, str):
        first, second = _transcript(chosen), _transcript(rejected)
        cut = len(first) - 1
        if first[:cut] != second[: len(second) - 1]:
            raise _Bad("the two answers follow different conversations")
    else:
        first, second = _messages(chosen), _messages(rejected)
        shared = (a == b for a, b in zip(first, second, strict=False))
        cut = next((i for i, same in enumerate(shared) if not same), min(len(first), len(second)))
    if cut == len(first) or cut == len(second):
        raise _Bad("the two answers are equal")
    return first[:cut], first[cut:], second[cut:]


def _transcript(text: str) -> list[Message]:
    parts = _TURN.split(text.strip())
    if len(parts) < 3 or parts[0].strip():
        raise _Bad("no prompt, and the answers are no transcripts")
    return [
        {"role": _SPEAKERS[who], "content": said.strip()} for who, said in zip(parts[1::2], parts[2::2], strict=True)
    ]


def _messages(value: Any) -> list[Message]:
    if not isinstance(value, list | tuple) or not value:
        raise _Bad("messages are no list")
    found: list[Message] = []
    for message in value:
        if not isinstance(message, dict):
            raise _Bad("a message is no object")
        role = message.get("role") or _FROM.get(str(message.get("from")))
        content = message.get("content") if "content" in message else message.get("value")
        if role not in ROLES:
            raise _Bad("a message has no known role")
        if not isinstance(content, str):
            raise _Bad("a message's content is no text")
        found.append({"role": role, "content": content})
    return found


def _asked_for(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"--where {text} has no equals sign.", "Write <field>=<value>: dataset=hh-rlhf.")
    return key, value


def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Each row with its place; None for a line that is no JSON."""
    import pyarrow as pa

    packed = path.suffix.lower() in PACKED
    kind = (path.with_suffix("") if packed else path).suffix.lower()
    if kind not in ROWS:
        raise UsageError(f"{path} is no file of comparisons.", f"Files end in {', '.join(ROWS)} (.gz and .zst too).")
    place = str(path)
    try:
        if kind == ".parquet":
            for number, row in enumerate(_table(path), 1):
                place = f"{path}: row {number:,}"
                yield place, row
            return
        for number, line in enumerate(_lines(path), 1):
            place = f"{path}:{number}"
            if line.strip():
                yield place, _parsed(line)
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"{path} cannot be read beyond {place}: {error}.", "It is missing or damaged.") from error


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _table(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            yield from batch.to_pylist()


def _lines(path: Path) -> Iterator[bytes]:
    import pyarrow as pa

    with pa.OSFile(str(path)) as raw:
        packed = PACKED.get(path.suffix.lower())
        stream = pa.CompressedInputStream(raw, packed) if packed else raw
        rest = b""
        while chunk := stream.read(1 << 20):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from whole
        yield rest
