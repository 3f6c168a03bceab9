"""Bars in a log, and signals as a flag."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from trivium.ground.errors import Stopped
from trivium.ground.how import How
from trivium.ground.progress import Progress, tracked
from trivium.ground.signals import StopFlag, listening


def test_a_log_gets_a_line_with_share_rate_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(tracked(range(5), "read", 5, "pages", How())) == [0, 1, 2, 3, 4]
    line = capsys.readouterr().err
    assert "read: 100 %" in line
    assert "pages/s" in line


def test_no_progress_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("read", 5, "pages", How(progress=False)) as bar:
        bar.advance(5)
    assert capsys.readouterr().err == ""


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Progress("read", 5, "pages", How(), done=2) as bar:
        bar.advance(3, note="loss 1.2")
    assert bar.done == 5


def test_signals_set_the_flag_and_the_handlers_come_back(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    flag = StopFlag()
    with listening(flag):
        flag.check("nowhere")
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped, match="SIGTERM after step 3") as error:
            flag.check("after step 3")
    assert error.value.exit_code == 4
    assert signal.getsignal(signal.SIGTERM) is before
    assert "once more" in capfd.readouterr().err


def test_a_second_signal_ends_the_process_at_once() -> None:
    pid = os.fork()
    if pid == 0:
        with listening(StopFlag()):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130


def test_a_thread_cannot_listen_and_does_not_try() -> None:
    seen = []

    def body() -> None:
        with listening(StopFlag()) as flag:
            seen.append(flag.requested)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert seen == [False]
