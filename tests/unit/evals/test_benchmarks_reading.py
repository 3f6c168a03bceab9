"""Items: prompts letter by letter, the same item from a published row and from a mixed one, and what is skipped."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trivium.evals.benchmarks.forms import FORMS
from trivium.evals.benchmarks.item import Item
from trivium.evals.benchmarks.reading import Bank, read_bank
from trivium.evals.benchmarks.session import Wish, chosen, some
from trivium.evals.benchmarks.shots import draw, shown
from trivium.ground.errors import UsageError

Row = dict[str, Any]
FOUR = {"text": ["ice", "a rock", "fog", "sand"], "label": ["A", "B", "C", "D"]}
ROWS: dict[str, tuple[str, Row, str, tuple[str, ...], int]] = {
    "arc-easy": (
        "ARC-Easy-test",
        {"id": "M1", "question": "What melts?", "choices": FOUR, "answerKey": "A"},
        "Question: What melts?\nAnswer:",
        ("ice", "a rock", "fog", "sand"),
        0,
    ),
    "arc-challenge": (
        "ARC-Challenge-test",
        {"id": "M2", "question": "What flies?", "choices": FOUR | {"label": list("1234")}, "answerKey": "3"},
        "Question: What flies?\nAnswer:",
        ("ice", "a rock", "fog", "sand"),
        2,
    ),
    "openbookqa": (
        "test",
        {"id": "o", "question_stem": "A stone is", "choices": FOUR, "answerKey": "B"},
        "A stone is",
        ("ice", "a rock", "fog", "sand"),
        1,
    ),
    "piqa": (
        "validation",
        {"goal": "Open a jar", "sol1": "twist it", "sol2": "sing to it", "label": 1},
        "Question: Open a jar\nAnswer:",
        ("twist it", "sing to it"),
        1,
    ),
    "boolq": (
        "dev",
        {"passage": "Cats purr.", "question": "do cats purr", "answer": True, "title": "Cat"},
        "Cats purr.\nQuestion: do cats purr?\nAnswer:",
        ("no", "yes"),
        1,
    ),
    "mmlu": (
        "test",
        {"question": " 2+2? ", "choices": ["3", "4", "5", "6"], "answer": 1, "subject": "high_school_maths"},
        "2+2?\nA. 3\nB. 4\nC. 5\nD. 6\nAnswer:",
        ("A", "B", "C", "D"),
        1,
    ),
    "lambada": ("lambada_test", {"text": "He said to the  dog"}, "He said to the ", ("dog",), 0),
    "hellaswag": (
        "validation",
        {
            "activity_label": "Baking",
            "ctx_a": "A cook stirs.",
            "ctx_b": "she",
            "endings": ["eats [x]it.", "runs [title] Off", "c", "d"],
            "label": "1",
        },
        "Baking: A cook stirs. She",
        ("eats it.", "runs. Off", "c", "d"),
        1,
    ),
    "winogrande": (
        "validation",
        {"sentence": "Ann thanked Sue because _ was kind.", "option1": "Ann", "option2": "Sue", "answer": "2"},
        "",
        ("Ann thanked Sue because Ann", "Ann thanked Sue because Sue"),
        1,
    ),
    "commonsenseqa": (
        "dev",
        {
            "question": "Where?",
            "question_concept": "place",
            "choices": {"text": list("vwxyz"), "label": list("ABCDE")},
            "answerKey": "E",
        },
        "Question: Where?\nA. v\nB. w\nC. x\nD. y\nE. z\nAnswer:",
        ("A", "B", "C", "D", "E"),
        4,
    ),
}


def write(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows))
    return path


def test_every_form_is_tried() -> None:
    assert ROWS.keys() == FORMS.keys()


@pytest.mark.parametrize("task", ROWS)
def test_a_published_row_gives_the_prompt_of_lm_eval(task: str, tmp_path: Path) -> None:
    name, row, context, choices, gold = ROWS[task]
    for file in (write(tmp_path / f"{name}.jsonl", row), tmp_path / f"{name}.parquet"):
        if file.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist([row]), file)
        bank = read_bank([file])
        assert not bank.skipped
        (item,) = bank.asked(task)
        assert (item.context, item.choices, item.gold) == (context, choices, gold)
    if task == "mmlu":
        head = "The following are multiple choice questions (with answers) about high school maths.\n\n"
        assert item.requests()[1] == (head + context, " B")
    elif task == "winogrande":
        assert item.requests() == [(choice, " was kind.") for choice in choices]
    else:
        assert item.requests() == [(context, f" {choice}") for choice in choices]


MIXED: dict[str, Row] = {
    "arc-easy": {"dataset": "arc_easy", "query": "Question: What melts?", "choices": FOUR["text"], "gold": 0},
    "openbookqa": {"dataset": "openbook_qa", "query": "A stone is", "choices": FOUR["text"], "gold": 1},
    "piqa": {"dataset": "piqa", "query": "Question: Open a jar\n", "choices": ["twist it", "sing to it"], "gold": 1},
    "boolq": {
        "dataset": "boolq",
        "query": "Passage: Cats purr.\nQuestion: do cats purr?",
        "choices": ["no", "yes"],
        "gold": 1,
    },
    "lambada": {"dataset": "lambada_openai", "context": "He said to the ", "continuation": "dog"},
    "mmlu": {
        "dataset": "mmlu",
        "split": "test",
        "question": " 2+2? ",
        **dict(zip("ABCD", "3456", strict=True)),
        "answer": "B",
        "subject": "high_school_maths",
    },
}


@pytest.mark.parametrize("task", MIXED)
def test_a_mixed_row_gives_the_item_of_the_published_one(task: str, tmp_path: Path) -> None:
    name, row, *_ = ROWS[task]
    (ours,) = read_bank([write(tmp_path / f"{name}.jsonl", row)]).asked(task)
    (mixed,) = read_bank([write(tmp_path / "mixed.jsonl", MIXED[task])]).asked(task)
    assert mixed.digest() == ours.digest()


def test_other_mixed_rows_are_asked_as_they_are_written(tmp_path: Path) -> None:
    file = tmp_path / "mixed.jsonl.gz"
    rows = [
        {"dataset": "Odd Ones", "query": "Which?\nAnswer: ", "choices": ["x", "yy"], "gold": 1},
        {"dataset": "schemas", "context_options": ["he", "she"], "continuation": "ran.", "gold": 0},
        {"dataset": "copying", "context": "a b a", "continuation": "b"},
        {"dataset": "essays", "prompt": "Write."},
    ]
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    bank = read_bank([file])
    assert bank.asked("odd-ones")[0].requests() == [("Which?\nAnswer:", " x"), ("Which?\nAnswer:", " yy")]
    assert bank.asked("schemas")[0].requests() == [("he", " ran."), ("she", " ran.")]
    assert bank.asked("copying")[0].kind == "continuation"
    assert bank.skipped == {("essays", "unknown task"): 1}
    assert chosen(bank, Wish(tasks=("Odd_Ones",))) == ["odd-ones"]
    with pytest.raises(UsageError, match="no items of 'piqa'"):
        chosen(bank, Wish(tasks=("piqa",)))


def test_damaged_rows_are_skipped_counted_and_never_asked(tmp_path: Path) -> None:
    good = ROWS["piqa"][1]
    bad: list[Any] = [
        "{",
        "[1]",
        good | {"label": -1},
        good | {"label": None},
        good | {"sol1": 7},
        {k: v for k, v in good.items() if k != "label"},
        good | {"sol2": ""},
    ]
    bank = read_bank([write(tmp_path / "valid.jsonl", good, "", *bad)])
    assert len(bank.asked("piqa")) == 1
    assert sum(bank.skipped.values()) == len(bad)
    assert bank.skipped["valid.jsonl", "not a JSON object"] == 2


def test_the_test_split_is_asked_and_training_rows_are_shots(tmp_path: Path) -> None:
    row = ROWS["openbookqa"][1]
    for split in ("train", "validation", "test"):
        write(tmp_path / "obqa" / f"{split}-00000-of-00001.jsonl", row | {"id": split, "question_stem": split})
    bank = read_bank([tmp_path])
    assert [item.context for item in bank.asked("openbookqa")] == ["test"]
    assert [item.context for item in bank.pool("openbookqa")] == ["train"]
    twice = read_bank([tmp_path, tmp_path])
    assert len(twice.asked("openbookqa")) == 1
    assert twice.skipped["openbookqa", "id seen before"] == 3


def test_a_missing_path_and_a_broken_file_say_so(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "empty").mkdir()
    for path in ("nowhere", "x.parquet", "empty"):
        with pytest.raises(UsageError, match=path):
            read_bank([tmp_path / path])


def items(count: int, split: str, task: str = "piqa") -> list[Item]:
    return [Item(f"{split}{i}", task, f"{split} {i}:", ("a", "b"), i % 2, split=split) for i in range(count)]


def test_shots_never_hold_the_asked_item_and_follow_the_seed() -> None:
    asked = items(20, "test")
    for pool in (asked, items(9, "train")):
        drawn = draw(asked, pool, 5, seed=3)
        assert all(len(shots) == 5 and item not in shots for item, shots in zip(asked, drawn, strict=True))
        assert all(len({shot.id for shot in shots}) == 5 for shots in drawn)
        assert drawn == draw(asked, pool, 5, seed=3) != draw(asked, pool, 5, seed=4)
    assert shown(asked[1]) == "test 1: b\n\n"


def test_the_first_ones_of_a_subject_are_shown_before_mmlu() -> None:
    pool = [
        Item(f"{g}{i}", "mmlu", f"{g}{i}", tuple("ABCD"), 0, group=g, split="shots") for i in range(3) for g in "xy"
    ]
    asked = [Item("t", "mmlu", "t", tuple("ABCD"), 0, group="y")]
    assert [shot.id for shot in draw(asked, pool, 2)[0]] == ["y0", "y1"]


def test_a_limit_takes_from_each_group_in_turn() -> None:
    many = [Item(f"{g}{i}", "mmlu", "", (), 0, group=g) for g in "abc" for i in range(5)]
    assert [item.id for item in some(many, 4)] == ["a0", "a1", "b0", "c0"]
    assert some(many, 0) == many == some(many, 99)


def test_an_empty_bank_asks_nothing() -> None:
    assert Bank().asked("piqa") == Bank().pool("piqa") == []
