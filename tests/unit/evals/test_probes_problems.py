"""Problems on a scripted model: what counts as right, in chat and in documents."""

from __future__ import annotations

import pytest

from trivium.evals.problems import accuracy, lesson, score, score_base
from trivium.tasks.problem import split_of
from trivium.tasks.registry import TASKS, generate
from trivium.text.tokenizer import THINK, THINK_END, TURN_END

PROBLEMS = [p for level in (1, 2, 3) for p in generate("addition", level, 5, 0, "heldout")]
BY_QUESTION = {p.question: p for p in PROBLEMS}


def solved(prompt: str):
    return BY_QUESTION[max(BY_QUESTION, key=prompt.rfind)]


@pytest.mark.parametrize("think", [True, False, None])
def test_a_solver_is_right(byte_tokenizer, scripted, think) -> None:
    opening = THINK if think is None else ""
    rest = "" if think is False else f"{{thought}}{THINK_END}"

    def script(prompt: str, _request) -> str:
        problem = solved(prompt)
        return f"{opening}{rest.format(thought=problem.thought)}{problem.answer}{TURN_END}"

    engine = scripted(script)
    found = score(engine, byte_tokenizer, PROBLEMS, think=think)
    assert [o.problem for o in found] == PROBLEMS
    assert all(o.correct and o.lenient for o in found)
    assert accuracy(found).value == 1.0
    ending = {True: THINK, False: THINK + THINK_END, None: "<|im_start|>assistant\n"}[think]
    assert all(prompt.endswith(ending) for prompt in engine.prompts)
    assert found[0].reply.thinking == ("" if think is False else PROBLEMS[0].thought)


@pytest.mark.parametrize(
    ("said", "correct", "lenient"),
    [
        ("{answer}" + TURN_END, True, True),
        ("{answer}." + TURN_END, True, True),
        ("{answer}", False, True),
        ("The answer is {answer}." + TURN_END, False, True),
        ("{answer} or 1234567" + TURN_END, False, False),
        ("1234567" + TURN_END, False, False),
        ("", False, False),
        (THINK + "{answer}" + TURN_END, False, False),
        (THINK + "{answer}" + THINK_END + TURN_END, False, False),
    ],
)
def test_what_counts(byte_tokenizer, scripted, said, correct, lenient) -> None:
    engine = scripted(lambda prompt, _request: said.format(answer=solved(prompt).answer))
    found = score(engine, byte_tokenizer, PROBLEMS)
    assert {(o.correct, o.lenient) for o in found} == {(correct, lenient)}


def test_tokens_are_all_that_were_generated(byte_tokenizer, scripted) -> None:
    engine = scripted(lambda *_: f"12{THINK_END}7{TURN_END}")
    assert {o.tokens for o in score(engine, byte_tokenizer, PROBLEMS, think=True)} == {5}


def test_samples_stand_side_by_side_with_seeds_of_their_own(byte_tokenizer, scripted) -> None:
    engine = scripted(lambda _prompt, request: f"{request.seed}{TURN_END}")
    found = score(engine, byte_tokenizer, PROBLEMS, samples=4, temperature=1.0, seed=3)
    assert [o.problem for o in found] == [p for p in PROBLEMS for _ in range(4)]
    assert len({o.reply.content for o in found}) == len(found)


def test_a_base_model_gets_lessons(byte_tokenizer, scripted) -> None:
    def script(prompt: str, _request) -> str:
        problem = solved(prompt)
        if prompt.endswith("Working:\n"):
            return (
                f"{problem.thought}\nAnswer: {problem.answer}\n\nQuestion: What is 1+1?\nWorking:\n1+1=2 (2)\nAnswer: 2"
            )
        assert prompt.endswith(f"Question: {problem.question} Answer:")
        return f" {problem.answer}.\nQuestion: What is 1+1? Answer: 2."

    for think in (True, False):
        found = score_base(scripted(script), byte_tokenizer, PROBLEMS, think=think, max_new=200)
        assert all(o.correct for o in found)
        assert [o.reply.thinking for o in found] == ([p.thought for p in PROBLEMS] if think else [None] * len(PROBLEMS))


@pytest.mark.parametrize(
    ("said", "think", "correct"),
    [
        ("1+1=2\n\nQuestion: What?\nAnswer: {answer}\n", True, False),
        ("Answer: {answer}", True, False),
        ("Answer: {answer}\n", True, True),
        (" {answer}", False, False),
        (" {answer} {answer}\n", False, False),
        (" {answer}\n", False, True),
    ],
)
def test_what_counts_in_a_document(byte_tokenizer, scripted, said, think, correct) -> None:
    engine = scripted(lambda prompt, _request: said.format(answer=solved(prompt).answer))
    assert {o.correct for o in score_base(engine, byte_tokenizer, PROBLEMS, think=think)} == {correct}


@pytest.mark.parametrize("task", sorted(TASKS))
@pytest.mark.parametrize("think", [True, False])
def test_lessons_show_solved_problems_of_the_train_split_only(task: str, think: bool) -> None:
    problem = generate(task, 2, 1, 9, "heldout")[0]
    text = lesson(problem, think)
    done = generate(task, 2, 1 if think else 3, 0, "train")
    assert text.count("Question: ") == len(done) + 1 and problem.question in text
    assert all(one.question in text and one.answer in text for one in done)
    assert {split_of(one.id) for one in done} == {"train"}
