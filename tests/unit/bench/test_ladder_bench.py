"""The ladder: jobs side by side, one that fails or is late stops no other, and what is on disk is told at any time."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from trivium.bench.practice.ladder import climb as ladder
from trivium.bench.practice.ladder.climb import Job, climb, planned
from trivium.bench.practice.ladder.rungs import RUNGS
from trivium.bench.practice.ladder.standing import page, standing
from trivium.cli.practice import asked, settings_of
from trivium.ground.artifact import Label, sealing
from trivium.ground.errors import UsageError
from trivium.journey.overrides import override
from trivium.recipes.registry import recipe
from trivium.stages.rl.pool import tasks_of


def jobs(folder: Path, *names: str) -> list[Job]:
    return [Job(RUNGS["addition"], seed, folder / name) for seed, name in enumerate(names)]


def test_one_that_fails_or_is_late_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "GLANCE", 0.02)
    three = jobs(tmp_path, "good", "bad", "late")
    told = ["print('done')", "raise SystemExit(3)", "import time; time.sleep(60)"]
    commands = {job.name: [sys.executable, "-c", text] for job, text in zip(three, told, strict=True)}
    assert climb(three, commands, at_once=2, seconds=1.0) == ["addition-1"]
    assert (tmp_path / "good" / "log.txt").read_text() == "done\n"
    assert three[2].process is not None
    assert three[2].process.returncode != 0
    assert three[2].asked > 0


def test_a_signal_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "GLANCE", 0.02)
    two = jobs(tmp_path, "first", "second")
    commands = {job.name: [sys.executable, "-c", "import time; time.sleep(60)"] for job in two}
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert climb(two, commands, at_once=1, seconds=0) == []
    assert two[0].process is not None
    assert two[0].process.returncode != 0
    assert two[1].process is None


def test_jobs_are_rungs_times_seeds(tmp_path: Path) -> None:
    assert [job.name for job in planned(["addition", "letters"], 0, tmp_path)] == [
        "letters-0", "addition-0", "addition-1", "addition-2",
    ]  # fmt: skip
    assert [job.name for job in planned(["addition"], 1, tmp_path)] == ["addition-0"]
    with pytest.raises(UsageError, match="letters"):
        planned(["sums"], 0, tmp_path)


@pytest.mark.parametrize("name", RUNGS)
def test_what_a_rung_sets_exists(name: str, tmp_path: Path) -> None:
    rung, arguments, folder = RUNGS[name], RUNGS[name].arguments(), tmp_path / "model"
    with sealing(folder, Label("model", "blank", 1, {}), {}):
        pass
    given = [value for word, value in pairwise(arguments) if word == "--set"]
    control = [word for word in rung.options if not word.startswith("--")]
    options = asked(control, True, "--thinking" in rung.options)
    settings = settings_of(folder, rung.tasks, (), None, options, given)
    journey = override(recipe("+".join(("practice", *options)))(0), settings)
    assert journey.node("rl").config.max_new == rung.max_new
    assert len(tasks_of(rung.tasks)) == len(rung.tasks)


def test_a_run_is_told_while_it_runs(tmp_path: Path) -> None:
    warm, work = tmp_path / "one-0" / "run" / "warm-00", tmp_path / "one-0" / "run" / "rl-00.work"
    warm.mkdir(parents=True)
    (warm / "manifest.json").write_text("{}")
    (warm / "evals.json").write_text(json.dumps({"pass_at_1": 0.5}))
    steps = [{"step": 1, "tokens": 100, "seconds": 2.0}, {"step": 2, "tokens": 100, "seconds": 1.0, "pass_at_1": 0.5}]
    (warm / "metrics.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps))
    found = standing(tmp_path / "one-0")
    assert found["warm"]["tokens"] == 200
    assert "before" not in found
    work.mkdir()
    (work / "before.json").write_text(json.dumps({"main": [True, False, False, False]}))
    looks = [{"step": 1, "seconds": 1.0}, {"step": 2, "seconds": 1.0, "heldout_accuracy": 0.75}]
    (work / "metrics.jsonl").write_text("".join(json.dumps(look) + "\n" for look in looks))
    found = standing(tmp_path / "one-0")
    assert (found["before"]["value"], found["after"]["value"], found["ended"]) == (0.25, 0.75, False)
    text = "\n".join(page({"one-0": found}, {"one": "95 %"}))
    assert "2, stopped" in text
    assert "| 95 % |" in text
