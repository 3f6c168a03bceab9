"""A model in the engine answers: all wishes in one batched run, each answer told as it comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from trivium.evals.knowledge.asking import Said, Wish
from trivium.evals.probes import before, stops
from trivium.generate.engine import Completion, Engine, Request
from trivium.generate.talk import document
from trivium.ground.how import How
from trivium.text.chat import parse, prompt
from trivium.text.tokenizer import Tokenizer

LINE_END = "\n"
FEW_SLOTS, MANY_SLOTS = 64, 1024
"""Slots of the engine on a CPU and on a GPU."""


class Spoken:
    """A model of ours, or an imported one, as a speaker."""

    def __init__(self, engine: Engine, tokenizer: Tokenizer, chat: bool, longest: int, how: How) -> None:
        self.engine, self.tokenizer, self.chat, self.longest, self.how = engine, tokenizer, chat, longest, how
        self._ends = (*stops(tokenizer, LINE_END.encode()), *tokenizer.stops)
        self._ids: dict[tuple[str, ...], list[int]] = {}

    @torch.no_grad()
    def say(self, wishes: Sequence[Wish], told: Callable[[str, Said], None]) -> None:
        """Answer all wishes; `told(key, said)` is called for each. Raises Stopped between steps when asked to stop."""
        order = sorted(range(len(wishes)), key=lambda i: (wishes[i].chat, self._prompt(wishes[i])))
        mine = {self.engine.add(self._request(wishes[i])): wishes[i] for i in order}
        try:
            while mine:
                for event in self.engine.step():
                    if event.done and event.ticket in mine:
                        wish = mine.pop(event.ticket)
                        told(wish.key, self._said(wish, event.completion))
                self.how.stop.check("during the audit")
        finally:
            for ticket in mine:
                self.engine.cancel(ticket)

    def _prompt(self, wish: Wish) -> list[int]:
        """The ids of a wish's prompt, cut from the left where the model cannot read so much."""
        key = tuple(f"{message['role']}\0{message['content']}" for message in wish.messages)
        if key not in self._ids:
            if wish.chat:
                ids = prompt(self.tokenizer, wish.messages)
            else:
                ids = document(self.tokenizer, str(wish.messages[0]["content"]))
            self._ids[key] = ids[-max(1, self.longest - wish.max_new) :]
        return self._ids[key]

    def _request(self, wish: Wish) -> Request:
        stop = self.tokenizer.stops if wish.chat else self._ends
        return Request(self._prompt(wish), wish.max_new, wish.temperature, wish.seed, stop)

    def _said(self, wish: Wish, completion: Completion) -> Said:
        if wish.chat:
            text = parse(self.tokenizer, completion.ids).content.strip()
        else:
            ids = [index for index in completion.ids if index not in self.tokenizer.stops]
            text = before(self.tokenizer.decode(ids), LINE_END).removesuffix(".")
        return Said(text, len(completion.ids), float(sum(completion.logprobs)), completion.finish)
