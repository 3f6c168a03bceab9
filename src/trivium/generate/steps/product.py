"""The product of a few fp32 rows with an int8 matrix, compiled by numba. Imported where it is first used."""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(fastmath=True, nogil=True, error_model="numpy")
def product(x, weight, scales, out, start, stop):  # type: ignore[no-untyped-def]
    """Fill columns `start` to `stop` of `out`: each row of `x` times the matrix, times its scales."""
    for o in range(start, stop):
        for n in range(x.shape[0]):
            total = np.float32(0)
            for i in range(x.shape[1]):
                total += x[n, i] * np.float32(weight[o, i])
            out[n, o] = total * scales[o]
