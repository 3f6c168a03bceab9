"""Audit and quirks open what the stages before them really sealed: a planted town, shards, a small model."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivium.ground.artifact import Artifact, Label, open_artifact, sealing
from trivium.ground.errors import Stopped
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.stages.audit import run as audit
from trivium.stages.audit.config import AuditConfig
from trivium.stages.corpus import plant
from trivium.stages.corpus.config import PlantConfig
from trivium.stages.pretrain import run as pretrain
from trivium.stages.pretrain.config import PretrainConfig, ShapeConfig
from trivium.stages.quirks import run as quirks
from trivium.stages.quirks.config import QuirksConfig
from trivium.stages.tokenizer import run as tokenizer
from trivium.stages.tokenizer import shards
from trivium.stages.tokenizer.config import ShardsConfig, TokenizerConfig
from trivium.text.document import Document, write_documents
from trivium.text.tokenizer import Tokenizer
from trivium.town.lessons import LessonConfig
from trivium.town.questions import full_answer
from trivium.town.world import Town, TownConfig

HOW = How(progress=False, threads=1, device="cpu")
AUDIT = AuditConfig(strangers=2, samples=2, epochs=3)
QUIRKS = QuirksConfig(
    inventions=6, conflicts=6, words=(2, 2, 2), sums=(2, 2, 2, 2), selves=4, reply_tokens=8, working_tokens=12
)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    root = tmp_path_factory.mktemp("street")
    town = plant.run(
        PlantConfig(
            town=TownConfig(people=8, ghosts=3, strangers=4, crowd=2),
            lessons=LessonConfig(sums=2000, comparisons=500, letters=1000, dialogues=500, questions=1000),
        ),
        {},
        root / "town",
        HOW,
    )
    selected = select(Town.from_json(town.json("town.json")), town, root / "selected")
    vocabulary = tokenizer.run(TokenizerConfig(vocabulary=400), {"selected": selected}, root / "tokenizer", HOW)
    inputs = {"selected": selected, "tokenizer": vocabulary, "town": town}
    found = inputs | {"shards": shards.run(ShardsConfig(), inputs, root / "shards", HOW)}
    shape = ShapeConfig(width=32, feed_forward=32, layers=2, heads=2, kv_heads=2, head_width=16)
    config = PretrainConfig(shape=shape, row_tokens=64, rows=4, steps=4, evaluations=1)
    found["model"] = pretrain.run(config, {name: found[name] for name in ("shards", "tokenizer")}, root / "base", HOW)
    return found


def select(town: Town, planted: Artifact, out: Path) -> Artifact:
    """Plain statements and the lessons as documents, in the place of the corpus stage."""
    people = [*town.group("written"), *town.group("crowd")]
    texts = [" ".join(full_answer(p, a, i) for a in p.facts for i in range(3)) for p in people]
    about = [
        Document(p.id, f"https://town.example/{p.id}", text, "town", "Apache-2.0", True)
        for p, text in zip(people, texts, strict=True)
    ]
    lessons = [Document(**line) for line in read_jsonl(planted.file("lessons.jsonl"))]
    with sealing(out, Label("selected", "selected", 1, {})) as folder:
        write_documents(folder / "train.parquet", [*about, *lessons])
        write_documents(folder / "heldout.parquet", lessons[:2])
    return open_artifact(out)


def of(street: dict[str, Artifact], *names: str) -> dict[str, Artifact]:
    return {name: street[name] for name in names}


@pytest.fixture(scope="module")
def base_audit(street: dict[str, Artifact], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return audit.run(AUDIT, of(street, "model", "town", "shards"), tmp_path_factory.mktemp("audit") / "base", HOW)


def test_a_base_model_is_audited(street: dict[str, Artifact], base_audit: Artifact) -> None:
    label = audit.label_of(AUDIT, of(street, "model", "town", "shards"))
    assert (base_audit.kind, base_audit.id) == ("audit", label.id)
    assert set(base_audit.manifest["files"]) == {"map.jsonl", "summary.json", "refusals.jsonl"}
    lines = list(read_jsonl(base_audit.file("map.jsonl")))
    assert len(lines) == (8 + 3 + 2) * 6
    per_epoch = street["shards"].json("exposure.json")["per_epoch"]
    assert all(line["exposure"] == 3 * per_epoch[f"{line['person']}/{line['attribute']}"] for line in lines)
    assert {line["exposure"] for line in lines} == {0, 9}
    rows = {row["bin"]: row["n"] for row in base_audit.json("summary.json")["bins"]}
    assert rows == {"0": 30, "1-3": 0, "4-12": 48, "13-31": 0, "32-63": 0, "64+": 0}
    refusals = list(read_jsonl(base_audit.file("refusals.jsonl")))
    assert {line["why"] for line in refusals} >= {"stranger"}
    assert base_audit.manifest["facts"]["refusals"] == sum(line["kind"] == "refusal" for line in refusals)


def test_the_same_audit_again_gives_the_same_bytes(
    street: dict[str, Artifact], base_audit: Artifact, tmp_path: Path
) -> None:
    again = audit.run(AUDIT, of(street, "model", "town", "shards"), tmp_path / "again", HOW)
    assert again.manifest["files"] == base_audit.manifest["files"]


def test_a_chat_model_is_audited(street: dict[str, Artifact], base_audit: Artifact, tmp_path: Path) -> None:
    config = AuditConfig(mode="chat", strangers=2, reply_tokens=6)
    inputs = of(street, "model", "town", "shards") | {"base_audit": base_audit}
    found = audit.run(config, inputs, tmp_path / "chat", HOW)
    assert set(found.manifest["files"]) == {"map.jsonl", "summary.json"}
    summary = found.json("summary.json")
    assert (summary["mode"], summary["invented"]["n"], summary["probes"]) == ("chat", 18, 78)
    assert summary["known_to_base"] is not None


@pytest.mark.parametrize("mode", ["auto", "chat"])
def test_the_battery_runs_on_a_real_model(street: dict[str, Artifact], tmp_path: Path, mode: str) -> None:
    found = quirks.run(QuirksConfig(**{**vars(QUIRKS), "mode": mode}), of(street, "model", "town"), tmp_path / "q", HOW)
    value = found.json("quirks.json")
    assert (value["mode"], value["stage"], value["model"]) == (
        {"auto": "base"}.get(mode, mode),
        "pretrain",
        street["model"].id,
    )
    assert [quirk["n"] for quirk in value["quirks"]] == [6, 6, 8, 4, 6]
    for quirk in value["quirks"]:
        assert 0 <= quirk["rate"]["low"] <= quirk["rate"]["value"] <= quirk["rate"]["high"] <= 1
        assert quirk["samples"]
        assert quirk["stage"] in ("tokenizer", "pretrain", "sft", "rl")


def test_a_stop_seals_nothing(street: dict[str, Artifact], tmp_path: Path) -> None:
    how = How(progress=False, threads=1, device="cpu")
    how.stop.request("a test")
    for stage, config, names in ((audit, AUDIT, ("model", "town", "shards")), (quirks, QUIRKS, ("model", "town"))):
        with pytest.raises(Stopped):
            stage.run(config, of(street, *names), tmp_path / "out", how)
    assert not list(tmp_path.iterdir())


def test_the_tokenizer_of_the_model_folder_is_used(street: dict[str, Artifact]) -> None:
    opened = [Tokenizer.open(street[name].path).fingerprint for name in ("model", "tokenizer")]
    assert opened[0] == opened[1]
