"""From scored pages to the documents that are trained on: thresholds, dedup, personal data, mix, lessons, split.

The layers in FineWeb's order, each with its account in funnel.json. Nothing is extracted or scored again, so that a
changed threshold costs seconds.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import TriviumError
from trivium.ground.how import How
from trivium.ground.log import read_jsonl, write_jsonl
from trivium.ground.progress import Progress
from trivium.stages.corpus.advice import advice, worst_layer
from trivium.stages.corpus.config import SELECT_FORMAT, SELECT_STAGE, SelectConfig
from trivium.stages.corpus.funnel import Funnel
from trivium.stages.corpus.layers import Row, beyond_best, exact, near, overlap, page_layers, real, rewrite_pii
from trivium.stages.corpus.pii import rewrite
from trivium.stages.corpus.urls import list_fingerprints
from trivium.text.decontamination.records import fingerprints
from trivium.text.document import FIELDS, Document, write_documents


def run(config: SelectConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Seal a `selected` artifact: train.parquet, heldout.parquet (Documents), funnel.json (the account by source) and
    examples.jsonl (documents to read, of every layer and reason).

    Reads `scored`, and `town` for its lessons. Raises TriviumError when nothing is left to train on.
    """
    facts: dict[str, Any] = {}
    with sealing(out, label_of(config, inputs), facts) as folder:
        started = time.monotonic()
        pages = [page["id"] for page in read_jsonl(inputs["scored"].file("pages_sample.jsonl"))]
        funnel = Funnel(read_rows(inputs["scored"].file("documents.parquet")), pages)
        heldout, mix = _pass_layers(funnel, config, inputs, how)
        train = [row for row in funnel.rows if row["id"] not in heldout or row["synthetic"]]
        evaluation = [row for row in funnel.rows if row["id"] in heldout and not row["synthetic"]]
        if not train:
            raise TriviumError(
                "No document is left to train on.", f"{worst_layer(funnel.to_json())} Loosen it, or give more of them."
            )
        account = funnel.to_json()
        write_documents(folder / "train.parquet", map(_document, train))
        write_documents(folder / "heldout.parquet", map(_document, evaluation))
        account["selected"] = {"train": _size(train), "heldout": _size(evaluation)}
        account["mix"] = mix
        account["advice"] = advice(account)
        account["pages"] = funnel.examples.fates
        facts |= {"documents": len(train), "held_out": len(evaluation), "dropped": _dropped(account)}
        account["seconds"] = round(time.monotonic() - started, 2)
        write_json(folder / "funnel.json", account)
        shown = funnel.examples.records((lambda text: rewrite(text)[0]) if config.rewrite_pii else str)
        write_jsonl(folder / "examples.jsonl", shown)
    return open_artifact(out)


def label_of(config: SelectConfig, inputs: Mapping[str, Artifact]) -> Label:
    """What `run` would seal."""
    outside = fingerprints(config.test_sets) | list_fingerprints(config.url_lists)
    return Label("selected", SELECT_STAGE, SELECT_FORMAT, config, parents_of(inputs), outside)


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of documents.parquet, in order."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(1024):
            yield from batch.to_pylist()


def draw(seed: int, purpose: str, identity: str) -> float:
    """A number in [0, 1) that hangs on nothing but its arguments: a draw by hash."""
    digest = hashlib.sha256(f"{seed}|{purpose}|{identity}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def _pass_layers(
    funnel: Funnel, config: SelectConfig, inputs: Mapping[str, Artifact], how: How
) -> tuple[set[str], list[dict[str, Any]]]:
    """Take the funnel's rows through all layers; the ids of the held-out documents come back, and the mix's account."""
    judges = page_layers(config)
    with Progress("selecting", len(judges) + 3, "layers", how) as bar:
        for name, judge in judges.items():
            funnel.layer(name, judge)
            bar.advance(note=name)
            how.stop.check("while selecting")
        if config.classifier.best_share < 1:
            funnel.layer_of_all("best_share", lambda rows: beyond_best(rows, config), real(funnel.rows))
        if config.test_sets:
            funnel.layer("decontamination", overlap(config))
        funnel.layer_of_all("exact_dedup", exact)
        funnel.layer_of_all("minhash", lambda rows: near(rows, config))
        bar.advance(note="dedup")
        if config.rewrite_pii:
            funnel.layer("pii", rewrite_pii)
        mix: list[dict[str, Any]] = []

        def over_quota(rows: list[Row]) -> list[str]:
            reasons, account = _mixed(rows, config)
            mix.extend(account)
            return reasons

        funnel.layer_of_all("mix", over_quota)
        bar.advance(note="mix")
        if config.lessons and "town" in inputs:
            lessons = list(read_jsonl(inputs["town"].file("lessons.jsonl")))
            sources = list(dict.fromkeys(row["source"] for row in lessons))
            funnel.add(lessons, sources)
            funnel.layer("lessons", lambda _: "", sources)
        bar.advance(note="lessons")
    return heldout_ids(funnel.rows, config), mix


