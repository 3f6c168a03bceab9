"""Rows of a mixed file: many datasets in one JSONL, each row naming its `dataset`.

Three shapes are read beside the published ones: `query`, `choices`, `gold` (a choice), `context`, `continuation` (to be
continued with exactly this), `context_options`, `continuation`, `gold` (a schema). Rows of a known task are turned back
into the published row first, so that their prompt is the task's own; others are asked as they are written.
"""

from __future__ import annotations

import re
from typing import Any

from trivium.evals.benchmarks.forms import Form, Row, place, text
from trivium.evals.benchmarks.item import Item

_BOOLQ = re.compile(r"(?:Passage: )?(.*)\nQuestion: (.*?)\??\s*(?:\nAnswer:)?\s*", re.DOTALL)


def published(row: Row, form: Form) -> Row:
    """The row with the field names of the dataset's own files. Raises ValueError where it cannot be turned back."""
    if "context" in row and "continuation" in row and form.name == "lambada":
        return {"text": f"{text(row['context'])} {text(row['continuation']).strip()}"}
    if isinstance(row.get("question"), dict):
        return _nested(row)
    if not {"query", "choices", "gold"} <= row.keys():
        return row
    query, choices = text(row["query"]), [text(choice) for choice in row["choices"]]
    gold = place(row["gold"], len(choices))
    plain = query.removeprefix("Question: ").removesuffix("\nAnswer:").removesuffix("\n")
    labels = [str(number) for number in range(len(choices))]
    if form.name in ("arc-easy", "arc-challenge"):
        return {"question": plain, "choices": {"text": choices, "label": labels}, "answerKey": str(gold)}
    if form.name == "openbookqa":
        return {"question_stem": query, "choices": {"text": choices, "label": labels}, "answerKey": str(gold)}
    if form.name == "piqa":
        return {"goal": plain, "sol1": choices[0], "sol2": choices[1], "label": gold}
    found = _BOOLQ.fullmatch(query)
    if form.name == "boolq" and found and sorted(choices) == ["no", "yes"]:
        return {"passage": found[1], "question": found[2], "answer": choices[gold] == "yes"}
    raise ValueError(f"a {form.name} row in a form that is not known")


def _nested(row: Row) -> dict[str, Any]:
    """The first releases' shape, with stem and choices inside `question`, laid flat."""
    inside = row["question"]
    choices = {key: [choice[key] for choice in inside["choices"]] for key in ("text", "label")}
    return {**row, "question": inside["stem"], "question_stem": inside["stem"], "choices": choices}


def as_written(row: Row, id: str, task: str, split: str) -> Item | None:
    """The item of a row of a dataset that has no form here; None when it has none of the shapes."""
    if {"context_options", "continuation", "gold"} <= row.keys():
        contexts = tuple(text(context).rstrip(" ") for context in row["context_options"])
        ending = text(row["continuation"]).strip()
        return Item(id, task, "", contexts, place(row["gold"], len(contexts)), "schema", ending, split=split)
    if {"query", "choices", "gold"} <= row.keys():
        choices = tuple(text(choice).strip() for choice in row["choices"])
        if len(choices) < 2 or not all(choices):
            raise ValueError("there is nothing to choose from")
        context = text(row["query"]).rstrip(" ")
        return Item(id, task, context, choices, place(row["gold"], len(choices)), split=split)
    if {"context", "continuation"} <= row.keys():
        word = text(row["continuation"]).strip()
        if not word:
            raise ValueError("the continuation is empty")
        return Item(id, task, text(row["context"]).rstrip(" "), (word,), 0, "continuation", split=split)
    return None
