"""`trivium chat`, `complete` and `serve`: words with a model of a run, or with a model folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from trivium.ground.artifact import Artifact
from trivium.ground.how import How
from trivium.journey.record import resolve

WORDS = "Type and press Enter. /new starts afresh, /quit (or Ctrl-D) leaves."


def chat(
    model: Path = Path("runs/nano"),
    /,
    *,
    stage: str | None = None,
    think: bool | None = None,
    message: Annotated[str | None, Parameter(alias="-m")] = None,
    max_new: int = 160,
    temperature: float = 0.0,
    seed: int = 0,
    device: str = "auto",
) -> int:
    """Talk to a model in the terminal.

    Parameters
    ----------
    model
        A run folder, or a sealed model folder.
    stage
        Which of a run's models: base, sft, rl, …; the last one by default.
    think
        Let it think aloud first, or forbid it; by default the model decides.
    message
        Say this, print the answer, and leave.
    max_new
        Longest answer, in tokens.
    temperature
        0 takes the likeliest token; higher is more varied.
    seed
        Seed of the variation.
    device
        auto, cpu, cuda or mps.
    """
    artifact = resolve(model, stage)
    if artifact.manifest["stage"] == "pretrain":
        note = "This is a base model: it continues documents and knows no conversation; see `trivium complete`."
        print(note, file=sys.stderr)
    engine, tokenizer = open_model(artifact, device)
    from trivium.generate.talk import answer

    def reply(conversation: list[dict[str, Any]]) -> dict[str, Any]:
        found = answer(engine, tokenizer, [conversation], think, max_new, temperature, seed + len(conversation))[0]
        said: dict[str, Any] = {"role": "assistant", "content": found.content}
        if found.thinking is not None:
            said["reasoning_content"] = found.thinking
        return said

    if message is not None:
        show(reply([{"role": "user", "content": message}]))
        return 0
    print(f"{artifact.path.name} · {WORDS}")
    converse(reply, input, show)
    return 0


def converse(
    reply: Callable[[list[dict[str, Any]]], dict[str, Any]],
    read: Callable[[str], str],
    show: Callable[[dict[str, Any]], None],
) -> None:
    """The loop of a conversation: read a line, get a reply to all that was said so far, show it; until /quit."""
    said: list[dict[str, Any]] = []
    while True:
        try:
            line = read("you> ").strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if line == "/quit":
            return
        if line == "/new":
            said = []
        elif line:
            said.append({"role": "user", "content": line})
            answered = reply(said)
            show(answered)
            if "reasoning_content" in answered:  # what was thought is not part of what was said
                answered = answered | {"reasoning_content": ""}
            said.append(answered)


def show(message: dict[str, Any]) -> None:
    """Print a reply, with its thinking, if any, dimmed before it."""
    thinking = message.get("reasoning_content")
    if thinking:
        print(f"\x1b[2m{thinking}\x1b[0m" if sys.stdout.isatty() else f"({thinking})")
    print(message["content"], flush=True)


def complete(
    model: Path,
    text: str,
    /,
    *,
    stage: str | None = None,
    max_new: int = 64,
    temperature: float = 0.0,
    seed: int = 0,
    device: str = "auto",
) -> int:
    """Let a model continue a text, as a document.

    Parameters
    ----------
    model
        A run folder, or a sealed model folder.
    text
        The beginning of the document.
    stage
        Which of a run's models: base, sft, rl, …; base by default.
    max_new
        Longest continuation, in tokens.
    temperature
        0 takes the likeliest token; higher is more varied.
    seed
        Seed of the variation.
    device
        auto, cpu, cuda or mps.
    """
    artifact = resolve(model, stage) if stage or (model / "manifest.json").is_file() else resolve(model, "base")
    engine, tokenizer = open_model(artifact, device)
    from trivium.generate.talk import continue_text

    print(text + continue_text(engine, tokenizer, [text], max_new, temperature, seed)[0])
    return 0


def serve(
    model: Path = Path("runs/nano"),
    /,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    invariant: Annotated[bool, Parameter(negative=())] = False,
    threads: int = 0,
    batch: int = 32,
    queue: int = 128,
    models: int = 2,
    deadline: float = 600.0,
    drain: float = 30.0,
) -> int:
    """Serve models over HTTP, in the words of OpenAI's API.

    Parameters
    ----------
    model
        A run folder (every stage's model is offered), or a sealed model folder.
    host
        Where to listen; any other than this machine's own needs a token.
    port
        0 takes any that is free.
    token
        What clients must send as their API key; TRIVIUM_TOKEN by default, which other users of the machine cannot see.
    device
        auto, cpu, cuda or mps.
    dtype
        float32, bfloat16, or auto: the faster one.
    invariant
        The same seed gives the same text whatever else is served; slower.
    threads
        CPU threads; 0 means one for each core.
    batch
        Completions that are written at once, for each model.
    queue
        Completions that may wait; more are refused with 429.
    models
        Models kept in memory.
    deadline
        Seconds that a request may take.
    drain
        Seconds that running requests may go on once the server is asked to stop.
    """
    from trivium.web.config import ServeConfig
    from trivium.web.serve import serve as listen

    config = ServeConfig(
        host=host, port=port, token=os.environ.get("TRIVIUM_TOKEN", "") if token is None else token, device=device,
        dtype=dtype, invariant=invariant, threads=threads, batch=batch, queue=queue, models=models,
        deadline=deadline, drain_seconds=drain,
    )  # fmt: skip
    return listen(model, config)


def open_model(artifact: Artifact, device: str) -> tuple[Any, Any]:
    """The engine and the tokenizer of a sealed model."""
    from trivium.generate.engine import Engine
    from trivium.model.device import pick_dtype, settle
    from trivium.model.folder import load_model
    from trivium.text.tokenizer import Tokenizer

    place = settle(How(device=device, progress=False))
    return Engine(load_model(artifact.path, place, pick_dtype(place))), Tokenizer.open(artifact.path)
