"""JSON lines: torn ends, torn middles, NaN, resumption."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trivium.ground.log import JsonLog, read_jsonl, write_jsonl


def test_lines_are_there_as_soon_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "log.jsonl"
    with JsonLog(path) as log:
        log.write({"step": 1, "loss": float("nan"), "parts": [float("inf"), 1.5]})
        assert list(read_jsonl(path)) == [{"step": 1, "loss": None, "parts": [None, 1.5]}]


def test_a_torn_last_line_is_left_out_and_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes('{"a": 1}\n{"b": "é"}'.encode()[:-3])
    assert list(read_jsonl(path)) == [{"a": 1}]
    JsonLog(path).close()
    assert path.read_bytes() == b'{"a": 1}\n'


def test_a_torn_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"a": 1}\n{"b"\n{"c": 3}\n')
    with pytest.raises(json.JSONDecodeError):
        list(read_jsonl(path))


def test_records_after_the_resumed_step_are_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write_jsonl(path, [{"step": i} for i in range(6)])
    with JsonLog(path, keep=lambda record: record["step"] < 3) as log:
        log.write({"step": 3})
    assert [record["step"] for record in read_jsonl(path)] == [0, 1, 2, 3]
