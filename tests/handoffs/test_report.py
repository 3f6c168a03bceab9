"""The report opens what the data stages really sealed, in a folder that stopped there: no torch, no model yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivium.ground.artifact import Artifact, open_artifact
from trivium.ground.how import How
from trivium.stages.corpus import plant, score, select
from trivium.stages.corpus.config import PlantConfig, ScoreConfig, SelectConfig
from trivium.stages.report.config import ReportConfig
from trivium.stages.report.reading import gather
from trivium.stages.report.run import run, snapshot
from trivium.stages.tokenizer import run as tokenizer_run
from trivium.stages.tokenizer import shards as shards_run
from trivium.stages.tokenizer.config import ShardsConfig, TokenizerConfig
from trivium.town.lessons import LessonConfig
from trivium.town.world import TownConfig

QUIET = How(progress=False)
TOWN = TownConfig(people=12, ghosts=4, strangers=4)
LESSONS = LessonConfig(sums=4000, comparisons=1000, letters=3000, dialogues=3000, questions=2000)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    out = tmp_path_factory.mktemp("run")
    made = {"town": plant.run(PlantConfig(town=TOWN, lessons=LESSONS), {}, out / "town-00000001", QUIET)}
    made["scored"] = score.run(ScoreConfig(max_pages=60), made, out / "scored-00000002", QUIET)
    made["selected"] = select.run(SelectConfig(), made, out / "selected-00000003", QUIET)
    learned = {"selected": made["selected"]}
    made["tokenizer"] = tokenizer_run.run(TokenizerConfig(vocabulary=1024), learned, out / "tokenizer-00000004", QUIET)
    read = {name: made[name] for name in ("selected", "tokenizer", "town")}
    return made | {"shards": shards_run.run(ShardsConfig(), read, out / "shards-00000005", QUIET)}


def test_the_data_stages_fill_their_sections(sealed: dict[str, Artifact], tmp_path: Path) -> None:
    report = run(ReportConfig(), sealed, tmp_path / "report", QUIET)
    text = open_artifact(report.path, "report", hashes=True).file("report.html").read_text(encoding="utf-8")
    assert dict(report.parents) == {name: artifact.id for name, artifact in sealed.items()}
    assert "town:sums" in text
    assert "No documents were selected" not in text and "There is no tokenizer" not in text
    assert "No base model was trained in this run." in text and report.json("effects.json") == []


def test_every_count_of_the_funnel_is_on_the_page(sealed: dict[str, Artifact], tmp_path: Path) -> None:
    snapshot(ReportConfig(), sealed["town"].path.parent, tmp_path / "now.html")
    text = (tmp_path / "funnel.html").read_text(encoding="utf-8")
    assert "funnel.html#" in (tmp_path / "now.html").read_text(encoding="utf-8")
    for source in sealed["selected"].json("funnel.json")["sources"]:
        assert source["source"] in text
        for layer in source["layers"]:
            assert all(f"{dropped:,} dropped" in text for dropped in layer["dropped"].values())


def test_a_folder_gives_the_same_page_as_its_artifacts(sealed: dict[str, Artifact], tmp_path: Path) -> None:
    found = gather(sealed["town"].path.parent)
    assert {name: artifact.id for name, artifact in found.items()} == {name: a.id for name, a in sealed.items()}
    snapshot(ReportConfig(), sealed["town"].path.parent, tmp_path / "now.html")
    whole = run(ReportConfig(), sealed, tmp_path / "report", QUIET).file("report.html")
    assert (tmp_path / "now.html").read_bytes() == whole.read_bytes()
    assert (tmp_path / "funnel.html").read_bytes() == whole.with_name("funnel.html").read_bytes()
