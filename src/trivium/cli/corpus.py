"""`trivium corpus`: one's own documents cleaned, or the corpus part of a run; `score train`, `extractor train`."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from trivium.cli.run import FLAG, SETTINGS, CorpusManner, Order, carry_out, stage_command
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.signals import listening
from trivium.journey.record import JOURNEY

RUN = "runs/nano"
app = App(name="corpus", help="Clean documents: a reason for every one that goes.", help_format="plaintext")
classifiers = App(name="score", help="The quality classifier: train one of your own.")
extractors = App(name="extractor", help="What takes the main content from pages: train one of your own.")
app.command(classifiers)
app.command(extractors)


@app.default
def corpus(
    *,
    from_: Annotated[tuple[str, ...], Parameter(name="--from", negative=())] = (),
    out: Path | None = None,
    files: int | None = None,
    extractor: str | None = None,
    node: str | None = None,
    recipe: str | None = None,
    seed: int | None = None,
    set: SETTINGS = (),
    manner: CorpusManner = CorpusManner(),
) -> int:
    """Clean documents, with the reason for every one that goes; then a table and a page of the funnel.

    With sources, into a folder of their own; without, or from a run folder, the corpus part of that run.

    Parameters
    ----------
    from_
        A file or a folder of documents: HTML, Markdown, text, JSON lines, Parquet, WARC, WET. May be repeated.
        cc:CC-MAIN-2024-51 is a crawl of Common Crawl, hf:OWNER/NAME/FOLDER a data set of the Hugging Face hub.
        Or one run folder.
    out
        Where the cleaned documents go; runs/corpus by default. Only with sources.
    files
        Of a remote collection, so many files, evenly spread over its list; 1 by default.
    extractor
        What takes the main content from pages: trivium, resiliparse, trafilatura, or a folder of your own training.
    node
        Which node to run up to: scored, selected, or report.
    recipe
        For a run folder that does not know one; nano by default.
    seed
        Another seed than the folder's.
    set
        A config field, as <stage>.<field>=<value>; `--<stage>.<field> <value>` is the same. May be repeated.
    manner
        How it is carried out.
    """
    folders = [name for name in from_ if (Path(name) / JOURNEY).is_file()]
    if not from_ or (folders and len(from_) == 1):
        if out is not None:
            raise UsageError(f"--out {out} is for documents of your own.", "Name them: --from FOLDER --out FOLDER.")
        run = Path(from_[0] if from_ else RUN)
        return stage_command("corpus", "selected")(
            from_=run, node=node or "selected", recipe=recipe, seed=seed, set=set, manner=manner
        )
    if folders:
        raise UsageError(f"{folders[0]!r} is a run, not a source.", "Give it alone, or give folders of documents.")
    settings = [f"scored.source={dumps(from_)}", *set]
    for name, value in (("files", files), ("extractor", extractor)):
        if value is not None:
            settings.insert(1, f"scored.{name}={value}")
    order = Order(recipe or "corpus", seed or 0, tuple(settings), out or Path("runs/corpus"), (node or "report",))
    return carry_out(order, manner)


@classifiers.command(name="train")
def score_train(
    *,
    good: Annotated[tuple[str, ...], Parameter(negative=())],
    bad: Annotated[tuple[str, ...], Parameter(negative=())],
    out: Path = Path("runs/classifier"),
    json: Annotated[bool, FLAG] = False,
    progress: bool = True,
) -> int:
    """Train a quality classifier: which documents are like the good ones rather than like the bad ones.

    It is measured on a fifth of the documents that it has not seen. Use it: trivium corpus --from SOURCE
    --scored.classifier OUT --selected.classifier.min_score 0.5

    Parameters
    ----------
    good
        Sources of documents as you want them: files, folders, hf:OWNER/NAME. May be repeated.
    bad
        Sources of documents as your crawl has them. May be repeated.
    out
        The folder to write.
    json
        Print the figures as one JSON value.
    progress
        Show progress on stderr.
    """
    from trivium.stages.corpus.classifier.train import train

    figures = train(good, bad, out, How(progress=progress))
    if json:
        print(dumps(figures))
        return 0
    print(f"{figures['good']:,} good and {figures['bad']:,} bad documents; {figures['held_out']:,} held out.")
    if figures["auc"] is None:
        print("Too few were held out to measure.")
    else:
        low, high = figures["interval"]
        print(f"AUC {figures['auc']:.3f}, 95 % interval {low:.3f} to {high:.3f} (0.5 is chance).")
        print("\nleast score   keeps of bad   of good")
        for row in figures["thresholds"]:
            print(f"{row['least']:>11.3f}   {row['bad']:>12.0%}   {row['good']:>7.1%}")
    print(f"\nUse it: trivium corpus --from SOURCE --scored.classifier {out} --selected.classifier.min_score 0.5")
    return 0


@extractors.command(name="train")
def extractor_train(*, pages: Path, out: Path = Path("runs/extractor"), progress: bool = True) -> int:
    """Train the extractor on pages whose main content is known.

    Use it: trivium corpus --from SOURCE --scored.extractor OUT

    Parameters
    ----------
    pages
        JSON lines: html, and text (its main content) or texts (pairs of a share and a text, as votes).
    out
        The folder to write.
    progress
        Show progress on stderr.
    """
    from trivium.stages.corpus.extractor.train import train

    print(dumps(train(pages, out, How(progress=progress))))
    return 0


def corpus_shard(work: Path, number: int, *, threads: int = 1, progress: bool = True) -> int:
    """Make one shard of a corpus, as a batch job does it: `trivium corpus --executor slurm` writes the script.

    Parameters
    ----------
    work
        The folder with the plan.
    number
        Which of its shards, from 0.
    threads
        Processes; 0 means one for each core this process may use.
    progress
        Show progress on stderr.
    """
    from trivium.stages.corpus.score import run_shard

    how = How(threads=threads, progress=progress)
    with listening(how.stop):
        run_shard(work, number, how)
    return 0
