"""Reading prompts into slots: a few together, no more tokens at once than keeps decoding flowing.

All of a prompt but its last token is read here; the last one is decoding's first. So no prompt is scored here, except
where its own tokens' log-probabilities were asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trivium.generate.sampling import best
from trivium.generate.steps.forward import forward, logits, mask_of
from trivium.generate.steps.slots import Place, Slots, carried
from trivium.generate.steps.weights import Weights

CHUNK = 64
"""Tokens whose logits are held at once; and in an invariant engine, the tokens of every pass."""


@dataclass(frozen=True)
class Piece:
    """Part of a prompt that is read in one pass."""

    slot: int
    ids: np.ndarray
    start: int
    """Position of its first token."""


def batches(pieces: Sequence[Piece], budget: int) -> list[list[Piece]]:
    """Pieces of similar length together: of a batch's tokens at most about half are padding."""
    made: list[list[Piece]] = []
    ordered = sorted(pieces, key=lambda piece: (piece.start > 0, -len(piece.ids), piece.slot))
    for piece in ordered:
        last = made[-1] if made else []
        fits = last and (last[0].start > 0) == (piece.start > 0) and len(last[0].ids) <= 2 * len(piece.ids) + CHUNK
        if fits and (len(last) + 1) * len(last[0].ids) <= budget:
            last.append(piece)
        else:
            made.append([piece])
    return made


def read(weights: Weights, slots: Slots, pieces: Sequence[Piece], length: int = 0, seen: int = 0) -> Tensor:
    """Read pieces of which all or none begin their prompt, padded on the right; their hidden states, `(P, T, D)`.

    In an invariant engine `length` and `seen` are fixed: the shape of the pass, whatever the pieces are.
    """
    pieces = sorted(pieces, key=lambda piece: piece.slot)
    length = max(length, *(len(piece.ids) for piece in pieces))
    ids = np.zeros((len(pieces), length), np.int64)
    for row, piece in enumerate(pieces):
        ids[row, : len(piece.ids)] = piece.ids
    device, last = weights.device, slots.tokens - 1
    counts = np.array([[len(piece.ids)] for piece in pieces])
    starts = np.array([[piece.start] for piece in pieces])
    steps = np.arange(length)[None]
    positions = np.minimum(starts + steps, last)
    targets = carried(np.where(steps < counts, positions, last), device)
    numbers = [piece.slot for piece in pieces]
    side_by_side = numbers[-1] - numbers[0] + 1 == len(numbers)
    rows = slice(numbers[0], numbers[-1] + 1) if side_by_side else carried(numbers, device)
    positions_PT = carried(positions, device)
    whole = not starts.any() and length <= last
    seen = seen or int((starts + counts).max())
    mask = None if whole else mask_of(positions_PT, seen)
    place = Place(rows, positions_PT, targets, seen, whole, mask)
    return forward(weights, slots, carried(ids, device), place)


def told(
    weights: Weights, hidden_TD: Tensor, ids: np.ndarray, top: int
) -> tuple[list[float], list[list[tuple[int, float]]]]:
    """Log-probabilities of the ids that follow each hidden state, at temperature 1, and the `top` likeliest there."""
    found: list[float] = []
    likeliest: list[list[tuple[int, float]]] = []
    for start in range(0, len(ids), CHUNK):
        wanted = carried(ids[start : start + CHUNK], hidden_TD.device)
        logprobs_CV = torch.log_softmax(logits(weights, hidden_TD[start : start + len(wanted)]), -1)
        found += logprobs_CV.gather(1, wanted[:, None])[:, 0].tolist()
        likeliest += best(logprobs_CV, top)
    return found, likeliest
