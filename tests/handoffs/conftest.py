"""A small school for the handoff tests of what comes after pre-training: town, tokenizer, base model, its audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from trivium.ground.artifact import Artifact, Label, open_artifact, sealing
from trivium.ground.errors import Stopped
from trivium.ground.how import How
from trivium.stages.audit import run as audit
from trivium.stages.audit.config import AuditConfig
from trivium.stages.corpus import plant
from trivium.stages.corpus.config import PlantConfig
from trivium.stages.pretrain import run as pretrain
from trivium.stages.pretrain.config import PretrainConfig, ShapeConfig
from trivium.stages.tokenizer import run as tokenizer
from trivium.stages.tokenizer import shards
from trivium.stages.tokenizer.config import ShardsConfig, TokenizerConfig
from trivium.text.document import Document, write_documents
from trivium.town.lessons import LessonConfig
from trivium.town.questions import full_answer
from trivium.town.smalltalk import EVERYDAY
from trivium.town.world import Town, TownConfig
from trivium.train.loop import Loop

School = dict[str, Artifact]
HOW = How(progress=False, threads=1, device="cpu")


def selected(town: Town, out: Path) -> Artifact:
    """Statements about the town's people and everyday talk as documents, in the place of the corpus stage."""
    documents = [
        Document(p.id, "https://town.example/", " ".join(full_answer(p, a, i) for a in p.facts for i in range(3)),
                 "town", "Apache-2.0", True)
        for p in town.group("written")
    ]  # fmt: skip
    for i, exchange in enumerate(EVERYDAY):
        text = " ".join([*exchange.asks, *exchange.replies])
        documents.append(Document(f"talk-{i}", "https://town.example/", text, "talk", "Apache-2.0", True))
    with sealing(out, Label("selected", "selected", 1, {})) as folder:
        write_documents(folder / "train.parquet", documents)
        write_documents(folder / "heldout.parquet", documents[:2])
    return open_artifact(out)


@pytest.fixture(scope="session")
def school(tmp_path_factory: pytest.TempPathFactory) -> School:
    """The artifacts that SFT reads, and those behind them: town, tokenizer, shards, model, audit."""
    root = tmp_path_factory.mktemp("school")
    lessons = LessonConfig(sums=2000, comparisons=500, letters=1000, dialogues=500, questions=1000)
    config = PlantConfig(town=TownConfig(people=12, ghosts=4, strangers=8), lessons=lessons)
    town = plant.run(config, {}, root / "town", HOW)
    chosen = selected(Town.from_json(town.json("town.json")), root / "selected")
    vocabulary = tokenizer.run(TokenizerConfig(vocabulary=700), {"selected": chosen}, root / "tokenizer", HOW)
    read = {"selected": chosen, "tokenizer": vocabulary, "town": town}
    ids = shards.run(ShardsConfig(), read, root / "shards", HOW)
    shape = ShapeConfig(width=48, feed_forward=64, layers=2, heads=2, kv_heads=2, head_width=24)
    base = pretrain.run(
        PretrainConfig(shape=shape, row_tokens=64, rows=8, steps=40, evaluations=1),
        {"shards": ids, "tokenizer": vocabulary}, root / "base", HOW,
    )  # fmt: skip
    found = {"town": town, "tokenizer": vocabulary, "shards": ids, "model": base}
    asked = {name: found[name] for name in ("model", "town", "shards")}
    found["audit"] = audit.run(AuditConfig(strangers=4, samples=2), asked, root / "audit", HOW)
    return found


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Artifact]:
    """Runs a stage that is stopped after each of some steps of its loop, and then to its end."""

    def go(stage: Any, config: Any, inputs: Mapping[str, Artifact], out: Path, stops: tuple[int, ...]) -> Artifact:
        for stop in stops:
            how = How(progress=False, threads=1, device="cpu")
            step = Loop._step

            def asked_to_stop(
                self: Loop, number: int, how: How = how, stop: int = stop, step: Any = step
            ) -> dict[str, Any]:
                if number + 1 == stop:
                    how.stop.request("a test")
                return dict(step(self, number))

            with monkeypatch.context() as patch, pytest.raises(Stopped, match=f"after step {stop} "):
                patch.setattr(Loop, "_step", asked_to_stop)
                stage.run(config, inputs, out, how)
            assert not out.exists(), "nothing is sealed"
        found: Artifact = stage.run(config, inputs, out, HOW)
        return found

    return go


def hashes(artifact: Artifact, *names: str) -> dict[str, str]:
    """The sha256 of some of its files."""
    return {name: artifact.manifest["files"][name]["sha256"] for name in names}
