"""Packing: nothing lost, nothing cut, no row too long, and each example's loss is what it would be alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_training import END, model, shard

from trivium.text.shards import TokenShard
from trivium.train.batch import Batch
from trivium.train.loop import language_loss
from trivium.train.packing import Example, PackedRows, StreamRows, epoch_order, pack, rows_of

ROOM = 24


@st.composite
def examples(draw: st.DrawFn, most: int = 25) -> list[Example]:
    ids = st.lists(st.integers(0, 45), min_size=2, max_size=ROOM + 1)
    found = draw(st.lists(ids, min_size=1, max_size=most))
    return [Example(one, draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=len(one), max_size=len(one))))
            for one in found]  # fmt: skip


@given(lengths=st.lists(st.integers(1, ROOM), max_size=60))
def test_each_example_stands_in_exactly_one_row_that_has_room(lengths: list[int]) -> None:
    groups = pack(lengths, ROOM)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    sums = [sum(lengths[i] for i in group) for group in groups]
    assert all(0 < total <= ROOM for total in sums)
    assert len(groups) <= max(1, 2 * sum(lengths) / ROOM), "at most one row is less than half full"
    first = [lengths[group[0]] for group in groups]
    assert all(sums[a] + first[b] > ROOM for b in range(len(groups)) for a in range(b)), "no row is opened for nothing"


def documents_in(batch: Batch) -> Counter[tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...]]]:
    """What each document of a batch holds: ids, targets, which are taught."""
    found: Counter[tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...]]] = Counter()
    for row in range(len(batch.ids_BT)):
        owners = batch.documents_BT[row]
        for owner in owners.unique().tolist():
            inside = owners == owner
            parts = (x[row][inside].tolist() for x in (batch.ids_BT, batch.targets_BT, batch.weights_BT.sign()))
            ids, targets, taught = (tuple(part) for part in parts)
            if owner >= 0:
                found[(ids, targets, taught)] += 1
            else:
                assert not any(taught), "padding is never taught"
    return found


@settings(deadline=None)
@given(some=examples(), rows=st.integers(1, 4), seed=st.integers(0, 5))
def test_an_epoch_holds_every_example_whole_and_once(some: list[Example], rows: int, seed: int) -> None:
    packed = PackedRows(some, ROOM, rows, seed, END)
    wanted = Counter((tuple(e.ids[:-1]), tuple(e.ids[1:]), tuple(e.weights[1:])) for e in some)
    for epoch in range(2):
        found = Counter[tuple[tuple[int, ...], tuple[int, ...], tuple[float, ...]]]()
        for step in range(packed.steps_per_epoch):
            batch = packed.batch(epoch * packed.steps_per_epoch + step)
            assert len(batch.ids_BT) <= rows
            taught = batch.weights_BT.sum().item()
            assert abs(taught - 1) < 1e-4 or taught == 0, "the loss is a mean over taught tokens"
            found += documents_in(batch)
        assert found == wanted


@settings(deadline=None, max_examples=20)
@given(some=examples(most=8))
def test_the_loss_of_a_packed_example_is_its_loss_alone(some: list[Example]) -> None:
    module = model()
    torch.nn.init.normal_(module.lm_head.weight, std=0.3, generator=torch.Generator().manual_seed(0))
    for block in module.layers:
        for matrix in (block.self_attn.o_proj, block.mlp.down_proj):
            torch.nn.init.normal_(matrix.weight, std=0.3, generator=torch.Generator().manual_seed(1))
    batch = rows_of(some, pack([len(e.ids) - 1 for e in some], ROOM), ROOM, END)
    with torch.no_grad():
        for index, example in enumerate(some):
            mine = Batch(batch.ids_BT, batch.targets_BT, batch.weights_BT * (batch.documents_BT == index),
                         batch.documents_BT)  # fmt: skip
            alone = rows_of([example], [[0]], len(example.ids) - 1, END)
            together, apart = language_loss(module, mine), language_loss(module, alone)
            taught = max(1.0, sum(example.weights[1:]))
            assert abs(together - apart).item() / taught < 1e-5


@given(seed=st.integers(0, 2**32), epoch=st.integers(0, 100), count=st.integers(0, 50))
def test_an_order_is_a_permutation_that_depends_on_seed_and_epoch_alone(seed: int, epoch: int, count: int) -> None:
    order = epoch_order(count, seed, epoch)
    assert sorted(order) == list(range(count))
    assert np.array_equal(order, epoch_order(count, seed, epoch))


@settings(deadline=None)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=3, max_size=30),
    row_tokens=st.integers(2, 20),
    rows=st.integers(1, 4),
    epoch=st.integers(0, 2),
)
def test_a_stream_is_the_documents_end_to_end(lengths: list[int], row_tokens: int, rows: int, epoch: int) -> None:
    """A token is in the document of the token that it predicts, so that what ends one document opens the next."""
    offsets = np.cumsum([0, *lengths])
    shard_ = TokenShard(np.arange(offsets[-1]).astype(np.uint16), offsets, Path("none"))
    stream = StreamRows(shard_, row_tokens, rows, seed=1)
    if stream.rows_per_epoch < rows:
        return
    order = epoch_order(len(lengths), 1, epoch)
    text = np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in order])
    owners = np.repeat(np.arange(len(order)), np.array(lengths)[order])
    batches = [stream.batch(epoch * stream.steps_per_epoch + step) for step in range(stream.steps_per_epoch)]
    for name, wanted in (("ids_BT", text), ("targets_BT", text[1:]), ("documents_BT", owners[1:])):
        laid = torch.cat([getattr(batch, name).flatten() for batch in batches]).numpy()
        assert np.array_equal(laid, wanted[: len(laid)]), name
    left_out = len(text) - sum(batch.tokens for batch in batches)
    assert left_out <= rows * row_tokens + row_tokens, "less than a batch waits for another epoch's order"
    assert all(abs(batch.weights_BT.sum().item() - 1) < 1e-5 for batch in batches)


def test_batches_are_functions_of_their_number() -> None:
    forwards, backwards = (StreamRows(shard(), 24, 4, seed=3) for _ in range(2))
    there = [forwards.batch(step) for step in range(25)]
    back = [backwards.batch(step) for step in reversed(range(25))][::-1]
    for one, other in zip(there, back, strict=True):
        assert torch.equal(one.ids_BT, other.ids_BT)
        assert torch.equal(one.targets_BT, other.targets_BT)
        assert torch.equal(one.documents_BT, other.documents_BT)
    assert not torch.equal(there[0].ids_BT, there[forwards.steps_per_epoch].ids_BT), "each epoch has its own order"
