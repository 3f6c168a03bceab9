"""Tokens as texts: seen, harmless, and told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.text.visible import visible, width


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b" the", "·the"),
        (b"\n\t\r", "⏎⇥␍"),
        (b"\xe2\x80", "\\xe2\\x80"),
        (b"\x1b[2J", "\\u001b[2J"),
        ("\u202e\u200b".encode(), "\\u202e\\u200b"),
        ("\U000e0001".encode(), "\\U000e0001"),
        ("naïve 你".encode(), "naïve·你"),
        (b"", ""),
    ],
)
def test_examples(raw: bytes, wanted: str) -> None:
    assert visible(raw) == wanted


@given(st.binary(max_size=12))
def test_nothing_that_acts_is_left(raw: bytes) -> None:
    shown = visible(raw)
    assert shown.isprintable()
    assert " " not in shown
    assert bool(shown) == bool(raw)


def test_widths() -> None:
    assert (width("abc"), width("你好"), width("e\u0301"), width("")) == (3, 4, 1, 0)
