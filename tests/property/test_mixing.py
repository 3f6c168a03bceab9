"""Mixtures: each file is read as often as its weight says, and packing changes nobody's loss."""

from __future__ import annotations

import math
from collections import Counter

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_training import END, model

from trivium.stages.sft.noise import noise_of, noisy_loss
from trivium.train.batch import Batch
from trivium.train.loop import language_loss
from trivium.train.mixing import MixedRows, Part, picks_of
from trivium.train.packing import Example, pack, rows_of

ROOM = 24


def slow_pack(lengths: list[int], room: int) -> list[list[int]]:
    """Best-fit decreasing by looking at every row."""
    rows: list[list[int]] = []
    left: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        fits = [row for row, space in enumerate(left) if space >= lengths[index]]
        row = min(fits, key=lambda r: (left[r], r)) if fits else len(rows)
        if not fits:
            rows.append([])
            left.append(room)
        rows[row].append(index)
        left[row] -= lengths[index]
    return rows


@given(lengths=st.lists(st.integers(1, ROOM), max_size=80))
def test_the_fast_packing_is_the_slow_one(lengths: list[int]) -> None:
    assert pack(lengths, ROOM) == slow_pack(lengths, ROOM)


def example(number: int, length: int = 6) -> Example:
    return Example([number % 46] * length, [0.0] * (length // 2) + [1.0] * (length - length // 2))


@given(
    counts=st.lists(st.integers(0, 9), min_size=1, max_size=3),
    weights=st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0, 2.5]), min_size=3, max_size=3),
    seed=st.integers(0, 5),
)
def test_every_conversation_is_read_as_often_as_its_weight_says(
    counts: list[int], weights: list[float], seed: int
) -> None:
    parts = [Part([example(0)] * count, weight) for count, weight in zip(counts, weights, strict=False)]
    offsets = [sum(counts[:i]) for i in range(len(counts))]
    epochs = 4
    read = Counter(i for epoch in range(epochs) for i in picks_of(parts, seed, epoch))
    for part, offset in zip(parts, offsets, strict=True):
        each = [read[offset + i] for i in range(len(part.examples))]
        assert sum(each) == round(part.weight * len(each) * epochs)
        assert not each or max(each) - min(each) <= 1, "none is read again before all were"
    assert sum(read.values()) == sum(len(picks_of(parts, seed, epoch)) for epoch in range(epochs))


@settings(deadline=None, max_examples=20)
@given(lengths=st.lists(st.integers(2, ROOM + 1), min_size=1, max_size=12), seed=st.integers(0, 3))
def test_packed_the_loss_of_each_conversation_is_its_loss_alone(lengths: list[int], seed: int) -> None:
    torch.set_num_threads(1)
    module = model().eval()
    examples = [Example([(7 * i + k * k) % 46 for k in range(n)], [float((i + k) % 3 > 0) for k in range(n)])
                for i, n in enumerate(lengths)]  # fmt: skip
    rows = MixedRows([Part(examples, 2.0)], ROOM, 3, seed, END, 1)
    alone = []
    with torch.no_grad():
        for one in examples:
            batch = rows_of([one], [[0]], len(one.ids) - 1, END)
            alone.append((tuple(one.ids), language_loss(module, batch).item()))
        packed: Counter[tuple[tuple[int, ...], int]] = Counter()
        for step in range(rows.steps):
            batch = rows.batch(step)
            documents = batch.documents_BT
            assert documents is not None
            for row in range(len(batch.ids_BT)):
                for owner in set(documents[row].tolist()) - {-1}:
                    inside = documents[row] == owner
                    ids = (*batch.ids_BT[row][inside].tolist(), int(batch.targets_BT[row][inside][-1]))
                    mine = torch.zeros_like(batch.weights_BT)
                    mine[row][inside] = (batch.weights_BT[row][inside] > 0).float()
                    part = Batch(batch.ids_BT, batch.targets_BT, mine, documents)
                    loss = language_loss(module, part).item()
                    near = [i for i, (wanted, value) in enumerate(alone) if wanted == ids and abs(value - loss) < 1e-5]
                    assert near, f"the loss of {ids} is {loss} when packed"
                    packed[(ids, near[0])] += 1
    assert sum(packed.values()) == 2 * len(examples)


def test_noise_is_neftunes_and_only_while_learning() -> None:
    module, alpha = model(), 5.0
    rows = MixedRows([Part([example(i, 4 + i) for i in range(6)])], ROOM, 2, 0, END, 2, noise=True)
    batch = rows.batch(0)
    noise = noise_of(batch, 32, alpha)
    assert noise is not None and batch.documents_BT is not None
    for owner in set(batch.documents_BT.flatten().tolist()) - {-1}:
        inside = batch.documents_BT == owner
        reach = alpha / math.sqrt(int(inside.sum()) * 32)
        assert 0.9 * reach < noise[inside].abs().max() <= reach
    again = noise_of(rows.batch(0), 32, alpha)
    assert again is not None and torch.equal(noise, again)
    other = noise_of(rows.batch(1), 32, alpha)
    assert other is None or not torch.equal(noise[: len(other)], other[: len(noise)])
    objective = noisy_loss(alpha)
    plain = language_loss(module.eval(), batch)
    assert torch.equal(objective(module, batch), plain), "none while the model is evaluated"
    assert not torch.equal(objective(module.train(), batch), plain)
    assert torch.equal(noisy_loss(0.0)(module, batch), language_loss(module, batch))
