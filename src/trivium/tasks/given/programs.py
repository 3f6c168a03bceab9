"""MBPP and HumanEval out of files: their assertions become cases, so that no assertion runs beside the program.

An assertion is read, never run: `assert f(1, [2]) == 3` gives arguments and answer. One that is no plain comparison of
a call with a literal cannot be judged in another process; a problem with such a one is left out and counted.
"""

from __future__ import annotations

import ast
import json
import warnings
from pathlib import Path
from typing import Any

from trivium.tasks.code.values import NotPlain, closed, literal
from trivium.tasks.given.records import Loaded, Record, records, text_of
from trivium.tasks.problem import Problem, named


class NoCase(ValueError):
    """An assertion that cannot be made a case; says why."""


def load(kind: str, path: Path) -> Loaded:
    """The problems of a file: `mbpp` or `humaneval`. Raises UsageError for a file that cannot be read."""
    loaded = Loaded()
    for record in records(path, kind):
        try:
            problem = READERS[kind](record)
        except NoCase as error:
            loaded.left_out[str(error)] += 1
            continue
        loaded.take(problem, record.get("split"))
    return loaded.parted()


def _mbpp(record: Record) -> Problem:
    text, tests = text_of(record, "text", "prompt"), record.get("test_list")
    if not text or not isinstance(tests, list) or not tests:
        raise NoCase("no question with tests")
    if text_of(record, "test_setup_code").strip():
        raise NoCase("tests need code of their own")
    challenges = record.get("challenge_test_list") or []
    found = [_case(node, None) for test in [*tests, *challenges] for node in _parsed(str(test)).body]
    functions = {name for name, _ in found}
    if len(functions) != 1:
        raise NoCase("tests ask several functions")
    question = f"{text.strip()} The function must pass this test: {str(tests[0]).strip()}"
    source = text_of(record, "code").replace("\r\n", "\n")
    return _problem("mbpp", question, source, functions.pop(), [case for _, case in found], "")


def _humaneval(record: Record) -> Problem:
    prompt, function = text_of(record, "prompt"), text_of(record, "entry_point")
    checks = [
        node
        for node in _parsed(text_of(record, "test")).body
        if isinstance(node, ast.FunctionDef) and node.name == "check" and len(node.args.args) == 1
    ]
    if not prompt or not function or len(checks) != 1:
        raise NoCase("no question with tests")
    called = checks[0].args.args[0].arg
    found = [_case(node, called) for node in checks[0].body if not _empty(node)]
    if not found:
        raise NoCase("no question with tests")
    before = "\n".join(ast.unparse(node) for node in _prefix(prompt) if isinstance(node, ast.Import | ast.ImportFrom))
    source = prompt + text_of(record, "canonical_solution")
    return _problem("humaneval", prompt, source, function, [case for _, case in found], before)


def _prefix(prompt: str) -> list[ast.stmt]:
    """The statements of an unfinished program: its last function gets a body."""
    try:
        return _parsed(prompt).body
    except NoCase:
        return _parsed(prompt.rstrip() + "\n    pass\n").body


def _problem(task: str, question: str, source: str, function: str, cases: list[dict[str, Any]], before: str) -> Problem:
    key = json.dumps({"function": function, "cases": cases, "shim": True, "before": before})
    return Problem(task, named(task, " ".join(question.split())), question, source, "", 1, key)


def _parsed(source: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NoCase("tests are no Python") from error


def _empty(node: ast.stmt) -> bool:
    """Whether a statement asks nothing: a comment in quotes, `pass`, `assert True`, a print."""
    if isinstance(node, ast.Pass):
        return True
    if isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant):
        return node.test.value is True
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _case(node: ast.stmt, called: str | None) -> tuple[str, dict[str, Any]]:
    """The function's name, and arguments with the answer, of an assertion on `called` (None: on any one function)."""
    if not isinstance(node, ast.Assert):
        raise NoCase("a test is more than an assertion")
    call, answer, tolerance = _sides(node.test)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.keywords:
        raise NoCase("a test is no plain comparison of a call")
    if called is not None and call.func.id != called:
        raise NoCase("a test is no plain comparison of a call")
    try:
        arguments = [closed(literal(one)) for one in call.args]
        near = {"tolerance": tolerance} if tolerance else {}
        return call.func.id, {"arguments": arguments, "answer": closed(literal(answer)), **near}
    except NotPlain as error:
        raise NoCase("a test has values that are no literals") from error


def _sides(test: ast.expr) -> tuple[ast.expr, ast.expr, float]:
    """The call, what it must give, and to within what (0: as usual): of `f(x) == y`, `y == f(x)`, `f(x) is True`,
    `f(x)`, `not f(x)`, `abs(f(x) - y) < 1e-6`.
    """
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand, ast.Constant(False), 0.0
    if isinstance(test, ast.Call):
        return test, ast.Constant(True), 0.0
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        if isinstance(test.ops[0], ast.Lt):
            return _near(left, right)
        if isinstance(test.ops[0], ast.Eq | ast.Is):
            swapped = isinstance(right, ast.Call) and not isinstance(left, ast.Call)
            return (right, left, 0.0) if swapped else (left, right, 0.0)
    raise NoCase("a test is no plain comparison of a call")


def _near(left: ast.expr, right: ast.expr) -> tuple[ast.expr, ast.expr, float]:
    """The parts of `abs(f(x) - y) < 1e-6`."""
    if (
        isinstance(left, ast.Call)
        and isinstance(left.func, ast.Name)
        and left.func.id == "abs"
        and len(left.args) == 1
        and isinstance(left.args[0], ast.BinOp)
        and isinstance(left.args[0].op, ast.Sub)
        and isinstance(right, ast.Constant)
        and isinstance(right.value, float)
    ):
        return left.args[0].left, left.args[0].right, right.value
    raise NoCase("a test is no plain comparison of a call")


READERS = {"mbpp": _mbpp, "humaneval": _humaneval}
