r"""Split regexes of known families, and the long runs of spaces that their look-ahead cannot survive.

`\s+(?!\S)` makes the regex engine under tiktoken keep a stack entry for each space: a run of about a
million ends in a panic. Such runs are cut out of the text before the engine sees them, at exactly the places where it
would have cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

_WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "qwen2": rf"{_WORDS}|\p{{N}}|{_REST}",
        "llama3": rf"{_WORDS}|\p{{N}}{{1,3}}|{_REST}",
        "nanochat": rf"{_WORDS}|\p{{N}}{{1,2}}|{_REST}",
    }
)
"""Spelled as their families publish them; they differ in the digits of a token: one, up to three, up to two."""
DIGITS: Mapping[str, int] = MappingProxyType({"qwen2": 1, "llama3": 3, "nanochat": 2})
"""The most digits that one token can hold."""

LONG = 10_000
_SPACES = re.compile(rf"[\t\v\f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]{{{LONG},}}")


def long_spaces(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each pre-token that is a run of LONG or more spaces, tabs and the like (no newlines).

    The last space of a run goes with the word after it, and a run before a newline belongs to the newline's pre-token
    (which has no look-ahead): the regex says so.
    """
    if len(text) < LONG:
        return
    for run in _SPACES.finditer(text):
        start, end = run.span()
        if end == len(text):
            yield start, end
        elif text[end] not in "\r\n":
            yield start, end - 1
