"""The web application: its addresses, and how a request becomes an answer. Put together by `build`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from trivium.web import page
from trivium.web.config import ServeConfig
from trivium.web.guard import Guard, gone, read_body
from trivium.web.metrics import Metrics
from trivium.web.openai import chat, completions
from trivium.web.openai.asked import ChatAsked, CompletionAsked, read
from trivium.web.openai.flow import Flow, Head
from trivium.web.openai.plan import Plan, plan_chat, plan_completion
from trivium.web.refusal import Refusal
from trivium.web.shelf import Offer, Shelf
from trivium.web.toolbox import Counter, Toolbox
from trivium.web.worker import Job, Worker


class Window:
    """The endpoints of one server, over its models and its generation thread."""

    def __init__(self, shelf: Shelf, worker: Worker, metrics: Metrics, config: ServeConfig) -> None:
        self.shelf, self.worker, self.metrics, self.config = shelf, worker, metrics, config

    async def models(self, _request: Request) -> Response:
        """All models, the last stage's last."""
        return _json({"object": "list", "data": [_model(offer) for offer in self.shelf.offers.values()]})

    async def model(self, request: Request) -> Response:
        """One model."""
        return _json(_model(self.shelf.offer(request.path_params["name"])))

    async def health(self, _request: Request) -> Response:
        """Whether requests are served."""
        state = "draining" if self.worker.draining else "ok" if self.worker.alive else "broken"
        return _json({"status": state}, 200 if state == "ok" else 503)

    async def metered(self, _request: Request) -> Response:
        """Prometheus' text."""
        return Response(self.metrics.text(), media_type="text/plain; version=0.0.4")

    async def chat(self, request: Request) -> Response:
        """/v1/chat/completions."""
        body = await read_body(request, self.config)
        _, plan, tokenizer = await asyncio.to_thread(self._planned, ChatAsked, body, plan_chat)
        head = Head("chatcmpl", plan.offer.name, plan.offer.id[:16])
        flow = self._flow(plan, tokenizer)
        return await self._answer(request, flow, plan, chat.whole, chat.streamed, (plan, tokenizer, head))

    async def complete(self, request: Request) -> Response:
        """/v1/completions."""
        body = await read_body(request, self.config)
        asked, plan, tokenizer = await asyncio.to_thread(self._planned, CompletionAsked, body, plan_completion)
        head = Head("cmpl", plan.offer.name, plan.offer.id[:16])
        flow = self._flow(plan, tokenizer)
        bare = isinstance(asked.prompt, str) or isinstance(asked.prompt[0], str)
        given = (plan, tokenizer, head, bool(asked.echo), bare)
        return await self._answer(request, flow, plan, completions.whole, completions.streamed, given)

    def _planned(self, cls: Any, body: bytes, plan: Callable[..., Plan]) -> tuple[Any, Plan, Any]:
        """A body, understood: in a thread of its own, since encoding a long prompt takes a while."""
        asked = read(cls, body, self.config)
        offer = self.shelf.offer(asked.model)
        tokenizer = self.shelf.tokenizer(offer)
        return asked, plan(asked, offer, tokenizer, self.config), tokenizer

    def _flow(self, plan: Plan, tokenizer: Any) -> Flow:
        job = Job(plan.offer, plan.requests, self.config.deadline)
        self.worker.submit(job)
        self.metrics.add("trivium_prompt_tokens_total", sum(map(len, plan.prompts)))
        return Flow(self.worker, job, plan, tokenizer)

    async def _answer(
        self, request: Request, flow: Flow, plan: Plan, whole: Any, streamed: Any, given: tuple[Any, ...]
    ) -> Response:
        """The answer, whole or streamed; a client that leaves while it is waited for ends the work."""
        watch = asyncio.create_task(gone(request, flow.cancel))
        try:
            if not plan.stream:
                return _json(await whole(flow, *given))
            await flow.begin()
        except BaseException:
            self.worker.cancel(flow.job)
            raise
        finally:
            watch.cancel()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_events(streamed(flow, *given), flow), 200, headers, "text/event-stream")


async def _events(chunks: AsyncIterator[dict[str, Any]], flow: Flow) -> AsyncIterator[bytes]:
    """Server-sent events; what fails on the way is the last of them."""
    try:
        async for chunk in chunks:
            yield b"data: " + msgspec.json.encode(chunk) + b"\n\n"
        yield b"data: [DONE]\n\n"
    except Refusal as refusal:
        yield b"data: " + msgspec.json.encode(refusal.error) + b"\n\n"
    finally:
        flow.worker.cancel(flow.job)


def _model(offer: Offer) -> dict[str, Any]:
    about = {"id": offer.name, "object": "model", "created": offer.created, "owned_by": "trivium"}
    return {**about, "stage": offer.stage, "artifact": offer.id, "max_model_len": offer.context}


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, {"Cache-Control": "no-store"}, "application/json")


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return error.response()


async def _left(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path[:80]
    if error.status_code == 405:
        told = f"{request.method} is not served at {path}."
    else:
        told = f"There is nothing at {path}. See /v1/models, /v1/chat/completions, /v1/completions."
    return Refusal(error.status_code, told, None, "not_found", error.headers).response()


async def _failed(_request: Request, _error: Exception) -> Response:
    return Refusal(500, "The server failed; its log has the reason.", None, "internal_error").response()


def measured(worker: Worker, metrics: Metrics) -> None:
    """Know all figures that /metrics shows."""
    metrics.counter("trivium_requests_total", "Answers by path and HTTP status; 499 is a client that left.")
    metrics.counter("trivium_prompt_tokens_total", "Tokens of admitted prompts.")
    metrics.counter("trivium_completion_tokens_total", "Tokens generated.")
    metrics.gauge("trivium_queue", "Completions that wait for a slot.", lambda: worker.waiting)
    metrics.gauge("trivium_slots_in_use", "Slots in use.", lambda: worker.live)
    metrics.gauge("trivium_requests_held", "Completions that are not over.", lambda: worker.held)
    metrics.gauge("trivium_slots", "Slots of each model.", lambda: worker.batch)
    metrics.gauge("trivium_models_loaded", "Models in memory.", lambda: len(worker.shelf.loaded))
    metrics.histogram("trivium_time_to_first_token_seconds", "From admission to the first token.")
    metrics.histogram("trivium_time_between_tokens_seconds", "Between tokens of a completion.")


def build(
    shelf: Shelf, worker: Worker, metrics: Metrics, config: ServeConfig, toolbox: Toolbox | None = None
) -> Starlette:
    """The application. Its lifespan starts and stops the generation thread."""
    window = Window(shelf, worker, metrics, config)
    measured(worker, metrics)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        worker.start()
        yield
        await asyncio.to_thread(worker.stop)

    routes = [
        Route("/v1/models", window.models),
        Route("/v1/models/{name}", window.model),
        Route("/v1/chat/completions", window.chat, methods=["POST"]),
        Route("/v1/completions", window.complete, methods=["POST"]),
        Route("/health", window.health),
        Route("/metrics", window.metered),
        *Counter(toolbox, config).routes(),
        *page.routes(),
    ]
    handlers: dict[Any, Any] = {
        Refusal: _refused, ClientDisconnect: _left, HTTPException: _http, Exception: _failed
    }  # fmt: skip
    guard = Middleware(Guard, config, metrics)
    return Starlette(routes=routes, middleware=[guard], exception_handlers=handlers, lifespan=lifespan)
