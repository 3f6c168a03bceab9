"""A street that is killed and stopped on its way ends on the same bits as one that was left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trivium.ground.artifact import hash_file
from trivium.journey.record import open_node, read_record

COMMAND = [sys.executable, "-m", "trivium", "run", "tiny", "--no-progress", "--threads", "1", "--out"]
STOPPED = 4


def start(out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for(out: Path, process: subprocess.Popen[bytes], pattern: str) -> None:
    """Until a path that matches is there, or the process has ended."""
    while process.poll() is None and not list(out.glob(pattern)):
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_and_stopped_equals_left_alone(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert start(whole).wait() == 0
    for number, pattern in (
        (signal.SIGKILL, "scored-*.tmp-*"),
        (signal.SIGTERM, "base-*.work/metrics.jsonl"),
        (signal.SIGKILL, "sft-*.work/metrics.jsonl"),
        (signal.SIGTERM, "rl-*.work/metrics.jsonl"),
    ):
        process = start(parts)
        wait_for(parts, process, pattern)
        os.kill(process.pid, number)
        code = process.wait()
        assert code in (-number, STOPPED, 0)
    assert start(parts).wait() == 0
    for name in ("selected", "shards", "base", "sft", "warm", "rl"):
        for file in ("model.safetensors", "train.parquet", "train.npy", "rollouts.parquet"):
            left, right = (open_node(run, name) for run in (whole, parts))
            if left.has(file):
                assert hash_file(left.file(file)) == hash_file(right.file(file)), (name, file)
    assert list(read_record(whole).entries) == list(read_record(parts).entries)
