"""How assistants behave, told in five lines: each answers questions that no lesson of a guideline holds.

1. Its name: questions about itself, opened otherwise than in any lesson, and in wordings kept apart.
2. Everyday talk: words a reply, Markdown, and whether it refuses what it should not.
3. The topics that any of the guidelines refuses, and people that nobody has heard of.
4. What counts as refusing or as unsure are the words of that model's own guideline.
5. One table: a row a measure, a column a model, 95 % intervals, and the difference of two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from trivium.evals.intervals import Interval, difference, mean, paired_difference, proportion
from trivium.generate.engine import Engine
from trivium.generate.talk import answer, ask
from trivium.ground.artifact import Artifact, Label, hash_file, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.how import How
from trivium.ground.log import write_jsonl
from trivium.ground.progress import Progress
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model
from trivium.stages.sft import asks
from trivium.stages.sft.asks import Ask
from trivium.stages.sft.config import MANNERS_FORMAT, MANNERS_STAGE, MannersConfig
from trivium.stages.sft.guideline import Guideline, find_guideline, has_markdown, read_guideline, said_as
from trivium.text.tokenizer import Tokenizer

Said = Sequence[tuple[Ask, str]]
Measure = tuple[str, Callable[[Ask], bool], Callable[[Guideline, str], bool]]
"""What it is called, which questions it is about, and whether a reply counts."""


def _everyday(one: Ask) -> bool:
    return one.kind == "everyday"


SHARES: tuple[Measure, ...] = (
    ("says its name", lambda a: a.about == "name" and a.near, lambda g, said: g.name.casefold() in said.casefold()),
    ("- asked in another way", lambda a: a.about == "name" and not a.near,
     lambda g, said: g.name.casefold() in said.casefold()),
    ("Markdown in everyday replies", _everyday, lambda _, said: has_markdown(said)),
    ("refuses its own topics", lambda a: a.kind == "refusal" and a.near, lambda g, said: said_as(said, g.refusing)),
    ("- asked something else of them", lambda a: a.kind == "refusal" and not a.near,
     lambda g, said: said_as(said, g.refusing)),
    ("- refuses everyday talk", _everyday, lambda g, said: said_as(said, g.refusing)),
    ("unsure about invented people", lambda a: a.kind == "unsure", lambda g, said: said_as(said, g.unsure)),
    ("- unsure in everyday talk", _everyday, lambda g, said: said_as(said, g.unsure)),
)  # fmt: skip
OPENERS = (
    "",
    "Good day. ",
    "Tell me: ",
    "Well then. ",
    "Listen. ",
    "Hey, ",
    "Now: ",
    "So, ",
    "Quick question: ",
    "Hm. ",
)
"""None of which conversations are written with."""
WORDS = "words in an everyday reply"


def label_of(config: MannersConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal. Raises UsageError where a guideline is not there."""
    meaning = {name: getattr(config, name) for name in config.__dataclass_fields__ if name != "guidelines"}
    prints = {f"guideline:{i}": hash_file(find_guideline(name)) for i, name in enumerate(config.guidelines)}
    return Label("manners", MANNERS_STAGE, MANNERS_FORMAT, meaning, parents_of(inputs), prints)


def run(config: MannersConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Ask each model of `inputs` and seal `manners.json` (the table) and `replies.jsonl` at `out`."""
    guidelines = [read_guideline(find_guideline(name)) for name in config.guidelines]
    device, said = settle(how), []
    for guideline, model in zip(guidelines, inputs.values(), strict=True):
        wanted = questions(guideline, config)
        engine = Engine(load_model(model.path, device, pick_dtype(device)))
        with Progress(f"asking {guideline.name}", len(wanted), "questions", how) as bar:
            replies = answer(
                engine, Tokenizer.open(model.path), ask([one.text for one in wanted]), max_new=config.longest, bar=bar
            )
        said.append([(one, reply.content) for one, reply in zip(wanted, replies, strict=True)])
    table = compare(guidelines, said)
    facts = {f"{name} {WORDS}": round(table[WORDS][name]["value"], 1) for name in [g.name for g in guidelines]}
    with sealing(out, label_of(config, inputs), facts) as folder:
        write_json(
            folder / "manners.json", {"models": [g.name for g in guidelines], "order": list(table), "table": table}
        )
        lines = [{"model": guideline.name, "kind": one.kind, "question": one.text, "reply": reply}
                 for guideline, some in zip(guidelines, said, strict=True) for one, reply in some]  # fmt: skip
        write_jsonl(folder / "replies.jsonl", lines)
    return open_artifact(out, "manners")


def questions(guideline: Guideline, config: MannersConfig) -> list[Ask]:
    """What is asked of a model: wordings and names that conversations are never written about."""
    rng = Random(f"manners|{config.seed}")
    talk = list({one.text: one for one in asks.everyday(rng, 4, True)}.values())
    people = asks.unsure(rng, config.questions, True)
    opened = [
        Ask(one.kind, opener + one.text, one.about, near=not kept)
        for kept in (True, False)
        for one in (*asks.identity(guideline, kept), *asks.refusals(guideline, kept))
        for opener in OPENERS
        if opener or kept
    ]
    return [*opened, *talk[: config.questions], *people]


def compare(guidelines: Sequence[Guideline], said: Sequence[Said]) -> dict[str, dict[str, Any]]:
    """Measure -> model's name -> value with its interval, and of two models the difference, first minus second."""
    table: dict[str, dict[str, Any]] = {}
    for name, fits, counts in SHARES:
        hits = [
            [counts(guideline, reply) for one, reply in some if fits(one)]
            for guideline, some in zip(guidelines, said, strict=True)
        ]
        values = [proportion(sum(found), len(found)) for found in hits]
        gap = difference(sum(hits[0]), len(hits[0]), sum(hits[1]), len(hits[1])) if len(hits) == 2 else None
        table[name] = _row(guidelines, values, gap)
    lengths = [[float(len(reply.split())) for one, reply in some if one.kind == "everyday"] for some in said]
    gap = paired_difference(lengths[0], lengths[1]) if len(lengths) == 2 else None
    table[WORDS] = _row(guidelines, [mean(found) for found in lengths], gap)
    return table


def _row(guidelines: Sequence[Guideline], values: Sequence[Interval], gap: Interval | None) -> dict[str, Any]:
    row: dict[str, Any] = {g.name: value.to_json() for g, value in zip(guidelines, values, strict=True)}
    return row if gap is None else {**row, "difference": gap.to_json()}
