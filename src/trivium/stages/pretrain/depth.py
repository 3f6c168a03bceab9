"""One dial: from the number of blocks follow width, heads, batch, learning rates, tokens and schedule.

Width is 64 a block, heads are 128 wide, and the number of tokens is a multiple of the parameters that multiply (blocks
and unembedding): the dial of nanochat. Above the reference depth's tokens the best batch grows with the tokens to the
power .383 (2505.13738) and rates with the root of the batch; below, batches shrink faster and rates stay, since short
runs want many steps. AdamW's rates shrink with the root of the width. What was measured is in docs/training.md.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TypeVar

from trivium.model.config import OptimizerConfig
from trivium.stages.pretrain.config import PretrainConfig, ShapeConfig
from trivium.train.schedule import ScheduleConfig

HEAD = 128
REFERENCE_DEPTH, REFERENCE_VOCABULARY, REFERENCE_RATIO = 12, 32768, 12.0
REFERENCE_BATCH = 2**19
"""Tokens in a step that are best for the reference depth, trained for the reference ratio."""
LONG_POWER, SHORT_POWER = 0.383, 0.6
"""Of the tokens, for the batch: above and below the reference's."""
ROW = 2048
PLAIN_ROW, PLAIN_ROWS = 256, 16
"""Without a depth."""
WARMUP_STEPS = 40

_Part = TypeVar("_Part", ShapeConfig, OptimizerConfig, ScheduleConfig)


def shape_of(depth: int) -> ShapeConfig:
    """The shape of a model of so many blocks."""
    heads = max(1, math.ceil(64 * depth / HEAD))
    width = heads * HEAD
    return ShapeConfig(
        width=width,
        feed_forward=round(width * 8 / 3 / HEAD) * HEAD,
        layers=depth,
        heads=heads,
        kv_heads=heads,
        head_width=HEAD,
        rope_theta=100_000.0,
        longest=ROW,
    )


def multiplying(shape: ShapeConfig, vocabulary: int) -> int:
    """Parameters that multiply each token: the blocks' matrices and the unembedding."""
    attention = shape.width * shape.head_width * 2 * (shape.heads + shape.kv_heads)
    return shape.layers * (attention + 3 * shape.width * shape.feed_forward) + vocabulary * shape.width


def derive(config: PretrainConfig, vocabulary: int, available: int) -> PretrainConfig:
    """The config with everything filled in that was left open: by its `depth`, or without one as for nano.

    What was set by hand stays. `available` is the number of tokens in the shard: of a smaller shard whole epochs are
    read.
    """
    plain = PretrainConfig()
    if not config.depth:
        row, rows = config.row_tokens or PLAIN_ROW, config.rows or PLAIN_ROWS
        return dataclasses.replace(config, row_tokens=row, rows=rows, crossing=bool(config.crossing))
    shape = _kept(config.shape, plain.shape, shape_of(config.depth))
    wanted = config.ratio * multiplying(shape, vocabulary)
    reference = REFERENCE_RATIO * multiplying(shape_of(REFERENCE_DEPTH), REFERENCE_VOCABULARY)
    power = LONG_POWER if wanted > reference else SHORT_POWER
    batch = 2 ** round(math.log2(REFERENCE_BATCH * (wanted / reference) ** power))
    row = config.row_tokens or min(ROW, 2 ** int(math.log2(max(available, 4) / 2)))
    rows = config.rows or max(1, batch // row)
    steps = config.steps or max(1, round(wanted / (rows * row)))
    schedule = ScheduleConfig(warmup=min(0.2, WARMUP_STEPS / steps), decay=0.65, floor=0.05)
    return dataclasses.replace(
        config,
        depth=0,
        shape=shape,
        row_tokens=row,
        rows=rows,
        steps=steps,
        crossing=True if config.crossing is None else config.crossing,
        optimizer=_kept(config.optimizer, plain.optimizer, rates(shape, rows * row)),
        schedule=_kept(config.schedule, plain.schedule, schedule),
    )


def _kept(given: _Part, plain: _Part, found: _Part) -> _Part:
    """What was found, but for the fields that were set by hand: those in which `given` is not `plain`."""
    names = [field.name for field in dataclasses.fields(given)]
    by_hand = {name: getattr(given, name) for name in names if getattr(given, name) != getattr(plain, name)}
    return dataclasses.replace(found, **by_hand)


def rates(shape: ShapeConfig, batch: int) -> OptimizerConfig:
    """Learning rates for a width and a number of tokens in a step."""
    by_batch = math.sqrt(max(1.0, batch / REFERENCE_BATCH))
    by_width = math.sqrt(768 / shape.width)
    return OptimizerConfig(
        muon_lr=0.02 * by_batch,
        embed_lr=0.3 * by_batch * by_width,
        gain_lr=0.01 * by_batch,
        head_lr=0.008 * by_batch * by_width,
        momentum_start=0.85,
        weight_decay=0.1,
        cautious=True,
    )
