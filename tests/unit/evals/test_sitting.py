"""`trivium eval` from the command line: files, tables, another model beside, errors that name their mend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trivium.cli.app import answer
from trivium.evals.documents import Text, by_source, file_texts, measure
from trivium.evals.sitting import window_of
from trivium.ground.atomic import write_json
from trivium.ground.errors import ArtifactError, UsageError
from trivium.ground.how import How
from trivium.model.transformer import Transformer
from trivium.text.tokenizer import Tokenizer

QUIET = ["--no-progress", "--device", "cpu", "--threads", "1"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "data" / "mixed.jsonl"
    file.parent.mkdir()
    rows: list[Any] = [
        {"dataset": "piqa", "goal": f"g{i}", "sol1": "a", "sol2": "bb", "label": i % 2} for i in range(8)
    ]
    rows += [{"dataset": "lambada", "text": f"one two {i}"} for i in range(4)] + [{"dataset": "poems", "verse": "x"}]
    file.write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "texts.jsonl").write_text(
        "\n".join(json.dumps({"text": "words " * 200, "source": name}) for name in "aab") + '\n{"text": 3}\nno\n'
    )
    return tmp_path


def lines_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_item_is_kept_and_the_figures_follow_from_them(
    model_folders: list[Path], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, texts = data / "out", str(data / "texts.jsonl")
    line = ["eval", str(model_folders[0]), "--data", str(data / "data"), "--text", texts, "--out", str(out), *QUIET]
    assert answer(line) == 0
    said = capsys.readouterr().out
    assert "skipped: 1 rows of poems: unknown task" in said
    items = lines_in(out / "items.jsonl")
    assert len(items) == 12
    assert all(len(item["log_likelihoods"]) == (2 if item["task"] == "piqa" else 1) for item in items)
    summary = json.loads((out / "summary.json").read_text())
    assert summary["tasks"]["piqa"]["acc"]["value"] == sum(i["acc"] for i in items if i["task"] == "piqa") / 8
    assert summary["bits_per_byte"]["all"]["bytes"] == 3 * len("words " * 200)
    assert [record["source"] for record in lines_in(out / "documents.jsonl")] == list("aab")
    page = (out / "eval.html").read_text()
    assert "piqa" in page
    assert "http" not in page.replace("http-equiv", "")
    assert answer(line) == 0
    assert lines_in(out / "items.jsonl") == items


def test_another_model_on_the_same_items(
    model_folders: list[Path], data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--data", str(data / "data"), "--text", str(data / "texts.jsonl"), "--limit", "3", "--json", *QUIET]
    first, both, again = (str(data / name) for name in ("first", "both", "again"))
    assert answer(["eval", str(model_folders[1]), *common, "--out", first]) == 0
    assert answer(["eval", str(model_folders[0]), "--against", str(model_folders[1]), *common, "--out", both]) == 0
    assert answer(["eval", str(model_folders[0]), "--against", first, *common, "--out", again]) == 0
    capsys.readouterr()
    one, two = (json.loads((Path(out) / "summary.json").read_text())["against"] for out in (both, again))
    assert one["tasks"] == two["tasks"]
    assert one["bits_per_byte"] == two["bits_per_byte"]
    assert {row["name"] for row in one["tasks"]} == {"piqa", "lambada"}
    assert all(row["difference"]["n"] == 3 for row in one["tasks"])
    assert lines_in(Path(both) / "against" / "items.jsonl") == lines_in(Path(first) / "items.jsonl")


def test_with_nothing_named_it_learns_from_the_prompt(
    model_folders: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["eval", str(model_folders[0]), "--in-context-items", "4", "--out", str(tmp_path / "o"), "--json", *QUIET]
    assert answer(line) == 0
    curves = json.loads(capsys.readouterr().out)["in_context"]
    assert set(curves) == {"mapping", "recall"}
    assert [row["shots"] for row in curves["mapping"]["rows"]][:5] == [0, 1, 2, 4, 8]
    assert "Learning from the prompt: recall" in (tmp_path / "o" / "eval.html").read_text()


def test_a_curve_of_a_real_task(model_folders: list[Path], data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["eval", str(model_folders[0]), "--data", str(data / "data"), "--in-context", "piqa", "--json", *QUIET]
    assert answer([*line, "--out", str(data / "o")]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [row["shots"] for row in summary["in_context"]["piqa"]["rows"]] == [0, 1, 2, 4]
    assert summary["tasks"] == {}


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (["--tasks", "piqa"], "no data", 2),
        (["--data", "nowhere"], "nowhere is not there", 2),
        (["--text", "nowhere"], "nowhere is not there", 2),
        (["--in-context", "weaving"], "no made-up task", 2),
        (["--data", "DATA", "--tasks", "arc-easy"], "no items of 'arc-easy'", 2),
        (["--data", "DATA", "--tasks", "piqa", "--shots", "99"], "too few items", 2),
    ],
)
def test_errors_name_the_value(
    model_folders: list[Path],
    data: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
    code: int,
) -> None:
    given = [str(data / "data") if word == "DATA" else word for word in arguments]
    assert answer(["eval", str(model_folders[0]), *given, "--out", str(data / "o"), *QUIET]) == code
    assert said in capsys.readouterr().err
    assert not (data / "o").exists()


def test_bits_are_those_of_the_documents_bytes(lively: Transformer, byte_tokenizer: Tokenizer) -> None:
    texts = [Text("1", "x", "é" * 30), Text("2", "y", "abc"), Text("3", "y", "abcd")]
    records = measure(lively, byte_tokenizer, texts, How(progress=False), window=16, limit=1)
    assert [(record["bytes"], record["tokens"]) for record in records] == [(60, 61), (3, 4)]
    found = by_source(records)
    assert found["all"]["bits_per_byte"]["value"] == pytest.approx(sum(r["bits"] for r in records) / 63)
    assert found["y"]["bits_per_byte"]["value"] == pytest.approx(records[1]["bits"] / 3)


def test_plain_texts_are_read_whole_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("two\nlines")
    assert [(text.source, text.text) for text in file_texts([tmp_path])] == [("note.txt", "two\nlines")]
    with pytest.raises(UsageError, match="nothing"):
        list(file_texts([tmp_path / "nothing"]))


def test_the_window_is_the_rows_that_the_model_was_trained_on(model_folders: list[Path], tmp_path: Path) -> None:
    assert window_of(model_folders[0]) == 512
    for row_tokens, window in ((128, 128), (4096, 512), ("x", 512)):
        write_json(model_folders[0] / "manifest.json", {"config": {"row_tokens": row_tokens}})
        assert window_of(model_folders[0]) == window
    with pytest.raises(ArtifactError, match="no model folder"):
        window_of(tmp_path)
