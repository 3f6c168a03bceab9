"""Several turns with tools: what a tool says is read and never learned from; token in, token out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from trivium.generate.engine import Completion, Request, ThinkBudget
from trivium.model.transformer import Transformer
from trivium.stages.rl.config import ObjectiveConfig
from trivium.stages.rl.rewards import verified
from trivium.stages.rl.rollouts import batch_of, grade, weigh
from trivium.stages.rl.sampler import Manner, Sampler, between
from trivium.tasks.registry import generate
from trivium.text.chat import prompt, render
from trivium.text.tokenizer import Tokenizer
from trivium.tools.registry import calculator
from trivium.tools.tool import Tool

PROBLEM = generate("addition", 2, 1, 0)[0]
A, B = PROBLEM.question.removeprefix("What is ").rstrip("?").split("+")


def call(expression: str) -> str:
    return f'<tool_call>\n{{"name": "calculator", "arguments": {{"expression": "{expression}"}}}}\n</tool_call>'


class Told:
    """An engine whose turns are written beforehand, one list for each turn."""

    def __init__(self, tokenizer: Tokenizer, turns: list[list[str]]) -> None:
        self.tokenizer, self.turns, self.seen = tokenizer, turns, list[Request]()

    def refresh(self, model: Transformer) -> None: ...

    def run(self, requests: list[Request], bar: Any = None) -> list[Completion]:
        self.seen += requests
        return [self._one(text, request) for text, request in zip(self.turns.pop(0), requests, strict=True)]

    def _one(self, text: str, request: Request) -> Completion:
        ids: list[int] = []
        for piece in split(text, self.tokenizer):
            ids += [self.tokenizer.special[piece]] if piece in self.tokenizer.special else self.tokenizer.encode(piece)
        ids = [*ids, self.tokenizer.turn_end][: request.max_new]
        ended = ids[-1] == self.tokenizer.turn_end
        return Completion(ids, [-0.5] * len(ids), "stop" if ended else "length", forced=[False] * len(ids))


def split(text: str, tokenizer: Tokenizer) -> list[str]:
    for tag in tokenizer.special:
        text = text.replace(tag, f"\0{tag}\0")
    return [part for part in text.split("\0") if part]


@pytest.fixture
def drawn(model: Transformer, tokenizer: Tokenizer) -> Callable[..., Any]:
    def draw(*turns: list[str], max_new: int = 400, rounds: int = 2, tools: list[Tool] | None = None) -> Any:
        sampler = Sampler(model, tokenizer)
        engine = Told(tokenizer, list(turns))
        sampler._engine = engine  # type: ignore[assignment]
        manner = Manner(max_new, 1.0, True, tools=[calculator()] if tools is None else tools, tool_rounds=rounds)
        count = len(turns[0])
        return sampler.draw([PROBLEM.question] * count, range(count), manner), engine

    return draw


def test_a_tool_is_asked_and_its_word_is_not_learned_from(drawn: Callable[..., Any], tokenizer: Tokenizer) -> None:
    first = ["</think>" + call(f"{A}+{B}"), f"</think>{PROBLEM.answer}"]
    answers, engine = drawn(first, [f"</think>{PROBLEM.answer}"])
    assert [(a.calls, a.failed, a.closed, a.finish) for a in answers] == [(1, 0, True, "stop"), (0, 0, True, "stop")]
    tooled = answers[0]
    own = tokenizer.decode(i for i, mine in zip(tooled.ids, tooled.own, strict=True) if mine)
    other = tokenizer.decode(i for i, mine in zip(tooled.ids, tooled.own, strict=True) if not mine)
    assert "tool_response" in other
    assert "tool_response" not in own
    assert PROBLEM.answer in other
    assert list(engine.seen[2].ids) == [*tooled.prompt, *tooled.ids[: len(engine.seen[2].ids) - len(tooled.prompt)]]
    assert tooled.length == sum(tooled.own)
    rollouts = weigh([grade([PROBLEM] * 2, answers, verified, ObjectiveConfig(advantage="batch"), 400, 0)],
                     ObjectiveConfig())[0]  # fmt: skip
    assert [r.correct for r in rollouts] == [True, True]
    batch = batch_of([[r.__class__(**{**vars(r), "advantage": 1.0}) for r in rollouts]], ObjectiveConfig(), 400, 0)
    assert batch is not None
    taught = batch.targets_BT[batch.weights_BT != 0].tolist()
    assert len(taught) == sum(sum(a.own) for a in answers)
    assert tokenizer.decode(taught).count("tool_response") == 0


def test_the_ids_are_those_of_the_rendered_conversation(drawn: Callable[..., Any], tokenizer: Tokenizer) -> None:
    body = f'\n{{"name": "calculator", "arguments": {{"expression": "{A}+{B}"}}}}\n'
    answers, _ = drawn([f"t</think><tool_call>{body}</tool_call>"], [f"u</think>{PROBLEM.answer}"])
    tools = [calculator().spec]
    calls = [
        {"id": "c", "type": "function", "function": {"name": "calculator", "arguments": {"expression": f"{A}+{B}"}}}
    ]
    whole = render(
        tokenizer,
        [
            {"role": "system", "content": "", "tools": tools},
            {"role": "user", "content": PROBLEM.question},
            {"role": "assistant", "reasoning_content": "t", "content": "", "tool_calls": calls},
            {"role": "tool", "content": PROBLEM.answer},
            {"role": "assistant", "reasoning_content": "u", "content": PROBLEM.answer},
        ],
    )
    found = [*answers[0].prompt, *answers[0].ids]
    assert whole.ids[: len(found)] == found
    opened = tokenizer.special["<think>"]
    mask = [False] * len(answers[0].prompt) + answers[0].own
    taught = [bool(m) and i != opened for m, i in zip(whole.mask, whole.ids, strict=True)][: len(found)]
    assert mask == taught  # the prompt gives <think>, so the model does not choose it


def test_broken_and_endless_calls(drawn: Callable[..., Any]) -> None:
    broken = "</think><tool_call>nonsense</tool_call>"
    answers, _ = drawn([broken], [broken], [broken], rounds=2)
    assert (answers[0].calls, answers[0].failed, answers[0].closed) == (0, 2, False)
    assert answers[0].done
    wrong, _ = drawn(["</think>" + call("1/0")], ["</think>7"])
    assert (wrong[0].calls, wrong[0].failed, wrong[0].closed) == (1, 1, True)


def test_room_is_counted_in_the_model_s_own_tokens(drawn: Callable[..., Any]) -> None:
    text = "</think>" + call("1+1")
    answers, _ = drawn([text], ["x" * 300], max_new=150)
    assert (answers[0].length, answers[0].finish) == (150, "length")
    assert not answers[0].closed


def test_without_tools_a_call_is_an_answer(drawn: Callable[..., Any]) -> None:
    answers, _ = drawn(["</think>" + call("1+1")], tools=[])
    assert (answers[0].calls, answers[0].closed) == (0, False)


def test_what_stands_between_turns(tokenizer: Tokenizer) -> None:
    said = [{"role": "tool", "content": "5"}]
    ids = between(tokenizer, said, True)
    assert tokenizer.decode(ids).startswith("\n<|im_start|>tool\n")
    assert ids[1:] == prompt(tokenizer, said, True)


def test_a_budget_s_tokens_are_not_the_model_s_own(model: Transformer, tokenizer: Tokenizer) -> None:
    sampler = Sampler(model, tokenizer)
    found = sampler.draw([PROBLEM.question] * 3, range(3), Manner(12, 1.0, True, ThinkBudget(2)))
    close = tokenizer.special["</think>"]
    for answer in found:
        assert answer.ids[2] == close or close in answer.ids[:2]
        assert (answer.own[2], answer.logprobs[2]) == (False, 0.0) or close in answer.ids[:2]
