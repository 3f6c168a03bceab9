"""Grading a program: it runs in the sandbox, is asked case by case, and its answers are compared here, as plain data.

The right answers are never in its process. No object of its own gets here, so none can say that it equals; how it
exits counts for nothing; each question is asked only when the one before is answered, once, with the question's nonce.
"""

from __future__ import annotations

import json
from typing import Any

from trivium.sandbox.answers import same
from trivium.sandbox.box import Sandbox
from trivium.tasks.code.program import program
from trivium.tasks.code.values import SHIM, alike
from trivium.tasks.problem import Problem, Verdict

SECONDS, MEMORY = 4.0, 256 << 20
TOLERANCE = 1e-9
"""Share by which floats may differ: two right programs may sum in different orders."""


def graded(sandbox: Sandbox, problem: Problem, text: str, strict: bool = True, seconds: float = SECONDS) -> Verdict:
    """The verdict on a reply with a program: right only if every case is answered, in time, with the right value.

    `problem.key` has `function`, `cases` (`arguments`, `answer`, perhaps `tolerance`; where `shim` is set, in the
    form of `values`, else plain JSON that is compared by type), and perhaps `before`: code to run ahead of the program.
    """
    key = json.loads(problem.key)
    found = program(text, key["function"], strict)
    if found is None:
        return Verdict(False, None)
    return Verdict(passes(sandbox, key, found, seconds), found)


def passes(sandbox: Sandbox, key: dict[str, Any], source: str, seconds: float = SECONDS) -> bool:
    """Whether a program answers all cases of a key rightly."""
    shim = bool(key.get("shim"))
    name = "_trivium_asked" if shim else key["function"]
    body = f"{key.get('before', '')}\n{source}{SHIM.replace('FUNCTION', key['function']) if shim else ''}"
    asked = [case["arguments"] for case in key["cases"]]
    answers = sandbox.call(body, name, asked, seconds=seconds, memory=MEMORY)
    if not answers.complete or len(answers.answers) != len(asked) or not asked:
        return False
    return all(
        given.error is None and _right(given.value, case, shim)
        for given, case in zip(answers.answers, key["cases"], strict=True)
    )


def _right(given: Any, case: dict[str, Any], shim: bool) -> bool:
    if shim:
        return alike(given, case["answer"], case.get("tolerance", TOLERANCE))
    return same(given, case["answer"], TOLERANCE)
