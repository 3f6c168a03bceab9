"""Every page once, with every score: sources in, `documents.parquet` out. Nothing is dropped here for its quality.

Sources are shards: their records are read, decoded, extracted and scored part by part (`shards/`), by workers that may
die (`executors/`). A page without text is a row too, with its reason in `failed`, so that the rows always sum to the
records.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.config import check
from trivium.ground.how import How
from trivium.ground.lock import locked
from trivium.ground.log import write_jsonl
from trivium.ground.progress import Progress
from trivium.stages.corpus import language
from trivium.stages.corpus.config import SCORE_FORMAT, SCORE_STAGE, ScoreConfig
from trivium.stages.corpus.executors import local
from trivium.stages.corpus.executors.choose import carry_out
from trivium.stages.corpus.extract import (
    EXTRACTORS,
    OWN,
    Unreadable,
    check_shape,
    check_tags,
    decode,
    main_text,
    tidy,
    unmarked,
)
from trivium.stages.corpus.kernels import is_cold
from trivium.stages.corpus.pii import rewrite
from trivium.stages.corpus.quality import ALL, all_scores
from trivium.stages.corpus.shards.assemble import assemble
from trivium.stages.corpus.shards.plan import WEB, Row, Task, lay_out, read_plan
from trivium.stages.corpus.shown.pages import KEY as SHOWN
from trivium.stages.corpus.shown.pages import Lowest, Sample, keep
from trivium.stages.corpus.sources.find import Source, find
from trivium.stages.corpus.sources.page import Page
from trivium.stages.corpus.urls import host_of, url_scores

TOWN_PAGES = "town:pages"
TEXT_COLUMNS = ("id", "url", "text", "source", "licence", "host", "language", "charset", "failed", "file")
SCORE_COLUMNS = (*url_scores(""), "language_score", *ALL, "classifier_score")


def run(config: ScoreConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Seal a `scored` artifact: documents.parquet (a row a record, a column a score), funnel.json (counts by file) and
    pages_sample.jsonl (some pages beside their texts).

    Reads the sources of the config (or the bundled sample) and the pages of the `town` input, when there is one.
    Parts that are done lie in `<out>.work/<id>` until then: after a stop or a kill the same call goes on behind them.
    Raises UsageError for a source that is not what its name says, Stopped when asked to stop, and ArtifactError when
    another process has this place.
    """
    label, work = label_of(config, inputs), out.with_name(out.name + ".work")
    sources = [(source, WEB, config.max_pages) for source in sources_of(config)]
    if "town" in inputs:
        sources += [(source, TOWN_PAGES, 0) for source in find([str(inputs["town"].file("pages.warc.gz"))])]
    with locked(work):
        started = time.monotonic()
        _compile_once(config, how)
        plan = lay_out(work / label.id, config, sources)
        carry_out(TASK, plan, how)
        sample = Sample()
        with sealing(out, label) as folder:
            shown = {SHOWN: lambda row: sample.take(row | {SHOWN: json.loads(row[SHOWN])})}
            counts = assemble(plan, schema(), folder / "documents.parquet", shown)
            write_jsonl(folder / "pages_sample.jsonl", sample.records(lambda text: rewrite(text)[0]))
            write_json(folder / "funnel.json", {"files": counts, "seconds": round(time.monotonic() - started, 2)})
        shutil.rmtree(work)
    return open_artifact(out)


def _compile_once(config: ScoreConfig, how: How) -> None:
    """Compile here what all workers need, so that they do not each do it."""
    if is_cold():
        with Progress("compiling, once for this version", 1, "pass", how) as bar:
            scorer(config)
            bar.advance(1)


def run_shard(work: Path, number: int, how: How) -> None:
    """Make the missing parts of one shard of the plan in `work`: one task of a batch array.

    Raises ArtifactError where there is no such plan, a source has changed, or another process has this shard.
    """
    plan = read_plan(work)
    check(0 <= number < len(plan.shards), "number", number, f"The plan has shards 0 to {len(plan.shards) - 1}.")
    shard = plan.shards[number]
    with locked(plan.parts(shard)):
        local.run(TASK, plan, how, [shard])


