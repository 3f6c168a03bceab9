"""The bench against datatrove: what it says without the peer, and how it counts agreement."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from trivium.bench import corpus, corpus_dedup
from trivium.ground.errors import UsageError


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(corpus, "cache", lambda: tmp_path / "cache")  # not the compiled code's
    return tmp_path / "cache"


def test_without_the_peer_it_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--setup"):
        corpus.main(docs=tmp_path / "benchmarks.md")


def test_fineweb_is_asked_about_what_c4_lets_through() -> None:
    kept = dict.fromkeys(corpus.LAYERS, True)
    ours = [kept, {**kept, "c4": False, "fineweb": False}, {**kept, "gopher_quality": False}]
    theirs = [{**kept, "fineweb": False}, kept, kept]
    assert corpus.agreement(ours, theirs) == {
        "gopher_repetition": (3, 3),
        "gopher_quality": (2, 3),
        "c4": (2, 3),
        "fineweb": (1, 2),
    }


def test_both_sides_take_turns_and_the_section_is_written(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that answers at once stands in for datatrove."""
    python = own_cache / "peers" / "datatrove" / "bin" / "python"
    python.parent.mkdir(parents=True)
    answer = (
        "import json,sys; t=json.load(sys.stdin); "
        "n=len(t['pairs']) if isinstance(t, dict) else 0; "
        "print(json.dumps(dict(similar=[0.9]*n, found=[[True]*n]*len(t['seeds']))) if n else "
        f"json.dumps(dict(filters=2.0, minhash=1.0, decisions=[dict.fromkeys({corpus.LAYERS!r}, True)]*len(t))))"
    )
    python.write_text(f"#!/bin/sh\nexec {sys.executable} -c {json.dumps(answer)}\n", encoding="utf-8")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    docs = tmp_path / "benchmarks.md"
    monkeypatch.setattr(corpus_dedup, "DOCUMENTS", (2000,))
    assert corpus.main(docs=docs, texts=6, rounds=2) == 0
    text = docs.read_text(encoding="utf-8")
    assert text.count("<!-- corpus:begin -->") == 1 and "| four quality filters, documents/s |" in text
    assert " | 3.0 | " in text and "| gopher_repetition | " in text and "6 English texts" in text
    assert text.count("<!-- corpus-dedup:begin -->") == 1 and "| 2,000 | " in text and "| 200 of 200 |" in text
    assert "Of the 24 pairs from 0.8 on" in text and "datatrove 100.00 %" in text


def test_a_peer_that_fails_is_named(own_cache: Path) -> None:
    python = own_cache / "python"
    own_cache.mkdir()
    python.write_text("#!/bin/sh\necho no module >&2\nexit 3\n", encoding="utf-8")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(UsageError, match="no module"):
        corpus.ask(python, ["text"])
