"""From scored pages to the documents that are trained on: thresholds, dedup, personal data, mix, lessons, split.

The layers in FineWeb's order, each with its account in funnel.json. Nothing is extracted or scored again, so that a
changed threshold costs seconds.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import TriviumError, UsageError
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.ground.progress import Progress
from trivium.stages.corpus.advice import advice, worst_layer
from trivium.stages.corpus.config import SELECT_FORMAT, SELECT_STAGE, SelectConfig
from trivium.stages.corpus.decontamination.index import TestSets, fingerprints
from trivium.stages.corpus.funnel import Funnel
from trivium.stages.corpus.pii import rewrite
from trivium.stages.corpus.quality import c4_scores
from trivium.stages.corpus.rules import first_broken, quality_layers
from trivium.stages.corpus.sources.page import READING
from trivium.stages.corpus.urls import UrlLists, is_listed, list_fingerprints
from trivium.text.document import FIELDS, Document, write_documents

Row = dict[str, Any]
Judge = Callable[[Row], str]


def run(config: SelectConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Seal a `selected` artifact: train.parquet, heldout.parquet (Documents) and funnel.json (the account by source).

    Reads `scored`, and `town` for its lessons. Raises TriviumError when nothing is left to train on.
    """
    facts: dict[str, Any] = {}
    with sealing(out, label_of(config, inputs), facts) as folder:
        started = time.monotonic()
        funnel = Funnel(read_rows(inputs["scored"].file("documents.parquet")))
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
        facts |= {"documents": len(train), "held_out": len(evaluation), "dropped": _dropped(account)}
        account["seconds"] = round(time.monotonic() - started, 2)
        write_json(folder / "funnel.json", account)
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


def page_layers(config: SelectConfig) -> dict[str, Judge]:
    """The layers that look at one page at a time: name -> a judge that gives a reason to drop it, or ""."""
    judges: dict[str, Judge] = {
        "read": lambda row: row["failed"] if row["failed"] in READING else "",
        "url": _url_judge(config),
        "extraction": lambda row: row["failed"],
        "language": lambda row: _language_reason(row, config),
    }
    for name, rules in quality_layers(config).items():
        judges[name] = lambda row, rules=rules: first_broken(rules, row)  # type: ignore[misc]
    if config.classifier.min_score:
        judges["classifier"] = lambda row: _classifier_reason(row, config)
    return judges


def draw(seed: int, purpose: str, identity: str) -> float:
    """A number in [0, 1) that hangs on nothing but its arguments: a draw by hash."""
    digest = hashlib.sha256(f"{seed}|{purpose}|{identity}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def _pass_layers(
    funnel: Funnel, config: SelectConfig, inputs: Mapping[str, Artifact], how: How
) -> tuple[set[str], list[dict[str, Any]]]:
    """Take the funnel's rows through all layers; the ids of the held-out documents come back, and the mix's account."""
    judges = page_layers(config)
    judges["c4"] = _cleaning(judges["c4"])
    with Progress("selecting", len(judges) + 3, "layers", how) as bar:
        for name, judge in judges.items():
            funnel.layer(name, judge)
            bar.advance(note=name)
            how.stop.check("while selecting")
        if config.classifier.best_share < 1:
            funnel.layer_of_all("best_share", lambda rows: _beyond_best(rows, config), _real(funnel.rows))
        if config.test_sets:
            tests = TestSets(config.test_sets, config.test_ngram)
            funnel.layer("decontamination", lambda row: _overlap(row, tests))
        funnel.layer_of_all("exact_dedup", _exact)
        funnel.layer_of_all("minhash", lambda rows: _near(rows, config))
        bar.advance(note="dedup")
        if config.rewrite_pii:
            funnel.layer("pii", _rewrite_pii)
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


def _url_judge(config: SelectConfig) -> Judge:
    lists = UrlLists(config.url_lists)

    def reason(row: Row) -> str:
        if is_listed(row["host"], config.blocked_domains):
            return "blocked_domain"
        if listed := lists.find(row["url"], row["host"]):
            return f"list_{listed}"
        if row["url_hard_words"] > config.max_url_hard_words:
            return "hard_words"
        return "soft_words" if row["url_soft_words"] > config.max_url_soft_words else ""

    return reason


