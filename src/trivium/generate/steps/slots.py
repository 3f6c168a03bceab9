"""The cache of keys and values as slots: a request has one from its first token to its last, and leaves it to another.

Shapes as in `model.cache`: L layers, B slots, G key/value heads, S tokens in a slot, K head width. The last place of a
slot is for numbers that nobody reads: those of padding, and of slots that stand still in a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trivium.model.cache import Cache
from trivium.model.config import ModelConfig
from trivium.model.layers import rope_table

ALIKE = 16
"""A beginning shorter than this is read again rather than copied, unless it is all of a prompt."""


@dataclass(frozen=True)
class Place:
    """Where the tokens of one pass stand."""

    rows: Tensor | slice
    """The slots of its rows: a slice, where they lie side by side."""
    positions_NT: Tensor
    """Of each token in its row."""
    targets_NT: Tensor
    """Where its key and value go: its position, or the last place of the slot."""
    seen: int
    """Places that are read: all positions are below."""
    whole: bool
    """Rows begin at position 0: they see nothing but themselves."""
    mask: Tensor | None = None
    """Which places each token sees, `(N, 1, T, seen)`; None in a pass that is `whole`, or sees all of them."""


class Slots(Cache):
    """Room for `tokens` tokens in each of `rows` slots; both grow."""

    def __init__(self, config: ModelConfig, rows: int, tokens: int, dtype: torch.dtype, device: torch.device) -> None:
        super().__init__(config, rows, tokens, dtype, device)
        self.config, self.dtype, self.device = config, dtype, device
        self.rows, self.tokens = rows, tokens
        self._place: Place | None = None
        self._turns()

    @property
    def keys(self) -> Tensor:
        """`(L, B, G, S, K)`."""
        return self._keys

    @property
    def values(self) -> Tensor:
        """`(L, B, G, S, K)`."""
        return self._values

    def _turns(self) -> None:
        positions = torch.arange(self.tokens, device=self.device)[None]
        self.rope = tuple(x[0, :, 0] for x in rope_table(self.config, positions, self.dtype))
        cos, sin = (x[0, :, 0] for x in rope_table(self.config, positions, torch.float32))
        half = self.config.head_dim // 2
        self.angles = cos[:, half:].contiguous(), sin[:, half:].contiguous()

    def grow(self, rows: int, tokens: int) -> bool:
        """Make room for so many, the next power of two of each; whether anything was moved for it."""
        rows, tokens = max(self.rows, power(rows)), max(self.tokens, power(tokens))
        if (rows, tokens) == (self.rows, self.tokens):
            return False
        old = self._keys, self._values
        layers, _, groups, _, width = old[0].shape
        self._keys, self._values = (old[0].new_zeros((layers, rows, groups, tokens, width)) for _ in range(2))
        for new, kept in zip((self._keys, self._values), old, strict=True):
            new[:, : self.rows, :, : self.tokens] = kept
        further = tokens > self.tokens
        self.rows, self.tokens = rows, tokens
        if further:
            self._turns()
        return True

    def copy(self, source: int, targets: Sequence[int], count: int) -> None:
        """Give the first `count` tokens of a slot to others."""
        others = [target for target in targets if target != source]
        if not count or not others:
            return
        where = carried(others, self.device)
        for kept in (self._keys, self._values):
            if len(others) == 1:
                kept[:, others[0], :, :count] = kept[:, source, :, :count]
            else:
                kept[:, where, :, :count] = kept[:, source : source + 1, :, :count]

    def move(self, sources: Sequence[int], targets: Sequence[int], count: int) -> None:
        """Give the first `count` tokens of each of the slots to another, none of which is a source."""
        old, new = carried(sources, self.device), carried(targets, self.device)
        for kept in (self._keys, self._values):
            kept[:, new, :, :count] = kept[:, old, :, :count]

    def aim(self, place: Place) -> None:
        """What `model.forward` is to read and write, when it runs with this as its cache."""
        self._place = place

    def mask(self, positions_BT: Tensor) -> Tensor:
        """Which slots each of the coming tokens sees, `(B, 1, T, S)`."""
        assert self._place is not None
        return torch.arange(self._place.seen, device=positions_BT.device) <= positions_BT[:, None, :, None]

    def extend(self, layer: int, k_BGTK: Tensor, v_BGTK: Tensor) -> tuple[Tensor, Tensor]:
        """Write the new keys and values at their places; all keys and values so far, `(B, G, S, K)` each."""
        assert self._place is not None
        self.write(layer, k_BGTK.transpose(1, 2), v_BGTK.transpose(1, 2), self._place)
        return self.read(layer, self._place)

    def write(self, layer: int, k_NTGK: Tensor, v_NTGK: Tensor, place: Place) -> None:
        """Put the keys and values of a pass where they belong."""
        for kept, new in ((self._keys, k_NTGK), (self._values, v_NTGK)):
            if place.whole and isinstance(place.rows, slice):
                kept[layer, place.rows, :, : new.shape[1]] = new.transpose(1, 2)
            elif isinstance(place.rows, slice):
                rows = torch.arange(place.rows.start, place.rows.stop, device=new.device)[:, None]
                kept[layer][rows, :, place.targets_NT] = new
            else:
                kept[layer][place.rows[:, None], :, place.targets_NT] = new

    def read(self, layer: int, place: Place) -> tuple[Tensor, Tensor]:
        """The keys and values that a pass sees, `(N, G, seen, K)` each."""
        return self._keys[layer, place.rows, :, : place.seen], self._values[layer, place.rows, :, : place.seen]


class Held:
    """Which ids each slot's keys and values are of: what a new prompt begins with may be there already."""

    def __init__(self) -> None:
        self._ids = np.zeros((0, 0), np.int32)
        self._counts = np.zeros(0, np.int64)

    def grow(self, rows: int, tokens: int) -> None:
        """Make room for so many slots and tokens."""
        ids, counts = np.zeros((rows, tokens), np.int32), np.zeros(rows, np.int64)
        ids[: self._ids.shape[0], : self._ids.shape[1]] = self._ids
        counts[: len(self._counts)] = self._counts
        self._ids, self._counts = ids, counts

    def forget(self) -> None:
        """Nothing is known of any slot: the weights are others now."""
        self._counts[:] = 0

    def set(self, slot: int, ids: np.ndarray) -> None:
        """A slot holds (or is about to hold) these ids and nothing else."""
        self._ids[slot, : len(ids)] = ids
        self._counts[slot] = len(ids)

    def move(self, source: int, target: int) -> None:
        """What was in one slot is in the other."""
        self._ids[target], self._counts[target] = self._ids[source], self._counts[source]

    def alike(self, ids: np.ndarray) -> np.ndarray:
        """How many tokens each slot has in common with the beginning of `ids`; 0 where copying does not pay."""
        if not len(ids):
            return np.zeros(len(self._counts), np.int64)
        other = self._ids[:, : len(ids)] != ids
        first = other.argmax(1)
        common = np.where(other[np.arange(len(first)), first], first, len(ids))
        common = np.minimum(common, self._counts)
        return np.where((common >= ALIKE) | (common == len(ids)), common, 0)


def carried(values: Sequence[int] | np.ndarray, device: torch.device) -> Tensor:
    """Whole numbers as a tensor on a device. The host goes on at once, whatever the device is still doing."""
    here = torch.from_numpy(np.asarray(values, np.int64))
    return here.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else here.to(device)


def power(count: int) -> int:
    """The least power of two that is no less than `count`."""
    return 1 << max(0, count - 1).bit_length()
