"""A run that was stopped and continued is, bit for bit, the run that was not: weights, optimizer and metrics."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_training import QUIET, loop, model, same, weights

from trivium.ground.errors import Stopped
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.ground.signals import StopFlag, listening
from trivium.train.loop import Loop

STEPS = 12
End = tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], list[dict[str, Any]]]


def end_of(run: Loop) -> End:
    """All that a finished run left, the time that it took aside."""
    times = ("seconds", "save_seconds")
    records = [{k: v for k, v in record.items() if k not in times} for record in read_jsonl(run.metrics_path)]
    return weights(run.module), {k: v.clone() for k, v in run.optimizer.state.items()}, records


def assert_same(found: End, wanted: End) -> None:
    assert same(found[0], wanted[0])
    assert same(found[1], wanted[1])
    assert found[2] == wanted[2]


def whole_run(folder: Path, dtype: torch.dtype) -> End:
    run = loop(model(dtype), folder, STEPS)
    assert run.run("whole") == STEPS
    return end_of(run)


def stopping_at(*when: int) -> tuple[How, Callable[[int], None]]:
    """How to run, and a callback that asks this run to stop after these steps."""
    how = dataclasses.replace(QUIET, stop=StopFlag())

    def ask(step: int) -> None:
        if step in when:
            how.stop.request("a test")

    return how, ask


def run_in_parts(folder: Path, dtype: torch.dtype, stops: tuple[int, ...]) -> End:
    """Stop after each of these steps; every part starts from other first weights, which must not matter."""
    for part, stop in enumerate(stops):
        how, ask = stopping_at(stop)
        with pytest.raises(Stopped, match=f"after step {stop} of {STEPS}"):
            loop(model(dtype, seed=part), folder, STEPS, how).run("part", ask)
    last = loop(model(dtype, seed=99 if stops else 0), folder, STEPS)
    assert last.run("last") == STEPS
    return end_of(last)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_stopped_after_any_step_it_ends_on_the_same_bits(tmp_path: Path, dtype: torch.dtype) -> None:
    wanted = whole_run(tmp_path / "whole", dtype)
    for k in range(1, STEPS + 1):
        assert_same(run_in_parts(tmp_path / f"stopped-{k}", dtype, (k,)), wanted)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stops=st.sets(st.integers(1, STEPS), min_size=2, max_size=5))
def test_stopped_any_number_of_times(tmp_path_factory: pytest.TempPathFactory, stops: set[int]) -> None:
    folder = tmp_path_factory.mktemp("parts")
    wanted = whole_run(folder / "whole", torch.float32)
    assert_same(run_in_parts(folder / "parts", torch.float32, tuple(sorted(stops))), wanted)


def test_killed_between_two_saves_it_goes_back_and_ends_on_the_same_bits(tmp_path: Path) -> None:
    """A process that dies without a word: some steps after its last save are in the metrics and must not stay twice."""
    wanted = whole_run(tmp_path / "whole", torch.float32)

    class Killed(BaseException):
        pass

    def die(step: int) -> None:
        if step == 9:
            raise Killed

    how, ask = stopping_at(4)
    with pytest.raises(Stopped):
        loop(model(), tmp_path / "killed", STEPS, how).run("first", ask)
    with pytest.raises(Killed):
        loop(model(seed=5), tmp_path / "killed", STEPS).run("second", die)
    assert [r["step"] for r in read_jsonl(tmp_path / "killed" / "metrics.jsonl")] == list(range(1, 9))
    last = loop(model(seed=6), tmp_path / "killed", STEPS)
    last.run("third")
    assert_same(end_of(last), wanted)


def test_a_real_sigterm_saves_and_the_same_command_continues(tmp_path: Path) -> None:
    wanted = whole_run(tmp_path / "whole", torch.float32)
    how = dataclasses.replace(QUIET, stop=StopFlag())
    with listening(how.stop), pytest.raises(Stopped, match="SIGTERM after step 5") as caught:
        loop(model(), tmp_path / "stopped", STEPS, how).run(
            "first", lambda step: os.kill(os.getpid(), signal.SIGTERM) if step == 5 else None
        )
    assert caught.value.exit_code == 4
    last = loop(model(seed=3), tmp_path / "stopped", STEPS)
    last.run("last")
    assert_same(end_of(last), wanted)


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = whole_run(tmp_path / "whole", torch.float32)
    how, ask = stopping_at(7)
    how = dataclasses.replace(how, checkpoint_seconds=0.0)
    with pytest.raises(Stopped):
        loop(model(), tmp_path / "damaged", STEPS, how).run("first", ask)
    before, newest_step = (int(p.name[5:]) for p in sorted((tmp_path / "damaged").glob("step-*")))
    assert before < newest_step == 7, "one was saved on the way, while training went on"
    newest = tmp_path / "damaged" / "step-000007" / "weights.safetensors"
    raw = bytearray(newest.read_bytes())
    raw[len(raw) // 2] ^= 1
    newest.write_bytes(raw)
    last = loop(model(seed=4), tmp_path / "damaged", STEPS)
    seen: list[int] = []
    last.run("last", seen.append)
    assert seen == list(range(before + 1, STEPS + 1)), "it goes on from the one before"
    assert "step-000007" in capsys.readouterr().err
    assert_same(end_of(last), wanted)
