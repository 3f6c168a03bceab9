"""The front door, with the toy journey as a recipe: exit codes, messages, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_stages import values

from trivium.cli import run as run_module
from trivium.cli.app import answer, gather_settings
from trivium.cli.doctor import diagnosis, memory_gb
from trivium.cli.outcome import effects_table, ending
from trivium.cli.talk import called, converse, show
from trivium.ground.artifact import Artifact, Label, open_artifact, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import GuardTripped
from trivium.recipes import registry
from trivium.sandbox.battery import BATTERY
from trivium.sandbox.tier import Tier, tier
from trivium.tools.registry import opened


@pytest.fixture(autouse=True)
def toy_recipe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(registry.RECIPES, "toy", "toy_stages:toy_recipe")
    monkeypatch.chdir(tmp_path)


def test_run_again_changed_and_planned(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["run", "toy", "--out", "r", "--dry-run"]) == 0
    assert capsys.readouterr().out.count("to run") == 4
    assert not Path("r").exists()
    assert answer(["run", "toy", "--out", "r"]) == 0
    out = capsys.readouterr().out
    assert "[ 1/4] first" in out
    assert "4 of 4 stages ran" in out
    assert "trivium chat r" in out
    assert answer(["run", "toy", "--out", "r"]) == 0
    assert "Everything is up to date" in capsys.readouterr().out
    assert (
        answer(["run", "toy", "--out", "r", "--left.inner.rate", "3", "--seed=0", "--right.word=w", "--dry-run"]) == 0
    )
    out = capsys.readouterr().out
    assert out.count("to run") == 3
    assert "last time" in out
    assert answer(["run", "toy", "--seed", "1"]) == 0
    assert values(Path("runs/toy")) != values(Path("r"))


def test_json_is_one_value_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["run", "toy", "--json", "--left.steps", "2"]) == 0
    found = capsys.readouterr()
    value = json.loads(found.out)
    assert value["ran"] == ["first", "left", "right", "last"]
    assert value["settings"] == ["left.steps=2"]
    assert value["artifacts"]["left"]["facts"] == {"steps": 2}
    assert "[ 1/4]" in found.err
    assert answer(["run", "toy", "--json", "--dry-run"]) == 0
    assert [step["state"] for step in json.loads(capsys.readouterr().out)["steps"]].count("to run") == 2


def test_a_single_stage_goes_on_with_the_run_s_settings(capsys: pytest.CaptureFixture[str]) -> None:
    stage = run_module.stage_command("toy_stages", "right")
    assert answer(["run", "toy", "--out", "r", "--seed", "2", "--first.steps", "3"]) == 0
    manner = run_module.Manner()
    assert stage(from_=Path("r"), manner=manner) == 0
    assert "Everything is up to date" in capsys.readouterr().out
    assert stage(from_=Path("r"), set=("right.steps=1",), manner=manner) == 0
    assert "1 of 2 stages ran" in capsys.readouterr().out
    assert read_json(Path("r/journey.json"))["about"] == {
        "recipe": "toy",
        "seed": 2,
        "settings": ["first.steps=3", "right.steps=1"],
    }


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("rum", 2, 'Did you mean "run"'),
        ("run toj", 2, "Did you mean 'toy'"),
        ("run toy --ouut x", 2, "Did you mean --out"),
        ("run toy --lefd.steps 3", 2, "Did you mean 'left'"),
        ("run toy --left.stepz 3", 2, "Did you mean 'steps'"),
        ("run toy --left.steps 0", 2, "steps is 0"),
        ("run toy --seed x", 2, "seed"),
        ("corpus --from nowhere", 2, "There is no source 'nowhere'"),
        ("corpus --out x", 2, "Name them: --from"),
        ("sft --from nowhere --node rll --recipe toy", 2, "There is no sft stage"),
        ("diagnose", 2, "not there yet"),
        ("import x", 3, "x is not there"),
        ("export gguf nowhere", 3, "nowhere is not a run"),
        ("export onnx nowhere", 2, "onnx"),
        ("eval x", 3, "x is not a run"),
        ("index", 2, "No documents are given"),
        ("index search no-such-folder x", 3, "no-such-folder"),
        ("bench nanoo", 2, 'Did you mean "nano"'),
        ("chat nowhere", 3, "nowhere is not a run"),
        ("complete nowhere text", 3, "nowhere is not a run"),
        ("lineage nowhere", 3, "nowhere is not a run"),
        ("verify nowhere", 3, "nowhere is not a folder"),
        ("clean nowhere", 3, "nowhere is not a run"),
    ],
)
def test_errors_say_what_and_the_mend(line: str, code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(line.split()) == code
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_guards_full_disks_and_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def failing(error: BaseException) -> int:
        def fail(*_args: Any) -> None:
            raise error

        monkeypatch.setattr(run_module, "carry_out", fail)
        return answer(["run", "toy"])

    assert failing(GuardTripped("The loss is nan.", "Lower the rate.")) == 5
    assert failing(OSError(28, "No space left on device")) == 1
    assert "Free some space" in capsys.readouterr().err
    assert (
        failing(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.50 GiB. GPU 0 is full. 50 more.")) == 1
    )
    told = capsys.readouterr().err
    assert "1.50 GiB. GPU 0 is full.\n" in told and "--microbatch" in told and "Traceback" not in told
    assert failing(KeyboardInterrupt()) == 4
    with pytest.raises(RuntimeError, match="another"):
        failing(RuntimeError("another"))
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError())
    with pytest.raises(PermissionError):
        failing(PermissionError(13, "Permission denied"))


def test_clean_asks_or_is_told(toy_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(toy_run)
    assert answer(["clean", run]) == 0
    assert "Nothing to remove" in capsys.readouterr().out
    (toy_run / "left-00000000").mkdir()
    assert answer(["clean", run, "--dry-run"]) == 0
    assert answer(["clean", run]) == 2, "nobody is at the terminal to be asked"
    assert (toy_run / "left-00000000").is_dir()
    assert answer(["clean", run, "--yes"]) == 0
    assert not (toy_run / "left-00000000").exists()
    assert answer(["verify", run]) == 0


def test_lineage_prints_the_tree(toy_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(["lineage", str(toy_run)]) == 0
    assert "← left-" in capsys.readouterr().out
    assert answer(["lineage", str(toy_run), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4


def test_dotted_flags() -> None:
    def given(line: str) -> list[str]:
        return gather_settings(line.split())

    assert given("run nano --a.b 3 --out x") == ["run", "nano", "--set", "a.b=3", "--out", "x"]
    assert given("run --a.b-c=-1 --a.on --a.x -1") == [
        "run",
        "--set",
        "a.b-c=-1",
        "--set",
        "a.on=true",
        "--set",
        "a.x=-1",
    ]
    assert given("run --out ./a.b") == ["run", "--out", "./a.b"]
    assert given("complete --a.b c") == ["complete", "--a.b", "c"]


def report_with(folder: Path, effects: list[dict[str, Any]]) -> Artifact:
    with sealing(folder / "report-0", Label("report", "report", 1, None)) as inside:
        write_json(inside / "effects.json", effects)
        (inside / "report.html").write_text("<p>")
    return open_artifact(folder / "report-0")


def test_the_run_ends_with_what_each_stage_changed(tmp_path: Path) -> None:
    row = {
        "stage": "sft",
        "effect": "invented answers",
        "before": 0.91,
        "after": None,
        "target": "≤ 20 %",
        "met": False,
    }
    report = report_with(tmp_path, [row])
    lines = effects_table(report)
    assert lines[2].split() == ["stage", "effect", "before", "after", "target", "met"]
    assert lines[4].split() == ["sft", "invented", "answers", "0.91", "–", "≤", "20", "%", "no"]
    assert any("report.html" in line for line in ending(Path("r"), {"report": report}))


def test_a_conversation_remembers_what_was_said_and_not_what_was_thought(capsys: pytest.CaptureFixture[str]) -> None:
    lines = iter(["", "one", "two", "/new", "three", "/quit"])
    heard: list[list[dict[str, Any]]] = []

    def reply(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
        heard.append([dict(message) for message in said])
        answered = {"role": "assistant", "content": said[-1]["content"].upper(), "reasoning_content": "hm"}
        show(answered)
        return [answered]

    converse(reply, lambda _prompt: next(lines))
    assert capsys.readouterr().out.split() == ["(hm)", "ONE", "(hm)", "TWO", "(hm)", "THREE"]
    assert [[m["content"] for m in said] for said in heard] == [["one"], ["one", "ONE", "two"], ["three"]]
    assert heard[1][1]["reasoning_content"] == ""


def test_a_user_calls_a_tool_and_the_model_reads_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    lines = iter(["/calc 9.9 > 9.11", "/calc 1/0", "/python 1", "and?", "/quit"])
    heard: list[list[dict[str, Any]]] = []

    def reply(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
        heard.append(list(said))
        return [{"role": "assistant", "content": "\x1b[31mred"}]

    with opened(["calculator"]) as tools:
        converse(reply, lambda _prompt: next(lines), lambda line: called(line, tools))
    assert [m["role"] for m in heard[0]] == ["tool", "tool", "tool", "user"]
    assert heard[0][0]["content"] == "true" and "no tool 'python'" in heard[0][2]["content"]
    assert "calculator: Error: Division by zero." in capsys.readouterr().out
    show({"role": "assistant", "content": "\x1b[31mred", "tool_calls": []})
    assert capsys.readouterr().out == "[31mred\n"


def test_doctor_sandbox_names_what_holds_or_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivium.sandbox.tier.tier", lambda: Tier("none", "no Landlock"))
    assert answer(["doctor", "sandbox"]) == 0
    assert "tier: none. no Landlock." in capsys.readouterr().out
    monkeypatch.undo()
    if tier().holds:
        monkeypatch.setattr("trivium.sandbox.battery.BATTERY", BATTERY[:2])
        assert answer(["doctor", "sandbox", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["tier"] == "jail"
        monkeypatch.setattr("trivium.sandbox.battery.judged", lambda probe, outcome: "it got out")
        assert answer(["doctor", "sandbox"]) == 5
        assert "leaks" in capsys.readouterr().err


def test_documents_are_indexed_searched_and_opened(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "bridge.md").write_text("# The bridge\n\nIt was built by Ada Lind in 1893.", encoding="utf-8")
    index = str(tmp_path / "index")
    assert answer(["index", str(tmp_path / "notes"), "--out", index]) == 0
    assert answer(["index", "search", index, "who built the bridge?"]) == 0
    assert "[bridge.md] The bridge" in capsys.readouterr().out
    assert answer(["index", "search", index, "bridge", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["id"] == "bridge.md"
    assert answer(["index", "open", index, "bridge.md"]) == 0
    assert "Ada Lind" in capsys.readouterr().out
    assert answer(["index", "open", index, "else"]) == 2


def test_doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert answer(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["packages"]["torch"]
    assert found["cores"] >= 1
    assert answer(["doctor"]) == 0
    monkeypatch.setattr("trivium.cli.doctor._needed", lambda: ["no-such-package"])
    assert answer(["doctor"]) == 2
    assert "no-such-package" in capsys.readouterr().err
    assert memory_gb("MemTotal:  8000000 kB", "max\n") == 8.2
    assert memory_gb("MemTotal:  8000000 kB", "1000000000\n") == 1.0
    assert memory_gb("", "") is None
    assert len(diagnosis({"disk_gb": 1, "memory_gb": 1, "bf16": "no"})) == 3


def test_own_documents_are_cleaned_into_a_folder_with_a_table_of_the_funnel(capsys: pytest.CaptureFixture[str]) -> None:
    prose = (
        "The market of the town was open on that day, and we have been there with our friends. Nobody wanted to go "
        "home before the band had played its last song. In the evening a cold wind came up from the river, so the "
        "lamps were lit early. My sister bought two baskets of apples, which she later shared with all of us. There "
        "is a story that the old clock stops whenever a stranger asks for the time."
    )
    Path("mine").mkdir()
    for i in range(5):
        Path(f"mine/{i}, mine.txt").write_text(f"{prose} That was in year {i}.", encoding="utf-8")
    Path("mine/short.md").write_text("and so on " * 40, encoding="utf-8")
    line = "corpus --from mine --out c --no-progress --threads 1 --selected.minhash.bands 0".split()
    assert answer(line) == 0
    out = capsys.readouterr().out
    assert "Documents of web" in out and "Note: There are only" in out and "report.html" in out
    rows = {
        row.split()[0]: row.split()[1:] for row in out.splitlines() if row.startswith(("read ", "mix ", "gopher r"))
    }
    assert rows == {"read": ["6", "6"], "gopher": ["repetition", "6", "5", "top", "2", "gram", "1"], "mix": ["5", "5"]}
    assert answer(line) == 0
    assert "Everything is up to date" in capsys.readouterr().out
    Path("mine/short.md").write_text("and so on " * 41, encoding="utf-8")
    assert answer(line) == 0
    assert "3 of 3 stages ran" in capsys.readouterr().out, "an edited document is noticed"
    assert answer(["corpus", "--from", "c", "--dry-run"]) == 0
    assert "up to date" in capsys.readouterr().out
    assert answer(["corpus", "--from", "c", "--from", "mine"]) == 2
    assert "is a run, not a source" in capsys.readouterr().err
    assert answer("run nano --corpus.source mine --dry-run".split()) == 0
    assert answer([*line, "--extractor", "nowhere"]) == 2
    assert "nowhere is no extractor" in capsys.readouterr().err
