"""Ray: with a worker killed on the way, the same bytes; without Ray, a mend."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from toy_scoring import plan_of, score

import trivium
from trivium.ground.errors import UsageError
from trivium.stages.corpus.shards.reading import PART_RECORDS

HERE = Path(__file__).parent
HAS_RAY = importlib.util.find_spec("ray") is not None


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    """Three tables of a few parts each."""
    made = []
    for name in "abc":
        rows = (json.dumps({"text": f"{name} {number}"}) for number in range(4 * PART_RECORDS))
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows), encoding="utf-8")
        made.append(tmp_path / f"{name}.jsonl")
    return made


@pytest.mark.slow
@pytest.mark.skipif(not HAS_RAY, reason="ray is not installed")
def test_a_killed_worker_costs_nothing(tmp_path: Path, sources: list[Path]) -> None:
    whole = score(plan_of(tmp_path / "local", *sources, pause=0.004), 2)
    env = os.environ | {"PYTHONPATH": os.pathsep.join((str(Path(trivium.__file__).parents[1]), str(HERE)))}
    command = [sys.executable, str(HERE / "ray_run.py"), str(tmp_path / "ray"), *map(str, sources)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "killed, at parts:" in done.stdout
    assert (tmp_path / "ray" / "table.parquet").read_bytes() == whole


def test_without_ray_the_mend_is_named(tmp_path: Path, sources: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"trivium\[ray\]"):
        score(plan_of(tmp_path / "work", *sources), executor="ray")
