"""Real processes: two on one folder, SIGTERM, kill -9 at any moment, a full disk. The same command always continues."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toy_stages
from toy_stages import toy, values

from trivium.ground.artifact import Label, open_artifact, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import ArtifactError, Stopped
from trivium.ground.how import How
from trivium.ground.lock import locked
from trivium.ground.log import JsonLog, read_jsonl
from trivium.journey.run import run

HERE = Path(__file__).parent


def start(out: Path, steps: int, pause: float) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "toy_stages.py"), str(out), str(steps), str(pause)]
    source = str(Path(toy_stages.sys.modules["trivium"].__file__ or "").parents[1])
    env = os.environ | {"PYTHONPATH": source}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def until_it_works(out: Path, child: subprocess.Popen[str]) -> None:
    """Wait until some stage of the child has saved a checkpoint."""
    for _ in range(2000):
        if list(out.glob("*.work/step-*/manifest.json")):
            return
        assert child.poll() is None, child.communicate()
        time.sleep(0.01)
    raise AssertionError("the child saved nothing")


@pytest.fixture
def uninterrupted(tmp_path: Path, quiet: How) -> dict[str, tuple[str, str]]:
    """What a run of 12 steps makes when nothing happens to it."""
    run(toy(12), tmp_path / "whole", quiet, say=lambda _line: None)
    return values(tmp_path / "whole")


def test_sigterm_saves_and_the_same_command_continues_bit_for_bit(
    tmp_path: Path, uninterrupted: dict[str, tuple[str, str]]
) -> None:
    out = tmp_path / "run"
    child = start(out, 12, 0.02)
    until_it_works(out, child)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 4, err
    assert "SIGTERM" in err
    assert "Traceback" not in err
    last = start(out, 12, 0)
    stdout, err = last.communicate(timeout=60)
    assert last.returncode == 0, err
    assert "(continues)" in stdout
    assert values(out) == uninterrupted
    assert not list(out.glob("*.work"))


def test_kill_9_at_several_moments_ends_where_an_uninterrupted_run_ends(
    tmp_path: Path, uninterrupted: dict[str, tuple[str, str]]
) -> None:
    out = tmp_path / "run"
    for delay in (0.0, 0.03, 0.11):
        child = start(out, 12, 0.01)
        until_it_works(out, child)
        time.sleep(delay)
        child.kill()
        child.communicate()
    last = start(out, 12, 0)
    _, err = last.communicate(timeout=60)
    assert last.returncode == 0, err
    assert values(out) == uninterrupted
    leftovers = {p.name for p in out.iterdir()} - {
        entry["folder"] for entry in read_json(out / "journey.json")["nodes"].values()
    }
    assert leftovers == {".lock", "journey.json", "timings.json"}


def test_two_processes_on_one_folder(tmp_path: Path) -> None:
    out = tmp_path / "run"
    child = start(out, 200, 0.02)
    try:
        until_it_works(out, child)
        second = start(out, 200, 0)
        _, err = second.communicate(timeout=60)
        assert second.returncode == 3
        assert f"locked by pid {child.pid}" in err
    finally:
        child.kill()
        child.communicate()
    with locked(out):
        pass  # the kernel took the lock from the dead


def test_a_forked_worker_does_not_keep_the_lock_of_its_dead_parent(tmp_path: Path) -> None:
    read, write = os.pipe()
    middle = os.fork()
    if middle == 0:
        with locked(tmp_path):
            worker = os.fork()
            if worker == 0:
                time.sleep(30)
                os._exit(0)
            os.write(write, str(worker).encode())
            os._exit(0)
    os.waitpid(middle, 0)
    worker = int(os.read(read, 20))
    try:
        for attempt in range(200):  # the worker may not have come to its first instruction yet
            try:
                with locked(tmp_path):
                    break
            except ArtifactError:
                assert attempt < 199
                time.sleep(0.01)
        os.kill(worker, 0)
    finally:
        os.kill(worker, signal.SIGKILL)
        os.close(read)
        os.close(write)


def test_the_lock_is_one_holder_s(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(ArtifactError, match=f"locked by pid {os.getpid()}"), locked(tmp_path):
        pass


def test_a_stop_between_stages_is_resumable(tmp_path: Path, quiet: How) -> None:
    def say(line: str) -> None:
        if "left" in line:
            quiet.stop.request("a test")

    with pytest.raises(Stopped, match="a test"):
        run(toy(), tmp_path, quiet, say=say)
    result = run(toy(), tmp_path, How(progress=False), say=lambda _line: None)
    assert result.ran == ["left", "right", "last"]


def test_a_full_disk_leaves_the_old_artifact_and_no_litter(tmp_path: Path) -> None:
    out = tmp_path / "base-0"

    def seal(size: int) -> None:
        with sealing(out, Label("toy", "toy", 1, size)) as folder:
            (folder / "data.bin").write_bytes(b"x" * size)

    seal(10)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OSError, match="too large") as raised:
            seal(100_000)
        assert raised.value.errno == errno.EFBIG
        with pytest.raises(OSError, match="too large"):
            write_json(tmp_path / "big.json", "x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert open_artifact(out, hashes=True).file("data.bin").stat().st_size == 10
    assert {path.name for path in tmp_path.iterdir()} == {"base-0"}
    seal(100_000)
    assert open_artifact(out, hashes=True).file("data.bin").stat().st_size == 100_000


def test_a_log_on_a_full_disk_keeps_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = JsonLog(path)
    log.write({"step": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="bytes could be written"):
            log.write({"step": 2, "text": "x" * 2000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    log.write({"step": 3})
    log.close()
    assert [record["step"] for record in read_jsonl(path)] == [1, 3]
