"""The quality classifier: it learns its two piles, is measured on what it has not seen, and its score selects."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.stages.corpus import score, select
from trivium.stages.corpus.classifier import model
from trivium.stages.corpus.classifier.ngrams import BITS, places_into
from trivium.stages.corpus.classifier.train import HELD_OUT, auc, is_held_out, train
from trivium.stages.corpus.config import ClassifierLimits, MinHashConfig, ScoreConfig, SelectConfig

QUIET = How(progress=False, threads=1)
GOOD = "the river valley held an old mill where grain was ground slowly by patient careful hands all year".split()
BAD = "buy cheap now click here free offer best deal win cash prize order today limited stock sale".split()


def write(path: Path, words: list[str], count: int, seed: int) -> Path:
    rng = random.Random(seed)
    rows = [{"text": " ".join(rng.choices(words, k=60)) + f" {rng.random()}."} for _ in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("classifier")
    good, bad = write(folder / "good.jsonl", GOOD, 200, 1), write(folder / "bad.jsonl", BAD, 300, 2)
    return folder, train((str(good),), (str(bad),), folder / "out", QUIET)


def test_it_tells_the_piles_apart_on_documents_it_has_not_seen(trained: tuple[Path, dict[str, Any]]) -> None:
    folder, figures = trained
    assert (figures["good"], figures["bad"]) == (200, 300)
    assert figures["auc"] > 0.99
    assert 0.5 * HELD_OUT < figures["held_out"] / 500 < 2 * HELD_OUT
    chance = model.judge(model.load(folder / "out"))
    assert chance(" ".join(GOOD)) > 0.9 > 0.1 > chance(" ".join(BAD))
    assert model.load(folder / "out").figures == figures


def test_with_shuffled_piles_it_knows_nothing(tmp_path: Path) -> None:
    good, bad = write(tmp_path / "a.jsonl", GOOD + BAD, 400, 3), write(tmp_path / "b.jsonl", GOOD + BAD, 400, 4)
    figures = train((str(good),), (str(bad),), tmp_path / "out", QUIET)
    low, high = figures["interval"]
    assert low < 0.65 and high > 0.35
    assert low <= figures["auc"] <= high


def test_the_same_piles_give_the_same_weights(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, _ = trained
    train((str(folder / "good.jsonl"),), (str(folder / "bad.jsonl"),), tmp_path, QUIET)
    assert model.fingerprint(tmp_path) == model.fingerprint(folder / "out")


def test_piles_too_small_or_shared_are_refused(tmp_path: Path) -> None:
    few, many = write(tmp_path / "few.jsonl", GOOD, 5, 1), write(tmp_path / "many.jsonl", BAD, 40, 2)
    with pytest.raises(UsageError, match="Only 5 good"):
        train((str(few),), (str(many),), tmp_path / "out", QUIET)
    with pytest.raises(UsageError, match="40 documents are both"):
        train((str(many),), (str(many),), tmp_path / "out", QUIET)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"not a table", b"\x08\0\0\0\0\0\0\0{}      "])
def test_what_is_no_classifier_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / model.FILE).write_bytes(content)
    with pytest.raises(UsageError):
        model.load(tmp_path)
    with pytest.raises(UsageError):
        model.load(tmp_path / "nowhere")


def plain_places(text: bytes) -> list[int]:
    """The places in plain Python: a reference."""
    most, found, before = 2**64 - 1, [], 0
    word = bytearray()
    for byte in [*text.lower(), 32]:
        if 97 <= byte <= 122 or 48 <= byte <= 57 or byte >= 128:
            word.append(byte)
        elif word:
            value = 0xCBF29CE484222325
            for letter in word:
                value = ((value ^ letter) * 0x100000001B3) & most
            value ^= value >> 29
            pair = ((value ^ (before * 0x9E3779B97F4A7C15 & most)) * 0x100000001B3) & most
            found += [value & ((1 << BITS) - 1), (pair >> 17) & ((1 << BITS) - 1)]
            before, word = value, bytearray()
    return found


@given(st.text("aB9 -é\n", max_size=60))
def test_places_are_those_of_the_plain_reference(text: str) -> None:
    given_ = np.frombuffer(text.encode(), np.uint8)
    places = np.empty(len(given_) + 2, np.uint32)
    count = places_into(given_, places)
    assert places[:count].tolist() == plain_places(text.encode())


def test_auc_counts_ties_as_half() -> None:
    assert auc(np.array([1.0, 2.0]), np.array([0.0, 1.0])) == pytest.approx(7 / 8)


def test_the_split_hangs_on_the_text_alone() -> None:
    assert [is_held_out(str(i)) for i in range(50)] == [is_held_out(str(i)) for i in range(50)]


@pytest.fixture(scope="module")
def graded(trained: tuple[Path, dict[str, Any]]) -> Any:
    folder, _ = trained
    mixed = folder / "mixed.jsonl"
    mixed.write_text((folder / "good.jsonl").read_text() + (folder / "bad.jsonl").read_text())
    config = ScoreConfig(source=(str(mixed),), classifier=str(folder / "out"))
    return score.run(config, {}, folder / "scored", QUIET)


OPEN: dict[str, Any] = {"language": "", "min_language_score": 0.0, "minhash": MinHashConfig(bands=0), "lessons": False}


def layers_of(scored: Any, out: Path, **choices: Any) -> dict[str, Any]:
    from dataclasses import replace

    from trivium.stages.corpus.config import C4Limits, FineWebLimits, GopherLimits

    loose = {
        "gopher": GopherLimits(min_words=0, min_stop_words=0),
        "c4": C4Limits(min_sentences=0),
        "fineweb": FineWebLimits(max_list_ratio=1.0),
    }
    config = replace(SelectConfig(**OPEN, **loose), **choices)
    selected = select.run(config, {"scored": scored}, out, QUIET)
    (web,) = selected.json("funnel.json")["sources"]
    return {layer["name"]: layer for layer in web["layers"]}


def test_a_least_score_drops_the_bad(graded: Any, tmp_path: Path) -> None:
    layer = layers_of(graded, tmp_path / "selected", classifier=ClassifierLimits(min_score=0.5))["classifier"]
    assert layer["dropped"] == {"low_quality": 300}


def test_the_best_share_is_kept(graded: Any, tmp_path: Path) -> None:
    layer = layers_of(graded, tmp_path / "selected", classifier=ClassifierLimits(best_share=0.25))["best_share"]
    assert (layer["in"], layer["out"]) == (500, 125)
    assert layer["dropped"] == {"beyond_best_share": 375}


def test_a_limit_without_scores_says_so(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, _ = trained
    scored = score.run(ScoreConfig(source=(str(folder / "good.jsonl"),)), {}, tmp_path / "scored", QUIET)
    with pytest.raises(UsageError, match="No page has a classifier's score"):
        layers_of(scored, tmp_path / "selected", classifier=ClassifierLimits(min_score=0.5))


def test_another_classifier_is_another_artifact(trained: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    folder, _ = trained
    config = ScoreConfig(source=(str(folder / "good.jsonl"),), classifier=str(tmp_path))
    model.load(folder / "out").save(tmp_path)
    before = score.label_of(config, {})
    train((str(folder / "bad.jsonl"),), (str(folder / "good.jsonl"),), tmp_path, QUIET)
    assert score.label_of(config, {}) != before
