"""Running: once, again, with another config, from a handoff alone; what is remembered and what is printed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import toy_stages
from toy_stages import toy, values

from trivium.ground.atomic import read_json
from trivium.ground.errors import ArtifactError, TriviumError, UsageError
from trivium.ground.how import How
from trivium.journey import inspect
from trivium.journey.graph import Journey
from trivium.journey.headline import duration, facts_of, figure
from trivium.journey.overrides import override
from trivium.journey.plan import plan
from trivium.journey.record import read_record, resolve
from trivium.journey.run import run


def go(journey: Journey, out: Path, **kwargs: object) -> tuple[list[str], list[str]]:
    said: list[str] = []
    result = run(journey, out, How(progress=False), say=said.append, **kwargs)  # type: ignore[arg-type]
    return result.ran, said


def states(journey: Journey, out: Path) -> dict[str, str]:
    return {step.node.name: step.state for step in plan(journey, out)}


def test_a_plan_is_exact_before_anything_has_run(tmp_path: Path) -> None:
    before = {step.node.name: step.entry for step in plan(toy(), tmp_path)}
    assert set(states(toy(), tmp_path).values()) == {"to run"}
    assert not list(tmp_path.iterdir()), "a plan writes nothing"
    go(toy(), tmp_path)
    assert read_record(tmp_path).entries == before
    assert set(states(toy(), tmp_path).values()) == {"up to date"}


def test_the_second_time_nothing_runs(toy_run: Path) -> None:
    before = values(toy_run)
    ran, said = go(toy(), toy_run)
    assert ran == []
    assert all("up to date" in line for line in said)
    assert values(toy_run) == before


def test_a_changed_config_reruns_what_depends_on_it_and_only_that(toy_run: Path) -> None:
    changed = override(toy(), ["left.word=other"])
    assert states(changed, toy_run) == {
        "first": "up to date",
        "left": "to run",
        "right": "up to date",
        "last": "to run",
    }
    assert go(changed, toy_run)[0] == ["left", "last"]
    assert go(toy(), toy_run)[0] == [], "the earlier artifacts are still there"
    assert len(inspect.leftovers(toy_run)) == 2


def test_the_record_never_mixes_settings(toy_run: Path) -> None:
    go(override(toy(), ["left.word=other"]), toy_run, until=["left"])
    assert list(read_record(toy_run).entries) == ["first", "left", "right"], "last came from the other left"
    go(toy(), toy_run, until=["left"])
    assert list(read_record(toy_run).entries) == ["first", "left", "right"]


def test_a_stage_starts_from_its_handoff_alone(toy_run: Path) -> None:
    before = values(toy_run)
    for name in ("first", "last"):
        [folder] = toy_run.glob(f"{name}-*")
        shutil.rmtree(folder)
    (toy_run / "journey.json").unlink()
    ran, _ = go(toy(), toy_run, until=["last"])
    assert ran == ["last"], "left and right are enough; first is not needed"
    assert values(toy_run)["last"] == before["last"]


def test_a_rerun_imports_no_stage(toy_run: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from trivium.journey.graph import Journey, Node;"
        "from trivium.journey.record import read_record;"
        "from trivium.journey.run import run; from trivium.ground.how import How; from toy_config import ToyConfig;"
        "config = ToyConfig(); j = Journey('t', (Node(name='a', entry='toy_stage:run', config=config),));"
        "r = run(j, Path(sys.argv[1]), How(progress=False)); print(r.ran, 'toy_stage' in sys.modules)"
    )
    home = toy_run.parent
    (home / "toy_config.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass(frozen=True, kw_only=True)\nclass ToyConfig:\n    word: str = 'a'\n"
    )
    stage = (
        "from trivium.ground.artifact import *\n"
        "def label_of(config, inputs): return Label('toy', 'toy', 1, config, {}, FINGERPRINTS)\n"
        "def run(config, inputs, out, how):\n"
        "    with sealing(out, label_of(config, inputs)) as folder: (folder / 'x').write_text(config.word)\n"
        "    return open_artifact(out)\n"
    )

    def child() -> str:
        source = str(Path(sys.modules["trivium"].__file__ or "").parents[1])
        return subprocess.run(
            [sys.executable, "-B", "-c", code, str(home / "other")],
            env={"PYTHONPATH": f"{source}:{home}"},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()[-1]

    (home / "toy_stage.py").write_text("FINGERPRINTS = {}\n" + stage)
    assert child() == "['a'] True"
    assert child() == "[] False"
    (home / "toy_stage.py").write_text("FINGERPRINTS = {}\n\n" + stage)
    assert child() == "[] True", "a changed source is asked again, and says the same"
    (home / "toy_stage.py").write_text("FINGERPRINTS = {'pages': 'abc'}\n" + stage)
    assert child() == "['a'] True"
    assert child() == "[] True", "outside inputs are looked at each time"


def test_headlines_tell_name_time_and_facts(tmp_path: Path) -> None:
    _, said = go(toy(), tmp_path)
    assert said[0] == "[ 1/4] first · Chains hashes"
    assert said[1].strip().startswith("0.") and said[1].endswith(" s · steps 5")


def test_time_is_counted_over_sittings(toy_run: Path) -> None:
    record = read_record(toy_run)
    left = record.entries["left"].id
    first = record.seconds("left", left)
    assert first is not None
    record.spend("left", left, 100)
    assert read_record(toy_run).seconds("left", left) == pytest.approx(first + 100)
    record.spend("left", "another", 1)
    assert read_record(toy_run).seconds("left") == 1
    (toy_run / "timings.json").write_text("{")
    assert read_record(toy_run).timings == {}


def test_a_stage_that_breaks_its_word_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = toy_stages.label_of
    calls: list[int] = []

    def forgetful(config: toy_stages.ToyConfig, inputs: object) -> object:
        calls.append(1)
        return honest(config if len(calls) == 1 else toy_stages.ToyConfig(seed=9), {})

    monkeypatch.setattr(toy_stages, "label_of", forgetful)
    with pytest.raises(TriviumError, match="label_of said"):
        go(toy().until(["first"]), tmp_path)


def test_resolve_finds_models_by_stage_and_by_folder(toy_run: Path) -> None:
    last = resolve(toy_run)
    assert last.path.name.startswith("last-")
    assert resolve(toy_run, "left").path.name.startswith("left-")
    assert resolve(last.path) == last
    with pytest.raises(UsageError, match="Did you mean 'left'"):
        resolve(toy_run, "lefft")
    with pytest.raises(ArtifactError, match="not 'model'"):
        resolve(toy_run, "right")
    with pytest.raises(ArtifactError, match="is not a run"):
        resolve(toy_run / "nothing")


def test_lineage_lists_parents_before_children(toy_run: Path) -> None:
    names = [kin.name.split("-")[0] for kin in inspect.lineage(toy_run)]
    assert names == ["first", "left", "right", "last"]
    [left] = toy_run.glob("left-*")
    assert [kin.name.split("-")[0] for kin in inspect.lineage(left)] == ["first", "left"]
    [first] = toy_run.glob("first-*")
    shutil.rmtree(first)
    assert [kin.kind for kin in inspect.lineage(left)] == ["elsewhere", "model"]


def test_leftovers_are_ours_alone(toy_run: Path) -> None:
    assert inspect.leftovers(toy_run) == []
    for name in ("notes", "left-0000000", "left-00000000", "left-11111111.work", "left-11111111.tmp-999999999.1"):
        (toy_run / name).mkdir()
    found = [path.name for path in inspect.leftovers(toy_run)]
    assert found == ["left-00000000", "left-11111111.tmp-999999999.1", "left-11111111.work"]


def test_figures_as_people_read_them() -> None:
    assert [figure(v) for v in (3, 1234567, 0.12345, 1234.5, True, "x")] == [
        "3",
        "1,234,567",
        "0.123",
        "1,234",
        "true",
        "x",
    ]
    assert [duration(s) for s in (0.44, 12.3, 200, 7500)] == ["0.4 s", "12 s", "3 min 20 s", "2 h 5 min"]
    assert facts_of({"bits_per_byte": 2.0, "curve": [1, 2], "n": 3}) == ["bits per byte 2", "n 3"]


def test_the_record_is_plain_json(toy_run: Path) -> None:
    value = read_json(toy_run / "journey.json")
    assert value["about"] == {"recipe": "toy", "seed": 0, "settings": []}
    assert value["order"] == ["first", "left", "right", "last"]
    assert json.loads(json.dumps(value)) == value
