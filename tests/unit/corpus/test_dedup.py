"""Copies: planted near-duplicates are found, different texts stay apart, the result hangs on order alone."""

from __future__ import annotations

import random

import numpy as np

from trivium.stages.corpus.dedup import exact_copies, near_copies, shingles, signatures

HOW = {"bands": 14, "rows": 8, "ngram": 5, "seed": 1}


def text_of(seed: int, words: int = 400) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefgh", k=6)) for _ in range(words)]


def with_changes(words: list[str], every: int) -> list[str]:
    return [f"{word}changed" if i % every == every - 1 else word for i, word in enumerate(words)]


def test_exact_copies_look_through_case_and_spaces() -> None:
    assert exact_copies(["One  two.", "three", "one two.", "One two!"]) == [0, 1, 0, 3]


def test_planted_near_duplicates_are_found_and_others_are_not() -> None:
    texts = []
    for seed in range(60):
        words = text_of(seed)
        texts += [" ".join(words), " ".join(with_changes(words, 100))]  # about 0.9 similar
    firsts = near_copies(texts, **HOW)
    found = sum(firsts[2 * i + 1] == 2 * i for i in range(60))
    assert found >= 57
    assert all(firsts[2 * i] == 2 * i for i in range(60)), "different texts stay apart"


def test_texts_of_little_in_common_stay() -> None:
    texts = []
    for seed in range(60):
        words = text_of(seed)
        texts += [" ".join(words), " ".join(with_changes(words, 12))]  # about 0.4 similar
    assert sum(first != i for i, first in enumerate(near_copies(texts, **HOW))) <= 6


def test_clusters_chain_and_keep_their_first() -> None:
    words = text_of(5)
    text = " ".join(words)
    assert near_copies([text, "something else entirely, and short", text.upper(), text], **HOW) == [0, 1, 0, 0]


def test_accents_numbers_and_marks_make_no_difference() -> None:
    known: dict[str, int] = {}
    one = shingles("Café number 12: open at 9 on Monday, as ever!", 5, known)
    other = shingles("cafe number 7 open at 11 on monday as ever", 5, known)
    assert np.array_equal(one, other)


def test_agreement_of_signatures_estimates_similarity() -> None:
    words = text_of(1, 2000)
    texts = [" ".join(words), " ".join(with_changes(words, 25))]
    known: dict[str, int] = {}
    one, other = (set(shingles(text, 5, known).tolist()) for text in texts)
    table = signatures(texts, 1024, 5, 1)
    assert abs((table[0] == table[1]).mean() - len(one & other) / len(one | other)) < 0.06


def test_a_different_process_gives_the_same_signature() -> None:
    table = signatures(["the quick brown fox jumps over the dog", "a b"], 2, 5, 1)
    assert table.tolist() == [[4503127495746000098, 1139425562362203614], [7905563145313650446, 14218934247864545190]]


def test_nothing_is_found_without_bands_or_texts() -> None:
    assert near_copies(["a", "a"], bands=0, rows=8, ngram=5, seed=1) == [0, 1]
    assert near_copies([], **HOW) == []
