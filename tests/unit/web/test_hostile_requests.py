"""Requests that mean harm or are broken: each gets a clear answer, none costs a slot, and the server serves on."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

CHAT, COMPLETE = "/v1/chat/completions", "/v1/completions"


def plain(**more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4, "temperature": 0} | more


def heading(length: int) -> str:
    """The head of a POST whose body has so many bytes."""
    kind = "Content-Type: application/json"
    return f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\n{kind}\r\nContent-Length: {length}\r\n\r\n"


@pytest.fixture
def http(tiny: Any) -> Any:
    with httpx2.Client(base_url=tiny.url, timeout=30) as client:
        yield client
    assert tiny.settled()


def refused(answer: Any, status: int, code: str | None = None) -> str:
    """The message of an answer that must be a refusal in OpenAI's shape."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert "Traceback" not in answer.text
    assert code is None or error["code"] == code
    return str(error["message"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff\xfe{}", "invalid_json"),
        (b'{"messages": NaN}', "invalid_json"),
        (b"[]", "invalid_type"),
        (b'"text"', "invalid_type"),
        (b"null", "invalid_type"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep"),
        (b'{"tools": ' + b"[" * 40 + b"]" * 40 + b"}", "too_deep"),
        (b'{"prompt": [' + b"1," * 600_000 + b"1]}", "too_many_values"),
        (json.dumps(plain(n="many")).encode(), "invalid_type"),
        (json.dumps(plain(messages="Hello")).encode(), "invalid_type"),
        (json.dumps(plain(messages=[1, 2])).encode(), "invalid_type"),
        (json.dumps(plain(messages=[{"content": "x"}])).encode(), "invalid_type"),
        (json.dumps(plain(stop={"a": 1})).encode(), "invalid_type"),
        (json.dumps(plain(logit_bias=[1])).encode(), "invalid_type"),
        (json.dumps(plain(stream="yes")).encode(), "invalid_type"),
        (json.dumps(plain(temperature=1e999)).encode(), None),
        (json.dumps(plain(seed=2**200)).encode(), None),
        (json.dumps(plain(max_tokens=-1)).encode(), "invalid_value"),
        (json.dumps(plain(n=10**30)).encode(), "invalid_value"),
        (json.dumps(plain(logit_bias={str(i): 1 for i in range(5000)})).encode(), None),
        (json.dumps(plain(messages=[{"role": "user", "content": "x"}] * 5000)).encode(), None),
        (
            json.dumps(plain(messages=[{"role": "user", "content": "x" * 1_000_000}])).encode(),
            "context_length_exceeded",
        ),
        (json.dumps(plain(**{"x" * 10_000: 1})).encode(), "unknown_parameter"),
        (json.dumps(plain(model="m" * 10_000)).encode(), "model_not_found"),
    ],
)
def test_bodies_that_cannot_be_meant(http: Any, body: bytes, code: str | None) -> None:
    answer = http.post(CHAT, content=body, headers={"content-type": "application/json"})
    message = refused(answer, 404 if code == "model_not_found" else 400, code)
    assert len(message) < 2000, "what was sent is not sent back whole"


@pytest.mark.parametrize(
    "prompt", [None, [], [[]], ["a", 1], [[1], "a"], [-1], [10**9], [True], {"a": 1}, 5, ["x"] * 500]
)
def test_prompts_that_cannot_be_meant(http: Any, prompt: Any) -> None:
    refused(http.post(COMPLETE, json={"prompt": prompt, "max_tokens": 1}), 400)


def test_lone_surrogates_and_specials_are_ordinary_text(http: Any, tiny: Any) -> None:
    body = b'{"messages": [{"role": "user", "content": "<|im_end|>\\u0000 <think>"}], "max_tokens": 2}'
    assert http.post(CHAT, content=body, headers={"content-type": "application/json"}).status_code == 200
    body = b'{"messages": [{"role": "user", "content": "\\ud800"}], "max_tokens": 2}'
    assert http.post(CHAT, content=body, headers={"content-type": "application/json"}).status_code in (200, 400)


def test_a_body_that_is_told_too_large_is_not_read(tiny: Any) -> None:
    head = (
        f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 52428800\r\n\r\n"
    )
    assert b"413" in raw(tiny, head.encode())[:20]


def test_a_body_that_grows_too_large_is_cut_off(http: Any) -> None:
    def chunks() -> Any:
        for _ in range(50):
            yield b" " * (1 << 20)

    try:
        answer = http.post(CHAT, content=chunks(), headers={"content-type": "application/json"})
        refused(answer, 413, "body_too_large")
    except httpx2.TransportError:
        pass  # the server had closed before the client was done sending


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"host": "evil.example"}, 403, "host"),
        ({"host": "127.0.0.1.evil.example"}, 403, "host"),
        ({"host": "[::1"}, 403, "host"),
        ({"host": ""}, 403, "host"),
        ({"origin": "http://evil.example"}, 403, "origin"),
        ({"origin": "null"}, 403, "origin"),
        ({"origin": "http://127.0.0.1:1"}, 403, "origin"),
        ({"content-type": "text/plain"}, 415, "unsupported_media_type"),
        ({"content-type": "application/x-www-form-urlencoded"}, 415, None),
    ],
)
def test_heads_from_elsewhere(http: Any, headers: dict[str, str], status: int, code: str | None) -> None:
    answer = http.post(CHAT, content=b"{}", headers={"content-type": "application/json"} | headers)
    refused(answer, status, code)


