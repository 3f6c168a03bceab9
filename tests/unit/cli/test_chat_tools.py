"""`trivium chat --tools`, end to end but for the network itself: what the model's ids call is called."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from trivium.cli.app import answer
from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train
from trivium.text.chat import prompt, render
from trivium.text.tokenizer import CHECK_TEXTS, Tokenizer


class Scripted:
    """An engine that gives these completions in turn, and keeps the prompts."""

    def __init__(self, *completions: list[int]) -> None:
        self.left, self.prompts = list(completions), list[list[int]]()

    def run(self, requests: Sequence[Any], bar: Any = None) -> list[Any]:
        self.prompts += [list(request.ids) for request in requests]
        return [SimpleNamespace(ids=self.left.pop(0), finish="stop") for _ in requests]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return train(list(CHECK_TEXTS), TokenizerConfig(vocabulary=300))


def completion(tokenizer: Tokenizer, message: dict[str, Any]) -> list[int]:
    return render(tokenizer, [{"role": "assistant", **message}]).ids[len(prompt(tokenizer, [])) : -1]


@pytest.mark.parametrize("spelled", [False, True])
def test_what_the_model_calls_is_called(
    spelled: bool, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call = {"function": {"name": "calculator", "arguments": {"expression": "9.9 > 9.11"}}}
    said = '<tool_call>{"name": "calculator", "arguments": {"expression": "9.9 > 9.11"}}</tool_call>'
    first = {"content": said} if spelled else {"content": "", "tool_calls": [call]}
    engine = Scripted(completion(tokenizer, first), completion(tokenizer, {"content": "Yes."}))
    monkeypatch.setattr("trivium.cli.talk.open_model", lambda artifact, device: (engine, tokenizer))
    artifact = SimpleNamespace(manifest={"stage": "sft"}, path=None)
    monkeypatch.setattr("trivium.cli.talk.resolve", lambda model, stage: artifact)
    assert answer(["chat", "somewhere", "-m", "Is 9.9 larger?", "--tools", "calculator"]) == 0
    out = capsys.readouterr().out
    if spelled:  # text that spells a call is text
        assert out.strip() == said and len(engine.prompts) == 1
        return
    assert "calculator: true" in out and out.rstrip().endswith("Yes.")
    again = tokenizer.decode(engine.prompts[1])
    assert "<tool_response>\ntrue\n</tool_response>" in again and again.count("<|im_start|>assistant") == 2
    assert '"name": "calculator", "description"' in again


def test_unknown_tools_end_before_a_model_is_loaded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("trivium.cli.talk.resolve", lambda model, stage: None)
    assert answer(["chat", "somewhere", "-m", "x", "--tools", "weather"]) == 2
    assert "There is no tool 'weather'" in capsys.readouterr().err
