"""The KV cache: keys and values of the tokens already seen, so that each new token costs one step, not a whole row.

A row's tokens stand at their own positions; prompts of different length share a batch because each query sees only
positions up to its own. Shapes: B rows, G key/value heads, S slots, K head width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trivium.model.config import ModelConfig


class Cache:
    """Room for `slots` tokens in each of `rows` rows."""

    def __init__(self, config: ModelConfig, rows: int, slots: int, dtype: torch.dtype, device: torch.device) -> None:
        shape = (config.num_hidden_layers, rows, config.num_key_value_heads, slots, config.head_dim)
        self._keys = torch.zeros(shape, dtype=dtype, device=device)
        self._values = torch.zeros(shape, dtype=dtype, device=device)
        self._positions: Tensor | None = None
        self._seen = 0

    def mask(self, positions_BT: Tensor) -> Tensor:
        """Note where the coming tokens stand; which slots each of them sees, `(B, 1, T, S)`."""
        self._positions = positions_BT
        self._seen = int(positions_BT.max()) + 1
        slots = torch.arange(self._seen, device=positions_BT.device)
        return slots <= positions_BT[:, None, :, None]

    def extend(self, layer: int, k_BGTK: Tensor, v_BGTK: Tensor) -> tuple[Tensor, Tensor]:
        """Write the new keys and values at their positions; all keys and values so far, `(B, G, S, K)` each."""
        positions = self._positions
        if positions is None:
            raise RuntimeError("Cache.extend before Cache.mask.")
        rows = torch.arange(k_BGTK.shape[0], device=k_BGTK.device)[:, None]
        self._keys[layer][rows, :, positions] = k_BGTK.transpose(1, 2)
        self._values[layer][rows, :, positions] = v_BGTK.transpose(1, 2)
        return self._keys[layer][:, :, : self._seen], self._values[layer][:, :, : self._seen]

    def layer(self, index: int) -> Past:
        """What one layer's attention sees of it."""
        return Past(self, index)

    def keep(self, rows: Tensor) -> None:
        """Drop all rows but these."""
        self._keys = self._keys[:, rows]
        self._values = self._values[:, rows]


@dataclass(frozen=True)
class Past:
    """One layer's part of a cache."""

    cache: Cache
    index: int

    def extend(self, k_BGTK: Tensor, v_BGTK: Tensor) -> tuple[Tensor, Tensor]:
        """Write the new keys and values at their positions; all keys and values so far, `(B, G, S, K)` each."""
        return self.cache.extend(self.index, k_BGTK, v_BGTK)
