"""llama.cpp runs what is exported and says the same: every shape and tokenizer, by ids, by text, by chat template."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from llamacpp import LlamaCpp

from trivium.generate.engine import Engine, Request
from trivium.generate.talk import document
from trivium.ground.artifact import Artifact
from trivium.ground.errors import UsageError
from trivium.model.folder import load_model
from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train
from trivium.stages.weights.config import ImportConfig
from trivium.stages.weights.export import to_gguf
from trivium.stages.weights.run import run
from trivium.text.chat import prompt
from trivium.text.presplit import SPLITS, name_of
from trivium.text.tokenizer import CHECK_TEXTS, Tokenizer

pytest.importorskip("xllamacpp", reason="xllamacpp (llama.cpp) is not installed")
CPU, COUNT = torch.device("cpu"), 24
NAMES = ["llama, tied", "llama 3.1", "llama, biases", "llama, linear", "qwen2", "qwen3"]
TEXTS = [
    "The town school taught",
    "348 × 619 = ",
    "naïve café, Zürich\n\n",
    "Don't they'll WE'RE",
    "你好，世界。",
    "  two  spaces",
]


def same_words(model: Artifact, path: Path) -> None:
    """Greedy ids and logits of both, after ids and after texts that each side cuts for itself."""
    tokenizer, transformer = Tokenizer.open(model.path), load_model(model.path, CPU)
    theirs = LlamaCpp(path)
    for text in TEXTS:
        ids = document(tokenizer, text)
        ours = Engine(transformer).run([Request(ids, COUNT, stop=tokenizer.stops)])[0].ids
        said, steps = theirs.complete(ids, COUNT, top=5)
        found = [max(step, key=lambda index: step[index]) for step in steps]
        kept = [index for index in ours if index not in tokenizer.stops]
        assert found[: len(kept)] == kept
        assert all(index in tokenizer.stops for index in found[len(kept) :]), (ours, found)
        with torch.no_grad():
            whole = torch.tensor([[*ids, *kept]])
            logprobs = torch.log_softmax(transformer.logits(transformer(whole))[0], -1)[len(ids) - 1 :]
        for step, row in zip(steps, logprobs, strict=False):
            assert all(abs(float(row[index]) - logprob) < 2e-3 for index, logprob in step.items())
        again, _ = theirs.complete(text, COUNT)
        assert again == said, "its own cutting of the text gives the same"


@pytest.mark.parametrize("name", NAMES)
def test_an_imported_model_says_the_same_there(name: str, foreign: Callable[[str], Path], tmp_path: Path) -> None:
    model = run(ImportConfig(), foreign(name), tmp_path / "in")
    same_words(model, to_gguf(model, tmp_path / "a.gguf"))


@pytest.mark.parametrize("pattern", ["qwen2", "llama3"])
@pytest.mark.parametrize("stage", ["pretrain", "sft"])
def test_a_model_of_ours_says_the_same_there(
    pattern: str, stage: str, own: Callable[..., Artifact], tmp_path: Path
) -> None:
    tokenizer = train(
        [Path(__file__).read_text(encoding="utf-8"), *CHECK_TEXTS], TokenizerConfig(vocabulary=500, pattern=pattern)
    )
    model = own(stage, tokenizer, num_key_value_heads=2)
    path = to_gguf(model, tmp_path / "a.gguf")
    if stage == "pretrain":
        same_words(model, path)
    transformer = load_model(model.path, CPU)
    talk = [{"role": "user", "content": "Where is the school?"}]
    ours = Engine(transformer).run([Request(prompt(tokenizer, talk), COUNT, stop=tokenizer.stops)])[0].ids
    if stage == "sft":
        said, _ = LlamaCpp(path).complete(prompt(tokenizer, talk), COUNT)
        text, _ = LlamaCpp(path).complete(
            "<|im_start|>user\nWhere is the school?<|im_end|>\n<|im_start|>assistant\n", COUNT
        )
        assert said == text
        assert said.encode() == tokenizer.decode([i for i in ours if i not in tokenizer.stops]).encode()


def test_a_way_of_cutting_that_llama_cpp_lacks_is_refused(own: Callable[..., Artifact], tmp_path: Path) -> None:
    tokenizer = Tokenizer({bytes([i]): i for i in range(256)}, "nanochat")
    with pytest.raises(UsageError, match="nanochat"):
        to_gguf(own("sft", tokenizer), tmp_path / "a.gguf")
    assert not (tmp_path / "a.gguf").exists()
    assert name_of({"pre_tokenizer": {"type": "Whitespace"}}) is None
    assert name_of({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False}}) == "gpt-2"
    assert {"qwen2", "llama-bpe", "smollm"} <= set(SPLITS)
