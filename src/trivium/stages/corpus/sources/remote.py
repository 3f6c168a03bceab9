"""Collections on the web: Common Crawl by its crawl's name, data sets of the Hugging Face hub. Fetched once and kept.

A collection lists its files; so many of them are taken, evenly spread over the list, always the same ones. List and
files are kept below the cache folder (TRIVIUM_CACHE, or ~/.cache/trivium), where a killed run finds what had arrived.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from trivium.ground.cache import cache
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.progress import Progress
from trivium.stages.corpus.sources.download import download
from trivium.stages.corpus.sources.find import Source, format_of

T = TypeVar("T")
SCHEMES = ("cc:", "hf:")
COMMON_CRAWL = "https://data.commoncrawl.org"
HUB = "https://huggingface.co"
_CRAWL = re.compile(r"CC-MAIN-[0-9-]{7,14}(?:/wet)?")
_DATA_SET = re.compile(r"([\w.-]+/[\w.-]+)((?:/[\w.=-]+)*)")


def find(name: str, files: int) -> list[Source]:
    """So many sources of `cc:CRAWL` (`cc:CRAWL/wet` for its texts) or of `hf:OWNER/NAME/FOLDER`.

    The list is fetched, or read where it was kept. Raises UsageError for a name of another form, and Incomplete where
    there is no network.
    """
    scheme, _, rest = name.partition(":")
    found = _crawl(rest) if scheme == "cc" else _data_set(rest)
    if not found:
        raise UsageError(f"{name!r} lists no file that is read.", "Look there for a folder of Parquet or JSON lines.")
    return spread(found, files)


def fetch(sources: Sequence[Source], how: How) -> None:
    """Fetch what is remote and not here yet. Raises Stopped between two pieces; what has arrived stays."""
    missing = [source for source in sources if source.remote and not source.files[0].is_file()]
    for number, source in enumerate(missing, 1):
        with Progress(f"fetching file {number} of {len(missing)}", 0, "MB", how) as bar:

            def moved(count: int, bar: Progress = bar) -> None:
                bar.advance(count / 1e6)
                how.stop.check("while fetching")

            download(source.remote, source.files[0], moved=moved)


def spread(items: Sequence[T], count: int) -> list[T]:
    """So many of the items, evenly spread, in order; all when there are not more."""
    if count >= len(items):
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


def _crawl(crawl: str) -> list[Source]:
    if not _CRAWL.fullmatch(crawl):
        raise UsageError(f"{crawl!r} is no crawl.", "Crawls have names like CC-MAIN-2024-51; see commoncrawl.org.")
    base = os.environ.get("TRIVIUM_COMMON_CRAWL", COMMON_CRAWL).rstrip("/")
    crawl, _, kind = crawl.partition("/")
    listing = f"crawl-data/{crawl}/{kind or 'warc'}.paths.gz"
    packed = download(f"{base}/{listing}", cache() / "cc" / listing).read_bytes()
    paths = [line for line in gzip.decompress(packed).decode().split("\n") if line]
    root = cache() / "cc"
    return [Source(path, "warc", root, (root / path,), f"{base}/{quote(path)}") for path in paths if _safe(path)]


def _data_set(name: str) -> list[Source]:
    match = _DATA_SET.fullmatch(name)
    if match is None or not _safe(name):
        raise UsageError(f"{name!r} is no data set.", "Write hf:OWNER/NAME or hf:OWNER/NAME/FOLDER.")
    base = os.environ.get("TRIVIUM_HUB", HUB).rstrip("/")
    repository, folder = match[1], match[2].strip("/")
    root = cache() / "hf" / repository
    listing = root / f".listing-{folder.replace('/', '-')}.json"
    address = f"{base}/api/datasets/{repository}/tree/main/{folder}?recursive=true"
    entries: list[dict[str, Any]] = json.loads(download(address, listing).read_bytes())
    found = []
    for entry in sorted(entries, key=lambda entry: str(entry.get("path"))):
        path = str(entry.get("path"))
        format = format_of(Path(path))
        if entry.get("type") == "file" and format is not None and format != "files" and _safe(path):
            version = str((entry.get("lfs") or {}).get("oid") or entry.get("oid") or "")
            remote = f"{base}/datasets/{repository}/resolve/main/{quote(path)}"
            found.append(Source(f"{repository}/{path}", format, root, (root / path,), remote, version))
    return found


def _safe(path: str) -> bool:
    """Whether a path that a server names stays below the folder it is put in."""
    return not path.startswith("/") and ".." not in path.split("/") and "\\" not in path and "\0" not in path
