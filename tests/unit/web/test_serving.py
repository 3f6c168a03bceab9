"""The life of a server: slots freed, lines bounded, tokens asked for, models loaded and put away, failures, the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from trivium.ground.errors import ArtifactError, UsageError
from trivium.web.config import ServeConfig
from trivium.web.serve import serve
from trivium.web.shelf import Shelf, find_offers

HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
CHAT = "/v1/chat/completions"
SOURCE = str(Path(__file__).parents[3] / "src")


@pytest.fixture
def slow(served_script: Any, spell: Callable[[str], list[int]]) -> Any:
    """A server that writes a long text, a token every ten milliseconds."""
    return served_script(lambda _: spell("word " * 350), pause=0.01, batch=2, queue=2)


def ask(served: Any, **options: Any) -> Any:
    return served.client.chat.completions.create(model="script", messages=HELLO, **options)


def test_a_stream_that_is_closed_frees_its_slot_within_two_tokens(slow: Any) -> None:
    stream = ask(slow, stream=True, max_tokens=1700)
    for _, _chunk in zip(range(5), stream, strict=False):
        pass
    assert slow.worker.live == 1
    engine, freed = slow.engine, threading.Event()
    cancelled: list[int] = []
    cancel = engine.cancel

    def noted(ticket: int) -> None:
        cancelled.append(engine.steps)
        cancel(ticket)
        freed.set()

    engine.cancel = noted
    server = slow.server.server_state
    before = engine.steps
    stream.close()
    while server.connections:  # the socket's end is seen by the loop first
        before = engine.steps
        time.sleep(0.0005)
    assert freed.wait(5)
    assert cancelled[0] - before <= 2
    assert slow.settled()


def test_a_client_that_leaves_while_it_waits_is_noticed(slow: Any) -> None:
    impatient = openai.OpenAI(base_url=f"{slow.url}/v1", api_key="x", max_retries=0, timeout=0.3)
    with pytest.raises(openai.APITimeoutError):
        impatient.chat.completions.create(model="script", messages=HELLO, max_tokens=1700)
    assert slow.settled(2)
    assert slow.engine.steps < 300


def test_the_line_is_bounded_and_cancelled_ones_make_room(slow: Any) -> None:
    streams = [ask(slow, stream=True, max_tokens=1700) for _ in range(2)]
    waiting = [threading.Thread(target=lambda: ask(slow, max_tokens=1), daemon=True) for _ in range(2)]
    for thread in waiting:
        thread.start()
    until = time.monotonic() + 5
    while slow.worker.waiting < 2 and time.monotonic() < until:
        time.sleep(0.01)
    with pytest.raises(openai.RateLimitError) as caught:
        ask(slow, max_tokens=1)
    assert caught.value.code == "queue_full"
    assert int(caught.value.response.headers["retry-after"]) >= 1
    with pytest.raises(openai.RateLimitError):
        ask(slow, max_tokens=1, n=4)
    for stream in streams:
        stream.close()
    for thread in waiting:
        thread.join(10)
        assert not thread.is_alive()
    assert slow.settled()


def test_the_loop_answers_while_the_thread_generates(slow: Any) -> None:
    slow.engine.pause = 0.5
    stream = ask(slow, stream=True, max_tokens=1700)
    time.sleep(0.1)
    begun, steps = time.monotonic(), slow.engine.steps
    for _ in range(20):
        assert httpx2.get(f"{slow.url}/health").json() == {"status": "ok"}
    assert slow.engine.steps <= steps + (time.monotonic() - begun) / 0.5 + 1
    stream.close()
    assert slow.settled()


def test_an_engine_that_fails_fails_its_requests_only(served_script: Any, spell: Callable[[str], list[int]]) -> None:
    served = served_script(lambda _: spell("hi<|im_end|>"))
    served.engine.fail = True
    with pytest.raises(openai.InternalServerError) as caught:
        ask(served)
    assert caught.value.code == "generation_failed"
    assert "purpose" not in caught.value.message
    assert served.settled()
    served.engine.fail = False
    assert ask(served).choices[0].message.content == "hi"
    assert httpx2.get(f"{served.url}/health").status_code == 200


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_thread_goes_on_after_a_failure_and_says_so_when_it_cannot(
    served_script: Any, spell: Callable[[str], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    served = served_script(lambda _: spell("hi<|im_end|>"))
    seat, armed = served.worker._seat, []

    def broken() -> None:
        if armed and served.worker._line:
            raise RuntimeError(armed.pop())
        seat()

    monkeypatch.setattr(served.worker, "_seat", broken)
    for again in range(4):
        armed.append("on purpose")
        with pytest.raises(openai.InternalServerError):
            ask(served)
        if again < 3:
            assert ask(served).choices[0].message.content == "hi"
            assert served.settled()
    served.worker._thread.join(5)
    assert httpx2.get(f"{served.url}/health").json() == {"status": "broken"}
    with pytest.raises(openai.InternalServerError) as caught:
        ask(served)
    assert (caught.value.status_code, caught.value.code) == (503, "unavailable")


def test_metrics_count_what_happened(served_script: Any, spell: Callable[[str], list[int]]) -> None:
    served = served_script(lambda _: spell("word<|im_end|>"))
    ask(served)
    with pytest.raises(openai.BadRequestError):
        ask(served, n=0)
    text = httpx2.get(f"{served.url}/metrics").text
    assert 'trivium_requests_total{path="/v1/chat/completions",status="200"} 1' in text
    assert 'trivium_requests_total{path="/v1/chat/completions",status="400"} 1' in text
    assert "trivium_completion_tokens_total 5" in text
    assert "trivium_time_to_first_token_seconds_count 1" in text
    assert "trivium_time_between_tokens_seconds_count 4" in text
    assert "trivium_slots_in_use 0" in text
    assert "trivium_queue 0" in text
    for line in text.splitlines():
        assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2


def test_a_token_is_asked_for_where_there_is_one(served_script: Any, spell: Callable[[str], list[int]]) -> None:
    served = served_script(lambda _: spell("hi<|im_end|>"), token="s3cret-token")
    assert ask(served).choices[0].message.content == "hi"
    for key in ("s3cret-toke", "s3cret-token2", "ünï", "s"):
        answer = httpx2.get(f"{served.url}/v1/models", headers=[(b"authorization", b"Bearer " + key.encode())])
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "s3cret" not in answer.text
    stranger = openai.OpenAI(base_url=f"{served.url}/v1", api_key="wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()
    assert httpx2.get(f"{served.url}/metrics").status_code == 401
    assert httpx2.get(f"{served.url}/health").status_code == 200


def test_another_host_needs_a_token() -> None:
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.org"):
        with pytest.raises(UsageError, match="there is no token"):
            ServeConfig(host=host)
        assert not ServeConfig(host=host, token="x").local
    for host in ("127.0.0.1", "::1", "localhost", "127.3.4.5"):
        assert ServeConfig(host=host).local
    with pytest.raises(UsageError, match="not shown"):
        ServeConfig(token="two words")


def test_models_are_loaded_when_asked_for_and_put_away(run_folder: Path) -> None:
    shelf = Shelf(find_offers(run_folder), ServeConfig(models=1, device="cpu", threads=1, batch=2))
    assert shelf.loaded == {}
    base, sft = shelf.offers.values()
    first = shelf.engine(base)
    assert list(shelf.loaded) == ["base"]
    assert shelf.engine(base) is first
    shelf.engine(sft)
    assert list(shelf.loaded) == ["sft"]
    assert shelf.default.name == "sft"


def test_a_busy_model_is_not_put_away(run_folder: Path) -> None:
    from trivium.generate.engine import Request

    shelf = Shelf(find_offers(run_folder), ServeConfig(models=1, device="cpu", threads=1, batch=2))
    base, sft = shelf.offers.values()
    engine = shelf.engine(base)
    ticket = engine.add(Request([1, 2], 5))
    engine.step()
    assert not shelf.room_for(sft)
    engine.cancel(ticket)
    assert shelf.room_for(sft)


def test_both_models_answer_through_one_place(run_folder: Path, start_server: Any) -> None:
    config = ServeConfig(port=0, device="cpu", dtype="float32", threads=1, models=1, batch=4)
    served = start_server(Shelf(find_offers(run_folder), config), config)
    found: dict[str, set[str]] = {"base": set(), "sft": set()}

    def ask(name: str) -> None:
        answer = served.client.chat.completions.create(model=name, messages=HELLO, max_tokens=8, temperature=0)
        found[name].add(answer.choices[0].message.content)

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("base", "sft") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [len(texts) for texts in found.values()] == [1, 1]
    assert found["base"] != found["sft"]


def test_an_invariant_server_repeats_itself_in_any_company(run_folder: Path, start_server: Any) -> None:
    config = ServeConfig(port=0, device="cpu", dtype="float32", threads=1, batch=4, invariant=True)
    served = start_server(Shelf(find_offers(run_folder), config), config)
    found: list[str] = []

    def ask(seed: int) -> None:
        options: Any = {"model": "sft", "messages": HELLO, "max_tokens": 12, "temperature": 1.5}
        answer = served.client.chat.completions.create(**options, seed=7 if seed % 2 else seed)
        if seed % 2:
            found.append(answer.choices[0].message.content)

    ask(1)
    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 5
    assert len(set(found)) == 1


def test_a_model_whose_files_are_gone_is_503_and_the_others_serve(
    run_folder: Path, tmp_path: Path, start_server: Any
) -> None:
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(run_folder, copy)
    config = ServeConfig(port=0, device="cpu", dtype="float32", threads=1)
    served = start_server(Shelf(find_offers(copy), config), config)
    (copy / "base-00000000" / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(openai.InternalServerError) as caught:
        served.client.chat.completions.create(model="base", messages=HELLO, max_tokens=2)
    assert caught.value.status_code == 503
    assert caught.value.code == "model_unavailable"
    assert str(tmp_path) not in caught.value.message
    assert served.client.chat.completions.create(model="sft", messages=HELLO, max_tokens=2).choices
    assert served.settled()


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is not a run"):
        find_offers(tmp_path)


def test_draining_refuses_what_is_new_and_finishes_what_runs(slow: Any) -> None:
    slow.engine.pause = 0.005
    stream = ask(slow, stream=True, max_tokens=60)
    first = next(iter(stream))
    slow.server.drain()
    with pytest.raises(openai.InternalServerError) as caught:
        ask(slow, max_tokens=1)
    assert (caught.value.status_code, caught.value.code) == (503, "draining")
    chunks = [first, *stream]
    assert chunks[-1].choices[0].finish_reason == "length"
    assert len("".join(chunk.choices[0].delta.content or "" for chunk in chunks)) == 60


def served_process(run: Path, *flags: str) -> tuple[subprocess.Popen[str], str]:
    env = os.environ | {"PYTHONPATH": SOURCE, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "trivium", "serve", str(run), "--port", "0", "--device", "cpu", "--threads", "1"]
    child = subprocess.Popen([*command, *flags], env=env, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    line = child.stderr.readline()
    assert line.startswith("Serving base, sft at http://127.0.0.1:"), line
    return child, line.split(" at ")[1].partition("/v1")[0]


def test_sigterm_drains_the_command_and_it_exits_0(run_folder: Path) -> None:
    child, url = served_process(run_folder, "--drain", "20")
    try:
        body = {"messages": HELLO, "max_tokens": 150, "stream": True, "temperature": 0}
        with httpx2.stream("POST", f"{url}{CHAT}", json=body, timeout=30) as answer:
            lines = answer.iter_lines()
            next(lines)
            child.send_signal(signal.SIGTERM)
            rest = [line for line in lines if line]
        assert rest[-1] == "data: [DONE]"
        assert json.loads(rest[-2].removeprefix("data: "))["choices"][0]["finish_reason"] in ("length", "stop")
        assert child.wait(20) == 0
    finally:
        child.kill()
        assert child.stderr is not None
        assert "Traceback" not in child.stderr.read()
        child.stderr.close()
        child.wait()


def test_a_second_signal_does_not_wait(run_folder: Path) -> None:
    child, url = served_process(run_folder)
    try:
        assert httpx2.get(f"{url}/health").status_code == 200
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 0
    finally:
        child.kill()
        assert child.stderr is not None
        child.stderr.close()
        child.wait()


def test_a_port_in_use_is_told(tiny: Any, run_folder: Path) -> None:
    with pytest.raises(UsageError, match="Is the port in use"):
        serve(run_folder, ServeConfig(port=tiny.port))
