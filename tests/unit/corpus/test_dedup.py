"""Copies: planted near-duplicates are found, different texts stay apart, the result hangs on order alone."""

from __future__ import annotations

import random
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.stages.corpus.dedup import exact_copies, near_copies, sign, signatures
from trivium.stages.corpus.kernels.fold import LIMIT, folding

HOW = {"bands": 14, "rows": 8, "ngram": 5, "seed": 1}


def text_of(seed: int, words: int = 400) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefgh", k=6)) for _ in range(words)]


def with_changes(words: list[str], every: int) -> list[str]:
    return [f"{word}changed" if i % every == every - 1 else word for i, word in enumerate(words)]


def test_exact_copies_look_through_case_and_spaces() -> None:
    assert exact_copies(["One  two.", "three", "one two.", "One two!"]).tolist() == [0, 1, 0, 3]


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
    assert near_copies([text, "something else entirely, and short", text.upper(), text], **HOW).tolist() == [0, 1, 0, 0]


def test_accents_numbers_and_marks_make_no_difference() -> None:
    texts = ["Café number 12: open at 9 on Monday, as ever!", "cafe\u0301 NUMBER 7 open at 11 on monday as ever"]
    one, other = signatures(texts, 16, 5, 1)
    assert np.array_equal(one, other)


MASK = 2**64 - 1
STRIDE = 0x9E3779B97F4A7C15


def mixed(value: int) -> int:
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def shingles(text: str, ngram: int, seed: int = 1) -> set[int]:
    """The hashes of a text's n-grams, as a plain reading of the definition."""
    plain = unicodedata.normalize("NFKD", "".join(char.lower() for char in text))
    plain = "".join(char for char in plain if not unicodedata.combining(char)).lower()
    codes = []
    for word in re.findall(r"[^\W_]+", re.sub(r"\d+", "0", plain)):
        code = 0xCBF29CE484222325
        for char in word:
            code = ((code ^ ord(char)) * 0x100000001B3) & MASK
        codes.append(mixed(code))
    found = set()
    for start in range(max(len(codes) - ngram + 1, 1)):
        gram = seed
        for code in codes[start : start + ngram]:
            gram = (gram * STRIDE + code) & MASK
        found.add(mixed(gram))
    return found


def sketch(grams: set[int], bins: int) -> list[int]:
    """The least n-gram of each bin, of the first round in which one falls there; in late rounds all go to one bin."""
    found: dict[int, int] = {}
    turn = 0
    while len(found) < bins:
        this: dict[int, int] = {}
        for gram in grams:
            again = mixed((gram + turn * STRIDE) & MASK) if turn else gram
            at = (again >> 32) * bins >> 32 if turn < bins else turn - bins
            this[at] = min(this.get(at, MASK), turn << 48 | again % 2**48)
        found = this | found
        turn += 1
    return [found[at] for at in range(bins)]


@given(
    st.text(st.one_of(st.characters(max_codepoint=0x1FFFF), st.sampled_from("ab 1é_ﬁ½Ⅷ²ς\u0301٣𠀀\n")), max_size=80),
    st.integers(1, 6),
    st.integers(1, 30),
)
def test_the_kernel_is_the_definition(text: str, ngram: int, bins: int) -> None:
    assert signatures([text], bins, ngram, 3)[0].tolist() == sketch(shingles(text, ngram, 3), bins)


def test_no_character_makes_more_words_than_bytes() -> None:
    """The room that the kernel has for words is the text's bytes."""
    _, starts, pool = folding()
    within = np.append(0, np.cumsum((pool[:-1] & 3 != 0) & (pool[1:] & 3 == 0)))
    for code in range(LIMIT):
        first, last = int(starts[code]), int(starts[code + 1])
        closed = int(within[last - 1] - within[first]) + int(pool[first] & 3 == 0) if last > first else 0
        assert closed <= len(chr(code).encode("utf-8", "surrogatepass")), hex(code)


@pytest.mark.parametrize("size", [1, 5, 40, 112, 400, 3000])
def test_a_text_of_any_length_has_no_empty_bin(size: int) -> None:
    table = signatures([" ".join(text_of(1, size))], 112, 5, 1)
    assert (table < 2 * 112 << 48).all() and (table >> 48 == 0).any()


@given(st.lists(st.text("ab c", max_size=12), max_size=12), st.integers(1, 5), st.integers(1, 30))
def test_a_text_is_signed_alike_whatever_is_around_it(texts: list[str], most: int, size: int) -> None:
    together = signatures(texts, 9, 2, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sign, "BLOCK_TEXTS", most)
        patch.setattr(sign, "BLOCK_BYTES", size)
        assert np.array_equal(signatures(iter(texts), 9, 2, 1), together)
    for text, row in zip(texts, together, strict=True):
        assert np.array_equal(signatures([text], 9, 2, 1)[0], row)


def test_texts_without_words_are_copies_and_short_ones_only_of_themselves() -> None:
    texts = ["", "one two", "?!", "one two three", " ", "one two.", "two one"]
    assert near_copies(texts, **HOW).tolist() == [0, 1, 0, 3, 0, 1, 6]


def test_agreement_of_signatures_estimates_similarity() -> None:
    words = text_of(1, 2000)
    texts = [" ".join(words), " ".join(with_changes(words, 25))]
    one, other = (shingles(text, 5) for text in texts)
    for seed in range(1, 9):  # the standard error is below 0.016
        table = signatures(texts, 1024, 5, seed)
        assert abs((table[0] == table[1]).mean() - len(one & other) / len(one | other)) < 0.07


@pytest.mark.parametrize("size", [9, 45, 180])
def test_the_estimate_is_true_and_varies_less_than_that_of_112_independent_hashes(size: int) -> None:
    """Single words as n-grams: the first eight ninths of both texts are the same, the rest is not."""
    words = list(dict.fromkeys(text_of(1, 2 * size)))
    texts = [" ".join(words[:size]), " ".join([*words[: size * 8 // 9], *words[size : size + size // 9]])]
    shares = []
    for seed in range(400):
        one, other = signatures(texts, 112, 1, seed)
        shares.append(float((one == other).mean()))
    independent = (0.8 * 0.2 / 112) ** 0.5
    assert abs(np.mean(shares) - 0.8) < 4 * independent / 400**0.5
    assert np.std(shares) < 0.85 * independent


def test_a_different_process_gives_the_same_signature() -> None:
    table = signatures(["the quick brown fox jumps over the dog", "a b"], 2, 5, 1)
    assert table.tolist() == [
        [213257806239395, 121941827240110],
        [304289616709393, 127035995530581],
    ]


def test_nothing_is_found_without_bands_or_texts() -> None:
    assert near_copies(["a", "a"], bands=0, rows=8, ngram=5, seed=1).tolist() == [0, 1]
    assert near_copies([], **HOW).tolist() == exact_copies([]).tolist() == []
    assert signatures([], 7, 5, 1).shape == (0, 7)
