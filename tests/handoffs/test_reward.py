"""The reward stage on a chat model that SFT really made: what is sealed, who can open it, that it goes on exactly."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from trivium.ground.artifact import Artifact
from trivium.ground.errors import ArtifactError, Stopped
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.model.config import OptimizerConfig
from trivium.model.reward import load_reward
from trivium.stages.reward import run as reward
from trivium.stages.reward.config import RewardConfig
from trivium.stages.reward.learning import conversation, score_all
from trivium.stages.sft import run as sft
from trivium.stages.sft.config import MixConfig, SftConfig
from trivium.text.tokenizer import Tokenizer
from trivium.town.taste import prefer

HOW = How(progress=False, threads=1, device="cpu")
CONFIG = RewardConfig(prompts=60, samples=4, best_of=4, max_new=24, pairs=3, batch=8)
FILES = {
    "config.json",
        "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocabulary.tiktoken",
    "comparisons.jsonl", "metrics.jsonl", "evals.json",
}  # fmt: skip
RATES = OptimizerConfig(muon_lr=0.01, embed_lr=0.01, head_lr=0.005)
School = dict[str, Artifact]


@pytest.fixture(scope="module")
def inputs(school: School, tmp_path_factory: pytest.TempPathFactory) -> School:
    mix = MixConfig(identity=60, style=240, addition=(), comparison=0, tally=0, counting=0)
    read = {name: school[name] for name in ("model", "town")}
    chat = sft.run(
        SftConfig(mix=mix, epochs=6, rows=4, optimizer=RATES), read, tmp_path_factory.mktemp("sft") / "sft", HOW
    )
    return {"model": chat, "town": school["town"]}


@pytest.fixture(scope="module")
def judge(inputs: School, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return reward.run(CONFIG, inputs, tmp_path_factory.mktemp("reward") / "reward", HOW)


def test_what_is_sealed(inputs: School, judge: Artifact) -> None:
    assert (judge.kind, judge.id) == ("reward", reward.label_of(CONFIG, inputs).id)
    assert set(judge.manifest["files"]) == FILES
    assert not judge.path.with_name("reward.work").exists()
    steps = judge.manifest["facts"]["steps"]
    assert [record["step"] for record in read_jsonl(judge.file("metrics.jsonl"))] == list(range(1, steps + 1))


def test_comparisons_are_the_persons_verdicts_in_the_form_that_others_read(judge: Artifact) -> None:
    lines = list(read_jsonl(judge.file("comparisons.jsonl")))
    prompts: dict[str, set[str]] = {"train": set(), "heldout": set()}
    for line in lines:
        assert set(line) == {"prompt", "chosen", "rejected", "split"}
        (asked,), (good,), (bad,) = line["prompt"], line["chosen"], line["rejected"]
        assert (asked["role"], good["role"], bad["role"]) == ("user", "assistant", "assistant")
        assert prefer(asked["content"], good["content"], bad["content"], CONFIG.margin) == 0
        prompts[line["split"]].add(asked["content"])
    assert not prompts["train"] & prompts["heldout"]
    evals = judge.json("evals.json")
    assert evals["comparisons"] == {s: sum(x["split"] == s for x in lines) for s in ("train", "heldout")}
    assert evals["accuracy"]["n"] == evals["length_alone"]["n"] == evals["comparisons"]["heldout"]


def test_its_figures_hang_together(judge: Artifact) -> None:
    evals = judge.json("evals.json")
    rows = evals["best_of_n"]
    assert [row["n"] for row in rows] == [1, 2, 4]
    assert rows[0]["gold"] == rows[0]["true_best"], "of one answer there is no choice"
    for row in rows:
        assert row["gold"]["n"] == evals["prompts"]["heldout"]
        assert row["gold"]["value"] <= row["true_best"]["value"] + 1e-9
    opinions = [row["proxy"]["value"] for row in rows]
    assert opinions == sorted(opinions), "of more answers the best by its own opinion is no worse"
    assert sum(row["accuracy"]["n"] for row in evals["calibration"]["bins"]) == evals["accuracy"]["n"]


def test_transformers_opens_it_as_a_classifier_with_the_same_scores(judge: Artifact) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    theirs = AutoModelForSequenceClassification.from_pretrained(judge.path, dtype=torch.float32).eval()
    words = AutoTokenizer.from_pretrained(judge.path)
    tokenizer, model = Tokenizer.open(judge.path), load_reward(judge.path, torch.device("cpu"))
    lines = list(read_jsonl(judge.file("comparisons.jsonl")))[:10]
    texts = [(x["prompt"][0]["content"], x[side][0]["content"]) for x in lines for side in ("chosen", "rejected")]
    rendered = [
        words.apply_chat_template(x["prompt"] + x[side], tokenize=False).removesuffix("\n")
        for x in lines for side in ("chosen", "rejected")
    ]  # fmt: skip
    batch = words(rendered, padding=True, return_tensors="pt")
    for row, text in zip(batch["input_ids"].tolist(), texts, strict=True):
        ids = conversation(tokenizer, *text)
        assert row[: len(ids)] == ids
        assert set(row[len(ids) :]) <= {tokenizer.end_of_text}
    with torch.no_grad():
        found = theirs(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0]
    assert found.std() > 0.01
    torch.testing.assert_close(found, torch.tensor(score_all(model, tokenizer, texts)), atol=1e-4, rtol=0)


def test_stopped_and_continued_it_is_the_same_judge(
    inputs: School, judge: Artifact, tmp_path: Path, in_parts: Callable[..., Artifact]
) -> None:
    again = in_parts(reward, CONFIG, inputs, tmp_path / "reward", (1, 7))
    same = FILES - {"metrics.jsonl"}
    assert {name: again.manifest["files"][name] for name in same} == {
        name: judge.manifest["files"][name] for name in same
    }


def test_stopped_when_answers_are_drawn_it_keeps_them_for_this_config_alone(
    inputs: School, judge: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = How(progress=False, threads=1, device="cpu")
    how.stop.request("a test")
    with pytest.raises(Stopped, match="after the answers"):
        reward.run(CONFIG, inputs, tmp_path / "reward", how)
    other = dataclasses.replace(CONFIG, seed=1)
    with pytest.raises(Stopped, match="after the answers"):
        reward.run(other, inputs, tmp_path / "reward", how)
    monkeypatch.setattr(reward, "draw_answers", None)
    again = reward.run(CONFIG, inputs, tmp_path / "reward", HOW)
    weights = "model.safetensors"
    assert again.manifest["files"][weights] == judge.manifest["files"][weights]


def test_answers_that_are_all_alike_are_an_error_with_a_mend(
    inputs: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alike(*_args: Any) -> list[Any]:
        return [reward.Answered(f"prompt {i}", i % 2 == 0, ("Hello!", "Hello!")) for i in range(4)]

    monkeypatch.setattr(reward, "draw_answers", alike)
    with pytest.raises(ArtifactError, match=r"no training comparison.*--temperature") as caught:
        reward.run(dataclasses.replace(CONFIG, best_of=2), inputs, tmp_path / "reward", HOW)
    assert caught.value.exit_code == 3
