"""Many documents to ids: by gigatoken where it is installed and gives tiktoken's very ids, by tiktoken where not.

gigatoken (an extra) encodes some ten times as fast, for split regexes that it knows; which of the two encodes changes
no id, so shards are the same bytes either way. Its cache of words grows with the words that it meets: it is made anew
when the process has grown by GROWTH since.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trivium.ground.how import How
from trivium.text import huggingface
from trivium.text.patterns import PATTERNS
from trivium.text.tokenizer import CHECK_TEXTS, SPECIALS, Tokenizer, well_formed

Ids = npt.NDArray[np.unsignedinteger[Any]]
GROWTH = 512 * 2**20
"""Bytes that the process may grow by before the cache is thrown away."""
BLIND = 64 * 2**20
"""Characters after which it is, where the system does not say how large the process is."""
SAMPLED, FROM = 16, 16
"""Documents of each row group that are encoded both ways first, and row groups, evenly spread."""
ABSENT = "gigatoken, which is faster, is not installed (pip install 'trivium[gigatoken]')."


class Bulk:
    """Encodes batches of texts. `name` says by what; `why` why not by gigatoken, and is empty if it is."""

    def __init__(self, tokenizer: Tokenizer, sample: Sequence[str] = (), how: How | None = None) -> None:
        """Compare gigatoken's ids with tiktoken's for CHECK_TEXTS, specials' spellings and the sample, and choose.

        Where gigatoken is installed and cannot be used, a line on stderr says why, where `how` shows progress.
        """
        self._tokenizer = tokenizer
        self._fast: Any = None
        self._base = self._characters = 0
        self.why = self._start(sample)
        self.name = "tiktoken" if self.why else "gigatoken"
        if self.why:
            self._fast = None
            if how and how.progress and self.why != ABSENT:
                print(f"  encoding without gigatoken: {self.why}", file=sys.stderr, flush=True)

    def encode(self, texts: Sequence[str]) -> list[Ids]:
        """The ordinary ids of each text, `Tokenizer.encode`'s: specials never come from text."""
        if self._fast is None:
            return [np.array(ids, np.uint32) for ids in self._tokenizer.encode_batch(texts)]
        self._refresh(sum(map(len, texts)))
        return self._quick(texts)

    def _quick(self, texts: Sequence[str]) -> list[Ids]:
        try:
            found = self._fast.encode_batch(list(texts))
        except TypeError:  # it takes no lone surrogates
            found = self._fast.encode_batch([well_formed(text) for text in texts])
        if not hasattr(found, "layout"):  # where awkward is not installed, arrays come
            return [np.asarray(ids) for ids in found]
        flat, offsets = np.asarray(found.layout.content.data), found.layout.offsets.data.tolist()
        return [flat[start:end] for start, end in pairwise(offsets)]  # an awkward row for each would cost as much again

    def _start(self, sample: Sequence[str]) -> str:
        """Make the fast encoder; why it cannot be used, or nothing."""
        try:
            self._load()
        except ImportError:
            return ABSENT
        except Exception as error:  # noqa: BLE001 - whatever it refuses, tiktoken can do
            return f"gigatoken does not take this vocabulary ({str(error)[:60]}…)."
        texts = [*CHECK_TEXTS, *SPECIALS, "".join(SPECIALS), *sample]
        try:
            ids = self._quick(texts)
        except Exception as error:  # noqa: BLE001
            return f"gigatoken failed on the first documents ({str(error)[:60]}…)."
        known = self._tokenizer.encode_batch(texts)
        differ = sum(a.tolist() != b for a, b in zip(ids, known, strict=True))
        return f"gigatoken gives other ids for {differ} of {len(texts)} texts." if differ else ""

    def _load(self) -> None:
        import gigatoken

        ranks, regex = self._tokenizer.ranks, PATTERNS[self._tokenizer.pattern]
        content = huggingface.tokenizer_json(ranks, regex, {}, ())  # without specials: text never yields one
        self._fast = gigatoken.Tokenizer.from_json(json.dumps(content))
        self._base, self._characters = resident(), 0

    def _refresh(self, characters: int) -> None:
        self._characters += characters
        now = resident()
        if now - self._base > GROWTH or (not now and self._characters > BLIND):
            self._fast = None  # the old cache goes before the new one comes
            self._load()


def resident() -> int:
    """Bytes of memory that this process has now; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    import resource

    return pages * resource.getpagesize()


def sample_of(path: Path) -> list[str]:
    """Texts of a Parquet file of documents, from row groups spread over all of it."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        groups = file.num_row_groups
        chosen = sorted({i * groups // FROM for i in range(FROM)}) if groups else []
        parts = [file.read_row_group(i, columns=["text"]).column("text")[:SAMPLED].to_pylist() for i in chosen]
    return [text for part in parts for text in part]
