"""Problems come from the split they are asked from, workings lead to the answers, verdicts are strict."""

from __future__ import annotations

import hashlib
import itertools
import json

import pytest

from trivium.ground.errors import ConfigError, UsageError
from trivium.tasks.generated.words import WORDS
from trivium.tasks.problem import Problem, identity, split_of
from trivium.tasks.registry import TASKS, generate, lenient, verify
from trivium.town.names import FIRST_NAMES, LAST_NAMES, VALUES

SUM = Problem("addition", identity("addition", "What is 347+285?"), "What is 347+285?", "632", "", 3)
COUNT = Problem("counting", "counting-0", "How many r's are in strawberry?", "3", "", 3)
SPELL = Problem("spelling", "spelling-0", "How do you spell letter?", "l e t t e r", "", 2)
LARGER = Problem("comparison", "comparison-0", "Which is larger, 9.11 or 9.9?", "9.9", "", 2)


@pytest.mark.parametrize("task", TASKS)
def test_splits_share_no_problem_and_repeat_nothing(task: str) -> None:
    level = TASKS[task].levels[1]
    train, heldout = generate(task, level, 30, 1, "train"), generate(task, level, 8, 1, "heldout")
    assert {split_of(p.id) for p in train} == {"train"}
    assert {split_of(p.id) for p in heldout} == {"heldout"}
    assert len({p.question for p in train}) == 30
    assert not {p.id for p in train} & {p.id for p in heldout}
    assert len({p.question for p in heldout}) == 8
    assert generate(task, level, 30, 1, "train") == train != generate(task, level, 30, 2, "train")


def test_mirrored_sums_fall_into_one_split() -> None:
    assert identity("addition", "What is 347+285?") == identity("addition", "What is 285+347?")
    assert identity("addition", "What is 347+285?") != identity("addition", "What is 347+286?")


def test_about_a_fifth_is_held_out() -> None:
    ids = [identity("addition", f"What is {a}+{b}?") for a in range(100, 140) for b in range(200, 240)]
    assert 0.15 < sum(split_of(one) == "heldout" for one in ids) / len(ids) < 0.25


FIRST = ("addition", "comparison", "counting", "tally", "spelling", "reversal")
"""The tasks that recipes were measured with."""


def test_the_first_tasks_draw_what_they_always_drew() -> None:
    """Figures of the recipes rest on these problems: same arguments, same problems, whatever is added beside them."""
    digest = hashlib.sha256()
    for task in FIRST:
        for level in TASKS[task].levels:
            for seed in (0, 1, 7):
                for split, count in (("train", 25), ("heldout", 6)):
                    for p in generate(task, level, count, seed, split):
                        digest.update(json.dumps([p.task, p.id, p.question, p.answer, p.thought, p.level]).encode())
    assert tuple(TASKS)[:6] == FIRST
    assert digest.hexdigest() == "60e4be088b489f08388a6a77f001b404f5e9f0357f4f4f6dce87c72c90de4999"


@pytest.mark.parametrize(("task", "level"), [(name, level) for name in FIRST for level in TASKS[name].levels])
def test_every_answer_passes_and_follows_from_the_working(task: str, level: int) -> None:
    for problem in generate(task, level, 12, 3):
        assert verify(problem, problem.answer).correct
        assert verify(problem, f"<think>{problem.thought}</think>{problem.answer}.").correct
        assert lenient(problem, f"It is {problem.answer}.").correct
        assert problem.level == level and problem.thought
        last = problem.thought.splitlines()[-1]
        ending = {
            "addition": f"({problem.answer})",
            "comparison": f"so {problem.answer}",
            "counting": problem.answer,
            "tally": problem.answer,
            "spelling": problem.answer[-1] + str(len(problem.answer) // 2 + 1),
            "reversal": problem.answer[0],
        }
        assert last.endswith(ending[task])


@pytest.mark.parametrize(
    "text",
    [
        "633",
        "",
        " ",
        "0632",
        "+632",
        "-632",
        "632.0",
        "6 3 2",
        "632 633",
        "632, 633",
        "632\n632",
        "the answer is 632",
        "632 or 633",
        "632!",
        "632..",
        "٦٣٢",
        "６３２",
        "63２",
        "6³2",
        "six hundred",
        "632\u200b",
        "\u00a0632",
        "632" * 200,
        "1 2 3 632",
        "<think>632",
        "<think>632</think>",
        "<think></think>632</think>632",
        "632</think>",
        "632<think>",
        "0x278",
        "6.32e2",
        "632%",
        "$632",
        "{632}",
        "'632'",
        "632" + " " * 10_000_000 + "1",
    ],
)
def test_no_trick_earns_a_sum(text: str) -> None:
    assert not verify(SUM, text).correct


@pytest.mark.parametrize("text", ["632", "632.", " 632\n", "<think>7+5=12</think>632", "<think></think> 632."])
def test_a_plain_answer_earns_it(text: str) -> None:
    assert verify(SUM, text).correct and verify(SUM, text).answer == "632"


def test_a_wrong_answer_is_told_from_none() -> None:
    assert verify(SUM, "633").answer == "633"
    assert verify(SUM, "I think 632").answer is None


@pytest.mark.parametrize(
    ("problem", "text", "right"),
    [
        (SUM, "The answer is 632.", True),
        (SUM, "347+285=632", True),
        (SUM, "632 or 633", False),
        (SUM, "I do not know", False),
        (SUM, "347", False),
        (SUM, "1 2 3 632", False),
        (SUM, "-632", False),
        (SUM, "0632", False),
        (SUM, "632.5", False),
        (COUNT, "There are 3 of them.", True),
        (COUNT, "There are 2 or 3.", False),
        (LARGER, "9.9 is larger.", True),
        (LARGER, "9.9 is larger than 9.11.", False),
        (LARGER, "9.90", False),
        (SPELL, "It is spelled l e t t e r.", True),
        (SPELL, "letter", True),
        (SPELL, "l e t t e r or l e t e r", False),
    ],
)
def test_lenient_allows_words_but_one_answer(problem: Problem, text: str, right: bool) -> None:
    assert lenient(problem, text).correct is right


def test_spelling_takes_one_separator_and_ascii_letters() -> None:
    for text in ("l e t t e r", "l-e-t-t-e-r", "letter", "L E T T E R."):
        assert verify(SPELL, text).correct
    for text in (
        "l e t-t e r",
        "l  e t t e r",
        "l e t t e r r",
        "l,e,t,t,e,r",
        "l e t t \u0435 r",
        "l e t t e r l e t t e r",
    ):
        assert not verify(SPELL, text).correct


def test_programs_are_not_judged_in_this_process() -> None:
    with pytest.raises(UsageError, match="Judge"):
        verify(generate("code", 1, 1, 0)[0], "def solve(x): return x")


def test_asking_for_more_than_there_is_says_how_many_there_are() -> None:
    with pytest.raises(ConfigError, match="or fewer"):
        generate("addition", 1, 500, 0, "heldout")
    with pytest.raises(ConfigError, match="level 99"):
        generate("addition", 99, 1, 0)


def test_words_have_levels_enough_and_meet_no_fact_of_the_town() -> None:
    taken = {one.casefold() for one in itertools.chain(FIRST_NAMES, LAST_NAMES, *VALUES.values())}
    assert len(set(WORDS)) == len(WORDS)
    assert not set(WORDS) & taken