def _language_reason(row: Row, config: SelectConfig) -> str:
    wanted = [code.strip() for code in config.language.split(",") if code.strip()]
    if wanted and row["language"] not in wanted:
        return f"not_{'_'.join(wanted)}"
    least = config.language_scores.get(row["language"], config.min_language_score)
    return "low_score" if row["language_score"] < least else ""


def _classifier_reason(row: Row, config: SelectConfig) -> str:
    if row["synthetic"]:
        return ""
    return "low_quality" if _graded(row) < config.classifier.min_score else ""


def _beyond_best(rows: Sequence[Row], config: SelectConfig) -> list[str]:
    stay = round(config.classifier.best_share * len(rows))
    best = sorted(rows, key=lambda row: (-_graded(row), row["id"]))[:stay]
    ids = {row["id"] for row in best}
    return ["" if row["id"] in ids else "beyond_best_share" for row in rows]


def _graded(row: Row) -> float:
    score = row["classifier_score"]
    if score is None:
        raise UsageError("No page has a classifier's score.", "Name one: --scored.classifier FOLDER.")
    return float(score)


def _real(rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(row["source"] for row in rows if not row["synthetic"]))


def _overlap(row: Row, tests: TestSets) -> str:
    found = "" if row["synthetic"] else tests.find(row["text"])
    return f"in_{found}" if found else ""


def _cleaning(judge: Judge) -> Judge:
    """C4's judge, which also leaves the text without the lines that C4 drops: FineWeb's scores are of that text."""

    def clean(row: Row) -> str:
        reason = judge(row)
        if not reason:
            text, _ = c4_scores(row["text"])
            row["changed"] = {"lines": sum(map(bool, row["text"].splitlines())) - text.count("\n") - 1}
            row["text"] = text
        return reason

    return clean


def _exact(rows: Sequence[Row]) -> list[str]:
    from trivium.stages.corpus.dedup import exact_copies

    return ["" if i == first else "same_text" for i, first in enumerate(exact_copies(row["text"] for row in rows))]


def _near(rows: Sequence[Row], config: SelectConfig) -> list[str]:
    from trivium.stages.corpus.dedup import near_copies

    how = config.minhash
    firsts = near_copies((row["text"] for row in rows), how.bands, how.rows, how.ngram, how.seed)
    return ["" if i == first else "near_copy" for i, first in enumerate(firsts)]


def _rewrite_pii(row: Row) -> str:
    row["text"], found = rewrite(row["text"])
    row["changed"] = dict(found)
    return ""


def _mixed(rows: Sequence[Row], config: SelectConfig) -> tuple[list[str], list[dict[str, Any]]]:
    """The reasons of real documents beyond their group's quota, and by group: share, available, planned, written.

    The planned size does not count the held-out documents, which come on top of it.
    """
    groups: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if not row["synthetic"]:
            groups.setdefault(group_of(row["host"], config.mix), []).append(i)
    available = {name: sum(len(rows[i]["text"]) for i in groups[name]) for name in sorted(groups)}
    planned = quotas(available, config.mix, config.web_characters / (1 - config.heldout))
    reasons, account = [""] * len(rows), []
    for name, there in available.items():
        left = planned[name]
        for i in sorted(groups[name], key=lambda i: draw(config.seed, "mix", rows[i]["id"])):
            if len(rows[i]["text"]) > left:
                reasons[i] = "over_quota"
            else:
                left -= len(rows[i]["text"])
        figures = {"available": there, "planned": round(planned[name]), "written": round(planned[name] - left)}
        account.append({"host": name or "others", "share": config.mix.get(name), **figures})
    return reasons, account


def group_of(host: str, mix: Collection[str]) -> str:
    """The host or the nearest domain above it that the mix names; "" when none is."""
    labels = host.split(".")
    return next((name for i in range(len(labels)) if (name := ".".join(labels[i:])) in mix), "")


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