def heldout_ids(rows: Iterable[Row], config: SelectConfig) -> set[str]:
    """The ids of the real documents that are kept for evaluation: those with the lowest draws.

    Near-duplicates cannot straddle the split: only one document of each cluster is still here.
    """
    ids = sorted((row["id"] for row in rows if not row["synthetic"]), key=lambda i: draw(config.seed, "heldout", i))
    if not config.heldout:
        return set()
    a_fifth = max(len(ids) // 5, int(len(ids) > 1))
    wanted = max(round(config.heldout * len(ids)), min(config.min_heldout, a_fifth))
    return set(ids[:wanted])


def _mixed(rows: Sequence[Row], config: SelectConfig) -> tuple[list[str], list[dict[str, Any]]]:
    """The reasons of real documents beyond their group's quota, and by group: share, available, planned, written.

    The planned size does not count the held-out documents, which come on top of it.
    """
    groups: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if not row["synthetic"]:
            groups.setdefault(group_of(row["host"], config.mix, row["file"]), []).append(i)
    available = {name: sum(len(rows[i]["text"]) for i in groups[name]) for name in sorted(groups)}
    planned = quotas(available, config.mix, config.web_characters / (1 - config.heldout))
    reasons, account = [""] * len(rows), []
    for name, there in available.items():
        left = planned[name]
        for i in sorted(groups[name], key=lambda i: draw(config.seed, "mix", rows[i]["id"])):
            if len(rows[i]["text"]) > left:
                reasons[i] = "over_quota"
                size = f"{len(rows[i]['text']):,}, where there was room for {int(left):,}"
                rows[i]["why"] = {"what": "characters", "value": size}
            else:
                left -= len(rows[i]["text"])
        figures = {"available": there, "planned": round(planned[name]), "written": round(planned[name] - left)}
        account.append({"host": name or "others", "share": config.mix.get(name), **figures})
    return reasons, account


def group_of(host: str, mix: Collection[str], file: str = "") -> str:
    """What the mix names of: the source (a file's name, or the folder that it was found in), the host, the nearest
    domain above it; "" when none is.
    """
    labels = host.split(".")
    names = [file, file.partition("/")[0], *(".".join(labels[i:]) for i in range(len(labels)))]
    return next((name for name in names if name and name in mix), "")


def quotas(available: Mapping[str, int], shares: Mapping[str, float], budget: float) -> dict[str, float]:
    """Characters for each group, in the shares as far as there are any: what one lacks is shared out to the others.

    "" is the group of all that is not named. A budget of 0 means as much as the shares allow; without shares, all.
    """
    rest = max(0.0, 1.0 - sum(shares.values()))
    open_ = {name: share for name in available if (share := shares.get(name, rest)) > 0}
    if not budget:
        if not shares:
            return {name: float(there) for name, there in available.items()}
        budget = min((available[name] / share * sum(open_.values()) for name, share in open_.items()), default=0.0)
    planned = dict.fromkeys(available, 0.0)
    while open_:
        each = budget / sum(open_.values())
        full = [name for name, share in open_.items() if available[name] <= each * share]
        for name in full:
            planned[name] = float(available[name])
            budget -= available[name]
            del open_[name]
        if not full:
            planned |= {name: each * share for name, share in open_.items()}
            break
    return planned


def _dropped(account: Mapping[str, Any]) -> int:
    return sum(layer["in"] - layer["out"] for entry in account["sources"] for layer in entry["layers"])


def _document(row: Row) -> Document:
    return Document(**{name: row[name] for name in FIELDS})


def _size(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """Documents and characters by source."""
    sizes: dict[str, dict[str, int]] = {}
    for row in rows:
        size = sizes.setdefault(row["source"], {"documents": 0, "characters": 0})
        size["documents"] += 1
        size["characters"] += len(row["text"])
    return sizes
