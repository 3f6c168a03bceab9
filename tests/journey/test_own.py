"""Documents of one's own, from the command line: a model from nothing, then that model trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

import trivium
from trivium.cli.app import answer
from trivium.ground.artifact import open_artifact
from trivium.journey.record import open_node, read_record

TINY = ["--base.row-tokens", "64", "--base.rows", "4", "--base.steps", "6", "--base.evaluations", "1"]
FEW = ["--scored.max-pages", "60", "--selected.min-heldout", "2"]


DOCUMENTS = Path(trivium.__file__).parent / "samples" / "pages.warc.gz"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "mine"
    line = ["pretrain", "--on", str(DOCUMENTS), "--depth", "1", "--vocabulary", "300", "--out", str(out), *TINY, *FEW]
    assert answer([*line, "--no-progress"]) == 0
    return out


def test_documents_become_a_model_of_the_depth_that_was_asked_for(run: Path) -> None:
    model = open_node(run, "base", "model")
    assert model.json("config.json")["num_hidden_layers"] == 1
    assert model.json("config.json")["hidden_size"] == 128
    assert model.manifest["facts"]["steps"] == 6
    assert open_node(run, "report").has("report.html")


def test_the_run_folder_remembers_its_documents(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["pretrain", "--from", str(run), "--no-progress"]) == 0
    assert "up to date" in capsys.readouterr().out


def test_a_model_is_trained_on_and_what_it_forgot_is_said(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start, out = open_node(run, "base", "model").path, tmp_path / "more"
    line = ["pretrain", "--from", str(start), "--on", str(DOCUMENTS), "--out", str(out), *TINY, *FEW]
    less = ["--general-scored.max-pages", "40", "--forgetting.documents", "3"]
    assert answer([*line, *less, "--no-progress"]) == 0
    said = capsys.readouterr().out
    assert "what it forgot" in said
    table = open_node(out, "forgetting", "forgetting").json("forgetting.json")
    assert set(table) == {"new documents, held out", "general pages"}
    assert all(row["before"]["value"] > 0 and row["documents"] > 0 for row in table.values())
    shape = open_node(out, "base", "model").json("config.json")
    assert shape["hidden_size"] == open_artifact(start, "model").json("config.json")["hidden_size"]
    tokenizer = read_record(out).entries["tokenizer"]
    assert open_artifact(out / tokenizer.folder).manifest["stage"] == "taken"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--out", "x"], "--out is for documents of your own"),
        (["--vocabulary", "300"], "--vocabulary is for documents of your own"),
        (["--on", "d", "--from", "MODEL", "--depth", "3"], "has its vocabulary and its depth"),
        (["--from", "MODEL"], "on which documents"),
    ],
)
def test_what_does_not_fit_together_is_said(
    run: Path, line: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(open_node(run, "base", "model").path)
    assert answer(["pretrain", *(model if word == "MODEL" else word for word in line)]) == 2
    assert said in capsys.readouterr().err
