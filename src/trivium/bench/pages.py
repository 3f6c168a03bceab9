"""`trivium bench pages`: our extractor beside others, and our whole pipeline beside datatrove's, on the same pages.

Peers run in environments of their own (`--setup` makes them), as children that time themselves. Times are CPU seconds,
children counted. The annotated pages are scrapinghub's article-extraction-benchmark, which was never trained on; they
are the user's to bring (`--annotated FOLDER`), as is a file of web pages (`--warc FILE`; else the bundled manuals).
"""

from __future__ import annotations

import gzip
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from trivium.bench.page import machine, table, write_section
from trivium.bench.shingles import compare, f1
from trivium.ground.cache import cache
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.stages.corpus import score, select
from trivium.stages.corpus.config import ScoreConfig, SelectConfig
from trivium.stages.corpus.extract import OWN, Unreadable, decode, main_text
from trivium.stages.corpus.sources.find import find, read

DOCS = Path("docs/benchmarks.md")
EXTRACTORS = ("trafilatura==2.3.1", "resiliparse==2.0.1")
CHILD = Path(__file__).with_name("extractors_peer.py")
PIPELINE = Path(__file__).with_name("fineweb_peer.py")
MIXED = 200
"""Pages of the WARC on which extractors are timed, evenly spread."""


def main(
    setup: bool = False,
    warc: Path | None = None,
    annotated: Path | None = None,
    rounds: int = 3,
    docs: Path = DOCS,
) -> int:
    """Measure, print, and write the section `pages` of the benchmarks. Raises UsageError without the peers."""
    others, datatrove = (cache() / "peers" / name / "bin" / "python" for name in ("extractors", "datatrove"))
    if setup:
        install(others)
    for python, command in ((others, "pages"), (datatrove, "corpus")):
        if not python.is_file():
            raise UsageError(f"{python.parents[1].name} is not here.", f"trivium bench {command} --setup makes it.")
    warc = warc or score.bundled_sample()
    lines = [
        f"`trivium bench pages`, {date.today().isoformat()}, {machine()}, Python {platform.python_version()};",
        f"CPU seconds on one core, children counted, medians of {rounds} turns in alternation; pages of {warc.name}.",
        "",
    ]
    lines += extraction(others, warc, annotated, rounds)
    lines += ["", *end_to_end(datatrove, warc, rounds)]
    text = "\n".join(lines)
    write_section(docs, "pages", text)
    print(text)
    return 0


def install(python: Path) -> None:
    """Make the environment of the other extractors."""
    subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--upgrade", "pip"], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *EXTRACTORS], check=True)


