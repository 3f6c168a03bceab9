"""Every page once, with every score: WARC in, `documents.parquet` out. Nothing is dropped here for its quality.

Records are read in this process; pages are decoded, extracted and scored in workers that may die. A page without text
is a row too, with its reason in `failed`, so that the rows always sum to the records.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

from trivium.ground.artifact import Artifact, Label, hash_file, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.progress import Progress
from trivium.stages.corpus import language, warc, workers
from trivium.stages.corpus.config import SCORE_FORMAT, SCORE_STAGE, ScoreConfig
from trivium.stages.corpus.extract import Unreadable, check_shape, decode, main_text
from trivium.stages.corpus.quality import all_scores
from trivium.stages.corpus.urls import host_of, url_scores

Row = dict[str, Any]
BATCH = 512
WEB, TOWN_PAGES = "web", "town:pages"
TEXT_COLUMNS = ("id", "url", "text", "source", "licence", "host", "language", "charset", "failed", "warc_file")
SCORE_COLUMNS = (*url_scores(""), "language_score", *all_scores("-"))


def run(config: ScoreConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Seal a `scored` artifact: documents.parquet (a row a record, a column a score) and funnel.json (counts by file).

    Reads the sources of the config (or the bundled sample) and the pages of the `town` input, when there is one.
    Raises UsageError for a source that is no WARC file, and Stopped when asked to stop.
    """
    sources = [(path, WEB) for path in source_files(config)]
    if "town" in inputs:
        sources.append((inputs["town"].file("pages.warc.gz"), TOWN_PAGES))
    with sealing(out, label_of(config, inputs)) as folder:
        started = time.monotonic()
        counts = _write_rows(folder / "documents.parquet", _rows(config, sources, how))
        write_json(folder / "funnel.json", {"files": counts, "seconds": round(time.monotonic() - started, 2)})
    return open_artifact(out)


def label_of(config: ScoreConfig, inputs: Mapping[str, Artifact]) -> Label:
    """What `run` would seal; the hashes of the source files are part of it."""
    fingerprints = {f"{i}:{path.name}": hash_file(path) for i, path in enumerate(source_files(config))}
    return Label("scored", SCORE_STAGE, SCORE_FORMAT, config, parents_of(inputs), fingerprints)


def source_files(config: ScoreConfig) -> list[Path]:
    """The WARC files to read, in order; folders give theirs by name. Raises UsageError for a path without any."""
    if not config.source:
        return [bundled_sample()]
    found: list[Path] = []
    for name in config.source:
        path = Path(name)
        below = sorted((*path.rglob("*.warc"), *path.rglob("*.warc.gz"))) if path.is_dir() else [path]
        if not below or not below[0].is_file():
            raise UsageError(f"source {name!r} has no WARC file.", "Give .warc or .warc.gz files, or folders of them.")
        found += below
    return found


def bundled_sample() -> Path:
    """The WARC file of real pages that comes with the package."""
    return Path(str(files("trivium") / "samples" / "pages.warc.gz"))


def page_id(url: str, body: bytes) -> str:
    """The id of a page: the same bytes under the same URL have the same id wherever they are stored."""
    return hashlib.sha256(url.encode() + b"\0" + body).hexdigest()[:16]


def scorer(config: ScoreConfig) -> Callable[[warc.Page], Row]:
    """The work of one worker: from a page to what can be said about it; loads the language model once."""
    identify = language.load()

    def score(page: warc.Page) -> Row:
        row: Row = {
            "id": page_id(page.url, page.body),
            "url": page.url,
            "host": host_of(page.url),
            "offset": page.offset,
            "html_bytes": len(page.body),
            "failed": page.failed,
            **url_scores(page.url),
        }
        if not row["failed"] and not row["host"]:
            row["failed"] = "bad_url"
        if not row["failed"]:
            try:
                html, row["charset"] = decode(page.body, page.charset)
                check_shape(html, config.max_tags, config.max_depth)
                row["text"] = text = main_text(html, config.keep_code)
            except Unreadable as reason:
                row["failed"] = str(reason)
            else:
                row["language"], row["language_score"] = identify(text)
                row.update(all_scores(text))
        return row

    return score


def _rows(config: ScoreConfig, sources: Iterable[tuple[Path, str]], how: How) -> Iterator[Row]:
    count = workers.count_for(how.threads)
    sources = list(sources)
    with Progress("reading pages", sum(path.stat().st_size for path, _ in sources) / 1e6, "MB", how) as bar:
        for path, source in sources:
            ahead: deque[warc.Page] = deque()
            some = config.max_pages or None if source == WEB else None
            pages = _kept(islice(warc.pages(path, config.max_bytes), some), ahead)
            position = 0
            with closing(workers.in_order(scorer, (config,), pages, count, config.page_seconds)) as results:
                for result in results:
                    page = ahead.popleft()
                    row = _lost(page, result) if isinstance(result, workers.Lost) else result
                    row |= {
                        "source": source,
                        "licence": page.licence or config.licence,
                        "warc_file": path.name,
                        "warc_offset": row.pop("offset"),
                        "synthetic": source != WEB,
                    }
                    yield row
                    bar.advance((page.offset - position) / 1e6)
                    position = page.offset
                    how.stop.check("while reading pages")
            bar.advance((path.stat().st_size - position) / 1e6)


def _kept(pages: Iterable[warc.Page], ahead: deque[warc.Page]) -> Iterator[warc.Page]:
    """The pages, each also put at the end of `ahead` as it is taken (without its bytes)."""
    for page in pages:
        ahead.append(warc.without_body(page))
        yield page


def _lost(page: warc.Page, lost: workers.Lost) -> Row:
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
    """Write the rows as Parquet. What comes back is, by WARC file: source, records, texts, failures by reason."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            *(pa.field(name, pa.string(), nullable=False) for name in TEXT_COLUMNS),
            pa.field("synthetic", pa.bool_(), nullable=False),
            pa.field("warc_offset", pa.int64(), nullable=False),
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
            tallies.setdefault((row["warc_file"], row["source"]), Counter())[row["failed"]] += 1
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