def label_of(config: ScoreConfig, inputs: Mapping[str, Artifact]) -> Label:
    """What `run` would seal; the hashes of the sources' files are part of it."""
    fingerprints = {f"{i}:{source.name}": source.fingerprint() for i, source in enumerate(sources_of(config))}
    if config.classifier:
        from trivium.stages.corpus.classifier import model as classifier

        fingerprints["classifier"] = classifier.fingerprint(Path(config.classifier))
    if config.extractor not in EXTRACTORS:
        from trivium.stages.corpus.extractor import model as extractor

        fingerprints["extractor"] = extractor.fingerprint(Path(config.extractor))
    return Label("scored", SCORE_STAGE, SCORE_FORMAT, config, parents_of(inputs), fingerprints)


def sources_of(config: ScoreConfig) -> list[Source]:
    """The sources to read, in order. Raises UsageError for a path that holds none."""
    return find(config.source or (str(bundled_sample()),), config.files)


def bundled_sample() -> Path:
    """The WARC file of real pages that comes with the package."""
    return Path(str(files("trivium") / "samples" / "pages.warc.gz"))


def page_id(url: str, body: bytes) -> str:
    """The id of a page: the same bytes under the same URL have the same id wherever they are stored."""
    return hashlib.sha256(url.encode() + b"\0" + body).hexdigest()[:16]


def scorer(config: ScoreConfig) -> Callable[[Page], Row]:
    """The work of one worker: from a page to what can be said about it; loads the language model once."""
    identify, grade, lowest = language.load(), _grader(config), Lowest()
    words = "Kernels are compiled here, before the clock of any page runs."
    all_scores(words)
    with contextlib.suppress(Unreadable):
        main_text(f"<p>{words}</p>", config.extractor)

    def score(page: Page) -> Row:
        row: Row = {
            "id": page_id(page.url, page.body),
            "url": page.url,
            "host": host_of(page.url),
            "offset": page.offset,
            "html_bytes": len(page.body),
            "failed": page.failed,
            **url_scores(page.url),
        }
        if not row["failed"] and not row["host"] and not page.url.startswith("file:"):
            row["failed"] = "bad_url"
        if not row["failed"]:
            try:
                html, row["charset"] = decode(page.body, page.charset)
                row["text"] = text = tidy(html) if page.kind == "text" else _extracted(html, config)
                if not text:
                    raise Unreadable("no_text")
            except Unreadable as reason:
                row["failed"] = str(reason)
            else:
                row["language"], row["language_score"] = identify(text)
                row.update(all_scores(unmarked(text), row["language"]))
                row["classifier_score"] = grade(text)
                if page.kind == "html":
                    keep(row, html, lowest, page.origin)
        if SHOWN in row:
            row[SHOWN] = json.dumps(row[SHOWN])
        return row

    return score


def _grader(config: ScoreConfig) -> Callable[[str], float | None]:
    """The quality classifier's judgement of a text, or None of all where there is no classifier."""
    if not config.classifier:
        return lambda _: None
    from trivium.stages.corpus.classifier import model as classifier

    return classifier.judge(classifier.load(Path(config.classifier)))


def _extracted(html: str, config: ScoreConfig) -> str:
    check_tags(html, config.max_tags)
    if config.extractor in EXTRACTORS and config.extractor != OWN:
        check_shape(html, config.max_depth)
    return main_text(html, config.extractor, config.keep_code)


def _lost(page: Page, reason: str) -> Row:
    return {
        "id": page_id(page.url, b""),
        "url": page.url,
        "host": host_of(page.url),
        "offset": page.offset,
        "html_bytes": 0,
        "failed": reason,
        **url_scores(page.url),
    }


def part_schema() -> Any:
    """The schema of a part: the table's, and the page of a row that may be shown, as JSON."""
    import pyarrow as pa

    return schema().append(pa.field(SHOWN, pa.string()))


def schema() -> Any:
    """The Arrow schema of documents.parquet."""
    import pyarrow as pa

    return pa.schema(
        [
            *(pa.field(name, pa.string(), nullable=False) for name in TEXT_COLUMNS),
            pa.field("synthetic", pa.bool_(), nullable=False),
            pa.field("offset", pa.int64(), nullable=False),
            pa.field("html_bytes", pa.int64(), nullable=False),
            *(pa.field(name, pa.float64()) for name in SCORE_COLUMNS),
        ]
    )


TASK = Task(scorer, part_schema, _lost)
