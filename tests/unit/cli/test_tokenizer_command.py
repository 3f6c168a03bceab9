"""`trivium tokenizer show` and `compare`, and that the bare command is the stage as before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trivium.cli.app import answer
from trivium.ground.artifact import Artifact, Label, open_artifact, sealing
from trivium.ground.atomic import write_json
from trivium.ground.how import How
from trivium.journey.record import JOURNEY
from trivium.stages.tokenizer import run as tokenizer_run
from trivium.stages.tokenizer import shards as shards_run
from trivium.stages.tokenizer.config import ShardsConfig, TokenizerConfig
from trivium.text.document import Document, write_documents

QUIET = How(progress=False)
LETTERS = str.maketrans("0123456789", "abcdefghij")
TEXTS = [f"the {i * 7919} then {str(i * 7907).translate(LETTERS)} there × {i * 3}\n" for i in range(80)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a tokenizer and its shards, and beside it a tokenizer of another regex."""
    out = tmp_path_factory.mktemp("run")
    with sealing(out / "selected", Label("selected", "corpus", 1, {})) as folder:
        for name in ("train", "heldout"):
            rows = [Document(f"{name}{i}", "", text, f"s{i % 2}", "CC0") for i, text in enumerate(TEXTS)]
            write_documents(folder / f"{name}.parquet", rows)
    selected = open_artifact(out / "selected")
    made: dict[str, Artifact] = {}
    for name, pattern in (("tokenizer", "qwen2"), ("other", "llama3")):
        config = TokenizerConfig(vocabulary=300, pattern=pattern)
        made[name] = tokenizer_run.run(config, {"selected": selected}, out / name, QUIET)
    inputs = {"selected": selected, "tokenizer": made["tokenizer"]}
    made["shards"] = shards_run.run(ShardsConfig(), inputs, out / "shards", QUIET)
    nodes = {
        name: {"folder": name, "id": made[name].id, "kind": made[name].kind, "asked": []}
        for name in ("tokenizer", "shards")
    }
    write_json(out / JOURNEY, {"about": {"recipe": "tiny"}, "order": list(nodes), "nodes": nodes})
    (out / "texts.jsonl").write_text("".join(json.dumps({"text": text, "source": "mine"}) + "\n" for text in TEXTS))
    (out / "plain.txt").write_text("the there × 12345")
    return out


def test_show_says_tokens_ids_bytes_and_merges(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in (run, run / "tokenizer"):
        assert answer(["tokenizer", "show", "the 348 × é<|im_end|>", "--from", str(place)]) == 0
        out = capsys.readouterr().out
        assert "⟨C3⟩" in out and "\ufffd" not in out and "at most 1 digit a token" in out
    assert answer(["tokenizer", "show", "the 348", "--from", str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert b"".join(bytes.fromhex(token["hex"]) for token in found["tokens"]) == b"the 348"
    assert found["bytes"] == 7 and found["pattern"] == "qwen2"
    assert answer(["tokenizer", "show", "", "--from", str(run)]) == 0
    assert "0 tokens, 0 bytes" in capsys.readouterr().out


def test_compare_sets_two_side_by_side(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["tokenizer", "compare", str(run), str(run / "other"), "--on", str(run / "texts.jsonl"), "--on"]
    line += [str(run / "plain.txt"), "--no-progress"]
    assert answer(line) == 0
    out = capsys.readouterr().out
    assert "mine" in out and "plain.txt" in out and "by shards shards" in out and "1 2 3 4 5 6 7" in out
    assert answer([*line, "--json"]) == 0
    one, two = json.loads(capsys.readouterr().out)
    assert (one["digits_per_token"], two["digits_per_token"]) == (1, 3)
    assert one["all"]["documents"] == two["all"]["documents"] == len(TEXTS) + 1
    assert one["untrained"]["count"] >= 13 and two["untrained"] is None
    assert one["all"]["bytes"] == sum(len(text.encode()) for text in (*TEXTS, "the there × 12345"))


def test_what_does_not_belong_together_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    other = str(run / "other")
    line = ["tokenizer", "compare", other, other, "--on", str(run / "plain.txt"), "--no-progress", "--shards"]
    assert answer([*line, str(run / "shards")]) == 2
    assert "was made with tokenizer" in capsys.readouterr().err
    assert answer(["tokenizer", "show", "x", "--from", str(tmp_path)]) == 3
    assert "no tokenizer" in capsys.readouterr().err
    (tmp_path / "bad.jsonl").write_text('{"text": "x"}\n{"no": 1}\n')
    assert answer(["tokenizer", "compare", other, other, "--on", str(tmp_path / "bad.jsonl"), "--no-progress"]) == 2
    assert "first 1 documents" in capsys.readouterr().err


def test_the_bare_command_is_the_stage(run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert answer(["tokenizer", "--from", str(tmp_path / "r"), "--recipe", "tiny", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "shards" in out and "to run" in out
    line = ["tokenizer", "--from", str(tmp_path / "r"), "--recipe", "tiny", "--tokenizer.vocabulary", "100"]
    assert answer([*line, "--dry-run"]) == 2
    assert "vocabulary" in capsys.readouterr().err