def test_the_page_of_this_server_may_ask(http: Any, tiny: Any) -> None:
    for host in (f"127.0.0.1:{tiny.port}", f"localhost:{tiny.port}"):
        answer = http.post(CHAT, json=plain(), headers={"host": host, "origin": f"http://{host}"})
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/v1", "/v1/models/../../etc/passwd", "/static/%2e%2e/%2e%2e/config.py", "/v1/models/%00", "/x//"],
)
def test_paths_that_lead_nowhere(http: Any, path: str) -> None:
    refused(http.get(path), 404)


def test_other_methods_are_405(http: Any) -> None:
    refused(http.get(CHAT), 405)
    refused(http.delete("/v1/models"), 405)


def test_every_answer_has_the_strict_headers(http: Any) -> None:
    for answer in (
        http.get("/health"),
        http.get("/nothing"),
        http.post(CHAT, json=plain()),
        http.post(CHAT, content=b"x"),
    ):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers


def raw(served: Any, data: bytes, seconds: float = 10) -> bytes:
    """What the server says to bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", served.port), seconds) as connection:
        connection.sendall(data)
        found = b""
        while chunk := connection.recv(65_536):
            found += chunk
    return found


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_so(tiny: Any, data: bytes) -> None:
    answer = raw(tiny, data + b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert b'"invalid_http"' in answer


@pytest.fixture
def hasty(served_script: Any, spell: Callable[[str], list[int]]) -> Any:
    """A server with no patience."""
    limits = {"head_seconds": 0.3, "body_seconds": 0.3, "stall_seconds": 0.5, "deadline": 0.6}
    return served_script(lambda _: spell("word " * 300), pause=0.01, **limits)


def test_a_head_that_does_not_arrive_is_408(hasty: Any) -> None:
    assert b"408" in raw(hasty, b"GET /health HTT")[:20]
    assert b"408" in raw(hasty, b"")[:20]


def test_a_second_head_that_does_not_arrive_is_408_too(hasty: Any) -> None:
    with socket.create_connection(("127.0.0.1", hasty.port), 10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /hea")
        found = b""
        while chunk := connection.recv(65_536):
            found += chunk
    assert b"HTTP/1.1 408" in found


def test_a_body_that_trickles_is_408_and_closed(hasty: Any) -> None:
    head = heading(1000)
    with socket.create_connection(("127.0.0.1", hasty.port), 10) as connection:
        connection.sendall(head.encode())
        found, stop = b"", threading.Event()

        def trickle() -> None:
            while not stop.wait(0.05):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

        sender = threading.Thread(target=trickle)
        sender.start()
        try:
            while chunk := connection.recv(65_536):
                found += chunk
        except ConnectionError:
            pass
        stop.set()
        sender.join()
    assert found.startswith(b"HTTP/1.1 408")
    assert hasty.settled()


def test_the_deadline_ends_a_request_whole_or_streamed(hasty: Any) -> None:
    with httpx2.Client(base_url=hasty.url, timeout=30) as http:
        refused(http.post(CHAT, json=plain(max_tokens=1000)), 504, "deadline_exceeded")
        answer = http.post(CHAT, json=plain(max_tokens=1000, stream=True))
        lines = [line for line in answer.text.splitlines() if line]
        assert json.loads(lines[-1].removeprefix("data: "))["error"]["code"] == "deadline_exceeded"
        assert len(lines) > 5
    assert hasty.settled()


def test_a_reader_that_takes_nothing_is_let_go(served_script: Any, spell: Callable[[str], list[int]]) -> None:
    served = served_script(lambda _: spell("word " * 390), stall_seconds=0.3)
    asked = json.dumps(plain(max_tokens=1900, n=4, stream=True, logprobs=True)).encode()
    head = heading(len(asked))
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", served.port))
        connection.sendall(head.encode() + asked)
        assert served.settled()
        until = time.monotonic() + 10
        while served.server.server_state.connections and time.monotonic() < until:
            time.sleep(0.02)
        assert not served.server.server_state.connections


def test_two_hundred_at_once_are_all_answered(served_script: Any, spell: Callable[[str], list[int]]) -> None:
    """Some are served, the others told 429 and when to come back; then all slots are free."""
    served = served_script(lambda _: spell("word<|im_end|>"), pause=0.002, batch=4, queue=20)
    answers: list[Any] = []

    def ask(http: Any) -> None:
        answers.append(http.post(CHAT, json=plain(max_tokens=10)))

    with httpx2.Client(base_url=served.url, timeout=60, limits=httpx2.Limits(max_connections=200)) as http:
        threads = [threading.Thread(target=ask, args=(http,)) for _ in range(200)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 200
        assert {answer.status_code for answer in answers} == {200, 429}
        assert sum(answer.status_code == 200 for answer in answers) >= 24
        for answer in answers:
            if answer.status_code == 429:
                refused(answer, 429, "queue_full")
                assert 1 <= int(answer.headers["retry-after"]) <= 60
            else:
                assert answer.json()["choices"][0]["message"]["content"] == "word"
        assert served.settled()
        assert http.post(CHAT, json=plain()).status_code == 200


def test_more_connections_than_allowed_are_closed(served_script: Any, spell: Callable[[str], list[int]]) -> None:
    served = served_script(lambda _: spell("x"), connections=5)
    held = [socket.create_connection(("127.0.0.1", served.port), 5) for _ in range(5)]
    time.sleep(0.2)
    try:
        assert raw(served, b"") == b""
    except ConnectionError:
        pass
    for connection in held:
        connection.close()
    time.sleep(0.2)
    assert raw(served, b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").startswith(
        b"HTTP/1.1 200"
    )
