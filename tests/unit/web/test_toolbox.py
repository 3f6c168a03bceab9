"""The endpoints through which the page calls tools: listed, called, refused, bounded."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import httpx2
import pytest

from trivium.ground.errors import UsageError
from trivium.tools.registry import opened
from trivium.web import toolbox
from trivium.web.config import ServeConfig
from trivium.web.serve import serve
from trivium.web.toolbox import AT_ONCE, LONGEST, WAITING, Opened


class Echo:
    """One tool that says its arguments; `gate` holds it back."""

    functions: ClassVar[list[dict[str, Any]]] = [
        {"name": "echo", "description": "Says it.", "parameters": {"type": "object", "properties": {}}}
    ]

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.running, self.most = 0, 0
        self.lock = threading.Lock()

    def perform(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.gate.wait(20)
        with self.lock:
            self.running -= 1
        return str(arguments.get("text", "")), bool(arguments.get("fail"))


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def served(served_script: Any, spell: Callable[[str], list[int]], echo: Echo) -> Any:
    return served_script(lambda _: spell("hi<|im_end|>"), toolbox=echo)


def call(served: Any, body: Any, name: str = "echo", **more: Any) -> httpx2.Response:
    return httpx2.post(f"{served.url}/api/tools/{name}", json=body, timeout=30, **more)


def test_tools_are_listed_as_a_chat_takes_them(served: Any, echo: Echo) -> None:
    tools = httpx2.get(f"{served.url}/api/tools").json()["tools"]
    assert tools == [{"type": "function", "function": echo.functions[0]}]
    messages: Any = [{"role": "user", "content": "Hello"}]
    answer = served.client.chat.completions.create(model="script", messages=messages, tools=tools)
    assert answer.choices[0].message.content == "hi"


def test_a_call_gives_a_text_and_whether_it_failed(served: Any) -> None:
    assert call(served, {"arguments": {"text": "a"}}).json() == {"name": "echo", "content": "a", "failed": False}
    assert call(served, {"arguments": '{"text": "b", "fail": true}'}).json() == {
        "name": "echo",
        "content": "b",
        "failed": True,
    }
    assert call(served, {}).json()["content"] == ""
    long = call(served, {"arguments": {"text": "x" * (LONGEST + 5)}}).json()["content"]
    assert long.startswith("x" * LONGEST) and long.endswith("[… 5 characters left out]") and len(long) < LONGEST + 60


@pytest.mark.parametrize(
    "body",
    [
        [],
        7,
        {"arguments": 5},
        {"arguments": "no json"},
        {"arguments": "[1]"},
        {"arguments": '"' + "[" * 5000},
        {"arguments": [1]},
    ],
)
def test_what_is_no_object_is_400(served: Any, body: Any) -> None:
    answer = call(served, body)
    assert answer.status_code == 400 and answer.json()["error"]["message"]


def test_depth_and_size_are_bounded(served: Any) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = {"a": deep}
    assert call(served, {"arguments": deep}).status_code == 400
    assert call(served, {"arguments": {"text": "x" * (2 << 20)}}).status_code == 413
    headers = {"Content-Type": "text/plain"}
    assert httpx2.post(f"{served.url}/api/tools/echo", content="{}", headers=headers).status_code == 415
    assert call(served, {}, headers={"Origin": "http://elsewhere.example"}).status_code == 403


def test_unknown_tools_and_none(served: Any, tiny: Any) -> None:
    told = call(served, {}, "ecko").json()["error"]
    assert "'ecko'" in told["message"] and "echo" in told["message"]
    assert httpx2.get(f"{tiny.url}/api/tools").json() == {"tools": []}
    told = httpx2.post(f"{tiny.url}/api/tools/echo", json={}).json()["error"]
    assert told["code"] == "tool_not_found" and "--tools" in told["message"]


def test_a_token_guards_them(served_script: Any, spell: Callable[[str], list[int]], echo: Echo) -> None:
    served = served_script(lambda _: spell("hi<|im_end|>"), toolbox=echo, token="s3cret")
    assert httpx2.get(f"{served.url}/api/tools").status_code == 401
    assert call(served, {}).status_code == 401
    assert call(served, {}, headers={"Authorization": "Bearer s3cret"}).status_code == 200


def test_few_run_at_once_and_a_bounded_number_waits(served: Any, echo: Echo) -> None:
    echo.gate.clear()
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda: answers.append(call(served, {}).status_code)) for _ in range(WAITING + 4)
    ]
    for thread in threads:
        thread.start()
    while answers.count(429) < 4:
        assert all(thread.is_alive() for thread in threads) or answers
        threading.Event().wait(0.01)
    assert httpx2.get(f"{served.url}/health").json() == {"status": "ok"}
    echo.gate.set()
    for thread in threads:
        thread.join(20)
    assert sorted(answers) == [200] * WAITING + [429] * 4
    assert echo.most <= AT_ONCE
    assert call(served, {}).status_code == 200


def test_one_that_never_ends_is_given_up(served: Any, echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolbox, "SECONDS", 0.1)
    echo.gate.clear()
    answer = call(served, {})
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "tool_timeout")
    echo.gate.set()


def test_the_houses_own_tools(served_script: Any, spell: Callable[[str], list[int]]) -> None:
    with opened(["calculator"]) as tools:
        served = served_script(lambda _: spell("hi<|im_end|>"), toolbox=Opened(tools))
        names = [tool["function"]["name"] for tool in httpx2.get(f"{served.url}/api/tools").json()["tools"]]
        assert names == ["calculator"]
        told = call(served, {"arguments": {"expression": "9.9 > 9.11"}}, "calculator").json()
        assert told == {"name": "calculator", "content": "true", "failed": False}
        told = call(served, {"arguments": {"expression": "9**9**9"}}, "calculator").json()
        assert told["failed"] and told["content"].startswith("Error: ")


def test_unknown_tools_are_told_before_anything_listens(run_folder: Any) -> None:
    with pytest.raises(UsageError, match="abacus"):
        serve(run_folder, ServeConfig(port=0), ["abacus"])
