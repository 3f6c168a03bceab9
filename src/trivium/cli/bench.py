"""`trivium bench NAME`: comparisons as commands. The scales themselves are in `trivium.bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from trivium.journey.graph import load

FLAG = Parameter(negative=())
MANY = Parameter(negative=(), consume_multiple=True)

app = App(name="bench", help="Run a comparison with its controls; its figures go to docs/benchmarks.md.")


def weigh(entry: str, **given: Any) -> int:
    """Run the bench that `module:function` names; its exit code."""
    code = load(entry)(**given)
    return code if isinstance(code, int) else 0


@app.command
def nano(*, seeds: int = 3, out: Path = Path("runs/bench")) -> int:
    """The whole street, several seeds, with the control of each claim.

    Parameters
    ----------
    seeds
        How many.
    out
        Where the runs go.
    """
    return weigh("trivium.bench.nano:main", seeds=seeds, out=out)


@app.command
def corpus(*, setup: Annotated[bool, FLAG] = False) -> int:
    """Quality filters and MinHash beside datatrove.

    Parameters
    ----------
    setup
        Make the peer's environment first.
    """
    return weigh("trivium.bench.corpus:main", setup=setup)


@app.command
def pages(*, setup: Annotated[bool, FLAG] = False, warc: Path | None = None, annotated: Path | None = None) -> int:
    """Extraction beside trafilatura and resiliparse, the whole pipeline beside datatrove's.

    Parameters
    ----------
    setup
        Make the peers' environments first.
    warc
        A WARC file of web pages; the bundled sample without one.
    annotated
        The folder of scrapinghub's article-extraction-benchmark.
    """
    return weigh("trivium.bench.pages:main", setup=setup, warc=warc, annotated=annotated)


@app.command
def classifier(*, good: Annotated[tuple[str, ...], MANY] = (), bad: Annotated[tuple[str, ...], MANY] = ()) -> int:
    """The quality classifier beside fastText's.

    Parameters
    ----------
    good
        Sources of good documents.
    bad
        Sources of bad documents.
    """
    return weigh("trivium.bench.classifier:main", good=good, bad=bad)


@app.command
def train(
    *,
    peer: Path | None = None,
    text: Annotated[tuple[str, ...], MANY] = (),
    depths: Annotated[tuple[int, ...], MANY] = (12, 20),
    steps: int = 15,
    batch: int = 2**19,
    rows: int = 32,
    vocabulary: int = 32768,
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
        Steps a side.
    batch
        Tokens in a step.
    rows
        Rows that the peer passes through its model at once.
    vocabulary
        Tokens of both vocabularies.
    device
        auto, cpu, cuda or mps.
    out
        Where tokenizers, token shards and models go.
    """
    return weigh(
        "trivium.bench.training.train:main",
        peer=peer, text=text, depths=depths, steps=steps, batch=batch, rows=rows, vocabulary=vocabulary,
        device=device, out=out,
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
def tokenizer(
    *, text: Annotated[tuple[Path, ...], MANY] = (), megabytes: int | None = None, vocabulary: int | None = None
) -> int:
    """Training and bulk encoding beside tokenizers, rustbpe and tiktoken.

    Parameters
    ----------
    text
        Files of documents: JSON lines, Parquet, plain text; the bundled sample without any.
    megabytes
        Of the files, so much text.
    vocabulary
        Tokens of the vocabularies.
    """
    return weigh("trivium.bench.tokens.speed:main", **given(text=text, megabytes=megabytes, vocabulary=vocabulary))


@app.command
def digits(
    *,
    text: Annotated[tuple[Path, ...], MANY] = (),
    megabytes: int | None = None,
    vocabulary: int | None = None,
    seeds: int = 3,
    size: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    device: str = "auto",
    out: Path = Path("runs/bench"),
) -> int:
    """The same small model behind tokenizers of one, two and three digits a token.

    Parameters
    ----------
    text
        Files of documents: JSON lines, Parquet, plain text; the bundled sample without any.
    megabytes
        Of the files, so much text.
    vocabulary
        Tokens of a vocabulary.
    seeds
        How many.
    size
        A size of the model or of its training, as <field>=<value>: steps=2000. May be repeated.
    device
        auto, cpu, cuda or mps.
    out
        Where the models' figures go.
    """
    sizes = given(megabytes=megabytes, vocabulary=vocabulary)
    return weigh("trivium.bench.tokens.digits:main", text=text, seeds=seeds, out=out, size=size, device=device, **sizes)


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


@app.command
def overoptimise(
    model: Path | None = None,
    /,
    *,
    gold: Path | None = None,
    size: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    seed: int = 0,
    device: str = "auto",
    threads: int = 0,
    out: Path = Path("runs/bench/overoptimise"),
    docs: Path | None = None,
) -> int:
    """A reward model can be gamed: proxy and gold score by distance for best of n, RL and DPO, with remedies.

    Parameters
    ----------
    model
        A chat model's folder; a small one is made without any.
    gold
        A reward model's folder as the hidden person; a programmed taste without any.
    size
        A size of the experiment, as <field>=<value>: sizes=500,2000 or rl_steps=40. May be repeated.
    seed
        Moves everything.
    device
        auto, cpu, cuda or mps.
    threads
        CPU threads; 0 means one for each core.
    out
        Where figures, curves and the section go.
    docs
        A Markdown file whose section is written anew.
    """
    from trivium.ground.how import How

    how = How(device=device, threads=threads)
    return weigh(
        "trivium.bench.preferences.overoptimise:main",
        model=model, gold=gold, size=size, out=out, how=how, seed=seed, docs=docs,
    )  # fmt: skip


@app.command
def best_of_n(
    model: Path,
    judge: Path,
    /,
    *,
    gold: Path | None = None,
    prompts: Path | None = None,
    samples: int = 64,
    max_new: int = 64,
    seed: int = 0,
    device: str = "auto",
    threads: int = 0,
    out: Path = Path("runs/bench/best-of-n.json"),
) -> int:
    """What a reward model's pick among n answers scores, for each n, and how far that is from the policy.

    Parameters
    ----------
    model
        A chat model's folder.
    judge
        A reward model's folder.
    gold
        Another reward model, which says what the pick was worth.
    prompts
        A file of prompts, one a line, or JSON lines with a prompt; everyday ones by default.
    samples
        Answers to each prompt: the largest n.
    max_new
        Longest answer, in tokens.
    seed
        Decides the answers.
    device
        auto, cpu, cuda or mps.
    threads
        CPU threads; 0 means one for each core.
    out
        Where the figures go, as JSON.
    """
    from trivium.cli.preferences.compare import asked_prompts
    from trivium.ground.how import How

    return weigh(
        "trivium.bench.preferences.pick:main",
        model=model, judge=judge, gold=gold, asked=asked_prompts(prompts, 100, 0), samples=samples, max_new=max_new,
        seed=seed, how=How(device=device, threads=threads), out=out,
    )  # fmt: skip


def given(**options: Any) -> dict[str, Any]:
    """The options that were given: those left out have a default of the bench's own."""
    return {name: value for name, value in options.items() if value is not None}
