"""Bytes of a token as a text that can be seen and cannot do anything: no control characters, no invisible ones."""

from __future__ import annotations

import unicodedata

DRAWN = {" ": "·", "\n": "⏎", "\t": "⇥", "\r": "␍"}


def visible(raw: bytes) -> str:
    r"""The text of `raw`, blanks and line ends drawn, other unprintable characters as `\u200b`.

    Bytes that are no UTF-8 alone (a character cut in two) show as `\xe2\x80`.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"\\x{byte:02x}" for byte in raw)
    return "".join(DRAWN.get(letter) or (letter if letter.isprintable() else _code(letter)) for letter in text)


def width(text: str) -> int:
    """How many columns of a terminal the text takes: wide letters two, marks on the letter before none."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF") for letter in text
    )


def _code(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
