"""Processes that hang, die or fail: the page is named, the others are not, and the rows are the same for any crew."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from toy_scoring import TASK, plan_of, score

from trivium.ground.errors import ArtifactError, Stopped, UsageError
from trivium.ground.how import How
from trivium.stages.corpus.executors import local
from trivium.stages.corpus.executors.crew import MOST_CRASHES
from trivium.stages.corpus.shards.parts import part_path
from trivium.stages.corpus.shards.reading import PART_RECORDS


def write(path: Path, texts: list[str]) -> Path:
    path.write_text("".join(json.dumps({"text": text, "pad": "x" * 900}) + "\n" for text in texts), encoding="utf-8")
    return path


def rows(table: bytes) -> list[tuple[str, str]]:
    import pyarrow as pa

    found = pq.read_table(pa.BufferReader(table)).to_pylist()
    return [(row["text"], row["failed"]) for row in found]


def test_order_is_kept_and_lost_pages_are_named_for_any_crew(tmp_path: Path) -> None:
    once = tmp_path / "once"
    texts = [str(number) for number in range(3 * PART_RECORDS + 10)]
    texts[3], texts[7], texts[2 * PART_RECORDS] = "hang", "die", "die"
    texts[9] = f"die-once {once}"
    source = write(tmp_path / "a.jsonl", texts)
    tables = []
    for workers in (1, 2, 3):
        once.unlink(missing_ok=True)
        tables.append(score(plan_of(tmp_path / f"work{workers}", source), workers))
        assert once.exists()
    expected = [(text, "") for text in texts]
    expected[3], expected[7], expected[2 * PART_RECORDS] = ("", "timeout"), ("", "crashed"), ("", "crashed")
    assert rows(tables[0]) == expected, "a process that dies once costs no page"
    assert tables[0] == tables[1] == tables[2]


def test_a_bug_is_raised_with_its_trace_and_an_error_keeps_its_kind(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ValueError: a bug"):
        score(plan_of(tmp_path / "work", write(tmp_path / "a.jsonl", ["fine", "bug"])), 2)
    (tmp_path / "b.warc.gz").write_bytes(b"no warc at all")
    with pytest.raises(UsageError, match="does not begin") as error:
        score(plan_of(tmp_path / "work", tmp_path / "b.warc.gz"))
    assert error.value.mend.startswith("Give a")


def test_crashes_without_end_are_not_the_pages_fault(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", ["die"] * (MOST_CRASHES + 1))
    with pytest.raises(RuntimeError, match="in a row"):
        score(plan_of(tmp_path / "work", source))


def test_nothing_in_nothing_out(tmp_path: Path) -> None:
    assert rows(score(plan_of(tmp_path / "work", write(tmp_path / "a.jsonl", [])))) == []


def test_the_first_so_many_documents_of_each_source(tmp_path: Path) -> None:
    texts = [str(number) for number in range(2 * PART_RECORDS)]
    sources = [write(tmp_path / f"{name}.jsonl", texts) for name in "ab"]
    for most in (1, PART_RECORDS, PART_RECORDS + 3):
        table = score(plan_of(tmp_path / f"work{most}", *sources, most=most), 2)
        assert rows(table) == [(text, "") for text in texts[:most]] * 2


def test_parts_that_are_there_are_not_made_again_and_gaps_are_filled(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", [str(number) for number in range(5 * PART_RECORDS)])
    plan = plan_of(tmp_path / "work", source)
    table = score(plan, 2)
    (shard,) = plan.shards
    paths = [part_path(plan, shard, number) for number in range(5)]
    before = [path.stat().st_ino for path in paths]
    for gap in (0, 3):
        paths[gap].unlink()
    paths[4].write_bytes(paths[4].read_bytes()[:-9])
    assert score(plan, 2) == table
    kept = [path.stat().st_ino == inode for path, inode in zip(paths, before, strict=True)]
    assert kept[1:3] == [True, True]


def test_a_source_that_changes_under_the_plan_is_noticed(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", ["one", "two"])
    plan = plan_of(tmp_path / "work", source)
    write(source, ["one", "two", "three"])
    with pytest.raises(ArtifactError, match="changed since"):
        score(plan)


def test_a_stop_is_heard_and_what_is_done_stays(tmp_path: Path) -> None:
    plan = plan_of(tmp_path / "work", write(tmp_path / "a.jsonl", ["x"] * 3))
    how = How(progress=False, threads=1)
    how.stop.request("a test")
    with pytest.raises(Stopped):
        local.run(TASK, plan, how)
    assert rows(score(plan)) == [("x", "")] * 3


def test_an_executor_that_is_not_there_is_named(tmp_path: Path) -> None:
    plan = plan_of(tmp_path / "work", write(tmp_path / "a.jsonl", ["x"]))
    with pytest.raises(UsageError, match=r"no executor 'spark'.*local, ray, slurm"):
        score(plan, executor="spark")
