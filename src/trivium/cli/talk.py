"""`trivium chat`, `complete` and `serve`: words with a model of a run, or with a model folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from trivium.ground.artifact import Artifact
from trivium.ground.how import How
from trivium.journey.record import resolve

if TYPE_CHECKING:
    from trivium.tools.tool import Tool

WORDS = "Type and press Enter. /new starts afresh, /quit (or Ctrl-D) leaves."
TOOL_WORDS = "/calc, /python and /search call a tool."
FLAG = Parameter(negative=())
COMMANDS = {"/calc": ("calculator", "expression"), "/python": ("python", "code"), "/search": ("search", "query")}
"""What a user types, the tool that it calls, and the argument that the rest of the line is."""
Message = dict[str, Any]


def chat(
    model: Path = Path("runs/nano"),
    /,
    *,
    stage: str | None = None,
    think: bool | None = None,
    message: Annotated[str | None, Parameter(alias="-m")] = None,
    tools: str = "",
    unsafe_exec: Annotated[bool, FLAG] = False,
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
    tools
        What the model, and you, may call: calculator,python,search=FOLDER (a folder of `trivium index`).
    unsafe_exec
        Let the Python tool run where nothing holds it: with your files, network and programs.
    max_new
        Longest answer, in tokens.
    temperature
        0 takes the likeliest token; higher is more varied.
    seed
        Seed of the variation.
    device
        auto, cpu, cuda or mps.
    """
    from trivium.tools.loop import converse as converse_with
    from trivium.tools.registry import opened

    artifact = resolve(model, stage)
    with opened([name for name in tools.split(",") if name], unsafe_exec) as given:
        if artifact.manifest["stage"] == "pretrain":
            note = "This is a base model: it continues documents and knows no conversation; see `trivium complete`."
            print(note, file=sys.stderr)
        answer = answering(artifact, device, think, max_new, temperature, seed)

        def reply(conversation: list[Message]) -> list[Message]:
            return list(converse_with(answer, conversation, given, seen=show).messages)

        if message is not None:
            reply([{"role": "user", "content": message}])
            return 0
        print(f"{artifact.path.name} · {WORDS}{' ' + TOOL_WORDS if given else ''}")
        converse(reply, input, lambda line: called(line, given))
    return 0


def answering(
    artifact: Artifact, device: str, think: bool | None, max_new: int, temperature: float, seed: int
) -> Callable[[Sequence[Mapping[str, Any]]], Message]:
    """A function that answers a conversation with the model's next message."""
    engine, tokenizer = open_model(artifact, device)
    from trivium.generate.talk import answer
    from trivium.text.chat import marks_calls

    marked = marks_calls(tokenizer)

    def said(conversation: Sequence[Mapping[str, Any]]) -> Message:
        found = answer(engine, tokenizer, [conversation], think, max_new, temperature, seed + len(conversation))[0]
        message: Message = {"role": "assistant", "content": found.content}
        if marked:
            message["raw_calls"] = list(found.calls)
        return message if found.thinking is None else message | {"reasoning_content": found.thinking}

    return said


def converse(
    reply: Callable[[list[Message]], list[Message]],
    read: Callable[[str], str],
    call: Callable[[str], Message | None] = lambda line: None,
) -> None:
    """The loop of a conversation: read a line, get the messages that answer all that was said so far; until /quit.

    A line beginning with a slash goes to `call` first; a tool's result, where it gives one, is part of what was said.
    """
    said: list[Message] = []
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
        elif line.startswith("/") and (result := call(line)) is not None:
            show(result)
            said.append(result)
        elif line:
            said.append({"role": "user", "content": line})
            for message in reply(said):  # what was thought is not part of what was said
                said.append(message | ({"reasoning_content": ""} if "reasoning_content" in message else {}))


def called(line: str, tools: Sequence[Tool]) -> Message | None:
    """The result of a tool that the user calls by `/calc …`, `/python …` or `/search …`; None for any other line."""
    from trivium.tools.tool import perform

    word, _, rest = line.partition(" ")
    if word not in COMMANDS:
        return None
    name, argument = COMMANDS[word]
    return {"role": "tool", "name": name, "content": perform(tools, name, {argument: rest.strip()}).text}


def show(message: Mapping[str, Any]) -> None:
    """Print a message: its thinking, if any, dimmed before it; a tool's call and its result, dimmed too."""
    dim = "\x1b[2m{}\x1b[0m" if sys.stdout.isatty() else "({})"
    content = printable(message.get("content") or "")
    if message.get("role") == "tool":
        print(dim.format(f"{message.get('name', 'tool')}: {content}"), flush=True)
        return
    if message.get("reasoning_content"):
        print(dim.format(printable(message["reasoning_content"])))
    for call in message.get("tool_calls", []):
        print(dim.format(printable(f"→ {call['function']['name']} {call['function']['arguments']}")))
    if content or not message.get("tool_calls"):
        print(content, flush=True)


def printable(text: str) -> str:
    """The text without what could steer a terminal."""
    return "".join(character for character in text if character.isprintable() or character in "\n\t")


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
    invariant: Annotated[bool, FLAG] = False,
    threads: int = 0, batch: int = 32, queue: int = 128, models: int = 2,
    deadline: float = 600.0, drain: float = 30.0,
    tools: str = "",
    unsafe_exec: Annotated[bool, FLAG] = False,
) -> int:  # fmt: skip
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
    tools
        What the page may call for a model and its user: calculator,python,search=FOLDER (a folder of `trivium index`).
    unsafe_exec
        Let the Python tool run where nothing holds it: with your files, network and programs.
    """
    from trivium.web.config import ServeConfig
    from trivium.web.serve import serve as listen

    config = ServeConfig(
        host=host, port=port, token=os.environ.get("TRIVIUM_TOKEN", "") if token is None else token, device=device,
        dtype=dtype, invariant=invariant, threads=threads, batch=batch, queue=queue, models=models,
        deadline=deadline, drain_seconds=drain,
    )  # fmt: skip
    return listen(model, config, [name for name in tools.split(",") if name], unsafe_exec)


def open_model(artifact: Artifact, device: str) -> tuple[Any, Any]:
    """The engine and the tokenizer of a sealed model."""
    from trivium.generate.engine import Engine
    from trivium.model.device import pick_dtype, settle
    from trivium.model.folder import load_model
    from trivium.text.tokenizer import Tokenizer

    place = settle(How(device=device, progress=False))
    return Engine(load_model(artifact.path, place, pick_dtype(place))), Tokenizer.open(artifact.path)
