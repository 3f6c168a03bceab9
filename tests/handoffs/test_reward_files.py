"""Judges from files of comparisons on a chat model of ours: sealed, opened by others with equal scores, resumed."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch

from trivium.evals.preferences.judging import Judge
from trivium.ground.artifact import Artifact
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.stages.reward.config import FitConfig
from trivium.stages.reward.fit import run
from trivium.text.preferences.given import Given

HOW = How(progress=False, threads=1, device="cpu")
CONFIG = FitConfig(batch=16, row_tokens=128, heldout=0.25)
School = dict[str, Artifact]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Given:
    """A person who likes thanks, and with whom every seventh pair is a tie."""
    rng, path = random.Random(0), tmp_path_factory.mktemp("files") / "rows.jsonl"
    words = "the town has a river and some old houses near it".split()
    with open(path, "w", encoding="utf-8") as file:
        for i in range(240):
            good, bad = (" ".join(rng.choices(words, k=rng.randint(2, 8))) for _ in "ab")
            row = {
                "prompt": f"Tell me about {rng.choice(words)} {i % 60}.",
                "chosen": f"{good} thanks",
                "rejected": bad,
            }
            file.write(json.dumps(row | {"tie": i % 7 == 0}) + "\n")
        file.write('{"prompt": "x"}\n')
    return Given((path,))


@pytest.fixture(scope="module")
def judge(school: School, given: Given, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return run(CONFIG, {"model": school["model"]}, given, tmp_path_factory.mktemp("judge") / "judge", HOW)


def test_what_is_sealed(judge: Artifact, school: School) -> None:
    evals = judge.json("evals.json")
    assert judge.kind == "reward" and judge.parents == {"model": school["model"].id}
    assert evals["files"]["dropped"] == {
        "no chosen": {"rows": 1, "first": [evals["files"]["dropped"]["no chosen"]["first"][0]]}
    }
    assert evals["comparisons"]["train"] + evals["comparisons"]["heldout"] == evals["files"]["comparisons"] == 240
    assert evals["pairs"] + evals["ties"] == evals["comparisons"]["heldout"]
    assert {"accuracy", "length_alone", "calibration", "length_bias", "by_margin", "margin_of_ties"} <= set(evals)


def test_it_is_given_back_when_nothing_changed_and_replaces_nothing_else(
    judge: Artifact, school: School, given: Given
) -> None:
    inputs = {"model": school["model"]}
    assert run(CONFIG, inputs, given, judge.path, HOW).manifest == judge.manifest
    with pytest.raises(UsageError, match="something else"):
        run(CONFIG, inputs, given, school["model"].path, HOW)
    with pytest.raises(UsageError, match="not there"):
        run(CONFIG, inputs, Given((Path("no-such.jsonl"),)), judge.path, HOW)


def test_transformers_opens_it_with_the_same_scores(judge: Artifact) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    theirs = AutoModelForSequenceClassification.from_pretrained(judge.path, dtype=torch.float32).eval()
    words = AutoTokenizer.from_pretrained(judge.path)
    asked, said = ["Hello", "Tell me about it."] * 4, ["Thanks", "the town", "a river thanks", "no"] * 2
    texts = [
        words.apply_chat_template(
            [{"role": "user", "content": a}, {"role": "assistant", "content": b}], tokenize=False
        ).removesuffix("\n")
        for a, b in zip(asked, said, strict=True)
    ]
    batch = words(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        found = theirs(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, 0]
    mine = Judge.open(judge.path, torch.device("cpu"))(asked, said)
    assert found.std() > 0.01
    torch.testing.assert_close(found.double(), torch.from_numpy(mine), atol=1e-4, rtol=0)


def test_test_files_take_their_prompts_out_of_what_is_learned(school: School, given: Given, tmp_path: Path) -> None:
    rows = list(read_jsonl(given.comparisons[0]))
    test = tmp_path / "test.jsonl"
    test.write_text("".join(json.dumps(row) + "\n" for row in rows[:8]), encoding="utf-8")
    config = FitConfig(batch=64, row_tokens=128, heldout=0.0, layers=1)
    found = run(config, {"model": school["model"]}, Given(given.comparisons, (test,)), tmp_path / "judge", HOW)
    evals = found.json("evals.json")
    same = sum(row["prompt"] in {r["prompt"] for r in rows[:8]} for row in rows[:240])
    assert evals["comparisons"] == {"train": 240 - same, "heldout": 8}
    assert evals["files"]["dropped"]["its prompt is in the test files"]["rows"] == same
    assert found.json("config.json")["num_hidden_layers"] == 1
