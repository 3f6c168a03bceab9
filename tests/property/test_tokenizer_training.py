"""The automaton cuts as the regexes do, and learning equals the plain algorithm, whatever the text and the memory."""

from __future__ import annotations

from collections import Counter as Bag
from pathlib import Path

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_bpe import plain_ranks

from trivium.ground.how import How
from trivium.stages.tokenizer.kernels.split import kinds, pieces
from trivium.stages.tokenizer.merges import Merger
from trivium.stages.tokenizer.words import Counter
from trivium.text.patterns import DIGITS, PATTERNS

QUIET = How(progress=False)
MEAN = [
    *"aBsSſdDmM'1é漢٣Ⅷ!.\t\n\r \u3000\x85\u2028\x1c\xa0\u0301\u200d",
    *[
        "'re",
        "'Ve",
        "'LL",
        "'ſ",
        "'t",
        "  ",
        "\r\n",
        " \n ",
        "🤖",
        "123",
        "½",
        "\U000e0001",
        "\U0001f1e6",
        "aaaa",
        "abab",
    ],
]
texts = st.one_of(
    st.lists(st.sampled_from(MEAN), max_size=30).map("".join),
    st.text(max_size=40),
    st.text(st.sampled_from("ab \n'1"), max_size=60),
)
MANY = settings(max_examples=300, deadline=None)


def shared(text: str) -> str:
    """Without characters about which the `regex` module's Unicode and tiktoken's differ: one of them is newer."""
    table = kinds()
    of = {1: r"\p{L}", 2: r"\p{N}", 3: r"\s", 4: r"\s", 0: r"[^\s\p{L}\p{N}]"}
    return "".join(char for char in text if regex.fullmatch(of[int(table[ord(char)])], char))


@pytest.mark.parametrize("name", sorted(PATTERNS))
@MANY
@given(texts)
def test_pieces_are_those_of_the_regex(name: str, text: str) -> None:
    text = shared(text)
    assert pieces(text, DIGITS[name]) == regex.findall(PATTERNS[name], text)


def test_every_character_has_the_kind_that_the_regex_gives_it() -> None:
    """But for those that the newer of two Unicodes knows: none of the first 65,536, and few of all."""
    every = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x30000))))
    common = shared(every)
    assert len(every) - len(common) < 30_000
    assert sum(ord(char) < 2**16 for char in every) - sum(ord(char) < 2**16 for char in common) < 500
    text = "".join(f"a{char}1{char} {char}\n{char}'{char}" for char in common[:: 1 if len(common) < 70_000 else 3])
    for name, regular in PATTERNS.items():
        assert pieces(text, DIGITS[name]) == regex.findall(regular, text)


def learned(some: list[str], ordinary: int, memory: int = 2**20, name: str = "qwen2") -> dict[bytes, int]:
    with Counter(DIGITS[name], memory) as counter:
        counter.add(some)
        return Merger(counter.finish(False, QUIET)).ranks(ordinary, QUIET)


@settings(max_examples=120, deadline=None)
@given(st.lists(texts, max_size=12), st.integers(256, 330), st.sampled_from(sorted(PATTERNS)))
def test_ranks_are_those_of_the_plain_algorithm(some: list[str], ordinary: int, name: str) -> None:
    some = [shared(text) for text in some]
    assert learned(some, ordinary, name=name) == plain_ranks(some, PATTERNS[name], ordinary)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.sampled_from("abcdefg 12"), max_size=300), min_size=1, max_size=30), st.integers(0, 4096))
def test_counts_are_exact_however_little_memory_there_is(some: list[str], memory: int) -> None:
    wanted = Bag(piece for text in some for piece in pieces(text, 1))
    with Counter(1, memory) as counter:
        counter.add(some)
        words = counter.finish(False, QUIET)
        assert {word.decode(): times for word, times in words.items()} == wanted
        assert len(words.counts) == counter.account.words == len(wanted)
        assert counter.account.occurrences == sum(wanted.values())


def book() -> list[str]:
    """Real text with many different words: this project's own source."""
    source = Path(__file__).parents[2] / "src" / "trivium"
    return [path.read_text(encoding="utf-8") for path in sorted(source.rglob("*.py"))]


def test_spilled_counts_give_the_same_ranks() -> None:
    some = book()
    with Counter(1, 2**16) as counter:
        counter.add(some)
        words = counter.finish(False, QUIET)
        assert counter.account.spills > 5 and counter.account.dropped_words == 0
        place = counter._folder.name  # type: ignore[union-attr]
        assert Path(place).is_dir()
    assert not Path(place).exists()
    assert Merger(words).ranks(2000, QUIET) == learned(some, 2000, 2**26)


@pytest.mark.parametrize("memory", [2**17, 2**19])
def test_the_rarest_words_go_where_all_would_not_fit_and_are_counted(memory: int) -> None:
    some = book()
    wanted = Bag(piece for text in some for piece in pieces(text, 1))
    with Counter(1, memory) as counter:
        counter.add(some)
        words = counter.finish(True, QUIET)
    account = counter.account
    kept = {word.decode(): times for word, times in words.items()}
    assert account.least_count > 1
    assert kept == {word: times for word, times in wanted.items() if times >= account.least_count}
    assert account.dropped_words == len(wanted) - len(kept) > 0
    assert account.dropped_occurrences == sum(wanted.values()) - sum(kept.values())
    assert account.occurrences == sum(kept.values())


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_ranks_are_those_of_rustbpe(name: str) -> None:
    import rustbpe

    some = book()
    peer = rustbpe.Tokenizer()
    peer.train_from_iterator(iter(some), 4000, pattern=PATTERNS[name])
    assert learned(some, 4000, 2**28, name) == {bytes(token): rank for token, rank in peer.get_mergeable_ranks()}


@pytest.mark.parametrize("unit", ["a", "ab", "aab", " ", "漢", "🤖"])
def test_runs_of_the_same_letters_merge_as_told(unit: str) -> None:
    some = [unit * n for n in (1, 2, 3, 5, 8, 13, 40)]
    assert learned(some, 300) == plain_ranks(some, PATTERNS["qwen2"], 300)


def test_a_word_larger_than_the_memory_is_counted_whole() -> None:
    some = ["x y " + "ab" * 100_000 + " x", "ab" * 100_000, "y"]
    with Counter(1, 1024) as counter:
        counter.add(some)
        words = dict(counter.finish(False, QUIET).items())
    assert words == {b"x": 1, b" y": 1, b" " + b"ab" * 100_000: 1, b" x": 1, b"ab" * 100_000: 1, b"y": 1}


def test_kinds_cover_all_of_unicode() -> None:
    table = kinds()
    assert table.shape == (0x110000,) and table.dtype == np.uint8
    assert set(np.unique(table).tolist()) == {0, 1, 2, 3, 4}
