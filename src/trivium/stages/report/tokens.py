"""Section 2: tokens. What a byte costs by source, some text in boxes, the longest tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trivium.pages.colours import COLOURS
from trivium.pages.figures import count
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.reading import Inputs, deep, json_of

TEMPLATE = "tokens.html"
PALETTE = tuple(stage for stage in COLOURS if stage != "report")
MOST_BLANK = 6


def section(inputs: Inputs, _config: ReportConfig) -> dict[str, Any] | None:
    """What the template shows; None without a tokenizer."""
    stats = json_of(inputs, "tokenizer", "stats.json")
    if stats is None:
        return None
    heldout, unused = deep(stats, "heldout", "bytes_per_token"), deep(stats, "unused", "count") or 0
    numbers = [("tokens in the vocabulary", count(stats["vocabulary"])),
               ("bytes a token, training", _two(deep(stats, "train", "bytes_per_token"))),
               ("bytes a token, held out", _two(heldout)), ("never occur in training", count(unused))]  # fmt: skip
    return {
        "digits": stats["digits_per_token"],
        "numbers": numbers,
        "examples": [boxes(example["tokens"]) for example in stats["examples"]],
        "costs": [row for split in ("train", "heldout") for row in _costs(stats, split)],
        "longest": boxes(stats["longest"]),
        "unused": boxes(deep(stats, "unused", "tokens") or []),
        "unused_count": unused,
    }


def boxes(tokens: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tokens for the page: a colour that differs from its neighbours', the id, and a text that can be seen."""
    return [{"id": token["id"], "stage": PALETTE[i % len(PALETTE)], "text": visible(token)}
            for i, token in enumerate(tokens)]  # fmt: skip


def visible(token: dict[str, Any]) -> str:
    """A token's text with line ends and tabs drawn, long blanks counted, and bytes that are no text in hex."""
    text = token["text"]
    if text is None:
        raw = bytes.fromhex(token["hex"])
        return "".join(f"\\x{byte:02x}" for byte in raw)
    drawn = text.replace("\n", "⏎").replace("\t", "⇥").replace("\r", "␍")
    drawn = "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in drawn)
    if len(drawn) > MOST_BLANK and len(set(drawn)) == 1:
        return f"{drawn[0] if drawn[0] != ' ' else '␣'}×{len(drawn)}"
    return drawn


def _costs(stats: dict[str, Any], split: str) -> list[list[str]]:
    note = ", held out" if split == "heldout" else ""
    return [[source + note, count(row["documents"]), count(row["bytes"]), count(row["tokens"]),
             _two(row["bytes_per_token"])] for source, row in deep(stats, split, "by_source").items()]  # fmt: skip


def _two(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
