"""The Python tool: what Monty says is what CPython says, and the rest goes to the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trivium.sandbox.box import Sandbox
from trivium.sandbox.snippets import Snippets, simple
from trivium.sandbox.tier import tier
from trivium.tools.registry import opened
from trivium.tools.tool import Tool, perform

held = pytest.mark.skipif(not tier().holds, reason=f"no sandbox here: {tier().reason}")


@pytest.fixture(scope="module")
def snippets() -> Iterator[Snippets]:
    with Snippets(seconds=1, memory=64 << 20) as pool:
        yield pool


SAME = """1 + 1
348 * 619
'strawberry'.count('r')
''.join(sorted('hello'))
print(0.1 + 0.2, 1e22, 1e-7, 10**25 / 3, -7 // 2, -7 % 3, 7.5 // 2, True + 1)
print([1, 2, (3,)], repr('a'), None, 1e16, 123456789.123456789)
print(*range(5), sep='-', end='!')
sum(x * x for x in range(100))
import math; math.sqrt(2)
import math; math.factorial(25)
import json; json.dumps([1, 2.5, None, True, 'é'])
import re; re.sub('l+', 'L', 'hello world')
2**200
int('ff', 16)
pow(3, 100, 7)
'%.2f' % 3.14159
'abc'[::-1]
'Straße'.upper()
'a-b'.replace('-', '+')
x = 5; x > 3
if True: print('yes')""".split("\n")


@held
def test_monty_and_cpython_agree(snippets: Snippets) -> None:
    with Sandbox() as box:
        for code in SAME:
            quick, full = snippets.run(code), box.run(code)
            assert quick is not None, code
            assert (quick.stdout, quick.value, quick.finish) == (full.stdout, full.value, full.finish), code


def test_what_could_differ_is_left_to_cpython(snippets: Snippets) -> None:
    unsure = ["round(2.675, 2)", "set('abc')", "{1: 2}", "import statistics", "import os", "input()", "x" * 5000]
    assert not any(simple(code) for code in unsure)
    for code in ("1 / 0", "x", "[1, 2]", "lambda: 1", "type(1)", "divmod(7, 3)", "yield 1", "def f(): return f()\nf()"):
        assert snippets.run(code) is None, code


@pytest.mark.parametrize(
    ("code", "finish"),
    [
        ("9**9**9", ("memory", "timeout")),
        ("while True: pass", ("timeout",)),
        ("try:\n    while True: pass\nexcept BaseException: pass\nwhile True: pass", ("timeout",)),
        ("import math\nmath.factorial(10**7)", ("timeout", "memory")),
        ("x = []\nwhile True: x.append(1)", ("memory",)),
        ("'a' * 10**11", ("memory",)),
        ("while True: print('x' * 100)", ("output", "memory")),
        ("[0] * 10**10", ("memory",)),
    ],
)
def test_hunger_ends_in_monty_too(snippets: Snippets, code: str, finish: tuple[str, ...]) -> None:
    found = snippets.run(code)
    assert found is not None and found.finish in finish, found


@pytest.fixture(scope="module")
def python() -> Iterator[list[Tool]]:
    with opened(["python"]) as tools:
        yield tools


@held
@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("print(6 * 7)", "42"),
        ("6 * 7", "42"),
        ("print('a')\n[1]", "a\n[1]"),
        ("x = 1", "(The program printed nothing.)"),
        ("from statistics import mean\nmean([1, 2, 3])", "2"),
        ("import os\nos._exit(0)", "The program ended without a word."),
    ],
)
def test_the_tool_says_what_came_of_a_program(python: list[Tool], code: str, text: str) -> None:
    assert perform(python, "python", {"code": code}).text == text


@held
def test_an_error_is_the_programs_own(python: list[Tool]) -> None:
    text = perform(python, "python", {"code": "def f():\n    return 1 / 0\nf()"}).text
    assert "ZeroDivisionError" in text and "trivium" not in text
