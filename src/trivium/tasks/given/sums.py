"""GSM8K, MAWPS and MATH-like problems out of files, and the verdict on a reply to one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from trivium.tasks.given.matching import may_be_asked, number, same_text
from trivium.tasks.given.outside import NoAnswer, Outside
from trivium.tasks.given.reading import BOX, MARK, boxed, final, last_number
from trivium.tasks.given.records import Loaded, Record, records, text_of
from trivium.tasks.problem import Problem, Verdict, named

NOTED = re.compile(r"<<[^<>]*>>")
SECONDS = 12.0
"""For one comparison by math-verify."""


def load(kind: str, path: Path) -> Loaded:
    """The problems of a file: `gsm8k` (question, answer with `####`), `mawps` (a question and a number), `math`
    (problem and solution with one box, or a final answer). Raises UsageError for a file that cannot be read.
    """
    loaded = Loaded()
    for record in records(path, kind):
        read = READERS[kind](record)
        if isinstance(read, str):
            loaded.left_out[read] += 1
        else:
            question, answer, thought, level = read
            problem_id = named(kind, " ".join(question.casefold().split()))
            loaded.take(Problem(kind, problem_id, question, answer, thought, level), record.get("split"))
    return loaded.parted()


def _gsm8k(record: Record) -> tuple[str, str, str, int] | str:
    question, working = text_of(record, "question"), text_of(record, "answer")
    thought, mark, answer = working.partition(MARK)
    if not question or not mark or number(answer) is None:
        return "no question with a number as its answer"
    plain = NOTED.sub("", thought).strip()
    return question, answer.strip().replace(",", ""), plain, max(1, len(NOTED.findall(thought)))


def _mawps(record: Record) -> tuple[str, str, str, int] | str:
    question = text_of(record, "input", "original_text", "question")
    value = next((record[name] for name in ("target", "ans", "answer") if name in record), None)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    answer = str(value)
    if not question or isinstance(value, bool) or number(answer) is None:
        return "no question with a number as its answer"
    return question, answer, text_of(record, "equation"), 1


def _math(record: Record) -> tuple[str, str, str, int] | str:
    question, solution = text_of(record, "problem", "question"), text_of(record, "solution")
    answer: Any = record.get("answer", record.get("final_answer"))
    if isinstance(answer, list):
        if len(answer) != 1 or record.get("is_multiple_answer"):
            return "several answers"
        answer = answer[0]
    if answer is None:
        boxes = list(BOX.finditer(solution))
        if len(boxes) != 1:
            return "no final answer"
        answer = boxed(solution, boxes[0].end())[0]
    if not question or not isinstance(answer, str | int) or not str(answer).strip():
        return "no question with a final answer"
    level = re.search(r"[0-9]+", str(record.get("level", "")))
    return question, str(answer).strip(), solution, int(level[0]) if level else 1


READERS = {"gsm8k": _gsm8k, "mawps": _mawps, "math": _math}


def strict(problem: Problem, text: str, outside: Outside | None) -> Verdict:
    """The reply's one final answer (`reading.final`), equal to the right one by our matcher or by math-verify."""
    given = final(text, problem.question)
    return _judged(problem, given, outside) if given is not None else Verdict(False, None)


def lenient(problem: Problem, text: str, outside: Outside | None) -> Verdict:
    """The same, and where the form was not kept and the right answer is a number, the last number of the reply."""
    given = final(text, problem.question)
    if given is None or (number(given) is None and number(problem.answer) is not None):
        given = last_number(text) or given
    return _judged(problem, given, outside) if given is not None else Verdict(False, None)


def _judged(problem: Problem, given: str, outside: Outside | None) -> Verdict:
    value, right = number(given), number(problem.answer)
    if value is not None and right is not None:
        return Verdict(value == right, given)
    if same_text(given, problem.answer):
        return Verdict(True, given)
    if problem.task != "math" or outside is None or not may_be_asked(given, problem.answer):
        return Verdict(False, given if value is not None or problem.task == "math" else None)
    try:
        return Verdict(outside.ask(SECONDS, given=given.strip("$"), wanted=problem.answer.strip("$")) is True, given)
    except NoAnswer:
        return Verdict(False, given)
