"""The user's own task: one Python file with `problems()` and, where equality is not enough, `verify(problem, answer)`.

The file is the user's own code, named by them on the command line, and runs in this process with all that they may do.
"""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trivium.ground.errors import UsageError
from trivium.tasks.forms import after_thinking
from trivium.tasks.given.reading import echoes
from trivium.tasks.problem import Problem, Split, Verdict, named, split_of

LONGEST = 8000
LOOKED_AT = 100
"""Problems whose own answers must be right when the file is opened."""
MOST = 10_000_000


class OwnTask:
    """A task out of a file. Raises UsageError for a file that does not keep to the form, saying where."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, f"own:{path.stem}"
        self.records: dict[str, dict[str, Any]] = {}
        self.splits: dict[Split, list[Problem]] = {"train": [], "heldout": []}
        self.troubles: Counter[str] = Counter()
        """What `verify` raised on replies, and how often: such replies count as wrong."""
        module = _loaded(path)
        self._verify: Callable[[dict[str, Any], str], Any] = getattr(module, "verify", equal)
        given = getattr(module, "problems", None)
        if not callable(given) or not callable(self._verify):
            raise UsageError(f"{path} has no function problems().", "See docs/tasks.md for the form.")
        for number, record in enumerate(given(), 1):
            if number > MOST:
                raise UsageError(f"{path} gives more than {MOST} problems.", "problems() must come to an end.")
            self._take(number, record)
        if not self.records:
            raise UsageError(f"{path} gives no problems.", "problems() yields dictionaries with a question.")
        for problem in [*self.splits["train"][:LOOKED_AT], *self.splits["heldout"][:LOOKED_AT]]:
            if problem.answer and not self._asked(problem, problem.answer):
                raise UsageError(
                    f"{path}: verify() says that {problem.answer!r}, the answer given with "
                    f"{problem.question[:80]!r}, is wrong.",
                    "One of the two needs mending.",
                )

    def strict(self, problem: Problem, text: str) -> Verdict:
        """What the user's `verify` says of a reply (after its thinking, without blanks around it)."""
        content = after_thinking(text, LONGEST)
        if not content or echoes(content, problem.question):
            return Verdict(False, None)
        try:
            return Verdict(self._asked(problem, content), content)
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises on a strange reply
            self.troubles[f"{type(error).__name__}: {error}"[:200]] += 1
            return Verdict(False, content)

    def _asked(self, problem: Problem, content: str) -> bool:
        found = self._verify(dict(self.records[problem.id]), content)
        if found is not True and found is not False:
            raise UsageError(
                f"verify() of {self.path} gave {type(found).__name__}, not True or False.", "Return a bool."
            )
        return found

    def _take(self, number: int, record: Any) -> None:
        fault = _fault(record)
        if fault:
            raise UsageError(f"Problem {number} of {self.path} {fault}.", "See docs/tasks.md for the form.")
        question, answer = record["question"], record.get("answer", "")
        if not answer and self._verify is equal:
            raise UsageError(f"Problem {number} of {self.path} has no answer.", "Give answers, or a verify().")
        problem_id = named(self.name, " ".join(question.split()))
        if problem_id in self.records:
            return
        self.records[problem_id] = record
        level = record.get("level", 1)
        problem = Problem(self.name, problem_id, question, answer, record.get("thought", ""), level)
        self.splits[split_of(problem_id)].append(problem)


def equal(problem: dict[str, Any], answer: str) -> bool:
    """The verifier where the file has none: the answer as it stands, one final period aside."""
    return answer in (problem["answer"], f"{problem['answer']}.")


def _fault(record: Any) -> str:
    if not isinstance(record, dict):
        return f"is a {type(record).__name__}, not a dictionary"
    for name, kind, needed in (
        ("question", str, True),
        ("answer", str, False),
        ("thought", str, False),
        ("level", int, False),
    ):
        if name in record and type(record[name]) is not kind:
            return f"has {name!r} of type {type(record[name]).__name__}, not {kind.__name__}"
        if needed and not record.get(name):
            return f"has no {name!r}"
    try:
        json.dumps(record)
    except (TypeError, ValueError):
        return "holds something that is no plain value"
    return ""


def _loaded(path: Path) -> Any:
    if path.suffix != ".py" or not path.is_file():
        raise UsageError(f"There is no Python file {path}.", "Give the path of your task's .py file.")
    spec = importlib.util.spec_from_file_location(f"own_task_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(
            f"{path} cannot be loaded: {type(error).__name__}: {error}.", "Mend it and try again."
        ) from error
    return module
