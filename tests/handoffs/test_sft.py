"""SFT on a real base model and its real audit: what is sealed, who can open it, that it goes on where it stopped."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from trivium.ground.artifact import Artifact
from trivium.ground.errors import Stopped
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.model.config import OptimizerConfig
from trivium.model.folder import load_model
from trivium.stages.sft import run as sft
from trivium.stages.sft.config import MixConfig, SftConfig
from trivium.stages.sft.run import SAMPLE_PROMPTS, example
from trivium.text.tokenizer import Tokenizer
from trivium.town.world import Town

HOW = How(progress=False, threads=1, device="cpu")
CONFIG = SftConfig(
    mix=MixConfig(identity=30, style=60, addition=(20, 20), comparison=6, tally=6, counting=6), epochs=2, rows=4,
    heldout=0.1, optimizer=OptimizerConfig(muon_lr=0.01, embed_lr=0.01, head_lr=0.005),
)  # fmt: skip
FILES = {
    "config.json",
        "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocabulary.tiktoken",
    "conversations.jsonl", "metrics.jsonl", "samples.json", "evals.json",
}  # fmt: skip
School = dict[str, Artifact]


def inputs(school: School) -> School:
    return {name: school[name] for name in ("model", "town", "audit")}


@pytest.fixture(scope="module")
def chat(school: School, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return sft.run(CONFIG, inputs(school), tmp_path_factory.mktemp("sft") / "sft", HOW)


def test_what_is_sealed(school: School, chat: Artifact) -> None:
    label = sft.label_of(CONFIG, inputs(school))
    assert (chat.kind, chat.id) == ("model", label.id)
    assert set(chat.manifest["files"]) == FILES
    assert not chat.path.with_name("sft.work").exists()
    records = list(read_jsonl(chat.file("metrics.jsonl")))
    facts = chat.manifest["facts"]
    assert facts["steps"] == len(records) == records[-1]["step"]
    assert facts["conversations"] == sum(1 for _ in read_jsonl(chat.file("conversations.jsonl")))
    assert [sample["prompt"] for sample in chat.json("samples.json")] == list(SAMPLE_PROMPTS)


def test_it_learns_what_it_is_shown(chat: Artifact) -> None:
    losses = chat.json("evals.json")["heldout_loss"]
    assert losses["all"]["after"] < 0.85 * losses["all"]["before"]
    assert all(loss["after"] < loss["before"] for loss in losses.values())


def test_every_conversation_of_the_audit_is_taught_and_nothing_of_the_test(school: School, chat: Artifact) -> None:
    taught = list(read_jsonl(chat.file("conversations.jsonl")))
    audited = list(read_jsonl(school["audit"].file("refusals.jsonl")))
    assert audited
    for line in audited:
        assert {"kind": line["kind"], "messages": line["messages"]} in taught
    town = Town.from_json(school["town"].json("town.json"))
    text = " ".join(message["content"] for record in taught for message in record["messages"])
    assert not [person.name for person in town.people if person.split == "test" and person.name in text]
    assert any(person.name in text for person in town.group("stranger"))


def test_only_the_assistant_is_imitated(chat: Artifact) -> None:
    tokenizer = Tokenizer.open(chat.path)
    for record in read_jsonl(chat.file("conversations.jsonl")):
        found = example(tokenizer, record, CONFIG.row_tokens)
        text = tokenizer.decode([i for i, weight in zip(found.ids, found.weights, strict=True) if weight])
        wanted = ""
        for message in record["messages"]:
            if message["role"] == "assistant":
                thought = message.get("reasoning_content")
                wanted += f"<think>{thought}</think>" if thought is not None else ""
                wanted += f"{message['content']}<|im_end|>"
        assert text == wanted


def test_transformers_opens_it_with_the_same_logits_and_the_same_prompt(chat: Artifact) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from trivium.text.chat import prompt

    theirs = AutoModelForCausalLM.from_pretrained(chat.path, dtype=torch.float32).eval()
    messages = [{"role": "user", "content": "Who are you?"}]
    ids = AutoTokenizer.from_pretrained(chat.path).apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False
    )
    assert list(ids) == prompt(Tokenizer.open(chat.path), messages)
    model = load_model(chat.path, torch.device("cpu"))
    row = torch.tensor([ids])
    with torch.no_grad():
        torch.testing.assert_close(model.logits(model(row)), theirs(row).logits, atol=1e-4, rtol=0)


def test_stopped_and_continued_it_is_the_same_model(
    school: School, chat: Artifact, tmp_path: Path, in_parts: Callable[..., Artifact]
) -> None:
    again = in_parts(sft, CONFIG, inputs(school), tmp_path / "sft", (2, 9))
    same = FILES - {"metrics.jsonl"}
    assert {name: again.manifest["files"][name] for name in same} == {
        name: chat.manifest["files"][name] for name in same
    }
    assert again.manifest["facts"] == chat.manifest["facts"]
    losses = [[r["loss"] for r in read_jsonl(one.file("metrics.jsonl"))] for one in (chat, again)]
    assert losses[0] == losses[1]


def test_the_controls_differ_in_refusals_alone(school: School, chat: Artifact, tmp_path: Path) -> None:
    def kinds(artifact: Artifact) -> Counter[str]:
        return Counter(record["kind"] for record in read_jsonl(artifact.file("conversations.jsonl")))

    plain = sft.run(dataclasses.replace(CONFIG, refusals="none"), inputs(school), tmp_path / "plain", HOW)
    dealt = sft.run(dataclasses.replace(CONFIG, refusals="shuffled"), inputs(school), tmp_path / "dealt", HOW)
    whole = kinds(chat)
    assert whole["refusal"] > 0
    assert kinds(plain) == Counter({kind: count for kind, count in whole.items() if kind != "refusal"})
    assert kinds(dealt) == whole
    assert len({plain.id, dealt.id, chat.id}) == 3


def test_without_an_audit_it_teaches_manners_and_tasks(school: School, tmp_path: Path) -> None:
    some = {name: school[name] for name in ("model", "town")}
    config = dataclasses.replace(CONFIG, epochs=1, mix=MixConfig(identity=10, style=20, addition=(5,), comparison=0,
                                                                 tally=0, counting=0))  # fmt: skip
    found = sft.run(config, some, tmp_path / "sft", HOW)
    assert set(found.json("evals.json")["conversations"]) == {"identity", "style", "addition"}


def test_a_stop_seals_nothing(school: School, tmp_path: Path) -> None:
    how = How(progress=False, threads=1, device="cpu")
    how.stop.request("a test")
    with pytest.raises(Stopped):
        sft.run(CONFIG, inputs(school), tmp_path / "sft", how)
    assert not (tmp_path / "sft").exists()
