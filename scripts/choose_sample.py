"""Choose the bundled sample out of a large WARC file: `python scripts/choose_sample.py SOURCE.warc.gz OUT_FOLDER`.

Only pages whose WARC-X-License is a permissive licence and whose holder is named below. Pages that pass every filter
come first (the best-packed prose first, no set above its share), then pages that the filters drop, a few for each
reason, so that the funnel has something to do. The same source gives the same bytes. Writes pages.warc.gz and
ATTRIBUTION.md; the licence texts lie beside them in licences/.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trivium.ground.how import How
from trivium.stages.corpus import score
from trivium.stages.corpus.config import ScoreConfig, SelectConfig
from trivium.stages.corpus.dedup import exact_copies
from trivium.stages.corpus.select import page_layers, read_rows
from trivium.stages.corpus.sources import warc
from trivium.stages.corpus.sources.page import Page
from trivium.stages.corpus.urls import host_of

ACCEPTED = (
    "Public domain",
    "CC0-1.0",
    "MIT",
    "MIT/Apache-2.0",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "PSF-2.0",
    "PostgreSQL",
    "CC-BY-3.0",
    "CC-BY-4.0",
)
DATE = "2026-11-22T00:00:00Z"


@dataclass(frozen=True)
class Holder:
    """A documentation set and the notice that its licence asks to keep."""

    name: str
    notice: str


HOLDERS = {
    "docs.python.org": Holder(
        "Python documentation", "Copyright © 2001-2023 Python Software Foundation. All rights reserved."
    ),
    "www.postgresql.org": Holder(
        "PostgreSQL documentation",
        "Portions Copyright © 1996-2022, The PostgreSQL Global "
        "Development Group. Portions Copyright © 1994, The Regents of the "
        "University of California.",
    ),
    "httpd.apache.org": Holder("Apache HTTP Server documentation", "Copyright The Apache Software Foundation."),
    "docs.djangoproject.com": Holder(
        "Django documentation",
        "Copyright (c) Django Software Foundation and individual contributors. All rights reserved.",
    ),
    "scikit-learn.org": Holder(
        "scikit-learn documentation", "Copyright (c) 2007-2022 The scikit-learn developers. All rights reserved."
    ),
    "pandas.pydata.org": Holder(
        "pandas documentation",
        "Copyright (c) 2008-2011, AQR Capital Management, LLC, Lambda "
        "Foundry, Inc. and PyData Development Team. Copyright (c) 2011-2022, Open source "
        "contributors. All rights reserved.",
    ),
    "cmake.org": Holder(
        "CMake documentation", "Copyright 2000-2022 Kitware, Inc. and Contributors. All rights reserved."
    ),
    "www.sqlite.org": Holder("SQLite documentation", "Dedicated to the public domain by its authors."),
    "docs.openstack.org": Holder("OpenStack Nova documentation", "Copyright OpenStack Foundation and contributors."),
    "doc.rust-lang.org": Holder("Rust documentation", "Copyright (c) The Rust Project Developers."),
}
"""By host. Pages of a host that is not here are passed over: somebody has to look up its notice first."""


@dataclass(frozen=True)
class Candidate:
    """A page that may be bundled, what the filters say about it, and its record as it would be stored."""

    page: Page
    record: bytes
    text: str
    reason: str
    """Layer and reason of its drop, or ""."""

    @property
    def key(self) -> str:
        """The draw by hash that orders pages without looking at their place in the source."""
        return hashlib.sha256(self.page.url.encode()).hexdigest()


def candidates(source: Path) -> Iterator[Candidate]:
    """The pages of the source that licences allow, with the verdict of the corpus stage's default filters."""
    config = ScoreConfig(source=(str(source),))
    layers = page_layers(SelectConfig())
    with tempfile.TemporaryDirectory() as folder:
        scored = score.run(config, {}, Path(folder) / "scored", How(progress=False))
        rows = read_rows(scored.file("documents.parquet"))
        for page, row in zip(warc.pages(source, config.max_bytes), rows, strict=True):
            allowed = not page.failed and page.licence in ACCEPTED and host_of(page.url) in HOLDERS
            if allowed and row["failed"] not in ("timeout", "crashed"):
                reasons = (f"{name}/{reason}" for name, judge in layers.items() if (reason := judge(row)))
                yield Candidate(page, warc.record_of(page, DATE), row.get("text", ""), next(reasons, ""))


