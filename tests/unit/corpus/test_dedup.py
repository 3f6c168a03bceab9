"""Copies: planted near-duplicates are found, different texts stay apart, the result hangs on order alone."""

from __future__ import annotations

import random
import re
import unicodedata

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trivium.stages.corpus.dedup import exact_copies, hash_functions, near_copies, signatures

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
    texts = ["Café number 12: open at 9 on Monday, as ever!", "cafe\u0301 NUMBER 7 open at 11 on monday as ever"]
    one, other = signatures(texts, 16, 5, 1)
    assert np.array_equal(one, other)


def shingles(text: str, ngram: int) -> set[int]:
    """The hashes of a text's n-grams, as a plain reading of the definition."""
    mask = 2**64 - 1

    def mixed(value: int) -> int:
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & mask
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & mask
        return value ^ (value >> 31)

    plain = unicodedata.normalize("NFKD", "".join(char.lower() for char in text))
    plain = "".join(char for char in plain if not unicodedata.combining(char)).lower()
    codes = []
    for word in re.findall(r"[^\W_]+", re.sub(r"\d+", "0", plain)):
        code = 0xCBF29CE484222325
        for char in word:
            code = ((code ^ ord(char)) * 0x100000001B3) & mask
        codes.append(mixed(code))
    found = set()
    for start in range(max(len(codes) - ngram + 1, 1)):
        gram = 0
        for code in codes[start : start + ngram]:
            gram = (gram * 0x9E3779B97F4A7C15 + code) & mask
        found.add(mixed(gram))
    return found


@given(
    st.text(st.one_of(st.characters(max_codepoint=0x1FFFF), st.sampled_from("ab 1é_ﬁ½Ⅷ²ς\u0301٣𠀀\n")), max_size=80),
    st.integers(1, 6),
)
def test_the_kernel_is_the_definition(text: str, ngram: int) -> None:
    factors, offsets = ([int(v) for v in values] for values in hash_functions(7, seed=3))
    least = [
        min((gram * a + b) % 2**64 for gram in shingles(text, ngram)) for a, b in zip(factors, offsets, strict=True)
    ]
    assert signatures([text], 7, ngram, 3)[0].tolist() == least


def test_agreement_of_signatures_estimates_similarity() -> None:
    words = text_of(1, 2000)
    texts = [" ".join(words), " ".join(with_changes(words, 25))]
    one, other = (shingles(text, 5) for text in texts)
    table = signatures(texts, 1024, 5, 1)
    assert abs((table[0] == table[1]).mean() - len(one & other) / len(one | other)) < 0.06


def test_a_different_process_gives_the_same_signature() -> None:
    table = signatures(["the quick brown fox jumps over the dog", "a b"], 2, 5, 1)
    assert table.tolist() == [
        [5241953501859879558, 3825104719602143900],
        [882266169878747161, 4355025775637238244],
    ]


def test_nothing_is_found_without_bands_or_texts() -> None:
    assert near_copies(["a", "a"], bands=0, rows=8, ngram=5, seed=1) == [0, 1]
    assert near_copies([], **HOW) == []
