"""Conversations of one's own, from files to a sealed model: counted, learned, the best kept, the same after a stop."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from trivium.cli.app import answer
from trivium.ground.artifact import Artifact
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.journey.record import open_node
from trivium.model.config import LoraConfig, OptimizerConfig
from trivium.model.folder import load_model
from trivium.model.lora import load_adapter
from trivium.stages.sft import gather, teach
from trivium.stages.sft.config import GatherConfig, TeachConfig
from trivium.stages.sft.lessons import Renderer
from trivium.text.tokenizer import Tokenizer
from trivium.train.schedule import ScheduleConfig

HOW = How(progress=False, threads=1, device="cpu")
School = dict[str, Artifact]
FRUIT = ("apple", "pear", "plum", "fig", "lime", "peach", "grape", "melon")
RATES = OptimizerConfig(muon_lr=0.01, embed_lr=0.01, head_lr=0.005)


def talk(asked: str, said: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}


def write(path: Path, rows: list[Any]) -> str:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder, rng = tmp_path_factory.mktemp("data"), random.Random(0)
    kinds = [talk(f"What is {rng.choice(FRUIT)} number {i}?", "It is a fruit.") for i in range(60)]
    long = talk("Tell me all.", "word " * 400)
    bad = [
        "{oops",
        {"messages": [{"role": "user", "content": "Hello"}]},
        talk("what is it", "A"),
        talk("What is it?", "a."),
    ]
    colours = [talk(f"Which colour has the {rng.choice(FRUIT)} of day {i}?", "Green, I think.") for i in range(40)]
    return write(folder / "kinds.jsonl", [*kinds, *bad, long]), write(folder / "colours.jsonl", colours)


@pytest.fixture(scope="module")
def gathered(data: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    config = GatherConfig(data=(f"{data[0]}:0.5", data[1]), heldout=0.1)
    return gather.run(config, {}, tmp_path_factory.mktemp("gather") / "conversations", HOW)


def config_of(school: School, **changes: Any) -> TeachConfig:
    some = {
        "start": str(school["model"].path),
        "rows": 2,
        "row_tokens": 96,
        "optimizer": RATES,
        "samples": 2,
        "epochs": 2,
    }
    return TeachConfig(**{**some, **changes})


def test_every_row_is_kept_or_has_its_reason(gathered: Artifact) -> None:
    first, second = gathered.json("account.json")["sources"]
    assert first["dropped"] == {"bad_json": 1, "duplicate": 1, "no_assistant": 1}
    assert first["read"] == 65 == first["kept"] + sum(first["dropped"].values())
    assert (second["read"], second["kept"], second["dropped"]) == (40, 40, {})
    assert (first["weight"], second["weight"]) == (0.5, 1.0)
    assert first["named"][0].startswith("kinds.jsonl:61: ")
    train, heldout = (list(read_jsonl(gathered.file(f"{name}.jsonl"))) for name in ("train", "heldout"))
    assert len(train) + len(heldout) == 102
    assert len(heldout) == first["heldout"] + second["heldout"] > 2
    assert not {r["messages"][0]["content"] for r in train} & {r["messages"][0]["content"] for r in heldout}


def test_what_shares_words_with_a_test_set_goes(data: tuple[str, str], tmp_path: Path) -> None:
    item = json.loads(Path(data[1]).read_text().splitlines()[3])["messages"][0]["content"]
    tests = write(tmp_path / "exam.jsonl", [{"question": item}])
    config = GatherConfig(data=(data[1],), test_sets=(tests,), test_ngram=8)
    found = gather.run(config, {}, tmp_path / "conversations", HOW)
    assert found.json("account.json")["sources"][0]["dropped"] == {"in_exam": 1}
    assert found.id != gather.label_of(dataclasses.replace(config, test_sets=()), {}).id


def test_what_cannot_be_meant_is_said(data: tuple[str, str], school: School, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"kinds\.jsonl:61"):
        gather.run(GatherConfig(data=(data[0],), bad="stop"), {}, tmp_path / "a", HOW)
    with pytest.raises(UsageError, match="weight"):
        gather.label_of(GatherConfig(data=(f"{data[0]}:0",)), {})
    with pytest.raises(UsageError, match=r"Nothing is left of none\.jsonl"):
        gather.run(GatherConfig(data=(write(tmp_path / "none.jsonl", ["x"]),)), {}, tmp_path / "b", HOW)
    some = gather.run(GatherConfig(data=(data[1],)), {}, tmp_path / "c", HOW)
    with pytest.raises(UsageError, match="the model reads 1024"):
        teach.run(config_of(school, row_tokens=2048), {"conversations": some}, tmp_path / "d", HOW)
    with pytest.raises(UsageError, match="No conversation can be taught"):
        teach.run(config_of(school, row_tokens=8), {"conversations": some}, tmp_path / "e", HOW)


def test_it_learns_and_counts(school: School, gathered: Artifact, tmp_path: Path) -> None:
    config = config_of(school)
    found = teach.run(config, {"conversations": gathered}, tmp_path / "sft", HOW)
    assert found.id == teach.label_of(config, {"conversations": gathered}).id
    evals = found.json("evals.json")
    assert set(evals["heldout_loss"]) == {"all", "kinds", "colours"}
    assert all(loss["after"] < 0.8 * loss["before"] for loss in evals["heldout_loss"].values())
    counts = evals["train"]["counts"]
    assert counts["read"] == counts["taken"] + counts["too_long"]
    assert counts["too_long"] + evals["heldout"]["counts"].get("too_long", 0) == 1
    samples = found.json("samples.json")
    assert {sample["source"] for sample in samples} == {"kinds", "colours"}
    assert all(sample["before"] != sample["text"] for sample in samples)
    records = list(read_jsonl(found.file("metrics.jsonl")))
    assert sum("heldout_loss" in record for record in records) == config.evaluations
    load_model(found.path, torch.device("cpu"))


@pytest.mark.parametrize("rank", [0, 4])
def test_stopped_and_continued_it_is_the_same_model(
    rank: int, school: School, gathered: Artifact, tmp_path: Path, in_parts: Callable[..., Artifact]
) -> None:
    """With noise, and with rates so high to the end that the last weights are seldom the best."""
    config = config_of(
        school,
        lora=LoraConfig(rank=rank, lr=0.05),
        neftune=5.0,
        evaluations=9,
        optimizer=OptimizerConfig(muon_lr=0.2, embed_lr=0.2, head_lr=0.2),
        schedule=ScheduleConfig(warmup=0.0, decay=0.0, floor=1.0),
        samples=0,
    )
    whole = teach.run(config, {"conversations": gathered}, tmp_path / "whole", HOW)
    again = in_parts(teach, config, {"conversations": gathered}, tmp_path / "parts", (4, 9))
    same = [name for name in whole.manifest["files"] if name != "metrics.jsonl"]
    assert {n: again.manifest["files"][n] for n in same} == {n: whole.manifest["files"][n] for n in same}
    measured = {r["step"]: r["heldout_loss"] for r in read_jsonl(whole.file("metrics.jsonl")) if "heldout_loss" in r}
    facts = whole.manifest["facts"]
    assert (
        facts["best_step"]
        == min(measured, key=lambda step: (measured[step], step))
        == again.manifest["facts"]["best_step"]
    )
    after = whole.json("evals.json")["heldout_loss"]["all"]["after"]
    near = 0.01 if rank else 1e-4  # adapters are merged: in bf16 the sum rounds otherwise
    assert abs(after - min(measured.values())) < near, "what is sealed are the best weights"


def test_the_adapter_beside_the_model_is_what_was_learned(school: School, gathered: Artifact, tmp_path: Path) -> None:
    config = config_of(school, lora=LoraConfig(rank=4, lr=0.02), epochs=1)
    found = teach.run(config, {"conversations": gathered}, tmp_path / "sft", HOW)
    assert found.json("evals.json")["heldout_loss"]["all"]["after"] < 3.5
    merged, base = (load_model(path, torch.device("cpu")) for path in (found.path, school["model"].path))
    load_adapter(found.path / "adapter", base)
    row = torch.arange(60)[None]
    with torch.no_grad():
        torch.testing.assert_close(base(row), merged(row), atol=1e-5, rtol=0)
    frozen = school["model"].path
    for name in ("embed_tokens.weight", "lm_head.weight"):
        assert torch.equal(merged.state_dict()[name], load_model(frozen, torch.device("cpu")).state_dict()[name])


def test_what_is_longer_than_a_row_loses_whole_turns_or_goes(school: School) -> None:
    tokenizer = Tokenizer.open(school["model"].path)
    turns = [m for i in range(4) for m in talk(f"Question {i}?", "word " * 12)["messages"]]
    record = {"source": "long", "messages": turns, "place": "long.jsonl:1"}
    room = len(Renderer(tokenizer, 10_000, "drop").all([record]).examples["long"][0].ids) // 2
    dropped = Renderer(tokenizer, room, "drop").all([record])
    assert dropped.counts == {"read": 1, "too_long": 1}
    assert "long.jsonl:1" in dropped.named[0]
    cut = Renderer(tokenizer, room, "turns").all([record])
    assert cut.counts == {"read": 1, "taken": 1, "shortened": 1}
    (example,) = cut.examples["long"]
    assert len(example.ids) <= room + 1
    assert tokenizer.decode(example.ids).endswith("word <|im_end|>\n"), "an answer is never cut"
    assert tokenizer.decode(example.ids).count("Question") in (1, 2)
    none = Renderer(tokenizer, 8, "turns").all([record])
    assert none.counts == {"read": 1, "too_long": 1}


def test_the_command_teaches_a_model_files_and_says_what_went(
    school: School, data: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine"
    line = ["sft", str(school["model"].path), "--data", f"{data[0]}:0.5", data[1], "--out", str(out), "--lora", "2"]
    more = ["--sft.row-tokens", "96", "--sft.samples", "1", "--sft.epochs", "1", "--threads", "1", "--no-progress"]
    assert answer([*line, *more]) == 0
    said = capsys.readouterr().out
    assert "kinds.jsonl:61" in said and "held-out loss" in said and "too long 1" in said
    model = open_node(out, "sft", "model")
    assert model.has("adapter/adapter_config.json")
    assert answer([*line, *more]) == 0
    assert "up to date" in capsys.readouterr().out


def test_two_guidelines_make_two_assistants_and_one_table(
    school: School, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "two"
    line = ["sft", str(school["model"].path), "--guideline", "engineer", "teacher", "--out", str(out)]
    few = ["--conversations-a.conversations", "240", "--conversations-b.conversations", "240"]
    fast = ["--sft.samples", "0", "--sft.evaluations", "1", "--sft.row-tokens", "128", "--sft.epochs", "2"]
    rates = ["--sft.optimizer.muon-lr", "0.01", "--sft.optimizer.embed-lr", "0.01", "--sft.optimizer.head-lr", "0.005"]
    less = ["--manners.questions", "20", "--manners.longest", "40", "--threads", "1", "--no-progress"]
    assert answer([*line, *few, *fast, *rates, *less]) == 0
    said = capsys.readouterr().out
    assert "Bolt" in said and "Willow" in said and "How they behave" in said
    found = open_node(out, "manners").json("manners.json")
    assert found["models"] == ["Bolt", "Willow"]
    words = found["table"]["words in an everyday reply"]
    assert words["Bolt"]["value"] < words["Willow"]["value"] and words["difference"]["high"] < 0
    starts = {name: open_node(out, name, "model").manifest["fingerprints"] for name in ("sft-a", "sft-b")}
    assert starts["sft-a"] == starts["sft-b"] == {"start": school["model"].id}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["sft", "somewhere"], "What is somewhere to be taught?"),
        (["sft", "--data", "a.jsonl"], "Which model is to be taught?"),
        (["sft", "--lora", "4"], "--lora is for conversations of your own"),
        (["sft", "nowhere", "--data", "a.jsonl"], "nowhere"),
        (["sft", "nowhere", "--guideline", "a", "b", "c"], "nowhere"),
    ],
)
def test_what_does_not_fit_together_is_said(line: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer(line) in (2, 3)
    assert said in capsys.readouterr().err