def choose(found: Iterable[Candidate], size: int, extra: int, most: int, share: float) -> list[Candidate]:
    """Passing pages up to `size - extra` bytes and dropped ones up to `extra` more, none above `most` bytes.

    Passing pages are taken by characters of text a stored byte; no set gets over `share` of the size.
    """
    fitting = sorted((one for one in found if len(one.record) <= most), key=lambda one: one.key)
    first = exact_copies([one.page.url for one in fitting])
    fitting = [one for i, one in enumerate(fitting) if first[i] == i]
    passing = sorted((one for one in fitting if not one.reason), key=lambda one: -len(one.text) / len(one.record))
    chosen: list[Candidate] = []
    used: dict[str, int] = defaultdict(int)
    for one in passing:
        host = host_of(one.page.url)
        if sum(used.values()) + len(one.record) <= size - extra and used[host] + len(one.record) <= share * size:
            used[host] += len(one.record)
            chosen.append(one)
    left = size - sum(used.values())
    for one in _in_turn([one for one in fitting if one.reason]):
        if len(one.record) <= left:
            left -= len(one.record)
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.key)


def _in_turn(dropped: Iterable[Candidate]) -> Iterator[Candidate]:
    """The dropped pages, one of each reason in turn."""
    piles: dict[str, list[Candidate]] = defaultdict(list)
    for one in dropped:
        piles[one.reason].append(one)
    turn = 0
    while piles:
        for reason in sorted(piles):
            yield piles[reason][turn]
        turn += 1
        piles = {reason: pile for reason, pile in piles.items() if len(pile) > turn}


def attribution(chosen: Iterable[Candidate]) -> str:
    """ATTRIBUTION.md: for each documentation set its origin, licence, notice and number of pages."""
    sets: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for one in chosen:
        sets[host_of(one.page.url), one.page.licence].append(one)
    lines = [
        "# Where the bundled pages come from",
        "",
        "`pages.warc.gz` holds real pages of the documentation sets below, unchanged, as their HTML was packaged.",
        "Every record names its package and path (`WARC-X-Origin`) and its licence (`WARC-X-License`); HTTP headers",
        "are made up. Chosen by `scripts/choose_sample.py`. Projects are named for attribution; they endorse nothing.",
        "",
        "| set | site | licence | pages | MB of HTML | packaged in |",
        "|---|---|---|---|---|---|",
    ]
    for (host, licence), pages in sorted(sets.items()):
        origin = ":".join(pages[0].page.origin.split(":")[:2])
        size = sum(len(one.page.body) for one in pages) / 1e6
        lines.append(f"| {HOLDERS[host].name} | {host} | {licence} | {len(pages)} | {size:.1f} | {origin} |")
    lines += ["", "## Notices", ""]
    for (host, licence), _ in sorted(sets.items()):
        lines += [f"**{HOLDERS[host].name}.** {HOLDERS[host].notice} Licence: {licence}.", ""]
    lines += [
        "## Licence texts",
        "",
        "In `licences/`: `PSF-2.0.txt`, `PostgreSQL.txt`, `BSD-3-Clause.txt`, `MIT.txt`. Apache-2.0 is trivium's own",
        "licence: see the LICENSE file of this distribution. SQLite's pages are in the public domain.",
        "Where a set is under MIT or Apache-2.0, it is used here under either.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Read the arguments and write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="a WARC file whose records have WARC-X-License")
    parser.add_argument("out", type=Path, help="the folder to write pages.warc.gz and ATTRIBUTION.md into")
    parser.add_argument("--size", type=float, default=7.0, help="MB of pages.warc.gz")
    parser.add_argument("--extra", type=float, default=2.2, help="MB of it for pages that the filters drop")
    parser.add_argument("--most", type=float, default=0.12, help="MB of one page, compressed")
    parser.add_argument("--share", type=float, default=0.22, help="largest share for one set's passing pages")
    options = parser.parse_args()
    chosen = choose(
        candidates(options.source),
        int(options.size * 1e6),
        int(options.extra * 1e6),
        int(options.most * 1e6),
        options.share,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "pages.warc.gz").write_bytes(b"".join(one.record for one in chosen))
    (options.out / "ATTRIBUTION.md").write_text(attribution(chosen), encoding="utf-8")
    passing = [one for one in chosen if not one.reason]
    print(
        f"{len(chosen)} pages, {sum(len(one.record) for one in chosen) / 1e6:.2f} MB; {len(passing)} pass the "
        f"filters with {sum(len(one.text) for one in passing):,} characters"
    )


if __name__ == "__main__":
    main()
