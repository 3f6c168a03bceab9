"""The batch script: its tasks, run by hand as Slurm would, leave what the local executor leaves."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from toy_scoring import plan_of

import trivium
from trivium.cli.app import answer
from trivium.ground.artifact import open_artifact
from trivium.ground.lock import locked
from trivium.stages.corpus.executors.slurm import write_script

PAGE = "<html><body><p>The bridge was open, and we have seen the boats below it. {}</p></body></html>"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Three sources: a folder's own pages, and two tables."""
    folder = tmp_path / "my documents"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.html").write_text(PAGE.format(number), encoding="utf-8")
    for name in "ab":
        (folder / f"{name}.jsonl").write_text('{"text": "one text, and another"}\n', encoding="utf-8")
    return folder


def shell(script: Path, task: int) -> subprocess.CompletedProcess[str]:
    """One task of the array."""
    source = str(Path(trivium.__file__).parents[1])
    env = os.environ | {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_CPUS_PER_TASK": "1", "PYTHONPATH": source}
    return subprocess.run(["bash", str(script)], env=env, capture_output=True, text=True, check=False)


def test_the_tasks_of_the_script_and_the_same_command_again_make_the_corpus(
    tmp_path: Path, sources: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def corpus(name: str, executor: str) -> int:
        return answer(["corpus", "--from", str(sources), "--out", str(tmp_path / name), "--node", "scored",
                       "--executor", executor, "--no-progress"])  # fmt: skip

    assert corpus("alone", "local") == 0
    assert corpus("batch", "slurm") == 4
    assert "3 of 3 shards" in (said := capsys.readouterr().err) and "sbatch" in said
    (script,) = (tmp_path / "batch").glob("scored-*.work/*/array.sh")
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    assert "#SBATCH --array=0-2\n" in script.read_text(encoding="utf-8")
    with locked(script.parent / "shard-000001"):
        held = shell(script, 1)
        assert held.returncode == 3 and "locked by pid" in held.stderr
    for task in (2, 0):
        done = shell(script, task)
        assert done.returncode == 0, done.stderr
    assert corpus("batch", "slurm") == 4
    assert "1 of 3 shards" in capsys.readouterr().err
    for _ in range(2):  # a task that is submitted again does nothing
        assert shell(script, 1).returncode == 0
    assert corpus("batch", "slurm") == 0
    alone, batch = (open_artifact(next((tmp_path / name).glob("scored-*"))) for name in ("alone", "batch"))
    assert batch.id == alone.id
    for artifact in (alone, batch):
        assert [entry["records"] for entry in artifact.json("funnel.json")["files"]] == [3, 1, 1]
    assert alone.file("documents.parquet").read_bytes() == batch.file("documents.parquet").read_bytes()
    assert not script.exists()


@pytest.mark.parametrize(("most", "spans"), [(1000, [1] * 7), (7, [1] * 7), (6, [2, 2, 2, 1]), (2, [4, 3]), (1, [7])])
def test_more_shards_than_an_array_may_have_tasks_are_shared_out(tmp_path: Path, most: int, spans: list[int]) -> None:
    paths = [tmp_path / f"{number}.jsonl" for number in range(7)]
    for path in paths:
        path.touch()
    script = write_script(plan_of(tmp_path / "a work", *paths), threads=2, most=most)
    text = script.read_text(encoding="utf-8")
    command = next(line for line in text.splitlines() if "corpus-shard" in line)
    script.write_text(text.replace(command, 'echo "$shard"'), encoding="utf-8")
    assert f"--array=0-{len(spans) - 1}\n" in text and "--cpus-per-task=2\n" in text
    made = [shell(script, task).stdout.split() for task in range(len(spans))]
    assert [len(shards) for shards in made] == spans
    assert [int(shard) for shards in made for shard in shards] == list(range(7))


def test_a_shard_that_fails_is_told_and_the_others_of_its_task_are_made(tmp_path: Path) -> None:
    paths = [tmp_path / "a.warc.gz", tmp_path / "b.jsonl"]
    for path in paths:
        path.write_text('{"text": "no warc file"}\n', encoding="utf-8")
    plan = plan_of(tmp_path / "work", *paths)
    done = shell(write_script(plan, most=1), 0)
    assert done.returncode == 2 and "does not begin" in done.stderr
    assert list(plan.parts(plan.shards[1]).glob("part-*"))


def test_a_number_that_the_plan_does_not_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").touch()
    plan = plan_of(tmp_path / "work", tmp_path / "a.jsonl")
    assert answer(["corpus-shard", str(plan.folder), "1"]) == 2
    assert "shards 0 to 0" in capsys.readouterr().err
    assert answer(["corpus-shard", str(tmp_path), "0"]) == 3
