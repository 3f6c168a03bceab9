"""The tiny recipe, whole: every handoff real, every model readable elsewhere, nothing run twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from trivium.generate.engine import Engine
from trivium.generate.talk import answer, ask, continue_text
from trivium.ground.artifact import Artifact, open_artifact
from trivium.ground.how import How
from trivium.journey.inspect import verify
from trivium.journey.record import open_node, read_record, resolve
from trivium.journey.run import run
from trivium.model.folder import load_model
from trivium.recipes.tiny import tiny
from trivium.text.tokenizer import Tokenizer

MODELS = ("base", "plain", "sft", "warm", "rl")


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tiny") / "run"
    run(tiny(), out, How(progress=False), about={"recipe": "tiny", "seed": 0, "settings": []}, say=lambda _line: None)
    return out


def artifacts(street: Path) -> dict[str, Artifact]:
    return {name: open_node(street, name) for name in read_record(street).entries}


def test_every_node_is_sealed_whole_and_knows_its_parents(street: Path) -> None:
    found = artifacts(street)
    assert set(found) == {node.name for node in tiny().nodes}
    for node in tiny().nodes:
        sealed = open_artifact(found[node.name].path, hashes=True)
        assert dict(sealed.parents) == {name: found[parent].id for name, parent in node.inputs.items()}
    assert verify(street)[1] == []


def test_a_second_run_does_nothing(street: Path) -> None:
    assert run(tiny(), street, How(progress=False), say=lambda _line: None).ran == []


def test_every_page_is_accounted_for(street: Path) -> None:
    funnel = open_node(street, "selected").json("funnel.json")
    for source in funnel["sources"]:
        left = source["in"]
        for layer in source["layers"]:
            assert layer["in"] == left
            assert layer["out"] == left - sum(layer["dropped"].values())
            left = layer["out"]
        assert left == source["out"]


@pytest.mark.parametrize("name", MODELS)
def test_the_model_gives_the_same_logits_in_transformers(street: Path, name: str) -> None:
    transformers = pytest.importorskip("transformers")
    folder = open_node(street, name, "model").path
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ours = load_model(folder, torch.device("cpu"))
    ids = torch.tensor([Tokenizer.open(folder).encode("The town of Larkham has a library. What is 27+48?")])
    with torch.no_grad():
        assert torch.allclose(theirs(ids).logits, ours.logits(ours(ids)), atol=1e-4, rtol=0)


def test_base_continues_and_assistants_answer(street: Path) -> None:
    for name in MODELS:
        folder = resolve(street, name).path
        engine, tokenizer = Engine(load_model(folder, torch.device("cpu"))), Tokenizer.open(folder)
        if name == "base":
            assert isinstance(continue_text(engine, tokenizer, ["The town"], max_new=4)[0], str)
        else:
            assert isinstance(answer(engine, tokenizer, ask(["Hello!"]), max_new=4)[0].content, str)


def test_the_refusals_that_sft_learned_are_the_audits(street: Path) -> None:
    audited = open_node(street, "audit-base").file("refusals.jsonl").read_text().splitlines()
    learned = open_node(street, "sft").file("conversations.jsonl").read_text()
    plain = open_node(street, "plain").file("conversations.jsonl").read_text()
    refusals = [json.loads(line)["messages"] for line in audited if json.loads(line)["kind"] == "refusal"]
    assert refusals
    assert all(json.dumps(messages, ensure_ascii=False) in learned for messages in refusals)
    assert not any(json.dumps(messages, ensure_ascii=False) in plain for messages in refusals)


def test_the_held_out_people_are_never_taught(street: Path) -> None:
    town = open_node(street, "town").json("town.json")
    learned = open_node(street, "sft").file("conversations.jsonl").read_text()
    names = [person["name"] for person in town["people"] if person["split"] == "test"]
    assert names
    assert not any(name in learned for name in names)


def test_exposure_is_counted_in_the_shards(street: Path) -> None:
    town, shards = open_node(street, "town").json("town.json"), open_node(street, "shards").json("exposure.json")
    ghosts = {person["id"] for person in town["people"] if person["group"] in ("ghost", "stranger")}
    assert sum(shards["per_epoch"].values()) == shards["statements"]
    assert not [key for key, count in shards["per_epoch"].items() if key.split("/")[0] in ghosts and count]


def test_rollouts_are_kept_whole(street: Path) -> None:
    import pyarrow.parquet as pq

    rows = pq.read_table(open_node(street, "rl").file("rollouts.parquet")).to_pylist()
    config = open_node(street, "rl").config
    assert len(rows) == config["steps"] * config["problems"] * config["samples"]
    groups: dict[tuple[int, str], float] = {}
    for row in rows:
        assert len(row["ids"]) == len(row["logprobs"]) <= config["max_new"]
        key = (row["step"], row["problem_id"])
        groups[key] = groups.get(key, 0.0) + row["advantage"]
    assert all(abs(total) < 1e-9 for total in groups.values())


def test_the_report_is_one_page_that_asks_for_nothing(street: Path) -> None:
    page = open_node(street, "report").file("report.html").read_text()
    assert len(page) < 1_600_000
    assert not [word for word in ('src="http', 'href="http://', "@import", "fetch(", "<script src") if word in page]
