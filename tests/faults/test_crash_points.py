"""Every crash point of a seal, a checkpoint save, a replaced file and a resumed log: nothing sealed is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

from fault_inject import CRASH, Faults, boundaries, crash_at

from trivium.ground.artifact import Label, newest_valid, open_artifact, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.log import JsonLog, read_jsonl


def seal(out: Path, value: str) -> None:
    with sealing(out, Label("toy", "toy", 1, value), {"value": value}) as folder:
        (folder / "inner").mkdir()
        with open(folder / "inner" / "value.txt", "w", encoding="utf-8") as file:
            file.write(value * 100)
        with open(folder / "more.bin", "wb") as binary:
            binary.write(b"\0" * 1000)


def value_of(out: Path) -> str:
    artifact = open_artifact(out, hashes=True)
    text = artifact.file("inner/value.txt").read_text()
    value: str = artifact.manifest["facts"]["value"]
    assert text == value * 100
    return value


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_crash_anywhere_in_a_seal_leaves_the_old_or_the_new_folder(tmp_path: Path) -> None:
    out = tmp_path / "base-0"
    seal(out, "old")
    total = boundaries(lambda: seal(out, "new"))
    assert total > 20
    seen = []
    for k in range(1, total + 1):
        shutil.rmtree(tmp_path)
        seal(out, "old")
        assert crash_at(k, lambda: seal(out, "new")) == CRASH
        seen.append(value_of(out))
        seal(out, "again")
        assert value_of(out) == "again"
        assert names(tmp_path) == {"base-0"}
    assert seen == sorted(seen, reverse=True), "old before the rename, new from then on"
    assert set(seen) == {"old", "new"}


def test_a_failed_call_anywhere_in_a_seal_leaves_a_whole_folder_and_no_litter(tmp_path: Path) -> None:
    out = tmp_path / "base-0"
    seal(out, "old")
    total = boundaries(lambda: seal(out, "new"))
    raised = 0
    for k in range(1, total + 1):
        shutil.rmtree(tmp_path)
        seal(out, "old")
        try:
            with Faults(k, crash=False).installed():
                seal(out, "new")
        except OSError:
            raised += 1
        assert value_of(out) in ("old", "new")
        seal(out, "again")
        assert names(tmp_path) == {"base-0"}
    assert raised > total / 2


def save(work: Path, step: int) -> None:
    with sealing(work / f"step-{step}", Label("checkpoint", "toy", 1, step)) as folder:
        write_json(folder / "state.json", {"step": step})
    shutil.rmtree(work / f"step-{step - 2}", ignore_errors=True)


def test_a_crash_anywhere_in_a_checkpoint_save_resumes_from_a_whole_one(tmp_path: Path) -> None:
    work = tmp_path / "base.work"

    def first_two() -> None:
        shutil.rmtree(work, ignore_errors=True)
        save(work, 9)
        save(work, 10)

    first_two()
    total = boundaries(lambda: save(work, 11))
    for k in range(1, total + 1):
        first_two()
        assert crash_at(k, lambda: save(work, 11)) == CRASH
        found = newest_valid(work, kind="checkpoint")
        assert found is not None
        assert found.json("state.json")["step"] in (10, 11), "at most one interval is lost"
        assert not (work / "quarantine").exists(), "a crash never damages what was saved"
        save(work, 11)
        assert names(work) == {"step-10", "step-11"}


def resume(path: Path) -> None:
    with JsonLog(path, keep=lambda record: record["step"] <= 3) as log:
        log.write({"step": 4, "text": "é" * 40})


def test_a_crash_anywhere_in_a_file_s_replacement_leaves_the_old_or_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "journey.json"
    write_json(path, {"value": "old"})
    for k in range(1, boundaries(lambda: write_json(path, {"value": "new"})) + 1):
        write_json(path, {"value": "old"})
        assert crash_at(k, lambda: write_json(path, {"value": "new"})) == CRASH
        assert read_json(path)["value"] in ("old", "new")
        write_json(path, {"value": "new"})
        assert names(tmp_path) == {"journey.json"}


def test_a_crash_anywhere_in_a_log_s_resumption_keeps_all_earlier_records(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = b'{"step": 1}\n{"step": 2}\n{"step": 3}\n{"step": 4}\n{"st'

    def start() -> None:
        path.write_bytes(lines)

    start()
    for k in range(1, boundaries(lambda: resume(path)) + 1):
        start()
        assert crash_at(k, lambda: resume(path)) == CRASH
        steps = [record["step"] for record in read_jsonl(path)]
        assert steps[:3] == [1, 2, 3]
        resume(path)
        assert [record["step"] for record in read_jsonl(path)] == [1, 2, 3, 4]
