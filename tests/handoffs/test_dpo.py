"""DPO on a chat model of ours: what is sealed, that it moved as it should, and that it goes on exactly."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from trivium.ground.artifact import Artifact
from trivium.ground.errors import Stopped, UsageError
from trivium.ground.how import How
from trivium.model.config import OptimizerConfig
from trivium.model.folder import load_model
from trivium.stages.dpo import reference
from trivium.stages.dpo import run as dpo
from trivium.stages.dpo.config import DpoConfig
from trivium.text.preferences.given import Given

CONFIG = DpoConfig(
    batch=16, row_tokens=128, heldout=0.25, samples=8, max_new=12, epochs=3,
    optimizer=OptimizerConfig(muon_lr=0.003, embed_lr=0.002, head_lr=0.001),
)  # fmt: skip
School = dict[str, Artifact]


def how() -> How:
    return How(progress=False, threads=1, device="cpu", checkpoint_seconds=1e9)


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    rng, path = random.Random(0), tmp_path_factory.mktemp("files") / "rows.jsonl"
    words = "the town has a river and some old houses near it".split()
    with open(path, "w", encoding="utf-8") as file:
        for i in range(160):
            good, bad = (" ".join(rng.choices(words, k=rng.randint(2, 8))) for _ in "ab")
            row = {"prompt": f"Tell me about it, {i % 40}.", "chosen": f"Thanks, {good}", "rejected": bad}
            file.write(json.dumps(row) + "\n")
    return Given((path,))


@pytest.fixture(scope="module")
def taught(school: School, given: Given, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return dpo.run(CONFIG, {"model": school["model"]}, given, tmp_path_factory.mktemp("dpo") / "dpo", how())


def test_it_prefers_what_the_person_did_and_says_how_far_it_went(taught: Artifact, school: School) -> None:
    evals = taught.json("evals.json")
    assert taught.kind == "model" and taught.parents == {"model": school["model"].id}
    assert evals["accuracy"]["low"] > 0.8
    assert evals["margin"]["low"] > 0
    assert evals["reward_of_chosen"]["value"] > evals["reward_of_rejected"]["value"]
    assert evals["distance"]["kl"]["value"] > 0 and evals["distance"]["kl"]["n"] == CONFIG.samples
    lines = [json.loads(line) for line in taught.file("metrics.jsonl").read_text().splitlines()]
    looks = [line["heldout_accuracy"] for line in lines if "heldout_accuracy" in line]
    assert len(looks) >= 3 and looks[-1] > 0.8
    load_model(taught.path, torch.device("cpu"))


def test_a_stopped_run_goes_on_to_the_same_bits_and_asks_the_reference_once(
    taught: Artifact, school: School, given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    plain = reference.all_logprobs

    def counted(*arguments: object) -> object:
        asked.append(1)
        return plain(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(reference, "all_logprobs", counted)
    stopping, look = how(), dpo.Heldout.look

    def stops(self: dpo.Heldout, model: object) -> dict[str, float]:
        stopping.stop.request("the test")
        return look(self, model)  # type: ignore[arg-type]

    inputs = {"model": school["model"]}
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr(dpo.Heldout, "look", stops)
        dpo.run(CONFIG, inputs, given, tmp_path / "dpo", stopping)
    found = dpo.run(CONFIG, inputs, given, tmp_path / "dpo", how())
    assert len(asked) == 2, "once for each side of the split"
    first, second = (load_file(a.path / "model.safetensors") for a in (taught, found))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert found.id == taught.id


def test_a_split_with_an_empty_side_is_refused(school: School, tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"prompt": "a", "chosen": "b", "rejected": "c"}\n', encoding="utf-8")
    with pytest.raises(UsageError):
        dpo.run(CONFIG, {"model": school["model"]}, Given((path,)), tmp_path / "dpo", how())
