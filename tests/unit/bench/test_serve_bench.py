"""The server's bench: what is cut counts as dropped, times are those of the chunks, and a real run drops nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from trivium.bench.serving.clients import Seen, crowd, stream
from trivium.bench.serving.serve import main, percentiles, plans, random_model, summary
from trivium.ground.artifact import open_artifact
from trivium.text.tokenizer import Tokenizer

CHUNK = {"choices": [{"text": "a", "finish_reason": None}]}
LAST = {"choices": [{"text": "b", "finish_reason": "length"}]}
USAGE = {"choices": [], "usage": {"completion_tokens": 2}}
ERROR = {"error": {"message": "broken"}}


def seen_of(*lines: object, status: int = 200) -> Seen:
    """What a client sees of a server that says this and closes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        told = "".join(f"data: {line if isinstance(line, str) else json.dumps(line)}\n\n" for line in lines)
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: text/event-stream\r\n\r\n{told}".encode())
        await writer.drain()
        writer.close()

    async def ask() -> Seen:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            return await stream(server.sockets[0].getsockname()[1], {"prompt": "x"})

    return asyncio.run(ask())


def test_a_whole_stream_is_whole() -> None:
    seen = seen_of(CHUNK, LAST, USAGE, "[DONE]")
    assert seen.whole
    assert (seen.tokens, len(seen.chunks), len(seen.between)) == (2, 2, 1)
    assert seen.asked <= seen.chunks[0] <= seen.chunks[1] <= seen.ended


@pytest.mark.parametrize("lines", [(), (CHUNK,), (CHUNK, LAST, USAGE), (CHUNK, ERROR, "[DONE]"), (CHUNK, "[DONE]")])
def test_what_is_cut_or_broken_is_dropped(lines: tuple[object, ...]) -> None:
    assert not seen_of(*lines).whole
    assert summary([seen_of(*lines)], 1)["dropped"] == 1


def test_refusals_and_missing_servers_are_dropped() -> None:
    assert not seen_of(CHUNK, LAST, USAGE, "[DONE]", status=429).whole
    assert "no connection" in asyncio.run(crowd(9, [[{"prompt": "x"}]]))[0].error


def test_percentiles_of_known_times() -> None:
    found = percentiles([i / 1000 for i in range(100)])
    assert found == pytest.approx({"p50": 50, "p95": 95, "p99": 99, "max": 99})
    assert percentiles([]) == {}


def test_plans_are_uneven_and_repeat() -> None:
    found = [body for mine in plans(20, 3, 96, 1) for body in mine]
    assert plans(20, 3, 96, 1) == plans(20, 3, 96, 1)
    assert len(found) == 60
    assert {24 <= body["max_tokens"] <= 96 for body in found} == {True}
    assert max(len(body["prompt"]) for body in found) > 5 * min(len(body["prompt"]) for body in found)


def test_a_run_drops_nothing_and_writes_its_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, docs = tmp_path / "serve.json", tmp_path / "benchmarks.md"
    flags = ["--device", "cpu", "--threads", "1"]
    model = random_model(tmp_path / "model")
    assert Tokenizer.open(open_artifact(model, "model").path).size == 4096
    assert main(model, clients=3, requests=1, tokens=8, flags=flags, out=out, docs=docs) == 0
    found = json.loads(out.read_text())
    assert found["together"]["dropped"] == 0
    assert found["together"]["tokens"] > 0
    assert found["together"]["between_ms"]["p50"] > 0
    assert "<!-- serve:begin -->" in docs.read_text()
    assert "| 3 | 3 | 0 |" in capsys.readouterr().out
