"""Comparisons of what models know, and of teaching them to say where that ends."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from trivium.cli.benches.scales import MANY, app, weigh

SETTINGS = Parameter(negative=())


@app.command
def audit(
    *,
    probes: int = 5000,
    samples: int = 16,
    depth: int = 12,
    vocabulary: int = 32768,
    steps: int = 300,
    modes: Annotated[tuple[str, ...], MANY] = ("base", "chat"),
    device: str = "auto",
    threads: int = 0,
    out: Path = Path("runs/bench/audit"),
) -> int:
    """How long an audit takes, from a file of questions to the sealed folder.

    Parameters
    ----------
    probes
        Questions.
    samples
        Sampled answers to each.
    depth
        Blocks of the model, which is taught to answer briefly first.
    vocabulary
        Its tokens.
    steps
        How long it is taught; not counted.
    modes
        base, chat, or both: how it is asked.
    device
        auto, cpu, cuda or mps.
    threads
        CPU threads; 0 means one for each core.
    out
        Where quiz, model and audits go.
    """
    return weigh(
        "trivium.bench.knowledge.speed:main",
        probes=probes, samples=samples, depth=depth, vocabulary=vocabulary, steps=steps, modes=modes, device=device,
        threads=threads, out=out,
    )  # fmt: skip


@app.command
def audit_town(
    *,
    seeds: Annotated[tuple[int, ...], MANY] = (0, 1, 2),
    config: Annotated[tuple[str, ...], SETTINGS] = (),
    samples: int = 16,
    until: str = "",
    device: str = "auto",
    threads: int = 0,
    out: Path = Path("runs/bench/audit-town"),
    write: Annotated[bool, Parameter(negative="--no-write")] = True,
) -> int:
    """Refusals about people never written about, of known ones, and hallucination by exposure; with controls.

    Parameters
    ----------
    seeds
        Towns. Those that are done are not run again, so seeds may run side by side.
    config
        A setting of the recipe, as <stage>.<field>=<value>: sft.epochs=2. May be repeated.
    samples
        Sampled answers of the base model to each question.
    until
        Stop each seed at this node of its run and ask nothing: shards, base.
    device
        auto, cpu, cuda or mps.
    threads
        CPU threads; 0 means one for each core.
    out
        Where runs, figures and the curve go.
    write
        Write the section and the curve into docs/.
    """
    from trivium.ground.how import How

    given = {} if write else {"docs": None}
    return weigh(
        "trivium.bench.knowledge.town:main",
        seeds=seeds, config=config, samples=samples, until=until, how=How(device=device, threads=threads), out=out,
        **given,
    )  # fmt: skip


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Asked:
    """What open weights are asked."""

    probes: Annotated[tuple[Path, ...], MANY]
    """Files of questions and answers."""
    datasets: Annotated[tuple[str, ...], MANY] = ()
    """Of a mixed file, only rows whose `dataset` is one of these."""
    hold_out: Annotated[tuple[str, ...], MANY] = ()
    """Sources that no conversation asks about."""
    limit: int = 1000
    """Questions of each source."""
    unanswerable: int = 200
    """Questions of each kind that nobody can answer."""
    samples: int = 16
    """Sampled answers to each question before."""
    reply_tokens: int = 32
    """Longest plain reply."""
    tests: Annotated[tuple[Path, ...], MANY] = ()
    """Files of benchmark items."""
    tasks: Annotated[tuple[str, ...], MANY] = ()
    """Benchmarks before and after."""
    items: int = 500
    """Items of each."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Taught:
    """What they are taught."""

    data: Annotated[tuple[str, ...], MANY] = ()
    """Other conversations that are taught beside, as PATH or PATH:WEIGHT."""
    weight: float = 2.0
    """Passes an epoch over the audit's own conversations."""
    refusals: int = 4000
    """Refusals that are taught, at most."""
    lora: int = 16
    """Rank of the adapters; 0 teaches all weights."""
    config: Annotated[tuple[str, ...], SETTINGS] = ()
    """A setting of the teaching, as sft.<field>=<value>. May be repeated."""


@app.command
def honesty(
    *,
    town: Path = Path("runs/bench/audit-town"),
    seeds: Annotated[tuple[int, ...], MANY] = (0, 1),
    pays: Annotated[tuple[str, ...], MANY] = ("verified", "ternary", "random"),
    set: Annotated[tuple[str, ...], SETTINGS] = (),
    device: str = "auto",
    threads: int = 0,
    out: Path = Path("runs/bench/honesty"),
) -> int:
    """What practice does to saying "I do not know": right answers paid, a ternary reward, and a coin.

    Parameters
    ----------
    town
        Where audit-town has put these seeds.
    seeds
        Its towns. What is done is not run again.
    pays
        Rewards, each a practice of its own.
    set
        A setting of the practice, as rl.<field>=<value>. May be repeated.
    device
        auto, cpu, cuda or mps.
    threads
        CPU threads; 0 means one for each core.
    out
        Where practice, audits and figures go.
    """
    from trivium.ground.how import How

    return weigh(
        "trivium.bench.knowledge.honesty:main",
        town=town, seeds=seeds, pays=pays, settings=set, out=out, how=How(device=device, threads=threads),
    )  # fmt: skip


@app.command
def audit_open(
    model: Path,
    /,
    *,
    asked: Asked,
    taught: Taught = Taught(),
    part: Annotated[tuple[str, ...], MANY] = ("before", "plain", "taught", "shuffled"),
    seed: int = 0,
    device: str = "auto",
    threads: int = 0,
    out: Path = Path("runs/bench/audit-open"),
) -> int:
    """Refusals taught to open weights: audits before and after, in and out of distribution, and other abilities.

    Parameters
    ----------
    model
        The folder of an imported model.
    asked
        What it is asked.
    taught
        What it is taught.
    part
        before, plain (no refusals), taught, shuffled; what is there is not made again.
    seed
        Decides questions, sides, lessons and adapters.
    device
        auto, cpu, cuda or mps.
    threads
        CPU threads; 0 means one for each core.
    out
        Where audits, runs and evaluations go.
    """
    from trivium.bench.knowledge.opened import Plan
    from trivium.ground.how import How

    how = How(device=device, threads=threads)
    plan = Plan(model=model, seed=seed, out=out, how=how, **vars(asked), **vars(taught))
    return weigh("trivium.bench.knowledge.opened:main", plan=plan, parts=part)
