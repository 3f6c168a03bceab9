from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from trivium.evals.kneser_ney import FALLBACK, KneserNey, estimate_discounts


def corpus(seed: int, documents: int, vocabulary: int) -> tuple[np.ndarray, np.ndarray]:
    """Documents of a Zipf-like source whose words depend on the word before."""
    generator = np.random.default_rng(seed)
    flat: list[int] = []
    offsets = [0]
    for _ in range(documents):
        word = 0
        for _ in range(int(generator.integers(1, 30))):
            word = int(min(generator.zipf(1.5) + word // 2, vocabulary) - 1)
            flat.append(word)
        offsets.append(len(flat))
    return np.array(flat, dtype=np.uint16), np.array(offsets)


class Slow:
    """The definition with dictionaries: n-grams as tuples, continuation counts as sets."""

    def __init__(self, documents: list[list[int]], vocabulary: int, order: int) -> None:
        self.vocabulary, self.order = vocabulary, order
        padded = [[vocabulary] * (order - 1) + document for document in documents]
        grams = [tuple(text[i - order + 1 : i + 1]) for text in padded for i in range(order - 1, len(text))]
        self.counts: dict[int, Counter[tuple[int, ...]]] = {order: Counter(grams)}
        for size in range(order - 1, 0, -1):
            before = defaultdict(set)
            for gram in self.counts[size + 1]:
                before[gram[1:]].add(gram[0])
            self.counts[size] = Counter({gram: len(lefts) for gram, lefts in before.items()})
        self.discounts = {size: self.discount(list(counts.values())) for size, counts in self.counts.items()}

    @staticmethod
    def discount(counts: list[int]) -> list[float]:
        n = [sum(count == k for count in counts) for k in range(5)]
        if not (n[1] and n[2] and n[3]):
            return [0, 0.5, 1, 1.5]
        y = n[1] / (n[1] + 2 * n[2])
        found = [0, *(k - (k + 1) * y * n[k + 1] / n[k] for k in (1, 2, 3))]
        return found if all(0 < found[k] < k for k in (1, 2, 3)) else [0, 0.5, 1, 1.5]

    def probability(self, context: Sequence[int], word: int) -> float:
        return self.at(tuple(([self.vocabulary] * self.order + list(context))[-self.order + 1 :]), word)

    def at(self, context: tuple[int, ...], word: int) -> float:
        size = len(context) + 1
        lower = self.at(context[1:], word) if context else 1 / self.vocabulary
        followers = {gram: count for gram, count in self.counts[size].items() if gram[:-1] == context}
        if not followers:
            return lower
        taken = self.discounts[size]
        count = followers.get((*context, word), 0)
        free = sum(taken[min(other, 3)] for other in followers.values())
        return (count - taken[min(count, 3)] + free * lower) / sum(followers.values())


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_it_equals_the_definition(order: int) -> None:
    ids, offsets = corpus(order, 30, 12)
    documents = [ids[a:b].tolist() for a, b in pairwise(offsets)]
    fast, slow = KneserNey.fit(ids, offsets, 12, order), Slow(documents, 12, order)
    if order == 1:
        slow.probability = lambda context, word: slow.at((), word)  # type: ignore[method-assign]
    new, starts = corpus(99, 5, 12)
    wanted = [
        math.log(slow.probability(new[start:i].tolist(), int(new[i])))
        for start, end in pairwise(starts)
        for i in range(start, end)
    ]
    np.testing.assert_allclose(fast.log_probs(new, starts), wanted, rtol=1e-12)


def test_probabilities_sum_to_one_after_any_context() -> None:
    ids, offsets = corpus(7, 200, 60)
    model, generator = KneserNey.fit(ids, offsets, 60), np.random.default_rng(1)
    assert FALLBACK not in (model.discounts[1], model.discounts[2])
    for _ in range(60):
        if generator.random() < 0.5:
            start = int(generator.integers(len(ids) - 2))
            context = ids[start : start + int(generator.integers(3))]
        else:
            context = generator.integers(60, size=int(generator.integers(5))).astype(np.uint16)
        texts = np.concatenate([np.append(context, word) for word in range(60)])
        chances = model.log_probs(texts, np.arange(0, len(texts) + 1, len(context) + 1))
        assert np.exp(chances[len(context) :: len(context) + 1]).sum() == pytest.approx(1, abs=1e-12)


def test_documents_do_not_see_each_other() -> None:
    ids, offsets = corpus(3, 40, 20)
    model = KneserNey.fit(ids, offsets, 20)
    apart = [model.log_probs(ids[a:b]) for a, b in pairwise(offsets)]
    np.testing.assert_array_equal(model.log_probs(ids, offsets), np.concatenate(apart))


def test_it_learns_what_follows_what() -> None:
    ids = np.tile(np.array([1, 2, 3, 4], dtype=np.uint16), 50)
    model = KneserNey.fit(ids, np.array([0, len(ids)]), 1000)
    assert np.exp(model.log_probs(np.array([1, 2, 3]))[-1]) > 0.9
    assert np.isfinite(model.log_probs(np.array([999, 998, 997]))).all()


def test_higher_orders_help_on_text_with_memory() -> None:
    ids, offsets = corpus(11, 400, 80)
    new, starts = corpus(12, 60, 80)
    bits = [-KneserNey.fit(ids, offsets, 80, order).log_probs(new, starts).mean() for order in (1, 2)]
    assert bits[1] < bits[0] < math.log(80)


def test_discounts_are_chen_and_goodmans() -> None:
    counts = np.repeat([1, 2, 3, 4, 9], [40, 20, 10, 6, 3])
    assert estimate_discounts(counts) == pytest.approx((0, 0.5, 2 - 1.5 * 10 / 20, 3 - 4 * 0.5 * 6 / 10))
    assert estimate_discounts(np.array([1, 1, 2])) == FALLBACK


def test_impossible_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="63 bits"):
        KneserNey.fit(np.array([1]), np.array([0, 1]), 2**22)
    for ids in ([], [5]):
        with pytest.raises(ValueError, match="vocabulary"):
            KneserNey.fit(np.array(ids, dtype=np.int64), np.array([0, len(ids)]), 5)


def test_no_ids_have_no_probabilities() -> None:
    model = KneserNey.fit(np.array([1, 2]), np.array([0, 2]), 5)
    assert model.log_probs(np.array([], dtype=np.uint16)).shape == (0,)
