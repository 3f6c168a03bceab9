"""What runs in the child process: math-verify's comparison, or reasoning-gym's generators and scorers."""

from __future__ import annotations

import ast
import contextlib
import inspect
import json
import os
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

MEMORY = 4 << 30
"""Bytes of address space: sympy with its tables fits, a runaway power does not."""
EVALUATING = {"eval", "exec", "parse_expr", "sympify", "compile", "literal_eval"}
"""A dataset whose module names one of these is refused: it may evaluate an answer as code."""


def main(kind: str) -> None:
    """Serve questions of a kind, a line of JSON each, until the input ends. First says `ready`, or what is missing."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what packages print is no answer
    try:
        handle = KINDS[kind]()
    except ImportError as error:
        out.write(json.dumps({"error": str(error)}) + "\n")
        out.flush()
        return
    out.write(json.dumps({"value": "ready"}) + "\n")
    out.flush()
    for line in sys.stdin:
        try:
            reply = {"value": handle(**json.loads(line))}
        except Exception as error:  # noqa: BLE001 - a package's own trouble with one answer is no end
            reply = {"error": f"{type(error).__name__}: {error}"[:300]}
        out.write(json.dumps(reply) + "\n")
        out.flush()


def mathematics() -> Callable[..., Any]:
    """Whether a LaTeX answer equals another, by math-verify. Only LaTeX is parsed: its other reader evaluates."""
    from math_verify import LatexExtractionConfig, parse, verify

    def equal(given: str, wanted: str) -> bool:
        reads = [LatexExtractionConfig()]
        left, right = (parse(f"${text}$", reads, parsing_timeout=4) for text in (given, wanted))
        return bool(left and right and verify(right, left, timeout_seconds=4))

    return equal


def gym() -> Callable[..., Any]:
    """Reasoning-gym: `draw` gives questions with answers, `score` scores one answer, `names` says what there is."""
    from reasoning_gym.factory import DATASETS

    @lru_cache(maxsize=64)
    def dataset(name: str, seed: int, size: int) -> Any:
        kind, config = DATASETS[name]
        return kind(config(seed=seed, size=size))

    def handle(act: str, name: str = "", seed: int = 0, size: int = 1, index: int = 0, answer: str = "") -> Any:
        if act == "names":
            return {one: evaluating(DATASETS[one][0]) for one in DATASETS}
        if evaluating(DATASETS[name][0]):
            raise ValueError("this verifier evaluates answers as code")
        if act == "draw":
            found = dataset(name, seed, size)
            return [[str(found[i]["question"]), str(found[i]["answer"])] for i in range(size)]
        held = dataset(name, seed, size)
        return float(held.score_answer(answer, held[index]))

    return handle


def evaluating(kind: type) -> bool:
    """Whether the module of a class names something that evaluates texts, or cannot be looked at."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[kind.__module__]))
    except (OSError, SyntaxError, KeyError):
        return True
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return bool(EVALUATING & (names | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}))


KINDS: dict[str, Callable[[], Callable[..., Any]]] = {"math": mathematics, "gym": gym}
