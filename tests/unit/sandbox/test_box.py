"""The sandbox as its callers use it: what comes back, side by side, and when a run is over."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trivium.ground.errors import ConfigError, UsageError
from trivium.sandbox.answers import same
from trivium.sandbox.box import Sandbox, Unheld
from trivium.sandbox.tier import Tier, tier

held = pytest.mark.skipif(not tier().holds, reason=f"no sandbox here: {tier().reason}")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


@held
def test_what_a_run_printed_and_its_last_value(box: Sandbox) -> None:
    seen = box.run("import sys\nx = input()\nprint(x.upper())\nsys.stderr.write('e')\nlen(x)", "abc\nrest")
    assert (seen.stdout, seen.stderr, seen.value, seen.finish) == ("ABC\n", "e", "3", "ok")


@held
@pytest.mark.parametrize(
    ("code", "finish", "said"),
    [
        ("1 / 0", "error", "ZeroDivisionError"),
        ("def (:", "error", "SyntaxError"),
        ("raise KeyboardInterrupt", "error", "KeyboardInterrupt"),
        ("raise SystemExit", "ok", ""),
        ("import sys; sys.exit('no')", "error", "no"),
        ("import sys; sys.exit(3)", "error", ""),
        ("x = 'a' * 10**11", "memory", ""),
        ("import os; os._exit(0)", "killed", ""),
        ("import os; os.write(3, b'nonsense\\n')", "ok", ""),
        ("class E(Exception):\n def __str__(s): raise s\nraise E", "error", ""),
        ("import sys; sys.stdout = sys.stderr = None; 1 / 0", "error", ""),
        ("\ud800", "error", ""),
        ("", "ok", ""),
    ],
)
def test_how_it_finished(box: Sandbox, code: str, finish: str, said: str) -> None:
    seen = box.run(code)
    assert seen.finish == finish, seen
    assert said in seen.stderr


@held
def test_a_traceback_shows_the_code_and_not_our_files(box: Sandbox) -> None:
    seen = box.run("def f():\n    return g\nf()")
    assert "return g" in seen.stderr and "child.py" not in seen.stderr


@held
def test_the_same_code_prints_the_same(box: Sandbox) -> None:
    code = "import random\nprint(random.random(), hash('x'), sorted({'a', 'b'}, key=hash), list({'p', 'q', 'r'}))"
    first = box.run(code).stdout
    with Sandbox() as other:
        assert {box.run(code).stdout, other.run(code).stdout} == {first}


@held
def test_what_is_in_the_standard_library_can_be_imported(box: Sandbox) -> None:
    names = "wave plistlib xml.dom.minidom email.message unittest logging.handlers csv statistics zlib"
    code = "\n".join(f"try:\n import {name}\nexcept ImportError as e: print('{name}', e)" for name in names.split())
    seen = box.run(code + "\nimport asyncio\nasync def f(): await asyncio.sleep(0); return 7\nasyncio.run(f())")
    assert seen.value == "7", seen
    assert seen.stdout == ""


@held
def test_many_at_once_do_not_meet(box: Sandbox) -> None:
    def one(number: int) -> tuple[int, str, str]:
        if number % 5 == 4:
            return number, box.run("while True: pass", seconds=0.2).finish, "timeout"
        return number, box.run(f"print({number} ** 2)").stdout, f"{number**2}\n"

    with ThreadPoolExecutor(16) as pool:
        for number, got, wanted in pool.map(one, range(80)):
            assert got == wanted, number


@held
def test_a_sandbox_opened_in_a_thread_outlives_it() -> None:
    opened: list[Sandbox] = []
    thread = threading.Thread(target=lambda: opened.append(Sandbox().__enter__()))
    thread.start()
    thread.join()
    assert opened[0].run("print(1)").stdout == "1\n"
    opened[0].close()


@held
def test_a_zygote_that_died_is_replaced_and_one_that_closed_is_gone() -> None:
    with Sandbox() as box:
        assert box._zygote is not None
        first = box._zygote.pid
        box._zygote.kill()
        box._zygote.wait()
        assert [box.run("print(1)").stdout, box.run("print(1)").stdout][-1] == "1\n"
        second = box._zygote.pid
        assert first != second
    assert not Path(f"/proc/{second}").exists()


@held
def test_limits_out_of_bounds_are_told(box: Sandbox) -> None:
    for wrong in ({"seconds": 0}, {"seconds": float("nan")}, {"memory": 5}):
        with pytest.raises(ConfigError):
            box.run("1", **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="bytes"):
        box.run("#" * (2 << 20))


@held
def test_a_scratch_folder_is_private_and_gone_afterwards(box: Sandbox) -> None:
    code = "import os\nfor n in range(3): open(f'{SCRATCH}/{n}', 'w').write('x')\nos.remove(SCRATCH + '/0')\n"
    seen = box.run(code + "print(SCRATCH)\nsorted(os.listdir(SCRATCH))", scratch=True)
    assert seen.value == "['1', '2']", seen
    assert not os.path.exists(seen.stdout.strip())


def test_without_walls_nothing_runs_unless_it_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivium.sandbox.box.tier", lambda: Tier("none", "a reason"))
    with pytest.raises(Unheld, match=r"a reason.*--unsafe-exec"):
        Sandbox()
    with Sandbox(unsafe=True) as box:
        assert box.run("open('/etc/passwd').read()[:0]").finish == "ok"
        assert box.run("while True: pass", seconds=0.2).finish == "timeout"
        assert box.run("x = 'a' * 10**11").finish == "memory"


def test_a_wall_that_does_not_hold_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivium.sandbox.box.CONFIRM", "print(4)")
    if tier().holds:
        with pytest.raises(Unheld, match="do not hold"):
            Sandbox().__enter__()


def test_same_looks_at_types() -> None:
    assert same([1, {"a": None}], [1, {"a": None}]) and same(0.1 + 0.2, 0.3, 1e-9)
    for left, right in (
        (True, 1),
        (1, 1.0),
        ("1", 1),
        ([1], [1, 1]),
        ({"a": 1}, {"b": 1}),
        (0.1 + 0.2, 0.3),
        (None, 0),
    ):
        assert not same(left, right)
