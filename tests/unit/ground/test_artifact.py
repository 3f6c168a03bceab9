"""What a sealed folder promises, and the names of what is wrong with others."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from trivium.ground import alive
from trivium.ground.artifact import Label, hash_file, newest_valid, open_artifact, parents_of, recover, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import ArtifactError

LABEL = Label("toy", "toy", 1, {"a": 1})


def seal(out: Path, label: Label = LABEL) -> Path:
    with sealing(out, label) as folder:
        write_json(folder / "value.json", {"of": str(label.config)})
    return out


def test_what_is_sealed_can_be_opened_with_its_meaning(tmp_path: Path) -> None:
    facts: dict[str, int] = {}
    parent = open_artifact(seal(tmp_path / "parent"))
    label = Label("model", "sft", 3, {"lr": 1.0}, parents_of({"base": parent}), {"pages": "abc"})
    with sealing(tmp_path / "child", label, facts) as folder:
        (folder / "w.bin").write_bytes(b"123")
        facts["steps"] = 4
    child = open_artifact(tmp_path / "child", "model", hashes=True)
    assert child.id == label.id
    assert child.parents == {"base": parent.id}
    assert child.config == {"lr": 1.0}
    assert child.manifest["facts"] == {"steps": 4}
    assert child.manifest["files"]["w.bin"] == {"bytes": 3, "sha256": hash_file(folder.with_name("child") / "w.bin")}
    assert child.has("w.bin")
    with pytest.raises(ArtifactError, match=r"no file 'x'.*w\.bin"):
        child.file("x")


def test_an_id_depends_on_meaning_alone() -> None:
    assert LABEL.id == Label("other kind", "toy", 1, {"a": 1}).id
    others = [
        Label("toy", "toy2", 1, {"a": 1}),
        Label("toy", "toy", 2, {"a": 1}),
        Label("toy", "toy", 1, {"a": 2}),
        Label("toy", "toy", 1, {"a": 1}, {"p": "1"}),
        Label("toy", "toy", 1, {"a": 1}, {}, {"f": "1"}),
    ]
    assert len({label.id for label in [LABEL, *others]}) == 6


def test_a_block_that_raises_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), sealing(tmp_path / "x", LABEL):
        raise KeyError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("what", ["missing", "unsealed", "kind", "short", "lost"])
def test_what_is_wrong_is_named(tmp_path: Path, what: str) -> None:
    path = tmp_path / "x"
    if what != "missing":
        seal(path)
    if what == "unsealed":
        (path / "manifest.json").unlink()
    if what == "short":
        (path / "value.json").write_text("{")
    if what == "lost":
        (path / "value.json").unlink()
    messages = {"missing": "not a folder", "unsealed": "not sealed", "kind": "not 'model'", "short": "has 1 bytes"}
    with pytest.raises(ArtifactError, match=messages.get(what, "missing")) as error:
        open_artifact(path, "model" if what == "kind" else None)
    assert error.value.mend
    assert error.value.exit_code == 3


def test_a_living_writer_s_folders_are_left_alone(tmp_path: Path) -> None:
    other = alive.mark(1)
    for name in (f"x.tmp-{other}", f"x.old-{other}", "x.tmp-999999999.1", "x.tmp-rubbish"):
        (tmp_path / name).mkdir()
    recover(tmp_path / "x")
    assert {path.name for path in tmp_path.iterdir()} == {f"x.tmp-{other}", f"x.old-{other}"}


def test_an_artifact_caught_aside_comes_back_when_opened(tmp_path: Path) -> None:
    os.replace(seal(tmp_path / "x"), tmp_path / "x.old-999999999.1")
    assert open_artifact(tmp_path / "x").id == LABEL.id


def test_marks() -> None:
    assert alive.alive(alive.mark())
    assert not alive.alive("")
    assert not alive.alive("nonsense")
    assert not alive.alive("999999999.0")
    if sys.platform == "linux":
        assert not alive.alive(f"{os.getpid()}.1"), "the same pid, started at another time"


def test_newest_is_by_number_not_by_letter(tmp_path: Path) -> None:
    for step in (9, 10, 100, 20):
        seal(tmp_path / f"step-{step}", Label("toy", "toy", 1, step))
    (tmp_path / "step-200.tmp-999999999.1").mkdir()
    found = newest_valid(tmp_path)
    assert found is not None
    assert found.path.name == "step-100"
    assert not (tmp_path / "step-200.tmp-999999999.1").exists()
