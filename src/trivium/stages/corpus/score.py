"""Every page once, with every score: sources in, `documents.parquet` out. Nothing is dropped here for its quality.

Records are read in this process; pages are decoded, extracted and scored in workers that may die. A page without text
is a row too, with its reason in `failed`, so that the rows always sum to the records.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.how import How
from trivium.ground.log import write_jsonl
from trivium.ground.progress import Progress
from trivium.stages.corpus import language, workers
from trivium.stages.corpus.config import SCORE_FORMAT, SCORE_STAGE, ScoreConfig
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
from trivium.stages.corpus.pii import rewrite
from trivium.stages.corpus.quality import ALL, all_scores
from trivium.stages.corpus.shown.pages import Lowest, Sample, keep
from trivium.stages.corpus.sources.find import Source, find, read
from trivium.stages.corpus.sources.page import Page, without_body
from trivium.stages.corpus.sources.remote import fetch
from trivium.stages.corpus.urls import host_of, url_scores

Row = dict[str, Any]
BATCH = 512
WEB, TOWN_PAGES = "web", "town:pages"
TEXT_COLUMNS = ("id", "url", "text", "source", "licence", "host", "language", "charset", "failed", "file")
SCORE_COLUMNS = (*url_scores(""), "language_score", *ALL, "classifier_score")


def run(config: ScoreConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Seal a `scored` artifact: documents.parquet (a row a record, a column a score), funnel.json (counts by file) and
    pages_sample.jsonl (some pages beside their texts).

    Reads the sources of the config (or the bundled sample) and the pages of the `town` input, when there is one.
    Raises UsageError for a source that is not what its name says, and Stopped when asked to stop.
    """
    own = sources_of(config)
    fetch(own, how)
    sources = [(source, WEB) for source in own]
    if "town" in inputs:
        sources += [(source, TOWN_PAGES) for source in find([str(inputs["town"].file("pages.warc.gz"))])]
    with sealing(out, label_of(config, inputs)) as folder:
        started = time.monotonic()
        sample = Sample()
        counts = _write_rows(folder / "documents.parquet", sample.through(_rows(config, sources, how)))
        write_jsonl(folder / "pages_sample.jsonl", sample.records(lambda text: rewrite(text)[0]))
        write_json(folder / "funnel.json", {"files": counts, "seconds": round(time.monotonic() - started, 2)})
    return open_artifact(out)


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


def _rows(config: ScoreConfig, sources: Iterable[tuple[Source, str]], how: How) -> Iterator[Row]:
    count = workers.count_for(how.threads)
    sources = list(sources)
    with Progress("reading pages", sum(source.size() for source, _ in sources) / 1e6, "MB", how) as bar:
        for source, collection in sources:
            ahead: deque[Page] = deque()
            some = config.max_pages or None if collection == WEB else None
            documents = read(source, config.max_bytes, config.text_field, config.piece_characters)
            pages = _kept(islice(documents, some), ahead)
            position = 0
            with closing(workers.in_order(scorer, (config,), pages, count, config.page_seconds)) as results:
                for result in results:
                    page = ahead.popleft()
                    row = _lost(page, result) if isinstance(result, workers.Lost) else result
                    row |= {
                        "source": collection,
                        "licence": page.licence or config.licence,
                        "file": source.name,
                        "synthetic": collection != WEB,
                    }
                    yield row
                    bar.advance((page.position - position) / 1e6)
                    position = page.position
                    how.stop.check("while reading pages")
            bar.advance((source.size() - position) / 1e6)


def _kept(pages: Iterable[Page], ahead: deque[Page]) -> Iterator[Page]:
    """The pages, each also put at the end of `ahead` as it is taken (without its bytes)."""
    for page in pages:
        ahead.append(without_body(page))
        yield page


def _lost(page: Page, lost: workers.Lost) -> Row:
    return {
        "id": page_id(page.url, b""),
        "url": page.url,
        "host": host_of(page.url),
        "offset": page.offset,
        "html_bytes": 0,
        "failed": lost.reason,
        **url_scores(page.url),
    }


def _write_rows(path: Path, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Write the rows as Parquet. What comes back is, by file: source, records, texts, failures by reason."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            *(pa.field(name, pa.string(), nullable=False) for name in TEXT_COLUMNS),
            pa.field("synthetic", pa.bool_(), nullable=False),
            pa.field("offset", pa.int64(), nullable=False),
            pa.field("html_bytes", pa.int64(), nullable=False),
            *(pa.field(name, pa.float64()) for name in SCORE_COLUMNS),
        ]
    )
    tallies: dict[tuple[str, str], Counter[str]] = {}
    batch: list[Row] = []

    def flush() -> None:
        columns = {
            field.name: [row.get(field.name, None if field.nullable else "") for row in batch] for field in schema
        }
        writer.write_table(pa.table(columns, schema=schema))
        batch.clear()

    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for row in rows:
            tallies.setdefault((row["file"], row["source"]), Counter())[row["failed"]] += 1
            batch.append(row)
            if len(batch) >= BATCH:
                flush()
        flush()
    return [
        {
            "file": file,
            "source": source,
            "records": tally.total(),
            "texts": tally[""],
            "failed": {reason: count for reason, count in sorted(tally.items()) if reason},
        }
        for (file, source), tally in tallies.items()
    ]
