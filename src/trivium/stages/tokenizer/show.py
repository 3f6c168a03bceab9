"""Tokens for people: their bytes, what they look like, and the merges that made them."""

from __future__ import annotations

from typing import Any

from trivium.text.huggingface import split_bytes
from trivium.text.tokenizer import Tokenizer

SIGNS = {" ": "␣", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\\": "\\\\"}


def is_utf8(raw: bytes) -> bool:
    """Whether the bytes are whole characters."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def visible(raw: bytes) -> str:
    """The bytes as one sees them: characters where they are whole ones (a space as ␣), else ⟨hex⟩; never U+FFFD for
    bytes that are something else.
    """
    if not is_utf8(raw):
        return f"⟨{raw.hex(' ').upper()}⟩"
    return "".join(SIGNS.get(char) or (char if char.isprintable() else repr(char)[1:-1]) for char in raw.decode())


def describe(tokenizer: Tokenizer, index: int) -> dict[str, Any]:
    """A token: its id, its bytes in hex, and its text or None where the bytes alone are no UTF-8."""
    raw = tokenizer.decode_bytes([index])
    return {"id": index, "hex": raw.hex(), "text": raw.decode() if is_utf8(raw) else None}


def tree(tokenizer: Tokenizer, token: bytes) -> dict[str, Any]:
    """A token with the two that were merged into it ("parts"), and theirs, down to single bytes."""
    rank = tokenizer.ranks[token]
    node: dict[str, Any] = {"id": rank, "hex": token.hex(), "shown": visible(token)}
    if len(token) > 1:
        node["parts"] = [tree(tokenizer, part) for part in split_bytes(token, tokenizer.ranks, rank)]
    return node


def brackets(node: dict[str, Any]) -> str:
    """The tree on a line: ((␣ t) (h e))."""
    if "parts" not in node:
        return str(node["shown"])
    return "(" + " ".join(brackets(part) for part in node["parts"]) + ")"


def tokens_of(tokenizer: Tokenizer, text: str) -> list[dict[str, Any]]:
    """For each token of a text: `tree`, and its merges on a line ("merges")."""
    nodes = [tree(tokenizer, tokenizer.decode_bytes([index])) for index in tokenizer.encode(text)]
    return [{**node, "merges": brackets(node)} for node in nodes]
