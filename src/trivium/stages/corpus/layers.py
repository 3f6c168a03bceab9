"""The layers as judges: from a row to the reason why it goes, or "". Why in numbers is noted in `row["why"]`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from trivium.ground.errors import UsageError
from trivium.stages.corpus.config import SelectConfig
from trivium.stages.corpus.pii import rewrite
from trivium.stages.corpus.quality import c4_scores
from trivium.stages.corpus.rules import Rule, judged, quality_layers, url_rules
from trivium.stages.corpus.sources.page import READING
from trivium.stages.corpus.urls import UrlLists, is_listed

Row = dict[str, Any]
Judge = Callable[[Row], str]


def page_layers(config: SelectConfig) -> dict[str, Judge]:
    """The layers that look at one page at a time, by name and in order."""
    judges: dict[str, Judge] = {
        "read": lambda row: row["failed"] if row["failed"] in READING else "",
        "url": _url(config),
        "extraction": lambda row: row["failed"],
        "language": lambda row: _language(row, config),
    }
    for name, rules in quality_layers(config).items():
        judges[name] = lambda row, rules=rules: judged(rules, row)  # type: ignore[misc]
    judges["c4"] = _cleaning(judges["c4"])
    if config.classifier.min_score:
        judges["classifier"] = lambda row: _classifier(row, config)
    return judges


def beyond_best(rows: Sequence[Row], config: SelectConfig) -> list[str]:
    """The reasons of the rows whose classifier's score is not among the best share."""
    stay = round(config.classifier.best_share * len(rows))
    best = {row["id"] for row in sorted(rows, key=lambda row: (-_graded(row), row["id"]))[:stay]}
    for row in rows:
        if row["id"] not in best:
            row["why"] = {"what": "classifier_score", "value": row["classifier_score"]}
    return ["" if row["id"] in best else "beyond_best_share" for row in rows]


def overlap(config: SelectConfig) -> Judge:
    """A judge of documents that share a run of words with a test set."""
    from trivium.text.decontamination.index import TestSets

    tests = TestSets(config.test_sets, config.test_ngram)

    def reason(row: Row) -> str:
        found = "" if row["synthetic"] else tests.find(row["text"])
        return f"in_{found}" if found else ""

    return reason


def exact(rows: Sequence[Row]) -> list[str]:
    """The reasons of the rows that are copies but for case and spaces."""
    from trivium.stages.corpus.dedup import exact_copies

    return _copies(rows, exact_copies(row["text"] for row in rows), "same_text")


def near(rows: Sequence[Row], config: SelectConfig) -> list[str]:
    """The reasons of the rows that are near-copies of an earlier one."""
    from trivium.stages.corpus.dedup import near_copies

    how = config.minhash
    firsts = near_copies((row["text"] for row in rows), how.bands, how.rows, how.ngram, how.seed)
    return _copies(rows, firsts, "near_copy")


def rewrite_pii(row: Row) -> str:
    """Drops nothing: personal data in the text is rewritten."""
    row["text"], found = rewrite(row["text"])
    row["changed"] = dict(found)
    return ""


def real(rows: Iterable[Row]) -> list[str]:
    """The sources of real documents."""
    return list(dict.fromkeys(row["source"] for row in rows if not row["synthetic"]))


def _copies(rows: Sequence[Row], firsts: Iterable[Any], reason: str) -> list[str]:
    """The reason for each row that is not the first of its cluster, which is noted as why."""
    reasons = []
    for i, first in enumerate(map(int, firsts)):
        if i != first:
            rows[i]["why"] = {"what": "like", "value": rows[first]["url"]}
        reasons.append("" if i == first else reason)
    return reasons


def _url(config: SelectConfig) -> Judge:
    lists = UrlLists(config.url_lists)

    def reason(row: Row) -> str:
        if is_listed(row["host"], config.blocked_domains):
            row["why"] = {"what": "host", "value": row["host"]}
            return "blocked_domain"
        if listed := lists.find(row["url"], row["host"]):
            row["why"] = {"what": "host", "value": row["host"]}
            return f"list_{listed}"
        return judged(url_rules(config), row)

    return reason


def _language(row: Row, config: SelectConfig) -> str:
    wanted = [code.strip() for code in config.language.split(",") if code.strip()]
    if wanted and row["language"] not in wanted:
        row["why"] = {"what": "language", "value": row["language"] or "none"}
        return f"not_{'_'.join(wanted)}"
    least = config.language_scores.get(row["language"], config.min_language_score)
    return judged([Rule("low_score", "language_score", low=least)], row)


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


def _classifier(row: Row, config: SelectConfig) -> str:
    if row["synthetic"]:
        return ""
    _graded(row)
    return judged([Rule("low_quality", "classifier_score", low=config.classifier.min_score)], row)


def _graded(row: Row) -> float:
    score = row["classifier_score"]
    if score is None:
        raise UsageError("No page has a classifier's score.", "Name one: --scored.classifier FOLDER.")
    return float(score)
