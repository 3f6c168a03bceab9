"""Comparisons of the whole street, of practice, and of reward models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trivium.cli.benches.scales import FLAG, MANY, app, given, weigh


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
def rl(
    *,
    sizes: Annotated[tuple[str, ...], MANY] = ("10m",),
    prompt: int = 16,
    new: Annotated[tuple[int, ...], MANY] = (32,),
    batch: int = 256,
    group: int = 1,
    rounds: int = 7,
    trl: Annotated[tuple[str, ...], MANY] = (),
    nanochat: Path | None = None,
    device: str = "auto",
    threads: int = 0,
    out: Path = Path("runs/bench/rl"),
) -> int:
    """Rollouts a second, as practice samples them, alone or beside TRL's GRPOTrainer and nanochat's engine.

    Parameters
    ----------
    sizes
        10m (vocabulary 4,096), 135m (SmolLM2's shape), d12 and the like (a depth). May be several.
    prompt
        Tokens of a prompt.
    new
        Tokens of an answer, exactly. May be several.
    batch
        Rollouts of a round.
    group
        Answers to each prompt; TRL wants 2 or more.
    rounds
        Rounds that are counted.
    trl
        How TRL, which must be installed, samples: generate, static (its cache), continuous. May be several.
    nanochat
        The folder of a copy of nanochat.
    device
        auto, cpu, cuda or mps.
    threads
        CPU threads; 0 means one for each core this process may use.
    out
        Where figures and what peers say go.
    """
    return weigh(
        "trivium.bench.practice.speed:main",
        sizes=sizes, prompt=prompt, new=new, batch=batch, group=group, rounds=rounds, trl=trl, nanochat=nanochat,
        device=device, threads=threads, out=out,
    )  # fmt: skip


@app.command
def sft(
    *,
    sizes: Annotated[tuple[str, ...], MANY] = ("135m",),
    modes: Annotated[tuple[str, ...] | None, MANY] = None,
    rows: int = 16,
    row_tokens: int = 2048,
    peers: bool = True,
    device: str = "auto",
    threads: int = 0,
    out: Path = Path("runs/bench/sft"),
) -> int:
    """Tokens a second of SFT, packed, beside TRL's SFTTrainer: the same model, conversations and device.

    Parameters
    ----------
    sizes
        10m, 135m (SmolLM2's shape), d12 and the like (a depth). May be several.
    modes
        TRL's packing and attention: bfd+sdpa, bfd+flex_attention, wrapped+sdpa; then +liger, +compile, +rows4 (so many
        rows at once). May be several.
    rows
        Packed rows in a step.
    row_tokens
        Tokens in a row.
    peers
        Run TRL, which must be installed.
    device
        auto, cpu, cuda or mps.
    threads
        CPU threads; 0 means one for each core this process may use.
    out
        Where models, figures and what TRL says go.
    """
    return weigh(
        "trivium.bench.practice.teaching:sft",
        sizes=sizes, rows=rows, row_tokens=row_tokens, peers=peers, device=device, threads=threads, out=out,
        **given(modes=modes),
    )  # fmt: skip


@app.command
def reward(
    *,
    sizes: Annotated[tuple[str, ...], MANY] = ("135m",),
    modes: Annotated[tuple[str, ...] | None, MANY] = None,
    batch: int = 32,
    row_tokens: int = 2048,
    peers: bool = True,
    device: str = "auto",
    threads: int = 0,
    out: Path = Path("runs/bench/reward"),
) -> int:
    """Tokens a second of a reward model's training, beside TRL's RewardTrainer: the same model, pairs and device.

    Parameters
    ----------
    sizes
        10m, 135m (SmolLM2's shape), d12 and the like (a depth). May be several.
    modes
        TRL's attention: sdpa, flex_attention; then +liger, +compile, +rows16 (so many pairs at once). May be several.
    batch
        Comparisons in a step.
    row_tokens
        Tokens in our rows.
    peers
        Run TRL, which must be installed.
    device
        auto, cpu, cuda or mps.
    threads
        CPU threads; 0 means one for each core this process may use.
    out
        Where models, figures and what TRL says go.
    """
    return weigh(
        "trivium.bench.practice.teaching:reward",
        sizes=sizes, batch=batch, row_tokens=row_tokens, peers=peers, device=device, threads=threads, out=out,
        **given(modes=modes),
    )  # fmt: skip


@app.command
def ladder(
    *,
    rungs: Annotated[tuple[str, ...], MANY] = (),
    seeds: int = 0,
    layers: int = 4,
    width: int = 256,
    settings: Annotated[tuple[str, ...], Parameter(name="--set", negative=())] = (),
    device: str = "auto",
    at_once: int = 0,
    seconds: float = 0.0,
    out: Path = Path("runs/bench/ladder"),
    docs: Path | None = None,
    told: Annotated[bool, FLAG] = False,
) -> int:
    """RL's ladder: small models from random weights, a worked-trace warm start, then practice, rung by rung.

    Parameters
    ----------
    rungs
        reversal, letters, addition, decimals, multiplication, direct (its twin), countdown, transfer; all by default.
    seeds
        Of each rung; 0: three of reversal and addition, one of the others.
    layers
        Blocks of the models.
    width
        Their width, a multiple of 64 (or 64 and less).
    settings
        A config field for all rungs, as <stage>.<field>=<value>. May be repeated.
    device
        auto, cpu, cuda or mps.
    at_once
        Processes side by side; 0: all.
    seconds
        After so many a rung saves itself and stops; the same command goes on with it. 0: no limit.
    out
        Where runs and figures go.
    docs
        A Markdown file whose section is written anew.
    told
        Run nothing, tell what is on disk.
    """
    return weigh(
        "trivium.bench.practice.ladder.climb:main",
        rungs=rungs, seeds=seeds, layers=layers, width=width, settings=settings, device=device, at_once=at_once,
        seconds=seconds, out=out, docs=docs, told=told,
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
    jobs: int = 1,
    out: Path = Path("runs/bench/overoptimise"),
    docs: Path | None = None,
) -> int:
    """A reward model can be gamed: proxy and gold score by distance for best of n, RL and DPO, with remedies.

    What is done is kept: the same command goes on with what is missing.

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
        CPU threads of each process; 0 means one for each core.
    jobs
        How many pieces of the experiment run at a time, each in a process of its own.
    out
        Where figures, curves and the section go.
    docs
        A Markdown file whose section is written anew.
    """
    from trivium.ground.how import How

    how = How(device=device, threads=threads)
    return weigh(
        "trivium.bench.preferences.overoptimise:main",
        model=model, gold=gold, size=size, out=out, how=how, seed=seed, docs=docs, jobs=jobs,
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
