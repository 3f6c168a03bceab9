"""Bits per byte: every token is counted once, and windows change nothing for documents that fit into one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from trivium.evals.bits import document_bits, margin, per_byte, windows
from trivium.model.config import ModelConfig
from trivium.model.transformer import Transformer
from trivium.text.shards import TokenShard

END = 50


@given(st.integers(0, 400), st.integers(2, 64))
def test_windows_count_each_target_once_with_half_a_window_before_it(length: int, size: int) -> None:
    counted = []
    for start, stop, first in windows(length, size):
        assert 0 <= start <= first < stop <= length
        assert stop - start <= size
        assert first == 0 or first - start >= min(first, size // 2)
        counted += range(first, stop)
    assert counted == list(range(length))


@pytest.fixture
def model() -> Transformer:
    torch.set_num_threads(1)
    model = Transformer(
        ModelConfig(
            vocab_size=51,
            hidden_size=32,
            intermediate_size=32,
            head_dim=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
        )
    )
    model.init_weights(torch.Generator().manual_seed(0))
    torch.nn.init.normal_(model.lm_head.weight, std=0.3, generator=torch.Generator().manual_seed(1))
    return model


def shard(*lengths: int) -> TokenShard:
    generator = np.random.default_rng(0)
    documents = [np.append(generator.integers(0, END, length - 1), END) for length in lengths]
    offsets = np.cumsum([0, *lengths])
    return TokenShard(np.concatenate(documents).astype(np.uint16), offsets, Path("none"))


def test_a_document_in_one_window_costs_what_a_plain_forward_says(model: Transformer) -> None:
    data = shard(20, 7, 1)
    found = document_bits(model, data, range(3), END, window=32, rows=2)
    for i in range(3):
        ids = torch.tensor([END, *data.document(i).tolist()])
        logits = model.logits(model(ids[None, :-1]))[0]
        nats = F.cross_entropy(logits, ids[1:], reduction="sum").item()
        assert found[i] == pytest.approx(nats / np.log(2), rel=1e-5)


def test_a_long_document_is_read_in_windows_and_counted_whole(model: Transformer) -> None:
    data = shard(100)
    with torch.no_grad():
        model.lm_head.weight.zero_()
    assert document_bits(model, data, [0], END, window=16)[0] == pytest.approx(100 * np.log2(51), rel=1e-5)


def test_per_byte_is_a_ratio_of_sums_and_margin_is_positive_when_better() -> None:
    bits, other, sizes = np.array([10.0, 90.0]), np.array([20.0, 100.0]), np.array([10.0, 40.0])
    assert per_byte(bits, sizes).value == pytest.approx(2.0)
    assert margin(bits, other, sizes).value == pytest.approx(0.4)
