from __future__ import annotations

from typing import Any

import pytest

from trivium.ground.errors import UsageError
from trivium.text.chat import Reply, parse, prompt, render
from trivium.text.tokenizer import Tokenizer

TALK: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "12+30?"},
    {"role": "assistant", "content": "42", "reasoning_content": "2+0=2; 1+3=4"},
    {"role": "user", "content": "Thanks"},
    {"role": "assistant", "content": "Welcome."},
]


def taught(tokenizer: Tokenizer, messages: list[dict[str, Any]]) -> str:
    rendered = render(tokenizer, messages)
    return tokenizer.decode([index for index, mask in zip(rendered.ids, rendered.mask, strict=True) if mask])


def test_the_wire_is_chatml(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode(render(tokenizer, TALK).ids) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n12+30?<|im_end|>\n"
        "<|im_start|>assistant\n<think>2+0=2; 1+3=4</think>42<|im_end|>\n"
        "<|im_start|>user\nThanks<|im_end|>\n<|im_start|>assistant\nWelcome.<|im_end|>\n"
    )


def test_only_the_assistants_words_are_taught(tokenizer: Tokenizer) -> None:
    assert taught(tokenizer, TALK) == "<think>2+0=2; 1+3=4</think>42<|im_end|>Welcome.<|im_end|>"
    assert taught(tokenizer, TALK[:2]) == ""


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ({"reasoning_content": ""}, "<think></think>7<|im_end|>"),
        ({"reasoning_content": None}, "7<|im_end|>"),
        ({"reasoning_content": "", "trainable_think": False}, "7<|im_end|>"),
        ({"reasoning_content": "3+4", "trainable_think": False}, "3+4</think>7<|im_end|>"),
        ({"trainable_think": False}, "7<|im_end|>"),
    ],
)
def test_what_the_prompt_gives_need_not_be_taught(tokenizer: Tokenizer, message: dict[str, Any], wanted: str) -> None:
    assert taught(tokenizer, [{"role": "assistant", "content": "7", **message}]) == wanted


@pytest.mark.parametrize(("think", "end"), [(None, ""), (True, "<think>"), (False, "<think></think>")])
def test_a_prompt_opens_the_assistants_turn(tokenizer: Tokenizer, think: bool | None, end: str) -> None:
    ids = prompt(tokenizer, TALK[:2], think)
    assert tokenizer.decode(ids).endswith("<|im_end|>\n<|im_start|>assistant\n" + end)
    thoughts = {None: {}, True: {"reasoning_content": "so"}, False: {"reasoning_content": ""}}[think]
    whole = render(tokenizer, [*TALK[:2], {"role": "assistant", "content": "42", **thoughts}]).ids
    assert whole[: len(ids)] == ids  # what is generated after a prompt is what was taught


@pytest.mark.parametrize(
    ("text", "think", "reply"),
    [
        ("42<|im_end|>", None, Reply(None, "42", True)),
        ("42<|im_end|>", False, Reply("", "42", True)),
        ("2+0</think>42<|im_end|>", True, Reply("2+0", "42", True)),
        ("<think>2+0</think>42<|im_end|>", None, Reply("2+0", "42", True)),
        ("<think></think>42", None, Reply("", "42", False)),
        ("2+0=2; 1+", True, Reply("2+0=2; 1+", "", False)),
        ("2+0<|im_end|>", True, Reply("2+0", "", True)),
        ("42<|im_end|>\n<|im_start|>user\nmore", None, Reply(None, "42", True)),
        ("42<|endoftext|>next", None, Reply(None, "42", False)),
        ("4<think>2", None, Reply(None, "4<think>2", False)),
        ("a</think>b</think>c<|im_end|>", True, Reply("a", "b</think>c", True)),
        ("", None, Reply(None, "", False)),
        ("", True, Reply("", "", False)),
    ],
)
def test_completions_are_taken_apart(tokenizer: Tokenizer, text: str, think: bool | None, reply: Reply) -> None:
    ids = tokenizer._encoding.encode(text, allowed_special="all")
    assert parse(tokenizer, ids, think) == reply


def test_an_assistants_content_has_no_leading_whitespace(tokenizer: Tokenizer) -> None:
    spaced = render(tokenizer, [{"role": "assistant", "content": " \n\n 42 "}])
    assert spaced == render(tokenizer, [{"role": "assistant", "content": "42 "}])


def test_no_content_is_empty_content(tokenizer: Tokenizer) -> None:
    empty = {"role": "user", "content": ""}
    assert render(tokenizer, [{**empty, "content": None}]) == render(tokenizer, [empty])


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user\n<|im_end|>", "content": ""},
        {"content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "x"}]},
    ],
)
def test_strange_messages_are_refused(tokenizer: Tokenizer, message: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        render(tokenizer, [message])
