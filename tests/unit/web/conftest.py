"""Servers for tests: a tiny random model, or an engine that says what a script tells it, behind a real socket."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest
import torch

from trivium.generate.engine import Completion, Event, Request
from trivium.ground.artifact import Label, sealing
from trivium.model.config import ModelConfig
from trivium.model.folder import save_model
from trivium.model.transformer import Transformer
from trivium.text.tokenizer import Tokenizer
from trivium.web.config import ServeConfig
from trivium.web.connection import Server
from trivium.web.serve import server_of
from trivium.web.shelf import Offer, Shelf, find_offers

CONTEXT = 256


def tiny_model(tokenizer: Tokenizer, seed: int = 0) -> Transformer:
    """A random model whose answers vary: its head is large enough to prefer some tokens clearly."""
    torch.set_num_threads(1)
    shape = ModelConfig(
        vocab_size=tokenizer.size, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, head_dim=16, max_position_embeddings=CONTEXT,
    )  # fmt: skip
    model = Transformer(shape)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if parameter.ndim == 1 else noise * 0.3)
        for index in tokenizer.special.values():  # it never ends by itself, nor thinks
            model.lm_head.weight[index] = 0
            model.lm_head.weight[index, 0] = 0
    return model.eval()


def seal_model(folder: Path, stage: str, tokenizer: Tokenizer, model: Transformer) -> Path:
    """A sealed model folder."""
    with sealing(folder, Label("model", stage, 1, {"stage": stage})) as inside:
        tokenizer.save(inside)
        save_model(inside, model, tokenizer.ends)
    return folder


Script = Callable[[Request], list[int]]


class ScriptedEngine:
    """An engine in the place of the real one: a request's completion is what the script says, a token a step."""

    def __init__(self, script: Script, batch: int = 4, pause: float = 0.0) -> None:
        self.script, self.batch, self.pause = script, batch, pause
        self.fail = False
        self.seen: list[Request] = []
        self.steps = 0
        self._ticket = 0
        self._waiting: deque[tuple[int, Request]] = deque()
        self._live: dict[int, tuple[Request, list[int], Completion]] = {}

    @property
    def live(self) -> int:
        return len(self._live)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def add(self, request: Request) -> int:
        self._ticket += 1
        self.seen.append(request)
        self._waiting.append((self._ticket, request))
        return self._ticket

    def cancel(self, ticket: int) -> None:
        self._live.pop(ticket, None)
        self._waiting = deque(item for item in self._waiting if item[0] != ticket)

    def step(self) -> list[Event]:
        if self.fail:
            raise RuntimeError("the engine broke on purpose")
        time.sleep(self.pause)
        self.steps += 1
        while self._waiting and len(self._live) < self.batch:
            ticket, request = self._waiting.popleft()
            self._live[ticket] = (request, self.script(request), Completion())
        return [self._one(ticket, *state) for ticket, state in list(self._live.items())]

    def _one(self, ticket: int, request: Request, ids: list[int], completion: Completion) -> Event:
        completion.ids.append(ids[len(completion.ids)])
        completion.logprobs.append(-0.5)
        completion.forced.append(False)
        if completion.ids[-1] in request.stop:
            completion.finish = "stop"
        done = completion.finish == "stop" or len(completion.ids) == min(len(ids), request.max_new)
        if done:
            del self._live[ticket]
        return Event(ticket, completion, 1, done)


@dataclass
class Served:
    """A running server and what tests look at."""

    server: Server
    url: str
    client: openai.OpenAI
    engine: Any = None
    """The scripted one, where it is that."""

    @property
    def worker(self) -> Any:
        return self.server.worker

    @property
    def port(self) -> int:
        return self.server.port

    def settled(self, seconds: float = 10.0) -> bool:
        """Whether all slots are free, waiting so long for it."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not self.worker.held and not self.worker.live and not self.worker.waiting:
                return True
            time.sleep(0.01)
        return False


Serve = Callable[..., Served]


@pytest.fixture(scope="session")
def spell(byte_tokenizer: Tokenizer) -> Callable[[str], list[int]]:
    """A text as ids, in which special tokens' spellings are the tokens."""

    def ids(text: str) -> list[int]:
        found: list[int] = []
        while text:
            places = {name: at for name in byte_tokenizer.special if (at := text.find(name)) >= 0}
            first = min(places, key=places.__getitem__) if places else ""
            cut = places[first] if places else len(text)
            found += byte_tokenizer.encode(text[:cut])
            if first:
                found.append(byte_tokenizer.special[first])
            text = text[cut + len(first) :]
        return found

    return ids


def begin(shelf: Shelf, config: ServeConfig, toolbox: Any = None) -> tuple[Served, Callable[[], None]]:
    """A server in a thread, and how to end it."""
    server = server_of(shelf, config, toolbox)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert server.ready.wait(20)
    url = f"http://127.0.0.1:{server.port}"
    client = openai.OpenAI(base_url=f"{url}/v1", api_key=config.token or "none", max_retries=0, timeout=30)

    def end() -> None:
        client.close()
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()

    return Served(server, url, client), end


@pytest.fixture
def served_script(byte_tokenizer: Tokenizer, tmp_path: Path) -> Iterator[Serve]:
    """Starts servers whose only model, `script`, says what a script tells it; `pause` seconds a token."""
    ends: list[Callable[[], None]] = []

    def start(
        script: Script, pause: float = 0.0, tokenizer: Tokenizer = byte_tokenizer, toolbox: Any = None,
        stage: str = "sft", **settings: Any,
    ) -> Served:  # fmt: skip
        engine = ScriptedEngine(script, settings.get("batch", 4), pause)
        folder = tmp_path / f"model-{len(ends)}"
        tokenizer.save(folder)
        config = ServeConfig(**({"port": 0, "batch": engine.batch} | settings))
        offer = Offer("script", folder, "0" * 16, stage, 0, 2000)
        served, end = begin(Shelf([offer], config, lambda *_: engine), config, toolbox)
        served.engine = engine
        ends.append(end)
        return served

    yield start
    for end in ends:
        end()


@pytest.fixture
def start_server() -> Iterator[Callable[[Shelf, ServeConfig], Served]]:
    """Starts servers of any shelf."""
    ends: list[Callable[[], None]] = []

    def start(shelf: Shelf, config: ServeConfig) -> Served:
        served, end = begin(shelf, config)
        ends.append(end)
        return served

    yield start
    for end in ends:
        end()


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, byte_tokenizer: Tokenizer) -> Path:
    """A run with two tiny models, `base` and `sft`, as a journey leaves it."""
    from trivium.ground.artifact import open_artifact
    from trivium.journey.record import Entry, Record

    out = tmp_path_factory.mktemp("served") / "run"
    out.mkdir()
    record = Record(out, {"recipe": "none"})
    for seed, (name, stage) in enumerate([("base", "pretrain"), ("sft", "sft")]):
        path = seal_model(out / f"{name}-00000000", stage, byte_tokenizer, tiny_model(byte_tokenizer, seed))
        record.entries[name] = Entry(path.name, open_artifact(path).id, "model", "")
    record.save()
    return out


@pytest.fixture(scope="session")
def tiny(run_folder: Path) -> Iterator[Served]:
    """A server of the run, for all tests that do not harm it."""
    config = ServeConfig(port=0, device="cpu", dtype="float32", threads=1, batch=8, queue=24)
    served, end = begin(Shelf(find_offers(run_folder), config), config)
    yield served
    end()
