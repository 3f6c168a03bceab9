"""What a user is told of the documents that stay: said when it matters, not else."""

from __future__ import annotations

from typing import Any

import pytest

from trivium.stages.corpus.advice import FEW_CHARACTERS, advice, worst_layer
from trivium.stages.corpus.config import SelectConfig
from trivium.stages.corpus.select import heldout_ids


def account(came: int, left: int, train: tuple[int, int], heldout: int) -> dict[str, Any]:
    layers = [{"name": "url", "in": came, "out": came}, {"name": "c4", "in": came, "out": left}]
    town = {"source": "town:pages", "in": 900, "out": 900, "layers": [{"name": "url", "in": 900, "out": 900}]}
    sizes = {"town:pages": {"documents": 900, "characters": 10 * FEW_CHARACTERS}}
    return {
        "sources": [{"source": "web", "in": came, "out": left, "layers": layers}, town],
        "selected": {
            "train": {"web": {"documents": train[0], "characters": train[1]}, **sizes},
            "heldout": {"web": {"documents": heldout, "characters": heldout * 1000}} if heldout else {},
        },
    }


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (account(100, 90, (80, FEW_CHARACTERS), 10), []),
        (account(100, 19, (15, FEW_CHARACTERS), 4), ["Only 19 of 100"]),
        (account(1, 1, (1, FEW_CHARACTERS), 0), ["nothing is held out"]),
        (account(100, 90, (80, FEW_CHARACTERS - 1), 10), ["recite"]),
        (account(100, 1, (1, 500), 0), ["Only 1 of 100", "nothing is held out", "only 500 characters"]),
        (account(100, 0, (0, 0), 0), ["Only 0 of 100"]),
        (account(0, 0, (0, 0), 0), []),
    ],
)
def test_what_is_said(given: dict[str, Any], wanted: list[str]) -> None:
    told = advice(given)
    assert len(told) == len(wanted) and all(part in line for part, line in zip(wanted, told, strict=True))


def test_the_layer_that_took_most_is_named() -> None:
    assert worst_layer(account(100, 30, (30, 1), 0)) == "The layer 'c4' dropped 70 of 100 web documents."


@pytest.mark.parametrize(("documents", "held"), [(0, 0), (1, 0), (2, 1), (9, 1), (100, 20), (300, 40), (2000, 120)])
def test_a_small_corpus_holds_out_a_fifth_at_most(documents: int, held: int) -> None:
    rows = [{"id": f"{i:05d}", "synthetic": False} for i in range(documents)]
    found = heldout_ids([*rows, {"id": "t", "synthetic": True}], SelectConfig())
    assert len(found) == held and "t" not in found
    assert not heldout_ids(rows, SelectConfig(heldout=0.0))
