"""How each benchmark's published rows become items: prompts, choices and answers as lm-eval's task files word them.

A form is one task. `build` takes a row with the field names of the dataset's own hub and gives context, choices and
the right place; what it cannot read raises KeyError, ValueError, TypeError or IndexError, and the row is skipped.
Equality with lm-eval 0.4.13 was measured item by item (docs/evaluation.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from trivium.evals.benchmarks.item import Kind

Row = Mapping[str, Any]
Built = tuple[str, tuple[str, ...], int]


@dataclass(frozen=True)
class Form:
    """A task."""

    name: str
    build: Callable[[Row], Built]
    kind: Kind = "choice"
    normed: bool = True
    """Whether the headline is acc_norm, which lm-eval reports where choices differ in length."""
    chance: float | None = None
    """The accuracy of knowing nothing; None: one in so many choices, item by item."""
    head: Callable[[Row], str] | None = None
    first: bool = False
    """Shots are the first ones of the group, in order, rather than drawn."""
    spare: bool = False
    """Whether lm-eval draws one shot more than it shows: where the test split has no answers."""
    shot_gap: str = " "
    """What stands between question and answer in a shot."""
    words: tuple[str, ...] = ()
    """Other names of the task in file names and in the `dataset` field of rows."""


def arc(row: Row) -> Built:
    """`question`, `choices` {text, label}, `answerKey`."""
    return f"Question: {row['question']}\nAnswer:", *_labelled(row)


def openbookqa(row: Row) -> Built:
    """`question_stem`, `choices` {text, label}, `answerKey`: the stem is continued."""
    return text(row["question_stem"]), *_labelled(row)


def commonsenseqa(row: Row) -> Built:
    """`question`, five `choices` {text, label}, `answerKey`; the letters are the choices."""
    choices, gold = _labelled(row)
    if len(choices) != 5:
        raise ValueError("there are not five choices")
    return lettered(text(row["question"]), choices, "Question: "), tuple("ABCDE"), gold


def piqa(row: Row) -> Built:
    """`goal`, `sol1`, `sol2`, `label`."""
    return f"Question: {text(row['goal'])}\nAnswer:", (text(row["sol1"]), text(row["sol2"])), place(row["label"], 2)


def boolq(row: Row) -> Built:
    """`passage`, `question` without its mark, and `answer` (a truth value) or `label` (0 or 1)."""
    answer = row["answer"] if "answer" in row else row["label"]
    context = f"{text(row['passage'])}\nQuestion: {text(row['question'])}?\nAnswer:"
    return context, ("no", "yes"), place(int(answer) if isinstance(answer, bool) else answer, 2)


def mmlu(row: Row) -> Built:
    """`question`, four `choices` (or columns A to D), `answer` as a place or a letter, `subject`."""
    choices = tuple(row["choices"]) if "choices" in row else tuple(row[letter] for letter in "ABCD")
    if len(choices) != 4:
        raise ValueError("there are not four choices")
    answer = row["answer"]
    gold = "ABCD".index(answer) if isinstance(answer, str) and answer in tuple("ABCD") else place(answer, 4)
    return lettered(text(row["question"]), choices), tuple("ABCD"), gold


def mmlu_head(row: Row) -> str:
    """MMLU's first line, which names the subject."""
    subject = str(row.get("subject", "")).replace("_", " ")
    return f"The following are multiple choice questions (with answers) about {subject}.\n\n"


def lambada(row: Row) -> Built:
    """`text`, whose last word is to be found."""
    context, blank, word = text(row["text"]).rpartition(" ")
    if not blank or not word:
        raise ValueError("there is no last word")
    return context, (word,), 0


def hellaswag(row: Row) -> Built:
    """`activity_label`, `ctx_a`, `ctx_b`, four `endings`, `label`; marks of WikiHow are cleaned away."""
    context = _swag(f"{text(row['activity_label'])}: {text(row['ctx_a'])} {text(row['ctx_b']).capitalize()}")
    endings = tuple(_swag(text(ending)) for ending in row["endings"])
    return context, endings, place(row["label"], len(endings))


def winogrande(row: Row) -> Built:
    """`sentence` with a gap, `option1`, `option2`, `answer` 1 or 2: a schema whose ending is in the context's place."""
    before, gap, after = text(row["sentence"]).partition("_")
    if not gap:
        raise ValueError("the sentence has no gap")
    return after.strip(), (before + text(row["option1"]), before + text(row["option2"])), place(row["answer"], 3, 1) - 1


def lettered(question: str, choices: tuple[str, ...], before: str = "") -> str:
    """A question with its choices behind letters, up to `Answer:`."""
    lines = [f"{letter}. {choice}" for letter, choice in zip("ABCDE", choices, strict=False)]
    return "\n".join([before + question.strip(), *lines, "Answer:"])


def text(value: Any) -> str:
    """The value, which must be text. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def place(value: Any, count: int, first: int = 0) -> int:
    """A place from `first` to below `count`, perhaps written as text. Raises ValueError: -1 is a hidden answer."""
    found = int(value)
    if not first <= found < count:
        raise ValueError(f"{value!r:.40} is no answer")
    return found


def _labelled(row: Row) -> tuple[tuple[str, ...], int]:
    labels, texts = list(row["choices"]["label"]), tuple(text(choice) for choice in row["choices"]["text"])
    if len(labels) != len(texts) or not texts:
        raise ValueError("labels and texts are not as many")
    return texts, labels.index(row["answerKey"].strip())


def _swag(words: str) -> str:
    cleaned = words.strip().replace(" [title]", ". ")
    return re.sub(r"\[.*?\]", "", cleaned).replace("  ", " ")


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        form.name: form
        for form in (
            Form("lambada", lambada, "continuation", False, 0.0, shot_gap="  ", words=("lambada-openai",)),
            Form("arc-easy", arc, words=("ai2-arc-easy",)),
            Form("arc-challenge", arc, words=("ai2-arc-challenge",)),
            Form("piqa", piqa, spare=True),
            # CORE's baseline: the share of yes, which a model that only prefers a word can reach.
            Form("boolq", boolq, normed=False, chance=0.62, spare=True),
            Form("openbookqa", openbookqa, words=("openbook-qa",)),
            Form("mmlu", mmlu, normed=False, head=mmlu_head, first=True),
            Form("hellaswag", hellaswag, spare=True),
            Form("winogrande", winogrande, "schema", normed=False, spare=True),
            Form("commonsenseqa", commonsenseqa, normed=False, spare=True),
        )
    }
)
"""Task name -> its form."""


def form_named(name: str) -> Form | None:
    """The form that a dataset's name means, however it is spelled; None for another dataset."""
    plain = task_name(name)
    return next((form for form in FORMS.values() if plain in (form.name, *form.words)), None)


def task_name(name: str) -> str:
    """`ARC_Easy` as `arc-easy`."""
    return re.sub(r"[\s_]+", "-", name.strip()).lower()
