"""Flipped bits, cut files and missing files are found, named, and never silently lead to a start from scratch."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fault_inject import flip_bit, truncate
from toy_stages import ToyConfig, toy, values

from trivium.cli.app import answer
from trivium.ground.artifact import Label, newest_valid, open_artifact, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import ArtifactError
from trivium.ground.how import How
from trivium.journey.run import run

DAMAGES: list[Callable[[Path], None]] = [
    lambda folder: flip_bit(folder / "state.json"),
    lambda folder: truncate(folder / "state.json"),
    lambda folder: (folder / "state.json").unlink(),
    lambda folder: flip_bit(folder / "manifest.json", 0.3),
    lambda folder: flip_bit(folder / "manifest.json", 0.7),
    lambda folder: truncate(folder / "manifest.json"),
    lambda folder: (folder / "manifest.json").write_bytes(b""),
    lambda folder: (folder / "manifest.json").unlink(),
    lambda folder: shutil.rmtree(folder) or folder.mkdir() or None,  # type: ignore[func-returns-value]
]


def save(work: Path, step: int) -> Path:
    with sealing(work / f"step-{step}", Label("checkpoint", "toy", 1, step)) as folder:
        write_json(folder / "state.json", {"step": step, "padding": "x" * 200})
    return work / f"step-{step}"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_checkpoint_is_set_aside_and_the_one_before_is_used(
    tmp_path: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, 9)
    damage(save(tmp_path, 10))
    found = newest_valid(tmp_path, kind="checkpoint")
    assert found is not None
    assert found.json("state.json")["step"] == 9
    assert (tmp_path / "quarantine" / "step-10").is_dir()
    assert "quarantine" in capsys.readouterr().err


def test_when_all_are_damaged_it_never_starts_from_scratch(tmp_path: Path) -> None:
    assert newest_valid(tmp_path) is None
    flip_bit(save(tmp_path, 1) / "state.json")
    for _ in range(2):  # also when asked again, when all are in quarantine already
        with pytest.raises(ArtifactError, match=r"damaged.*Remove"):
            newest_valid(tmp_path)


def test_a_checkpoint_of_another_kind_is_refused_and_not_set_aside(tmp_path: Path) -> None:
    save(tmp_path, 1)
    with pytest.raises(ArtifactError, match="'checkpoint' artifact, not 'model'"):
        newest_valid(tmp_path, kind="model")
    assert (tmp_path / "step-1").is_dir()


def test_a_manifest_cannot_point_outside_its_folder(tmp_path: Path) -> None:
    from trivium.ground.artifact import seal_of

    folder = save(tmp_path, 1)
    manifest = read_json(folder / "manifest.json")
    manifest["files"]["../secret"] = {"bytes": 0, "sha256": ""}
    write_json(folder / "manifest.json", manifest | {"seal": seal_of(manifest)})
    with pytest.raises(ArtifactError, match="outside its folder"):
        open_artifact(folder)


@pytest.mark.parametrize("cut", [truncate, Path.unlink])
def test_a_journey_makes_a_damaged_artifact_again(toy_run: Path, quiet: How, cut: Callable[[Path], None]) -> None:
    before = values(toy_run)
    said: list[str] = []
    [folder] = toy_run.glob("left-*")
    cut(folder / "value.txt")
    result = run(toy(), toy_run, quiet, say=said.append)
    assert result.ran == ["left"]
    assert values(toy_run) == before
    assert any("again" in line and "value.txt" in line for line in said)


def test_verify_finds_one_flipped_bit(toy_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["verify", str(toy_run)]) == 0
    [folder] = toy_run.glob("right-*")
    flip_bit(folder / "value.txt")
    assert answer(["verify", str(toy_run)]) == 3
    assert "right-" in capsys.readouterr().out
    assert answer(["verify", str(folder)]) == 3


def test_a_damaged_record_is_named_and_removing_it_loses_nothing(toy_run: Path, quiet: How) -> None:
    truncate(toy_run / "journey.json")
    with pytest.raises(ArtifactError, match=r"journey\.json"):
        run(toy(), toy_run, quiet)
    (toy_run / "journey.json").unlink()
    assert run(toy(), toy_run, quiet, say=lambda _line: None).ran == []


def test_a_changed_config_cannot_reach_an_older_checkpoint(tmp_path: Path) -> None:
    ids = {Label("toy", "toy", 1, ToyConfig(seed=seed)).id for seed in range(20)}
    assert len({id[:8] for id in ids}) == 20, "the folder, and so the work beside it, is named after the config"