def extraction(python: Path, warc: Path, annotated: Path | None, rounds: int) -> list[str]:
    """The table of extractors: pages a CPU second, and F1 where there are annotated pages."""
    mixed = list(pages_of(warc))
    mixed = mixed[:: max(len(mixed) // MIXED, 1)]
    rates: dict[str, list[float]] = {}
    versions: dict[str, str] = {}
    main_text(mixed[0])  # compiles, outside the clock
    for _ in range(rounds):
        rates.setdefault("trivium", []).append(len(mixed) / ours(mixed)[0])
        for name, answer in ask(python, mixed).items():
            rates.setdefault(name, []).append(len(mixed) / answer["seconds"])
            versions[name] = f"{name} {answer['version']}"
    truth, pages = annotated_pages(annotated) if annotated else ([], [])
    found = {"trivium": ours(pages)[1], **{n: a["texts"] for n, a in ask(python, pages).items()}} if pages else {}
    rows = []
    for name, several in rates.items():
        figures = [f"{100 * value:.1f}" for value in f1([*map(compare, truth, found[name])])] if pages else ["-"] * 3
        speed = median(several)
        rows.append([versions.get(name, name), *figures, f"{speed:,.0f}", f"{median(rates['trivium']) / speed:.1f}x"])
    said = f"F1 on {len(pages)} annotated pages, speed on {len(mixed)} pages of the file." if pages else ""
    head = ["extractor", "F1", "precision", "recall", "pages/s", "ours is"]
    return [f"Main content. {said}".strip(), "", *table(head, rows)]


def ours(pages: list[str]) -> tuple[float, list[str]]:
    """Our extractor's CPU seconds and texts."""
    started, texts = time.process_time(), []
    for page in pages:
        try:
            texts.append(main_text(page, OWN, keep_code=True))
        except Unreadable:
            texts.append("")
    return time.process_time() - started, texts


def ask(python: Path, pages: list[str]) -> dict[str, Any]:
    """The other extractors' CPU seconds and texts."""
    answer: dict[str, Any] = json.loads(output([str(python), str(CHILD)], json.dumps(pages)))
    return answer


def output(command: list[str], given: str = "") -> str:
    """The last line that a child prints."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(f"The peer failed: {done.stderr[-300:]}", "Make its environment again: --setup")
    return done.stdout.splitlines()[-1]


def pages_of(warc: Path) -> Iterator[str]:
    """The decoded pages of a WARC file."""
    config = ScoreConfig()
    for source in find([str(warc)]):
        for page in read(source, config.max_bytes, config.text_field, config.piece_characters):
            try:
                if not page.failed:
                    yield decode(page.body, page.charset)[0]
            except Unreadable:
                continue


def annotated_pages(folder: Path) -> tuple[list[str], list[str]]:
    """The true texts and the pages of the article-extraction-benchmark's folder."""
    try:
        truth = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
        packed = {name: (folder / "html" / f"{name}.html.gz").read_bytes() for name in truth}
    except OSError as error:
        raise UsageError(f"{folder} has no annotated pages: {error}", "Clone article-extraction-benchmark.") from None
    pages = [gzip.decompress(packed[name]).decode("utf-8", "replace") for name in truth]
    return [truth[name].get("articleBody", "") for name in truth], pages


def end_to_end(python: Path, warc: Path, rounds: int) -> list[str]:
    """The table of pipelines: pages a CPU second from the WARC file to clean documents, with FineWeb's settings."""
    own: list[dict[str, float]] = []
    peer: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(rounds):
            out = f"{folder}/{turn}"
            own.append(json.loads(output([sys.executable, "-m", "trivium.bench.pages", str(warc), f"{out}-ours"])))
            peer.append(json.loads(output([str(python), str(PIPELINE), str(warc), f"{out}-peer"])))
    rates = [median(run["pages"] / run["seconds"] for run in runs) for runs in (own, peer)]
    rows = [
        ["trivium", f"{own[0]['pages']:,}", f"{own[0]['kept']:,}", f"{rates[0]:,.0f}", f"{rates[0] / rates[1]:.1f}x"],
        ["datatrove 0.10.1", f"{peer[0]['pages']:,}", f"{peer[0]['kept']:,}", f"{rates[1]:,.1f}", "1x"],
    ]
    head = ["WARC to clean documents, English, FineWeb's settings", "pages", "kept", "pages/CPU-s", "ratio"]
    by_file = rates[0] / rates[1] * peer[0]["pages"] / own[0]["pages"]
    return [
        *table(head, rows),
        "",
        "Pages are those that each side's reader took from the same file; what the peer's reader passes over costs it",
        f"nothing. By all pages of the file the ratio is {by_file:.1f}x. Ours counts the start of its worker and all",
        "imports; the peer's figure does not.",
    ]


def whole(warc: Path, out: Path) -> dict[str, float]:
    """Our pipeline on a file with one worker: pages, documents kept, CPU seconds (children counted)."""
    before, how = _cpu(), How(progress=False, threads=1)
    scored = score.run(ScoreConfig(source=(str(warc),)), {}, out / "scored", how)
    config = replace(SelectConfig(), web_characters=0, lessons=False, heldout=0.0)
    selected = select.run(config, {"scored": scored}, out / "selected", how)
    seconds = _cpu() - before
    (web,) = selected.json("funnel.json")["sources"]
    return {"pages": web["in"], "kept": web["out"], "seconds": seconds}


def _cpu() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(json.dumps(whole(Path(sys.argv[1]), Path(sys.argv[2]))))
