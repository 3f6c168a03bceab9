"""A page of what is there: of a run that was killed half-way, and of one whose models are still learning."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from trivium.ground.artifact import Artifact
from trivium.ground.atomic import write_json
from trivium.ground.errors import ArtifactError
from trivium.ground.log import write_jsonl
from trivium.stages.report import knowledge, lineage, manners
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.effects import effects
from trivium.stages.report.practice import group_of
from trivium.stages.report.reading import UNFINISHED, gather
from trivium.stages.report.run import gaps, page, snapshot

DONE = ("town", "selected", "base", "audit-base", "sft", "warm")


@pytest.fixture
def killed(street: dict[str, Artifact], tmp_path: Path) -> Path:
    """A run folder that was killed in RL, its last line of metrics torn, with an older `sft` beside the valid one."""
    run = tmp_path / "run"
    run.mkdir()
    nodes = {}
    for name in DONE:
        folder = f"{name}-{street[name].id[:8]}"
        shutil.copytree(street[name].path, run / folder)
        nodes[name] = {"folder": folder, "id": street[name].id, "kind": street[name].kind, "asked": ""}
    shutil.copytree(street["plain"].path, run / "sft-00000000")
    write_json(run / "journey.json", {"schema": 1, "about": {}, "order": list(nodes), "nodes": nodes})
    work = run / "rl-12345678.work"
    (work / "rollouts").mkdir(parents=True)
    (work / "step-000004").mkdir()
    (work / "step-000004" / "weights.safetensors").write_bytes(b"\0" * 64)
    write_jsonl(work / "metrics.jsonl", [{"step": i + 1, "loss": 0.1, "pass_rate": 0.3 + i / 50} for i in range(7)])
    with open(work / "metrics.jsonl", "ab") as file:
        file.write(b'{"step": 8, "lo')
    rows = [{"step": 1, "problem_id": "p", "question": "1+2?", "answer": "3", "thinking": "1+2=3", "text": str(3 + i),
             "correct": not i, "reward": float(not i), "advantage": 0.5 - i, "ids": [1, 2], "finish": "stop"}
            for i in range(2)]  # fmt: skip
    write_jsonl(work / "rollouts" / "step-000001.jsonl", rows)
    return run


def test_gather_takes_what_belongs_together_and_the_work_of_the_rest(killed: Path) -> None:
    found = gather(killed)
    assert set(found) == {*DONE, "rl"}
    assert found["sft"].path.name != "sft-00000000"
    assert found["rl"].kind == UNFINISHED and "metrics.jsonl" in found["rl"].manifest["files"]
    assert not [name for name in found["rl"].manifest["files"] if "weights" in name]


def test_a_killed_run_gives_a_page_with_its_figures_so_far(killed: Path, tmp_path: Path) -> None:
    before = sorted(path.relative_to(killed) for path in killed.rglob("*"))
    rows = snapshot(ReportConfig(), killed, tmp_path / "now.html")
    text = (tmp_path / "now.html").read_text(encoding="utf-8")
    assert "rl is not finished: these are its figures after step 7." in text
    assert "Not in this run: audit-plain, audit-sft, audit-rl." in text and "1+2=3" in text
    assert f"from {len(DONE)} sealed artifacts" in text
    assert {row["stage"] for row in rows} == {"base"} == {row["stage"] for row in effects(gather(killed))}
    assert sorted(path.relative_to(killed) for path in killed.rglob("*")) == before


def test_a_damaged_artifact_is_left_out_and_its_work_is_not_taken_for_it(killed: Path) -> None:
    next(killed.glob("warm-*/evals.json")).write_text("{", encoding="utf-8")
    assert "warm" not in gather(killed)


def test_a_folder_without_a_record_is_read_by_its_names(killed: Path) -> None:
    (killed / "journey.json").unlink()
    assert {*DONE, "rl"} == set(gather(killed))
    with pytest.raises(ArtifactError):
        gather(killed / "nowhere")


def test_a_run_that_just_began_has_a_page(tmp_path: Path) -> None:
    assert snapshot(ReportConfig(), tmp_path, tmp_path / "now.html") == []
    assert "Nothing has been measured yet." in (tmp_path / "now.html").read_text(encoding="utf-8")


def test_rollouts_of_an_unfinished_run_are_read_from_its_steps(killed: Path) -> None:
    group = group_of(gather(killed))
    assert [row["tokens"] for row in group] == [2, 2] and [row["reward"] for row in group] == [1.0, 0.0]


def test_gaps_are_silent_when_all_is_there(street: dict[str, Artifact]) -> None:
    assert gaps(("warm", "rl"), street) == ""
    assert gaps(("warm", "rl"), {}) == "Not in this run: warm, rl."


def test_the_ledger_counts_only_the_time_of_these_artifacts(street: dict[str, Artifact], killed: Path) -> None:
    inputs = gather(killed)
    times = {"base": {"id": inputs["base"].id, "seconds": 563.0}, "sft": {"id": "another", "seconds": 9.0},
             "rl": {"id": "12345678" + "0" * 8, "seconds": 40.0}}  # fmt: skip
    write_json(killed / "timings.json", times)
    spent = {name: lineage.spent_on(name, artifact) for name, artifact in inputs.items()}
    assert {name: s for name, s in spent.items() if s} == {"base": 563.0, "rl": 40.0}
    shown = lineage.section(inputs, ReportConfig())
    assert shown is not None and shown["total"] == "10 min 03 s" and "9 min 23 s" in shown["ledger"]
    (killed / "timings.json").write_text("[", encoding="utf-8")
    assert lineage.spent_on("base", inputs["base"]) is None
    assert "Where the time went" not in page(ReportConfig(), street, [])


def test_the_same_question_stands_side_by_side_for_every_model(street: dict[str, Artifact]) -> None:
    shown = manners.section(street, ReportConfig())
    assert shown is not None
    for one in shown["asked"]:
        assert [said["model"] for said in one["said"]] == ["base", "sft", "rl"]
    assert {"never written about", "read 70 times: heron"} == {one["truth"] for one in shown["asked"]}


def test_a_question_that_one_model_was_not_asked_is_not_shown() -> None:
    def line(person: str) -> dict[str, object]:
        return {"person": person, "attribute": "pet", "group": "ghost", "split": "test", "exposure": 0,
                "value": "heron", "question": f"{person}?", "reply": "A dog.", "verdict": "wrong"}  # fmt: skip

    shown = knowledge.same_questions({"sft": [line("a"), line("b")], "rl": [line("b")]})
    assert [one["question"] for one in shown] == ["b?"]
    assert json.dumps(shown)
