"""The names of a model's inner values, and how a name that a user writes is read. No torch here.

A written name may have `*` for any characters, a negative block (`blocks.-1.residual` is the last), and an index as
Python writes it: `blocks.2.attention.heads[:, :, 3]` is the fourth head, `blocks.2.residual[:, -1]` the last token.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from trivium.ground.errors import UsageError

OUTSIDE = {
    "embedding": "B T D: the residual stream before the first block",
    "final": "B T D: the stream after the last norm, which the unembedding reads",
}
INSIDE = {
    "attention.queries": "B T H K: normed and turned, as they meet the keys",
    "attention.keys": "B T G K: the same of keys, one for each group of heads",
    "attention.values": "B T G K: what a token has to give",
    "attention.scores": "B H T T: queries times keys, scaled; -inf where a query may not look; fp32",
    "attention.pattern": "B H T T: the share of its attention that each query gives each key; rows sum to 1; fp32",
    "attention.heads": "B T H K: each head's mixture of values, before the output matrix",
    "attention.outputs": "B T H D: the same behind the output matrix: what each head writes into the stream; fp32",
    "attention": "B T D: what attention adds to the stream",
    "mlp.neurons": "B T F: the feed-forward network's gated neurons",
    "mlp": "B T D: what the feed-forward network adds to the stream",
    "residual": "B T D: the stream after the block",
}
"""Name behind `blocks.N.` -> shape and meaning, in the order of computing."""
LETTERS = re.compile(r"[\w.*-]+")
INDEX = re.compile(r"(-?\d+)?(:)?(-?\d+)?(?::(\d+))?")


@dataclass(frozen=True)
class Name:
    """One value of a model, or a part of it."""

    site: str
    """`blocks.3.mlp`: where in the model."""
    index: tuple[int | slice, ...] = field(default=(), compare=False)
    """Which part of the value; empty for the whole."""
    written: str = ""
    """The index as its user wrote it, without blanks."""

    def __str__(self) -> str:
        """The name under which a value is kept."""
        return self.site + self.written


def names(blocks: int) -> list[str]:
    """All names of a model with so many blocks, in the order of computing."""
    inner = [f"blocks.{i}.{name}" for i in range(blocks) for name in INSIDE]
    return ["embedding", *inner, "final"]


def expand(written: str, blocks: int) -> list[Name]:
    """The values that a written name means, at least one. Raises UsageError for none, with the nearest name."""
    site, bracket, rest = written.replace(" ", "").partition("[")
    index = _index(rest.removesuffix("]"), written) if bracket and rest.endswith("]") else ()
    if not LETTERS.fullmatch(site) or bool(bracket) != bool(index):
        raise UsageError(f"{written!r} cannot be read as a name.", "Write blocks.3.mlp, blocks.*.residual[:, -1].")
    site = re.sub(r"(?<=\.)-\d+(?=\.|$)", lambda found: str(blocks + int(found[0])), site)
    wanted = re.compile(".*".join(map(re.escape, site.split("*"))))
    found = [Name(name, index, bracket + rest) for name in names(blocks) if wanted.fullmatch(name)]
    if not found:
        raise UsageError(f"No value of this model is called {written!r}.", _nearest(site, blocks))
    return found


def meaning(site: str) -> str:
    """Shape and meaning of a value: `B T D: what attention adds to the stream`."""
    return OUTSIDE.get(site) or INSIDE[site.split(".", 2)[2]]


def expand_all(written: str | Iterable[str], blocks: int) -> list[Name]:
    """The values that one or several written names mean, each once. Raises UsageError like `expand`."""
    several = [written] if isinstance(written, str) else list(written)
    return list(dict.fromkeys(name for one in several for name in expand(one, blocks)))


def _nearest(site: str, blocks: int) -> str:
    near = difflib.get_close_matches(site, [*names(blocks), *(f"blocks.*.{name}" for name in INSIDE)], n=1, cutoff=0.5)
    there = f"It has blocks 0 to {blocks - 1}, each with {', '.join(INSIDE)}; and embedding, final."
    return f"Did you mean {near[0]}? {there}" if near else there


def _index(text: str, written: str) -> tuple[int | slice, ...]:
    """`:,-1,2:4` as Python's index."""
    parts: list[int | slice] = []
    for piece in text.split(","):
        found = INDEX.fullmatch(piece)
        if found is None or not piece:
            raise UsageError(f"{written!r} has an index that cannot be read.", "Use numbers and slices: [:, -1, 2:4].")
        first, colon, last, step = (found[1], found[2], found[3], found[4])
        if colon:
            parts.append(slice(*(int(part) if part else None for part in (first, last, step))))
        else:
            parts.append(int(piece))
    return tuple(parts)
