"""The depth dial: everything follows from it, what is set by hand stays, and no depth changes nothing."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from trivium.ground.errors import ConfigError
from trivium.model.transformer import Transformer
from trivium.stages.pretrain.config import PretrainConfig
from trivium.stages.pretrain.depth import REFERENCE_BATCH, derive, multiplying, shape_of

PLENTY = 10**10


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 8, 12, 20, 33])
def test_a_shape_fits_together(depth: int) -> None:
    shape = shape_of(depth)
    assert shape.width == shape.heads * shape.head_width
    assert shape.width >= 64 * depth
    assert shape.feed_forward % 128 == 0
    with torch.device("meta"):
        model = Transformer(shape.model(1000))
    matrices = sum(p.numel() for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name)
    assert multiplying(shape, 1000) == matrices


def test_the_reference_is_where_it_was_measured() -> None:
    found = derive(PretrainConfig(depth=12), 32768, PLENTY)
    assert found.rows * found.row_tokens == REFERENCE_BATCH
    assert found.optimizer.muon_lr == pytest.approx(0.02)
    assert multiplying(found.shape, 32768) == 110_100_480
    assert found.steps == round(12 * 110_100_480 / REFERENCE_BATCH)


def test_more_depth_reads_more_in_larger_steps() -> None:
    small, large, larger = (derive(PretrainConfig(depth=depth), 8192, PLENTY) for depth in (4, 16, 24))
    assert larger.rows > large.rows > small.rows
    assert large.steps * large.rows > small.steps * small.rows
    assert larger.optimizer.muon_lr > large.optimizer.muon_lr


def test_a_short_run_has_small_steps_and_rates_as_they_are() -> None:
    short = derive(PretrainConfig(depth=12, ratio=0.33), 32768, PLENTY)
    assert short.rows * short.row_tokens == 2**16
    assert short.optimizer.muon_lr == pytest.approx(0.02)


def test_the_ratio_is_tokens_for_each_multiplying_parameter() -> None:
    found = derive(PretrainConfig(depth=6, ratio=3.0), 8192, PLENTY)
    read = found.steps * found.rows * found.row_tokens
    assert read == pytest.approx(3.0 * multiplying(found.shape, 8192), rel=0.1)


def test_what_is_set_by_hand_stays() -> None:
    shape = dataclasses.replace(PretrainConfig().shape, width=64, longest=512)
    by_hand = PretrainConfig(depth=4, rows=3, steps=7, crossing=False, shape=shape)
    found = derive(by_hand, 8192, PLENTY)
    assert (found.rows, found.steps, found.crossing) == (3, 7, False)
    assert found.shape == dataclasses.replace(shape_of(4), width=64, longest=512)
    assert found.depth == 0
    assert derive(found, 8192, PLENTY) == found


@pytest.mark.parametrize(("field", "value"), [("rows", 16), ("row_tokens", 256), ("crossing", False)])
def test_also_where_it_is_what_a_run_without_a_depth_has(field: str, value: object) -> None:
    config = dataclasses.replace(PretrainConfig(depth=12), **{field: value})
    assert getattr(derive(config, 32768, PLENTY), field) == value
    assert getattr(derive(PretrainConfig(), 32768, PLENTY), field) == value


def test_one_rate_by_hand_leaves_the_others() -> None:
    plain = derive(PretrainConfig(depth=12), 32768, PLENTY)
    optimizer = dataclasses.replace(PretrainConfig().optimizer, muon_lr=0.03)
    schedule = dataclasses.replace(PretrainConfig().schedule, floor=0.5)
    found = derive(PretrainConfig(depth=12, optimizer=optimizer, schedule=schedule), 32768, PLENTY)
    assert found.optimizer == dataclasses.replace(plain.optimizer, muon_lr=0.03)
    assert found.schedule == dataclasses.replace(plain.schedule, floor=0.5)


def test_smaller_steps_by_hand_read_as_many_tokens() -> None:
    plain, small = (derive(PretrainConfig(depth=12, rows=rows), 32768, PLENTY) for rows in (0, 32))
    assert small.steps * small.rows == pytest.approx(plain.steps * plain.rows, rel=0.01)


def test_a_small_shard_has_rows_that_it_can_fill() -> None:
    found = derive(PretrainConfig(depth=2), 512, 300)
    assert found.row_tokens <= 150


def test_without_a_depth_nothing_else_is_filled_in() -> None:
    config = PretrainConfig()
    assert derive(config, 8192, PLENTY) == dataclasses.replace(config, rows=16, row_tokens=256, crossing=False)


def test_a_model_that_is_trained_on_has_its_own_depth() -> None:
    with pytest.raises(ConfigError, match="depth"):
        PretrainConfig(start="somewhere", depth=4)
    with pytest.raises(ConfigError, match="ratio"):
        dataclasses.replace(PretrainConfig(), ratio=0.0)
