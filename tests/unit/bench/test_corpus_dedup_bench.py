"""The bench's near-copies: edits of every degree, found as their similarity says, and told by similarity."""

from __future__ import annotations

import random

import numpy as np

from trivium.bench import corpus_dedup, dedup_memory


def texts_of(count: int, words: int) -> list[str]:
    rng = random.Random(3)
    return [" ".join("".join(rng.choices("abcdefgh", k=6)) for _ in range(words)) for _ in range(count)]


def similar(one: str, other: str) -> float:
    sets = [{tuple(words[i : i + 5]) for i in range(len(words) - 4)} for words in (one.split(), other.split())]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_copies_are_of_every_similarity_and_found_as_it_says() -> None:
    texts, pairs = corpus_dedup.near_copies_of(texts_of(60, 400))
    likeness = np.array([similar(texts[a], texts[b]) for a, b in pairs])
    assert len(pairs) == 240
    for low in (0.5, 0.6, 0.7, 0.8, 0.9):
        assert ((likeness >= low) & (likeness < low + 0.1)).sum() >= 8, low
    found = np.array([corpus_dedup.found(texts, pairs, seed) for seed in range(8)])
    expected = 1 - (1 - likeness**8) ** 14
    for low, high in ((0.0, 0.6), (0.6, 0.8), (0.8, 1.1)):
        inside = (likeness >= low) & (likeness < high)
        assert abs(found[:, inside].mean() - expected[inside].mean()) < 0.06
    assert found[:, likeness >= 0.9].mean() > 0.99


def test_near_copies_are_drawn_alike_each_time() -> None:
    given = texts_of(4, 100)
    assert corpus_dedup.near_copies_of(given) == corpus_dedup.near_copies_of(given)


def test_the_report_counts_by_similarity() -> None:
    likeness = np.array([0.3, 0.82, 0.84, 1.0])
    ours = np.array([[False, True, True, True], [False, True, False, True]])
    theirs = np.array([[False, True, False, True], [False, False, False, True]])
    text = "\n".join(corpus_dedup.report(likeness, ours, theirs))
    assert "| 0.80 to 0.85 | 2 | 75.0 % | 25.0 % |" in text and "| 0.95 to 1.00 | 1 | 100.0 % | 100.0 % |" in text
    assert "trivium finds 83.33 % and datatrove 50.00 %" in text and "+33.33 points" in text
    assert "from 0.8 on" not in "\n".join(corpus_dedup.report(likeness[:1], ours[:, :1], theirs[:, :1]))


def test_every_tenth_drawn_document_is_a_copy_and_no_other() -> None:
    keys = np.concatenate(list(dedup_memory.drawn(5000)), axis=1)
    assert keys.shape == (14, 5000)
    same = sum(5000 - len(np.unique(row)) for row in keys)
    again = np.concatenate(list(dedup_memory.drawn(5000)), axis=1)
    assert same == 500 and np.array_equal(keys, again)
