"""Boosted decision trees (Friedman 2001), as arrays: fitted by scikit-learn, read here without it."""

from __future__ import annotations

from numba import njit


@njit
def margins_into(rows, roots, features, values, children, base, margins):  # type: ignore[no-untyped-def]
    """Fill the log-odds of each row.

    A node with a child goes to it where its feature is at most its value, else to the node behind that child; a node
    without (0) is a leaf, whose value counts.
    """
    for k in range(rows.shape[0]):
        total = base
        for root in roots:
            node = root
            while children[node] > 0:
                node = children[node] + (0 if rows[k, features[node]] <= values[node] else 1)
            total += values[node]
        margins[k] = total
