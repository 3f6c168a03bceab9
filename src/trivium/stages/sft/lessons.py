"""Conversations as what one model reads: rendered by its own template, weighed, measured against the row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trivium.ground.errors import UsageError
from trivium.text.chat import Rendered, lessons
from trivium.text.tokenizer import Tokenizer
from trivium.train.packing import Example

Record = Mapping[str, Any]
"""source, messages, place."""
EXAMPLES = 5


@dataclass
class Lessons:
    """The examples by source, and what became of each conversation."""

    examples: dict[str, list[Example]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """read, taken, whole, shortened, and each reason of those that went."""
    named: list[str] = field(default_factory=list)

    @property
    def taught(self) -> int:
        """Tokens that are taught, in all examples."""
        return int(sum(sum(example.weights[1:]) for some in self.examples.values() for example in some))

    def to_json(self) -> dict[str, Any]:
        """For the file `evals.json`."""
        return {"counts": dict(sorted(self.counts.items())), "named": self.named, "taught_tokens": self.taught}


class Renderer:
    """Turns conversations into examples that fit into rows."""

    def __init__(self, tokenizer: Tokenizer, row_tokens: int, long: str) -> None:
        self.tokenizer, self.room, self.long = tokenizer, row_tokens + 1, long
        template = tokenizer.template
        self.thoughtless = template is not None and "reasoning_content" not in template
        """Whether the model's template would leave an assistant's thoughts out in silence."""

    def all(self, records: Iterable[Record]) -> Lessons:
        """Examples of all records, each weight 1 on what the assistant says and 0 elsewhere."""
        found = Lessons()
        for record in records:
            found.counts["read"] += 1
            messages = record["messages"]
            if self.thoughtless and any(m.get("reasoning_content") for m in messages):
                self._drop(found, record, "thoughts_unknown", "This model's chat template writes no thoughts.")
                continue
            try:
                whole = lessons(self.tokenizer, messages)
            except UsageError as error:
                self._drop(found, record, "refused_by_template", error.what)
                continue
            taken = [one for one in whole if len(one.ids) <= self.room]
            if len(taken) < len(whole) and self.long == "turns":
                taken = taken or self._shorter(messages)
            elif len(taken) < len(whole):
                taken = []
            if not taken:
                long = max(len(one.ids) for one in whole)
                self._drop(found, record, "too_long", f"{long:,} tokens, and a row has {self.room - 1:,}.")
                continue
            examples = [example(one) for one in taken]
            examples = [one for one in examples if any(one.weights[1:])]
            found.counts["taken"] += 1
            found.counts["whole" if taken == whole else "shortened"] += 1
            found.examples.setdefault(str(record["source"]), []).extend(examples)
        return found

    def _shorter(self, messages: Sequence[Mapping[str, Any]]) -> list[Rendered]:
        """The longest beginning that ends with an assistant's turn and fits; nothing where even the first does not."""
        for end in range(len(messages) - 1, 0, -1):
            if messages[end - 1]["role"] == "assistant" and not _waits(messages, end):
                some = lessons(self.tokenizer, messages[:end])
                if all(len(one.ids) <= self.room for one in some):
                    return some
        return []

    def _drop(self, found: Lessons, record: Record, reason: str, said: str) -> None:
        found.counts[reason] += 1
        if len(found.named) < EXAMPLES:
            found.named.append(f"{record.get('place', '')}: {said}")


def _waits(messages: Sequence[Mapping[str, Any]], end: int) -> bool:
    """Whether the turn before `end` has called a tool whose answer comes after it."""
    return end < len(messages) and messages[end]["role"] == "tool"


def example(rendered: Rendered) -> Example:
    """Ids and weights: 1 where the model is taught, 0 elsewhere."""
    return Example(rendered.ids, [float(taught) for taught in rendered.mask])
