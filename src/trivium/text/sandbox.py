"""Conversations by a foreign model's own chat template: a Jinja program out of a file that nobody here wrote.

It runs in Jinja's sandbox, without a loader, with a short list of filters, and with bounds on numbers and on what it
writes. (Loops in loops, and texts joined again and again, can still waste time and memory: single steps are bounded.)

What people wrote must not become structure. So every character in their text that could begin or end a special token's
spelling gets a mark beside it; the template's output is cut at the spellings that are left, which are its own; the
marks are taken out again, and what stands between is encoded as ordinary text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn

from trivium.ground.errors import ArtifactError, TriviumError, UsageError

if TYPE_CHECKING:
    from jinja2 import Template

LONGEST = 1_000_000
"""The largest number that a template may call a function with or multiply by."""
FILTERS = frozenset(
    "abs capitalize count d default dictsort first float int items join last length list lower map max min reject "
    "rejectattr replace reverse round safe select selectattr sort string sum title trim unique upper".split()
)
MARKS = tuple(chr(point) for point in range(0xFDD0, 0xFDF0))
"""Characters that no text has: Unicode sets them apart for use inside programs."""


class TemplateRefusal(TriviumError):
    """What a template says by `raise_exception`: it cannot write this conversation."""

    exit_code = UsageError.exit_code


def write(template: str, messages: Sequence[Mapping[str, Any]], variables: Mapping[str, Any]) -> str:
    """What the template writes for these messages.

    Raises UsageError (TemplateRefusal too) when it refuses the conversation, ArtifactError when it is no valid template
    or breaks out of bounds.
    """
    import jinja2

    roomy = 20 * LONGEST + 8 * sum(len(str(message)) for message in messages)
    pieces, size = [], 0
    try:
        for piece in _compiled(template).generate(messages=list(messages), **variables):
            pieces.append(piece)
            size += len(piece)
            if size > roomy:
                raise ArtifactError("The chat template writes without end.", "Do not trust this model's files.")
    except TriviumError:
        raise
    except (jinja2.TemplateError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
        raise ArtifactError(
            f"The chat template fails: {type(error).__name__}: {error}.", "Use `trivium complete`, which needs none."
        ) from error
    except (RecursionError, MemoryError) as error:
        raise ArtifactError("The chat template asks for too much.", "Do not trust this model's files.") from error
    return "".join(pieces)


@lru_cache(maxsize=8)
def _compiled(template: str) -> Template:
    from jinja2.exceptions import SecurityError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Bounded(ImmutableSandboxedEnvironment):
        """Jinja's sandbox, in which no single step makes something huge."""

        intercepted_binops = frozenset(["*", "**", "%"])

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            """The result, for moderate numbers. Raises SecurityError for others, and for texts times numbers."""
            if any(not isinstance(side, int | float) or abs(side) > LONGEST for side in (left, right)):
                raise SecurityError(f"{operator} with {left!r:.40} and {right!r:.40}")
            if operator == "**" and right > 16:
                raise SecurityError(f"the power {right}")
            return super().call_binop(context, operator, left, right)

        def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
            """The call's result. Raises SecurityError for a huge number among the arguments, and for str.format."""
            huge = [x for x in (*args, *kwargs.values()) if isinstance(x, int | float) and abs(x) > LONGEST]
            if huge or getattr(__obj, "__name__", "") in ("format", "format_map", "expandtabs"):
                raise SecurityError(f"a call of {__obj!r:.60}")
            return super().call(__context, __obj, *args, **kwargs)

    environment = Bounded(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters = {name: filter for name, filter in environment.filters.items() if name in FILTERS}
    environment.filters["tojson"] = _to_json
    environment.globals = {"range": environment.globals["range"], "namespace": environment.globals["namespace"]}
    environment.globals["raise_exception"] = _refuse
    return environment.from_string(template)


def _refuse(message: object) -> NoReturn:
    raise TemplateRefusal(f"The model's chat template says: {message}", "Change the conversation.")


def _to_json(value: Any, indent: int | None = None, **_ignored: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=None if indent is None else min(indent, 8))


class Masks:
    """Keeps people's text and a template's structure apart, for one set of special tokens and one conversation."""

    def __init__(self, special: Iterable[str], texts: Sequence[str]) -> None:
        """Raises UsageError for texts that use up all the marks."""
        self._special = sorted(special, key=len, reverse=True)
        free = [mark for mark in MARKS if not any(mark in text for text in (*texts, *self._special))]
        if not free:
            raise UsageError("The conversation holds all 32 of Unicode's noncharacters.", "Take one of them out.")
        self._mark = free[0]
        self._starts = re.compile("|".join({re.escape(text[0]) for text in self._special}) or r"(?!)")
        self._ends = re.compile("|".join({re.escape(text[-1]) for text in self._special}) or r"(?!)")

    def hide(self, value: Any) -> Any:
        """The same value with marks in all its strings: no special's spelling can begin, end or stand in them.

        Keys get them too, unless they are plain words, which templates ask for by name.
        """
        if isinstance(value, str):
            value = self._ends.sub(lambda found: self._mark + found.group(), value)
            return self._starts.sub(lambda found: found.group() + self._mark, value)
        if isinstance(value, Mapping):
            return {
                key if re.fullmatch(r"\w+", str(key)) else self.hide(key): self.hide(item)
                for key, item in value.items()
            }
        return [self.hide(item) for item in value] if isinstance(value, list | tuple) else value

    def cut(self, written: str) -> list[tuple[bool, str]]:
        """What was written as (is a special token, text without marks), in order."""
        pieces, done = [], 0
        for found in re.finditer("|".join(map(re.escape, self._special)) or r"(?!)", written):
            pieces += [(False, written[done : found.start()]), (True, found.group())]
            done = found.end()
        pieces.append((False, written[done:]))
        return [(special, text.replace(self._mark, "")) for special, text in pieces if text]
