"""Ways out of the sandbox, and lies told to a judge: none gets through; and the probes do see what gets through."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivium.sandbox.battery import BATTERY, Ground, besiege, laid_out
from trivium.sandbox.box import Sandbox
from trivium.sandbox.tier import Tier, tier

held = pytest.mark.skipif(not tier().holds, reason=f"no sandbox here: {tier().reason}")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox() as opened:
        yield opened


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with laid_out() as made:
        yield made


@held
def test_nothing_escapes(box: Sandbox, ground: Ground) -> None:
    seen = list(besiege(box, BATTERY, ground))
    assert len(seen) >= 90
    assert not [(one.probe.name, one.escaped) for one in seen if one.escaped]


def test_without_walls_the_probes_see_the_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only probes that do no harm where nothing holds."""
    harmless = {
        "read /etc/passwd",
        "read a file of the user",
        "list folders",
        "write beside the user's files",
        "hard link",
        "/proc/self",
        "TCP",
        "UDP",
        "Unix sockets, with a path and without",
        "out of a socket pair",
        "a program in memory",
        "personality",
        "prctl",
    }
    monkeypatch.setattr("trivium.sandbox.box.tier", lambda: Tier("none", "not looked at"))
    probes = [probe for probe in BATTERY if probe.name in harmless]
    assert len(probes) == len(harmless)
    with Sandbox(unsafe=True) as box:
        for probe in probes:
            with laid_out() as ground:
                assert [one.escaped for one in besiege(box, [probe], ground)] != [""], probe.name


ABANDONED = """
import threading, time
from trivium.sandbox.box import Sandbox
box = Sandbox().__enter__()
code = "import time\\nprint(1)\\nwhile True: time.sleep(0.01)"
threading.Thread(target=box.run, args=(code,), kwargs={"seconds": 600}, daemon=True).start()
time.sleep(0.5)
print(box._zygote.pid, flush=True)
time.sleep(600)
"""


@held
def test_nothing_outlives_an_owner_that_was_killed() -> None:
    owner = subprocess.Popen([sys.executable, "-c", ABANDONED], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    zygote = int(owner.stdout.readline())
    family = [zygote, *(int(name) for name in Path(f"/proc/{zygote}/task/{zygote}/children").read_text().split())]
    owner.kill()
    owner.wait()
    owner.stdout.close()
    deadline = time.monotonic() + 30
    while any(alive(process) for process in family) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(family) == 2 and not any(alive(process) for process in family)


def alive(process: int) -> bool:
    """Whether a process still does something (a zombie of a container's first process does not)."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


GOOD = "def f(x):\n    return x * 2\n"
FORGED = """
import json, os, sys
def nonces():
    frame, found = sys._getframe(), []
    while frame:
        asked = frame.f_locals.get("asked")
        if isinstance(asked, dict):
            found.append(asked["nonce"])
        frame = frame.f_back
    return found
def send(nonce, value):
    os.write(3, (json.dumps({"nonce": nonce, "value": value}) + "\\n").encode())
"""


@held
@pytest.mark.parametrize(
    "code",
    [
        'print(\'{"nonce": "", "value": 2}\')\nimport os\nos._exit(0)\n',
        "raise SystemExit",
        "import sys\nsys.exit(0)\n",
        'import os\nos.write(3, b\'{"nonce": "x", "value": 2}\\n\')\n' + GOOD,
        "import os\nos.write(3, b'\\n')\n" + GOOD,
        "import os\nos.write(3, b'[' * 100000 + b'\\n')\n" + GOOD,
        "import os\nos.close(3)\n" + GOOD,
        "def f(x):\n    import os\n    os._exit(0)\n",
        "def f(x):\n    import os\n    os.write(3, b'{}\\n')\n    return 2\n",
        FORGED + "def f(x):\n    send(nonces()[0], 2)\n    return 2\n",
        FORGED + "def f(x):\n    send(nonces()[0], 2)\n    send(nonces()[0], 2)\n    os._exit(0)\n",
        FORGED + "def f(x):\n    send(nonces()[0], 2)\n    send('0' * 32, 4)\n    os._exit(0)\n",
        "def f(x):\n    while True: pass\n",
        "def f(x):\n    return 'x' * 3000000\n",
        "f = 1 / 0\n",
        "f = 1\n",
        "g = 1\n",
    ],
)
def test_a_call_that_breaks_the_protocol_is_not_complete(box: Sandbox, code: str) -> None:
    found = box.call(code, "f", [[1], [2]], seconds=1)
    assert not found.complete
    assert len(found.answers) < 2 or found.outcome.finish != "ok"


@held
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (GOOD, [2, [3, 3]]),
        ("class A:\n    def __eq__(s, o): return True\ndef f(x): return A()\n", [None, None]),
        ("class B(int):\n    def __eq__(s, o): return True\ndef f(x): return B(7)\n", [7, 7]),
        ("def f(x): return float('nan')\n", [None, None]),
        ("def f(x): raise SystemExit\n", [None, None]),
        ("def f(x):\n    l = []\n    l.append(l)\n    return l\n", [None, None]),
        ("def f(x): return {1, 2}\n", [None, None]),
        ("def f(x):\n    print('{\"value\": 9}')\n    return (x, True)\n", [[1, True], [[3], True]]),
        (GOOD + "if __name__ == '__main__':\n    raise SystemExit(f(1))\n", [2, [3, 3]]),
        ("def f(x): return bytes(1 << 40)\n", [None, None]),
    ],
)
def test_answers_are_plain_data(box: Sandbox, code: str, expected: list[object]) -> None:
    found = box.call(code, "f", [[1], [[3]]])
    assert found.complete, found
    assert [answer.value for answer in found.answers] == expected
    assert all((answer.error is None) != (answer.value is None) for answer in found.answers)


@held
def test_a_question_is_not_there_before_its_time(box: Sandbox) -> None:
    code = """
import os, select
def f(x):
    ready = select.select([3], [], [], 0.05)[0]
    return [x, bool(ready)]
"""
    found = box.call(code, "f", [[1], [2], [3]])
    assert [answer.value for answer in found.answers] == [[1, False], [2, False], [3, False]]
