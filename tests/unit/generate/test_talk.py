"""Words in, words out: the prompt that is sent, what comes back, and a stream that says the same as one go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from trivium.generate.engine import Engine, Request
from trivium.generate.talk import answer, ask, continue_text, stream
from trivium.model.config import ModelConfig
from trivium.model.transformer import Transformer
from trivium.text.chat import prompt
from trivium.text.tokenizer import Tokenizer

Scripted = Callable[[Callable[[str, Request], str]], Any]


def test_answers_are_read_as_replies(byte_tokenizer: Tokenizer, scripted: Scripted) -> None:
    engine = scripted(lambda text, _: "<think>2+3</think>5<|im_end|>" if "2+3" in text else "Hello")
    replies = answer(engine, byte_tokenizer, ask(["What is 2+3?", "Hi"]))
    assert [(r.thinking, r.content, r.closed) for r in replies] == [("2+3", "5", True), (None, "Hello", False)]
    assert engine.prompts[0] == "<|im_start|>user\nWhat is 2+3?<|im_end|>\n<|im_start|>assistant\n"


def test_thinking_is_opened_or_forbidden_in_the_prompt(byte_tokenizer: Tokenizer, scripted: Scripted) -> None:
    engine = scripted(lambda _text, _request: "so</think>5<|im_end|>")
    assert answer(engine, byte_tokenizer, ask(["?"]), think=True)[0].thinking == "so"
    engine = scripted(lambda _text, _request: "5<|im_end|>")
    reply = answer(engine, byte_tokenizer, ask(["?"]), think=False)[0]
    assert (reply.thinking, reply.content) == ("", "5")
    assert engine.prompts[0].endswith("<think></think>")


def test_each_conversation_has_a_seed_of_its_own(byte_tokenizer: Tokenizer, scripted: Scripted) -> None:
    seeds = []
    engine = scripted(lambda _text, request: seeds.append(request.seed) or "x")
    for seed in (0, 1):
        answer(engine, byte_tokenizer, ask(["a", "a", "a"]), temperature=1.0, seed=seed)
    assert len(set(seeds)) == 6


def test_a_document_is_continued_after_the_end_of_the_one_before(byte_tokenizer: Tokenizer, scripted: Scripted) -> None:
    engine = scripted(lambda _text, _request: " mat.")
    assert continue_text(engine, byte_tokenizer, ["The cat sat on the"]) == [" mat."]
    assert engine.prompts == ["<|endoftext|>The cat sat on the"]


def test_a_stream_says_the_same_as_one_go() -> None:
    torch.set_num_threads(1)
    tokenizer = Tokenizer({bytes([i]): i for i in range(256)}, "qwen2")
    model = Transformer(
        ModelConfig(vocab_size=tokenizer.size, hidden_size=32, intermediate_size=32, num_hidden_layers=1,
                    num_attention_heads=2, num_key_value_heads=2, head_dim=16)
    )  # fmt: skip
    model.init_weights(torch.Generator().manual_seed(0))
    torch.nn.init.normal_(model.lm_head.weight, generator=torch.Generator().manual_seed(1))
    ids, engine = prompt(tokenizer, [{"role": "user", "content": "Hi"}]), Engine(model)
    request = Request(ids, 21, stop=(tokenizer.special["<|im_end|>"],))
    whole = engine.run([request])[0].ids
    assert [token for piece in stream(engine, request) for token in piece] == whole
    left = stream(engine, request)
    assert next(left) == whole[:1]
    left.close()
    assert (engine.live, engine.waiting) == (0, 0)
