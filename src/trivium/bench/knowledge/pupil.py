"""A made-up quiz, and a model that has learned to answer it briefly: what the audit's speed is measured on.

Random weights would ramble to the limit of each answer. So the model is taught half of the quiz in a few hundred steps,
and ends its answers where a model that was trained for months would.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from trivium.ground.artifact import Label
from trivium.ground.atomic import write_atomic
from trivium.ground.how import How
from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import save_model
from trivium.model.transformer import Transformer
from trivium.stages.audit.unanswerable import coined
from trivium.stages.pretrain.depth import shape_of
from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train as train_tokenizer
from trivium.text.chat import render
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig
from trivium.train.packing import Example, PackedRows
from trivium.train.schedule import ScheduleConfig

RELATIONS = tuple(
    f"{which} {what}"
    for which in "largest oldest first best highest national southern holy".split()
    for what in "river bridge king dish road".split()
)
VALUES = 60
"""Answers that a relation has."""
ROW_TOKENS, ROWS = 512, 16


@dataclasses.dataclass(frozen=True)
class Question:
    """A question of the quiz."""

    subject: str
    relation: str
    answer: str

    @property
    def text(self) -> str:
        """As it is asked."""
        return f"What is the {self.relation} of {self.subject}?"


def quiz(count: int, seed: int) -> list[Question]:
    """So many questions about subjects that nobody has heard of, over forty relations; no two alike."""
    rng = Random(f"quiz|{seed}")
    values = {name: [coined(rng.choice(("One", "One Two")), rng) for _ in range(VALUES)] for name in RELATIONS}
    found: dict[tuple[str, str], Question] = {}
    while len(found) < count:
        subject, relation = coined("One Two", rng), RELATIONS[len(found) % len(RELATIONS)]
        found.setdefault((subject, relation), Question(subject, relation, rng.choice(values[relation])))
    return list(found.values())


def write_quiz(path: Path, asked: list[Question]) -> Path:
    """The quiz as a file of questions and answers."""
    rows = ({"question": q.text, "answer": q.answer, "subject": q.subject, "relation": q.relation} for q in asked)
    write_atomic(path, "".join(json.dumps(row) + "\n" for row in rows).encode())
    return path


def make(folder: Path, asked: list[Question], depth: int, vocabulary: int, steps: int, how: How) -> tuple[int, int]:
    """Teach a model of `depth` half of the quiz and seal it at `folder`: parameters, and tokens of its vocabulary."""
    device = settle(how)
    tokenizer = train_tokenizer(_texts(asked, vocabulary), TokenizerConfig(vocabulary=vocabulary))
    shape = shape_of(depth)
    config = ModelConfig(
        vocab_size=tokenizer.size, hidden_size=shape.width, intermediate_size=shape.feed_forward,
        head_dim=shape.head_width, num_hidden_layers=shape.layers, num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads, rope_theta=shape.rope_theta, max_position_embeddings=shape.longest,
    )  # fmt: skip
    model = Transformer.drawn(config, pick_dtype(device), device, 0)
    talks = [[{"role": "user", "content": q.text}, {"role": "assistant", "content": f"{q.answer}."}]
             for q in asked[::2]]  # fmt: skip
    examples = [_chat(tokenizer, talk) for talk in talks] + [_plain(tokenizer, q) for q in asked[::2]]
    rows = PackedRows(examples, ROW_TOKENS, ROWS, 0, tokenizer.end_of_text)
    plan = LoopConfig(steps=steps, optimizer=OptimizerConfig(), schedule=ScheduleConfig(warmup=0.1, decay=0.5))
    label = Label("bench", "pupil", 1, {"depth": depth, "steps": steps, "vocabulary": vocabulary})
    Loop(model, rows, plan, label, folder.with_name(folder.name + ".work"), how, spikes=False).run("a pupil")
    save_model(folder, model, tokenizer.ends)
    tokenizer.save(folder)
    return sum(p.numel() for p in model.parameters()), tokenizer.size


def _texts(asked: list[Question], vocabulary: int) -> Iterator[str]:
    """The quiz, and as many made-up names as so large a vocabulary needs."""
    rng = Random("names")
    yield from (f"Question: {q.text} Answer: {q.answer}.\n" for q in asked)
    yield from (coined("One", rng) + coined("One", rng).lower() for _ in range(2 * vocabulary))


def _chat(tokenizer: Tokenizer, talk: list[dict[str, str]]) -> Example:
    rendered = render(tokenizer, talk)
    return Example(rendered.ids, [float(taught) for taught in rendered.mask])


def _plain(tokenizer: Tokenizer, question: Question) -> Example:
    """A line as an audit shows it to a base model, so that it goes on with a short answer there, too."""
    ids = [tokenizer.end_of_text, *tokenizer.encode(f"Question: {question.text} Answer: {question.answer}.\n")]
    return Example(ids, [0.0, *(1.0 for _ in ids[1:])])
