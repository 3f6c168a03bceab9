"""`trivium bench tokenizer`: training beside Hugging Face's tokenizers and rustbpe, bulk encoding beside tiktoken.

Each side is a child process that times itself on the same texts (`child`), sides take turns, medians are given. The
peers are in the `dev` extra, gigatoken in an extra of its own; what is not installed has no row.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from trivium.bench.corpus import sample_texts
from trivium.bench.page import machine, table, write_section
from trivium.ground.errors import UsageError
from trivium.text.reading import read_files

DOCS = Path("docs/benchmarks.md")
BUNDLED = 600
"""Texts of the bundled sample, where no files are given."""
TRAINING = ("trivium", "tokenizers", "rustbpe")
ENCODING = ("tiktoken", "trivium with gigatoken", "tokenizers")


def main(
    text: Sequence[Path] = (),
    megabytes: int = 60,
    vocabulary: int = 32768,
    pattern: str = "qwen2",
    rounds: int = 3,
    docs: Path = DOCS,
) -> int:
    """Measure, print, and write the section `tokenizer` of the benchmarks."""
    texts = [document.text for document in read_files(text, megabytes * 1_000_000)] if text else sample_texts(BUNDLED)
    size = sum(len(text.encode("utf-8", "replace")) for text in texts) / 1e6
    if not texts:
        raise UsageError("There is no text.", "Give files: trivium bench tokenizer --text FILE")
    with tempfile.TemporaryDirectory(prefix="trivium-bench-") as place:
        lines = Path(place) / "texts.jsonl"
        lines.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        about = {"texts": str(lines), "pattern": pattern, "vocabulary": vocabulary, "folder": f"{place}/tokenizer"}
        trained = turns("train", TRAINING, about, rounds)
        encoded = turns("encode", ENCODING, about, rounds)
    where = "" if text else " of the bundled sample"
    given = f" --text {' '.join(path.name for path in text)} --megabytes {megabytes}" if text else ""
    lines_out = [
        f"`trivium bench tokenizer{given}`, {date.today()}, {machine()}, Python {platform.python_version()};",
        f"{len(texts):,} texts, {size:,.1f} MB{where}; {vocabulary:,} tokens, {pattern};",
        f"CPU seconds of all threads of a fresh process, medians of {rounds} turns in alternation.",
        "",
        *training_table(trained),
        "",
        *encoding_table(encoded, size),
    ]
    write_section(docs, "tokenizer", "\n".join(lines_out))
    print("\n".join(lines_out))
    return 0


def turns(what: str, sides: Sequence[str], about: dict[str, Any], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Each side's answers, sides in turn; a side that is not installed has none."""
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            answer = ask({**about, "side": f"{what} {side}"})
            if "absent" not in answer:
                found[side].append(answer)
    return found


def ask(asked: dict[str, Any]) -> dict[str, Any]:
    """A child's answer; {"absent": why} where a package is missing. Raises UsageError when it fails otherwise."""
    command = [sys.executable, "-m", "trivium.bench.tokens.child"]
    done = subprocess.run(command, input=json.dumps(asked) + "\n", capture_output=True, text=True, check=False)
    if done.returncode and "ModuleNotFoundError" in done.stderr:
        return {"absent": done.stderr.strip().splitlines()[-1]}
    if done.returncode:
        raise UsageError(f"{asked['side']} failed: {done.stderr[-300:]}", "Try it on another text.")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def training_table(sides: dict[str, list[dict[str, Any]]]) -> list[str]:
    """CPU seconds, memory beyond the loaded texts, and whose ranks are ours."""
    base, ours = sides["tokenizers"], sides["trivium"][0]["hash"]
    rows = []
    for side, answers in sides.items():
        if not answers:
            continue
        seconds = median(answer["seconds"] for answer in answers)
        ratio = f"{median(answer['seconds'] for answer in base) / seconds:.1f}x" if base else "–"
        memory = median(answer["peak"] - answer["before"] for answer in answers)
        hashes = {answer["hash"] for answer in answers}
        alike = {frozenset({""}): "–", frozenset({ours}): "yes"}.get(frozenset(hashes), "no")
        rows.append([named(side), f"{seconds:.2f}", ratio, f"{memory:,.0f}", alike])
    return table(["training", "CPU s", "times as fast", "MiB beyond the texts", "our ranks"], rows)


def encoding_table(sides: dict[str, list[dict[str, Any]]], size: float) -> list[str]:
    """Megabytes in a CPU second of one core, and whose ids are tiktoken's."""
    base = median(answer["seconds"] for answer in sides["tiktoken"])
    ids = sides["tiktoken"][0]["hash"]
    rows = []
    for side, answers in sides.items():
        if answers:
            seconds = median(answer["seconds"] for answer in answers)
            alike = "yes" if {answer["hash"] for answer in answers} == {ids} else "no"
            rows.append([named(side), f"{size / seconds:,.1f}", f"{base / seconds:.1f}x", alike])
    return table(["encoding, first pass over the texts, one core", "MB/CPU s", "times as fast", "same ids"], rows)


def named(side: str) -> str:
    """A side with its package's version."""
    package = side.rpartition(" ")[2]
    try:
        return side if package == "trivium" else f"{side} {version(package)}"
    except PackageNotFoundError:
        return side
