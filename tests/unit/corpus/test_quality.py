"""Scores and thresholds: each rule at its exact bound, on texts small enough to count by hand."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_quality import gopher_scores, repetition_scores

from trivium.stages.corpus import quality
from trivium.stages.corpus.config import SelectConfig
from trivium.stages.corpus.kernels.words import words_of
from trivium.stages.corpus.quality import (
    ALL,
    STOP_WORDS,
    all_scores,
    c4_scores,
    count_words,
    duplicates,
    fineweb_scores,
)
from trivium.stages.corpus.rules import first_broken, quality_layers
from trivium.stages.corpus.score import SCORE_COLUMNS

LAYERS = quality_layers(SelectConfig())
EXACT = {
    "dup_para_frac": 0.30,
    "dup_para_char_frac": 0.20,
    "dup_line_frac": 0.30,
    "dup_line_char_frac": 0.20,
    "top_2_gram": 0.20,
    "top_3_gram": 0.18,
    "top_4_gram": 0.16,
    "dup_5_gram": 0.15,
    "dup_6_gram": 0.14,
    "dup_7_gram": 0.13,
    "dup_8_gram": 0.12,
    "dup_9_gram": 0.11,
    "dup_10_gram": 0.10,
    "hash_ratio": 0.1,
    "ellipsis_ratio": 0.1,
    "bullet_lines": 0.9,
    "ellipsis_lines": 0.3,
    "mean_word_length": 10,
    "words": 100_000,
    "c4_curly": 0,
    "c4_lorem": 0,
    "short_line_ratio": 0.67,
    "char_dup_ratio": 0.01,
    "list_ratio": 0.3,
}
EXACT_LEAST = {
    "words": 50,
    "mean_word_length": 3,
    "alpha_words": 0.8,
    "stop_words": 2,
    "c4_sentences": 5,
    "line_punct_ratio": 0.12,
}


def good() -> dict[str, float]:
    """Scores that pass every rule."""
    return {
        **dict.fromkeys(SCORE_COLUMNS, 0.0),
        "words": 500,
        "mean_word_length": 4.5,
        "alpha_words": 0.9,
        "stop_words": 6,
        "c4_sentences": 20,
        "line_punct_ratio": 0.8,
    }


def broken(row: dict[str, float]) -> str:
    return next((reason for rules in LAYERS.values() if (reason := first_broken(rules, row))), "")


def test_every_score_that_a_rule_reads_is_made() -> None:
    columns = {rule.column for rules in LAYERS.values() for rule in rules}
    assert columns <= set(all_scores("Some text.")) == set(ALL)
    assert columns == set(EXACT) | set(EXACT_LEAST)
    assert not broken(good())


@pytest.mark.parametrize(("column", "most"), EXACT.items())
def test_a_page_goes_above_the_limit_and_not_at_it(column: str, most: float) -> None:
    assert not broken({**good(), column: most})
    assert broken({**good(), column: most + 1e-9})


@pytest.mark.parametrize(("column", "least"), EXACT_LEAST.items())
def test_a_page_goes_below_the_limit_and_not_at_it(column: str, least: float) -> None:
    assert not broken({**good(), column: least})
    assert broken({**good(), column: least - 1e-9})


def test_layers_come_in_fineweb_order() -> None:
    assert list(LAYERS) == ["gopher_repetition", "gopher_quality", "c4", "fineweb"]


@pytest.mark.parametrize(
    "line",
    [
        "A | well | - | known | rule | , | is | n't | it | ? | See | a.b_c | ( | ) | , | x | / | y | and | 1,000.5",
        "( | Tom | 's | ) | . | They | 've | said | it | ’s | theirs",
        "wait | ... | --flag | = | on | @media | utf-8 | -- | no | +2s | 3 | + | 4",
        "do | n’t | and | wo | n't | and | ca | n't | and | can | not | and | Can | not | but | cannotation",
        "e.g. | this | , | i.e. | that | , | in | the | U.S. | by | J. | R. | Smith | , | or | y. | Then | stop | .",
        "Mr. | Smith | met | Dr. | No | in | Jan. | 2020 | with | the | firm | .",
        "see | https://a.example/b/c?d=e-f | or | www.a.example | . | and/or | and | / | other",
        "_ | _ | init | _ | _ | and | _ | private | and | snake_case | and | trailing | _",
        "C | # | * | x | * | 50 | % | $ | 5 | 10 | - | year | 2019 | - | 2020 | well | – | known",
    ],
)
def test_words_are_split_as_spacy_splits_them(line: str) -> None:
    words = line.split(" | ")
    text = " ".join(words)
    for glued in ("( )", "( Tom 's )"):
        text = text.replace(glued, glued.replace(" ", ""))
    assert [word for word in words_of(text) if word] == words
    tight = """is n't|isn't do n’t|don’t ca n't|can't wo n't|won't Can not|Cannot They 've|They've it ’s|it’s
        well - known|well-known well – known|well–known x / y|x/y rule ,|rule, 10 - year|10-year 2019 - 2020|2019-2020
        _ _ init _ _|__init__ _ private|_private trailing _|trailing_ example .|example."""
    pairs = re.findall(r"(\S(?:[^|]*?\S)?)\|(\S+)", tight)
    for loose, glued in pairs:
        text = text.replace(loose, glued)
    assert words_of(text) == words


def test_words_are_all_of_the_text_but_its_spaces() -> None:
    text = "One's https://x.y/z__ can't  (e.g. U.S.)\n--\t…'s"
    assert "".join(words_of(text)) == "".join(text.split()) and words_of("") == []


def test_duplicate_lines_and_paragraphs_are_shares() -> None:
    text = "aaaa\n\nbbbb\n\naaaa\n\naaaa"
    scores = repetition_scores(text, words_of(text))
    assert scores["dup_para_frac"] == scores["dup_line_frac"] == 2 / 4
    assert scores["dup_para_char_frac"] == 8 / len(text)
    assert duplicates(["a", "b", "a"]) == (1, 1)


def test_ngram_scores_count_characters() -> None:
    words = ["ab", "cd", "ab", "cd", "ef"]
    text = " ".join(words)
    assert repetition_scores(text, words)["top_2_gram"] == 2 * len("ab cd") / len(text)
    assert repetition_scores(text, words)["top_3_gram"] == len("ab cd ab") / len(text)
    cycle = [f"w{i}" for i in range(5)] * 2
    scores = repetition_scores(" ".join(cycle), cycle)
    assert scores["dup_5_gram"] == 10 / len(" ".join(cycle))
    assert scores["dup_6_gram"] == 0


def test_a_hit_jumps_over_its_ngram_so_that_no_character_counts_twice() -> None:
    words = ["x"] * 100
    assert repetition_scores("x" * 100, words)["dup_5_gram"] <= 1


def test_gopher_scores() -> None:
    text = "• the dog and # a cat...\n- to be\nplain line …"
    scores = gopher_scores(text, words_of(text))
    assert scores["bullet_lines"] == 2 / 3
    assert scores["ellipsis_lines"] == 2 / 3
    assert scores["stop_words"] == 4
    assert scores["hash_ratio"] == 1 / len(words_of(text))
    assert scores["words"] == 10


def test_stop_words_are_distinct_and_case_sensitive() -> None:
    assert gopher_scores("the the the", ["the", "the", "the"])["stop_words"] == 1
    assert gopher_scores("The Of", ["The", "Of"])["stop_words"] == 0


def test_c4_cleans_lines_and_marks_pages() -> None:
    text = (
        "One good line stays here.\ntoo short\nEnable JavaScript to see this page.\nRead our privacy policy now.\n"
        f"A {'x' * 1001} word goes.\nA cited[12] fact [edit] stays."
    )
    cleaned, scores = c4_scores(text)
    assert cleaned == "One good line stays here.\nA cited fact  stays."
    assert scores == {"c4_sentences": 2, "c4_curly": 0, "c4_lorem": 0}
    assert c4_scores("if (x) { y }\nLorem ipsum dolor sit.")[1] == {"c4_sentences": 2, "c4_curly": 1, "c4_lorem": 1}


def test_sentences_are_counted_within_lines() -> None:
    assert c4_scores('He said "no." Then he left! Did he? v1.2 came.')[1]["c4_sentences"] == 4
    assert c4_scores("a line without any end")[1]["c4_sentences"] == 1


def test_fineweb_scores() -> None:
    text = "This is a line that is longer than thirty characters.\nshort one\nshort one"
    scores = fineweb_scores(text)
    assert scores["line_punct_ratio"] == 1 / 3
    assert scores["short_line_ratio"] == 2 / 3
    assert scores["char_dup_ratio"] == len("short one") / (len(text) - 2)
    assert scores["list_ratio"] == 2 / len(words_of(text))


@pytest.mark.parametrize("text", ["", " ", "\n\n", ".", "…", "\x00", "word"])
def test_no_text_divides_by_zero(text: str) -> None:
    assert broken({**good(), **all_scores(text)})


PIECES = [
    *(
        "a",
        "B",
        "1",
        "_",
        " ",
        "\n",
        "\n\n",
        ".",
        "...",
        "'s",
        "’re",
        "'",
        "-",
        "--",
        ",",
        "–",
        "@",
        "/",
        "~",
        "…",
        "é",
        "²",
    ),
    *("#", "•", "the", "of", "\r\n", "\u2028", "𠀀", "½", "=", ":", "*", "2.5", "x.Y", "well-known", " \t"),
]


@given(st.lists(st.sampled_from(PIECES) | st.text(st.characters(max_codepoint=0x1FFFF)), max_size=30))
def test_the_compiled_pass_is_the_plain_reading(parts: list[str]) -> None:
    text = "".join(parts)
    words = words_of(text)
    assert count_words(text) == len(words)
    wanted = {**repetition_scores(text, words), **gopher_scores(text, words)}
    assert {name: quality.compiled_scores(text)[name] for name in quality.GOPHER} == pytest.approx(wanted, abs=1e-12)


def test_long_and_repeating_texts_score_as_read_plainly() -> None:
    for size in (10, 100, 2000):
        text = " ".join(f"word{i * i % 37} and" for i in range(size)) + "\n" + "the end of it.\n" * (size // 5)
        words = words_of(text)
        wanted = {**repetition_scores(text, words), **gopher_scores(text, words)}
        assert {name: quality.compiled_scores(text)[name] for name in quality.GOPHER} == pytest.approx(
            wanted, abs=1e-12
        )


def test_stop_words_are_those_of_the_language() -> None:
    german = "Der Fluss und die Mühle: das ist nicht weit von hier."
    assert all_scores(german, "de")["stop_words"] == 6
    assert all_scores(german)["stop_words"] == 0
    assert all_scores(german, "xx")["stop_words"] == 8  # of a language without a list: not judged
    assert all(len(set(words)) == 8 for words in STOP_WORDS.values())


KINDS_OF_LINES = (
    "A line of words. And more!",
    "two words",
    'He said "no".) Then left',
    "x" * 1001,
    "{ a b c }",
    "",
    " \u2003wide a b ",
    "The same line again",
    "ends (here.)\u2019 ok",
    "a... b… c?! d",
    "don't won't e.g. Mr. X",
    "one\u2028two three four",
)
LINES = st.lists(st.sampled_from(KINDS_OF_LINES) | st.text(" ab.!?\"')\u201d,{-\t", max_size=30), max_size=12)


@given(LINES, st.sampled_from(("\n", "\r\n", "\n\n", "\x0b")))
def test_lines_score_compiled_as_read_plainly(lines: list[str], end: str) -> None:
    text = end.join(lines)
    if not text.strip() or quality.rewrites(text):
        return
    cleaned, c4 = c4_scores(text)
    found = quality.compiled_scores(text)
    assert {name: found[name] for name in quality.C4} == c4
    assert {name: found[name] for name in quality.FINEWEB} == pytest.approx(fineweb_scores(cleaned), abs=1e-12)


@pytest.mark.parametrize("word", ["Javascript", "LOREM ipsum", "our Privacy Policy", "as said [12]", "History[edit]"])
def test_texts_that_c4_rewrites_are_read_line_by_line(word: str) -> None:
    text = f"A line that stays as it is.\nThis is {word} in a line of words.\nA last line of five words."
    assert quality.rewrites(text)
    cleaned, c4 = c4_scores(text)
    assert all_scores(text) == {**quality.compiled_scores(text), **c4, **fineweb_scores(cleaned)}
