"""Comparisons of training, sampling and serving."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trivium.cli.benches.scales import MANY, app, weigh


@app.command
def train(
    *,
    peer: Path | None = None,
    text: Annotated[tuple[str, ...], MANY] = (),
    depths: Annotated[tuple[int, ...], MANY] = (12, 20),
    steps: int = 0,
    batch: int = 2**19,
    rows: int = 32,
    vocabulary: int = 32768,
    fp8: Annotated[bool, Parameter(negative=())] = False,
    device: str = "auto",
    out: Path = Path("runs/bench/train"),
) -> int:
    """Pre-training beside nanochat's: speed at equal parameters, and seconds to the first step.

    Parameters
    ----------
    peer
        The folder of a copy of nanochat.
    text
        Sources of documents.
    depths
        Numbers of blocks.
    steps
        Steps a side; 0 means 15, with fp8 24: in the first 16 ours learns its scales, and they are not counted.
    batch
        Tokens in a step.
    rows
        Rows that the peer passes through its model at once.
    vocabulary
        Tokens of both vocabularies.
    fp8
        Both sides multiply in 8-bit floating point.
    device
        auto, cpu, cuda or mps.
    out
        Where tokenizers, token shards and models go.
    """
    return weigh(
        "trivium.bench.training.train:main",
        peer=peer, text=text, depths=depths, steps=steps, batch=batch, rows=rows, vocabulary=vocabulary,
        fp8=fp8, device=device, out=out,
    )  # fmt: skip


@app.command
def fp8(
    *,
    text: Annotated[tuple[str, ...], MANY] = (),
    seeds: Annotated[tuple[int, ...], MANY] = (0, 1),
    depth: int = 12,
    steps: int = 240,
    rows: int = 32,
    vocabulary: int = 32768,
    device: str = "auto",
    out: Path = Path("runs/bench/fp8"),
) -> int:
    """Whether the loss holds with matrix products in 8-bit floating point: the same run with and without.

    Parameters
    ----------
    text
        Sources of documents.
    seeds
        Of weights and order. Runs that are done are not run again.
    depth
        Blocks; on a CPU nano's shape is taken instead.
    steps
        Of each run.
    rows
        Rows in a step.
    vocabulary
        Tokens; on a CPU 4,096.
    device
        auto, cpu, cuda or mps.
    out
        Where tokenizer, token shards, models and losses go.
    """
    return weigh(
        "trivium.bench.training.float8:main",
        text=text, seeds=seeds, depth=depth, steps=steps, rows=rows, vocabulary=vocabulary, device=device, out=out,
    )  # fmt: skip


@app.command
def generate(
    *,
    peer: Path | None = None,
    peers: bool = True,
    depth: int = 12,
    vocabulary: int = 32768,
    device: str = "auto",
    threads: int = 1,
    out: Path = Path("runs/bench/generate"),
) -> int:
    """Generating beside transformers' generate, and beside nanochat's engine on a GPU: tokens a second.

    Parameters
    ----------
    peer
        The folder of a copy of nanochat.
    peers
        Run the others too.
    depth
        Number of blocks, on a GPU; a CPU has SmolLM2-135M's shape.
    vocabulary
        Tokens of the vocabulary, on a GPU.
    device
        auto, cpu, cuda or mps.
    threads
        Threads of a CPU.
    out
        Where figures go.
    """
    return weigh(
        "trivium.bench.generation.generate:main",
        peer=peer, peers=peers, depth=depth, vocabulary=vocabulary, device=device, threads=threads, out=out,
    )  # fmt: skip


@app.command
def race(
    *,
    peer: Path | None = None,
    text: Annotated[tuple[str, ...], MANY] = (),
    seeds: Annotated[tuple[int, ...], MANY] = (0, 1),
    size: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    config: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    device: str = "auto",
    out: Path = Path("runs/bench/race"),
) -> int:
    """Pre-training beside nanochat's: seconds to its bits per byte on held-out documents.

    Parameters
    ----------
    peer
        The folder of a copy of nanochat.
    text
        Sources of documents.
    seeds
        Orders of the documents.
    size
        depth, peer_steps, peer_batch, rows, vocabulary or pattern, as <field>=<value>. May be repeated.
    config
        A field of our pre-training, as <field>=<value>: steps=400. May be repeated.
    device
        auto, cpu, cuda or mps.
    out
        Where models and figures go; what is there is not made again.
    """
    return weigh(
        "trivium.bench.training.race:main",
        peer=peer, text=text, seeds=seeds, size=size, set=config, device=device, out=out,
    )  # fmt: skip


@app.command
def memory(*, depths: Annotated[tuple[int, ...], MANY] = (4, 8, 12, 16, 20, 24)) -> int:
    """What training takes of a GPU's memory, by depth.

    Parameters
    ----------
    depths
        Numbers of blocks.
    """
    return weigh("trivium.bench.training.memory:main", depths=depths)


@app.command
def serve(
    model: Path | None = None,
    /,
    *,
    clients: int = 64,
    requests: int = 4,
    tokens: int = 96,
    seed: int = 0,
    flag: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    out: Path = Path("runs/bench/serve.json"),
) -> int:
    """The server under many clients that stream: what is dropped, times to and between tokens, tokens a second.

    Parameters
    ----------
    model
        A run folder or a sealed model folder; a random model of nano's shape without one.
    clients
        How many at once.
    requests
        Requests of each client.
    tokens
        Longest answer.
    seed
        Decides prompts and lengths.
    flag
        A flag of `trivium serve`, as <name>=<value>: threads=1. May be repeated.
    out
        Where the figures go, as JSON.
    """
    flags = [word for each in flag for word in (f"--{each.partition('=')[0]}", each.partition("=")[2])]
    return weigh(
        "trivium.bench.serving.serve:main",
        model=model, clients=clients, requests=requests, tokens=tokens, seed=seed, flags=flags, out=out,
    )  # fmt: skip
