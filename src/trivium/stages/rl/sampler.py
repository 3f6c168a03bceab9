"""Answers to problems, many at once, in as many turns as it takes: the model writes, tools answer, the model goes on.

Token in, token out: what the model wrote is never encoded again. An answer is its ids, a mask of those that the model
chose itself, and their log-probabilities; what a tool said, the headers of turns and what a budget put in are in the
ids, since the model reads them, but the mask leaves them out: nothing is ever learned from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trivium.generate.engine import Engine, Request, ThinkBudget
from trivium.ground.errors import UsageError
from trivium.ground.progress import Progress
from trivium.model.transformer import Transformer
from trivium.text.chat import Message, Reply, marks_calls, parse, prompt
from trivium.text.tokenizer import TURN_END, Tokenizer
from trivium.tools.loop import instructed, performed, taken_apart
from trivium.tools.tool import Tool

LATER = 0x9E3779B1
"""Added to an answer's seed for each turn after the first."""
SLOTS, MANY_SLOTS, SMALL = 256, 1024, 50_000_000
"""Answers at once; of a model with fewer parameters than this on a GPU, whose steps take as long for more."""


@dataclass(frozen=True)
class Manner:
    """How answers are sampled."""

    max_new: int
    """Most tokens that the model writes itself, over all turns."""
    temperature: float = 0.0
    think: bool | None = True
    budget: ThinkBudget | None = None
    tools: Sequence[Tool] = ()
    tool_rounds: int = 3


@dataclass
class Answer:
    """What came after a prompt."""

    prompt: list[int]
    seed: int
    ids: list[int] = field(default_factory=list)
    own: list[bool] = field(default_factory=list)
    """Of each id, whether the model chose it."""
    logprobs: list[float] = field(default_factory=list)
    """Of each id, nats at the temperature of sampling; 0 where it is not the model's own."""
    finish: str = "length"
    """stop, or length where it was cut off."""
    turns: list[Reply] = field(default_factory=list)
    calls: int = 0
    """Tool calls that were understood."""
    failed: int = 0
    """Calls that were not, or whose tool said no."""
    done: bool = False

    @property
    def reply(self) -> Reply:
        """The last turn: the answer proper."""
        return self.turns[-1]

    @property
    def closed(self) -> bool:
        """Whether the model ended it itself, with an answer rather than a call."""
        return self.done and self.reply.closed and not self.reply.calls

    @property
    def length(self) -> int:
        """Tokens that the model wrote itself, or that a budget put in."""
        return len(self.ids) - self.quoted

    quoted: int = 0
    """Tokens of tools' messages and of the headers of later turns."""

    @property
    def thinking(self) -> str:
        """The thoughts of all turns."""
        return "\n".join(turn.thinking for turn in self.turns if turn.thinking)


class Sampler:
    """Draws answers from a model by the one engine, which has the model's weights as they are at each call."""

    def __init__(self, model: Transformer, tokenizer: Tokenizer) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.marked = marks_calls(tokenizer)
        self._engine: Engine | None = None

    def draw(
        self, questions: Sequence[str], seeds: Sequence[int], manner: Manner, bar: Progress | None = None
    ) -> list[Answer]:
        """One answer to each question, in order, drawn with its seed. `bar` is advanced by one as each turn is done."""
        if self._engine is None:
            self._engine = Engine(self.model, slots_for(self.model), tokenizer=self.tokenizer)
        else:
            self._engine.refresh(self.model)
        asked: dict[str, list[int]] = {}
        for question in questions:
            if question not in asked:
                messages: list[Message] = instructed([{"role": "user", "content": question}], manner.tools)
                asked[question] = prompt(self.tokenizer, messages, manner.think)
        answers = [Answer(asked[question], seed) for question, seed in zip(questions, seeds, strict=True)]
        left = answers
        for turn in range(manner.tool_rounds + 1 if manner.tools else 1):
            self._turn(self._engine, left, turn, manner, bar)
            left = [answer for answer in left if not answer.done]
            if not left:
                break
            if turn < manner.tool_rounds:
                for answer in left:
                    self._perform(answer, turn, manner)
                left = [answer for answer in left if not answer.done]
        for answer in left:
            answer.done = True
        return answers

    def _turn(self, engine: Engine, answers: Sequence[Answer], turn: int, manner: Manner, bar: Progress | None) -> None:
        """Let each write on. Those that call no tool are done."""
        stops = self.tokenizer.stops
        requests = [
            Request(
                [*one.prompt, *one.ids],
                manner.max_new - one.length,
                manner.temperature,
                one.seed + LATER * turn,
                stops,
                think=manner.budget,
            )
            for one in answers
        ]
        for one, completion in zip(answers, engine.run(requests, bar), strict=True):
            one.ids += completion.ids
            one.own += [not forced for forced in completion.forced]
            one.logprobs += completion.logprobs
            one.finish = completion.finish
            one.turns.append(parse(self.tokenizer, completion.ids, manner.think))
            one.done = not (manner.tools and one.reply.closed and self._calls(one))

    def _calls(self, answer: Answer) -> bool:
        message, broken = self._apart(answer, "look")
        return bool(message.get("tool_calls") or broken)

    def _apart(self, answer: Answer, name: str) -> tuple[dict[str, Any], list[tuple[dict[str, Any], Any]]]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.reply.content}
        if self.marked:
            message["raw_calls"] = list(answer.reply.calls)
        return taken_apart(message, name)

    def _perform(self, answer: Answer, turn: int, manner: Manner) -> None:
        """Carry out the calls of the last turn and let the model read what came of them."""
        message, broken = self._apart(answer, str(turn))
        results = [*((call, performed(manner.tools, call)) for call in message.get("tool_calls", [])), *broken]
        answer.calls += len(results) - len(broken)
        answer.failed += sum(result.failed for _, result in results)
        said = [
            {"role": "tool", "tool_call_id": call["id"], "name": call["function"]["name"], "content": result.text}
            for call, result in results
        ]
        ids = between(self.tokenizer, said, manner.think)
        answer.ids += ids
        answer.own += [False] * len(ids)
        answer.logprobs += [0.0] * len(ids)
        answer.quoted += len(ids)
        answer.done = answer.length >= manner.max_new


def slots_for(model: Transformer) -> int:
    """How many answers are sampled at once."""
    small = sum(parameter.numel() for parameter in model.parameters()) < SMALL
    return MANY_SLOTS if small and model.device.type == "cuda" else SLOTS


def between(tokenizer: Tokenizer, said: Sequence[Message], think: bool | None) -> list[int]:
    """The ids from after an assistant's end of turn to where its next turn begins, with these messages between.

    Raises UsageError where a foreign template writes an earlier turn otherwise once later ones are there.
    """
    if tokenizer.template is None:
        return [*tokenizer.encode("\n"), *prompt(tokenizer, said, think)]
    call = {"id": "call-0", "type": "function", "function": {"name": "a", "arguments": "{}"}}
    before: list[Message] = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]
    from trivium.text.foreign_chat import written

    opening, whole = written(tokenizer, before, False), prompt(tokenizer, [*before, *said], think)
    ends = [place for place, index in enumerate(opening) if index in tokenizer.stops]
    if not ends or whole[: ends[-1] + 1] != opening[: ends[-1] + 1]:
        raise UsageError(
            f"This model's chat template rewrites earlier turns, or ends them without {TURN_END} or the like.",
            "Practise without tools.",
        )
    return whole[ends[-1] + 1 :]
