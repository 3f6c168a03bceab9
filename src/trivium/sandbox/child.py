"""What a run does after the fork: takes its job, walls itself in, runs the code, says how it went, and is gone.

The job is a file: a line of JSON, the code, what the code reads as its standard input. The channel is a socket: at the
end of a `run` one line with the nonce of the job; in a `call` one line for each question, with the question's nonce.
"""

from __future__ import annotations

import ast
import json
import linecache
import os
import random
import signal
import sys
import traceback
from types import CodeType, ModuleType, TracebackType
from typing import Any, NoReturn

from trivium.sandbox.jail import Limits, Walls, set_limits

JOB, OUT, ERRORS, CHANNEL, KEPT = 0, 1, 2, 3, 4
NAME = "<code>"
LONGEST_LINE = 1 << 20
"""The longest question or answer in a call, in bytes."""
BALLAST = 1 << 20
"""Memory let go when there is none left, so that the end can still be told."""
LONGEST_VALUE = 10_000


def live(handed: list[int], walls: Walls | None) -> NoReturn:
    """The child's whole life. `handed`: job, stdout, stderr, channel."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        place(handed)
        about, code = taken()
        limits = Limits(about["seconds"], about["memory"])
        if walls is None:
            set_limits(limits, 1 << 30, scratch=True)
            os.closerange(KEPT, 1 << 16)
        else:
            walls.close(limits, about["scratch"], KEPT)
    except BaseException as error:  # whatever it is: no wall, no code
        os.write(CHANNEL, (json.dumps({"trouble": f"{type(error).__name__}: {error}"}) + "\n").encode())
        os._exit(70)
    try:
        work(about, code)
    finally:
        os._exit(0)


def place(handed: list[int]) -> None:
    """Put what was handed to 0, 1, 2, 3. They come with higher numbers, since the zygote keeps 0 to 3 occupied."""
    for number, one in enumerate(handed):
        os.dup2(one, number, inheritable=False)


def taken() -> tuple[dict[str, Any], str]:
    """The job's first line and the code; the job then stands where the standard input begins."""
    os.lseek(JOB, 0, os.SEEK_SET)
    head = b""
    while not head.endswith(b"\n"):
        head += os.read(JOB, 1)
    about = json.loads(head)
    code = b""
    while len(code) < about["bytes"]:
        code += os.read(JOB, about["bytes"] - len(code))
    return about, code.decode()


def work(about: dict[str, Any], code: str) -> None:
    """Run the code as a program, or load it and answer questions."""
    ballast = [bytes(BALLAST)]
    for name in [name for name in sys.modules if name.split(".")[0] == "trivium"]:
        del sys.modules[name]
    random.seed(0)  # the same code prints the same
    sys.stdin = open(JOB, encoding="utf-8", errors="replace", closefd=False)
    sys.stdout = open(OUT, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)
    sys.stderr = open(ERRORS, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)
    sys.argv = [NAME]
    function = about.get("function")
    main = ModuleType("__main__" if function is None else "solution")  # in a call, no `if __name__ == "__main__"` runs
    main.__dict__["SCRATCH"] = about["scratch"]
    sys.modules[main.__name__] = sys.modules["__main__"] = main
    linecache.cache[NAME] = (len(code), None, code.splitlines(keepends=True), NAME)
    ending = performed(code, main, ballast, wants_value=function is None)
    if function is not None and ending["finish"] == "ok" and not callable(main.__dict__.get(function)):
        sys.stderr.write(f"There is no function {function}.\n")
        ending["finish"] = "error"
    say({"nonce": about["nonce"], **ending})
    if function is not None and ending["finish"] == "ok":
        answer(main.__dict__.get(function), ballast)


def performed(code: str, main: ModuleType, ballast: list[bytes], wants_value: bool) -> dict[str, Any]:
    """Run the code in the module: how it finished, and the repr of a last line that is an expression."""
    value = None
    try:
        body, last = compiled(code, wants_value)
        exec(body, main.__dict__)
        if last is not None:
            found = eval(last, main.__dict__)
            value = None if found is None else repr(found)[:LONGEST_VALUE]
        finish = "ok"
    except SystemExit as error:
        finish = "ok" if wants_value and error.code in (None, 0) else "error"
        if isinstance(error.code, str):
            sys.stderr.write(error.code + "\n")
    except MemoryError:
        ballast.clear()
        main.__dict__.clear()
        finish = "memory"
    except BaseException as error:  # the code's own, whatever it raises
        finish = "error"
        tell(error)
    flush()
    return {"finish": finish, "value": value}


def compiled(code: str, wants_value: bool) -> tuple[CodeType, CodeType | None]:
    """The program, and apart from it its last statement when that is an expression whose value is wanted."""
    tree = ast.parse(code, NAME)
    last = tree.body[-1] if tree.body and wants_value else None
    if not isinstance(last, ast.Expr):
        return compile(tree, NAME, "exec", dont_inherit=True), None
    tree.body.pop()
    value = compile(ast.Expression(last.value), NAME, "eval", dont_inherit=True)
    return compile(tree, NAME, "exec", dont_inherit=True), value


def tell(error: BaseException) -> None:
    """Print an error as Python does, without the lines of this file."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    try:
        traceback.print_exception(type(error), error, trace, limit=-20, file=sys.stderr)
    except BaseException:  # an error that cannot even be printed
        sys.stderr.write(f"{type(error).__name__}\n")


def answer(function: Any, ballast: list[bytes]) -> None:
    """Read questions, one line of JSON each, and answer each with its nonce; until the channel ends."""
    rest = b""
    while True:
        while b"\n" not in rest:
            piece = os.read(CHANNEL, 65_536)
            if not piece or len(rest) > LONGEST_LINE:
                return
            rest += piece
        line, _, rest = rest.partition(b"\n")
        asked = json.loads(line)
        reply: dict[str, Any]
        try:
            reply = {"value": function(*asked["arguments"])}
            flush()
            text = json.dumps({"nonce": asked["nonce"], **reply}, allow_nan=False)
        except MemoryError:
            ballast.clear()
            text = json.dumps({"nonce": asked["nonce"], "error": "MemoryError"})
        except BaseException as error:  # the code's own: the answer to this question is that it failed
            text = json.dumps({"nonce": asked["nonce"], "error": described(error)})
        send(text.encode() + b"\n")


def described(error: BaseException) -> str:
    """An error in one short line."""
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except BaseException:  # its own __str__ fails
        return type(error).__name__


def flush() -> None:
    """Bring out what was printed; code may have put anything in the place of the streams."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: S112
            continue


def say(ending: dict[str, Any]) -> None:
    """One line over the channel."""
    send((json.dumps(ending) + "\n").encode())


def send(line: bytes) -> None:
    """All of the bytes, however the kernel cuts them."""
    while line:
        line = line[os.write(CHANNEL, line) :]
