"""The corpus killed, filled up, and run twice at once: the same command goes on, and ends at the same bytes."""

from __future__ import annotations

import errno
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from toy_scoring import plan_of, score

import trivium
from trivium.ground.artifact import Artifact, open_artifact
from trivium.ground.errors import ArtifactError, UsageError
from trivium.ground.how import How
from trivium.stages.corpus import score as stage
from trivium.stages.corpus.config import ScoreConfig
from trivium.stages.corpus.shards.reading import PART_RECORDS
from trivium.stages.corpus.sources.page import Page
from trivium.stages.corpus.sources.warc import record_of

HERE = Path(__file__).parent
DATE = "2026-01-01T00:00:00Z"
SCORE = """
import sys
from pathlib import Path
from trivium.ground.how import How
from trivium.stages.corpus import score
from trivium.stages.corpus.config import ScoreConfig
if __name__ == "__main__":
    config = ScoreConfig(source=tuple(sys.argv[3:]))
    score.run(config, {}, Path(sys.argv[1]), How(progress=False, threads=int(sys.argv[2])))
"""


def warc(path: Path, count: int) -> Path:
    """A WARC file of short English pages."""
    words = "the of and to in is that it was for on are with as his they at be this from have or by one had not".split()
    with open(path, "wb") as file:
        for number in range(count):
            rng = random.Random(f"{path.name}{number}")
            body = "".join(f"<p>{' '.join(rng.choices(words, k=30))}.</p>" for _ in range(4))
            file.write(record_of(Page(f"http://s.example/{number}", body.encode(), "utf-8", "", "", 0), DATE))
    return path


def start(*command: object) -> subprocess.Popen[str]:
    source = str(Path(trivium.__file__).parents[1])
    env = os.environ | {"PYTHONPATH": os.pathsep.join((source, str(HERE)))}
    return subprocess.Popen([sys.executable, *map(str, command)], stderr=subprocess.PIPE, text=True, env=env)


def parts(folder: Path) -> int:
    return len(list(folder.rglob("part-*.parquet")))


def killed_at(child: subprocess.Popen[str], folder: Path, count: int) -> None:
    """Kill the child when so many parts are there; its workers see for themselves that nobody listens."""
    for _ in range(6000):
        if parts(folder) >= count:
            child.kill()
            child.communicate()
            return
        assert child.poll() is None, child.communicate()
        time.sleep(0.005)
    raise AssertionError(f"only {parts(folder)} parts")


@pytest.mark.parametrize("form", ["warc", "jsonl"])
def test_kill_9_at_many_points_with_changing_crews_ends_at_the_same_bytes(tmp_path: Path, form: str) -> None:
    count = 12 * PART_RECORDS + 17
    source = tmp_path / f"a.{form}"
    if form == "warc":
        warc(source, count)
    else:
        source.write_text("".join(json.dumps({"text": f"text {n}"}) + "\n" for n in range(count)), encoding="utf-8")
    whole = score(plan_of(tmp_path / "whole", source, pause=0.0005), 1)
    work = tmp_path / "work"
    for done, workers in ((1, 2), (4, 1), (6, 3), (9, 2)):
        child = start(HERE / "toy_scoring.py", source, work, workers, 0.0005)
        killed_at(child, work, done)
        assert parts(work) < 13, "killed too late to show anything"
    assert score(plan_of(work, source, pause=0.0005), 3) == whole


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two WARC files."""
    folder = tmp_path_factory.mktemp("pages")
    warc(folder / "a.warc.gz", 6 * PART_RECORDS)
    warc(folder / "b.warc", 40)
    return folder


@pytest.fixture(scope="module")
def whole(pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """Both files scored, never interrupted."""
    config = ScoreConfig(source=(str(pages),))
    return stage.run(config, {}, tmp_path_factory.mktemp("whole") / "scored", How(progress=False, threads=1))


def told(artifact: Artifact) -> tuple[bytes, object, str]:
    funnel = artifact.json("funnel.json")
    funnel.pop("seconds")
    return artifact.file("documents.parquet").read_bytes(), funnel, artifact.id


def test_the_stage_killed_twice_seals_what_it_would_have_sealed(tmp_path: Path, pages: Path, whole: Artifact) -> None:
    out = tmp_path / "scored"
    for done, workers in ((1, 2), (3, 1)):
        killed_at(start("-c", SCORE, out, workers, pages), tmp_path, done)
        assert not out.exists()
    before = parts(tmp_path)
    other = ScoreConfig(source=(str(pages / "b.warc"),))
    assert before == parts(tmp_path / "scored.work" / stage.label_of(ScoreConfig(source=(str(pages),)), {}).id)
    assert stage.label_of(other, {}).id not in os.listdir(tmp_path / "scored.work"), "parts are of one config and input"
    made = stage.run(ScoreConfig(source=(str(pages),)), {}, out, How(progress=False, threads=2))
    assert told(open_artifact(made.path, "scored", hashes=True)) == told(whole)
    assert [path.name for path in tmp_path.iterdir()] == ["scored"], "the work is taken away"


def test_a_second_process_is_told_so_and_the_first_is_not_disturbed(
    tmp_path: Path, pages: Path, whole: Artifact
) -> None:
    out = tmp_path / "scored"
    first = start("-c", SCORE, out, 1, pages)
    for _ in range(6000):
        if parts(tmp_path):
            break
        assert first.poll() is None, first.communicate()
        time.sleep(0.005)
    with pytest.raises(ArtifactError, match=f"locked by pid {first.pid}"):
        stage.run(ScoreConfig(source=(str(pages),)), {}, out, How(progress=False))
    _, err = first.communicate(timeout=120)
    assert first.returncode == 0, err
    assert told(open_artifact(out, "scored", hashes=True)) == told(whole)


@contextmanager
def little_room(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes, in children neither."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_an_error_that_the_same_command_goes_on_from(
    tmp_path: Path, pages: Path, whole: Artifact
) -> None:
    out = tmp_path / "scored"
    sizes = sorted((path.stat().st_size, path) for path in whole.path.iterdir())
    config = ScoreConfig(source=(str(pages),))
    for room in (10_000, sizes[-1][0] - 1):  # too little for a part; enough for all of them, but not for the table
        with little_room(room), pytest.raises(OSError, match="too large") as error:
            stage.run(config, {}, out, How(progress=False, threads=2))
        assert error.value.errno == errno.EFBIG
        assert not out.exists()
        assert not [name for name in os.listdir(tmp_path) if ".tmp-" in name]
    assert parts(tmp_path) == 7
    made = stage.run(config, {}, out, How(progress=False, threads=1))
    assert told(open_artifact(made.path, hashes=True)) == told(whole)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    warc(tmp_path / "a.warc.gz", 2)
    (tmp_path / "gone.warc.gz").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"gone\.warc\.gz cannot be read: No such file"):
        stage.run(ScoreConfig(source=(str(tmp_path),)), {}, tmp_path / "scored", How(progress=False))
    assert not (tmp_path / "scored").exists()
