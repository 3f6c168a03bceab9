"""The thresholds as rules: a name, a column of scores, and the bound beyond which a page goes. FineWeb's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from trivium.stages.corpus.config import SelectConfig


@dataclass(frozen=True)
class Rule:
    """Pages stay with `low` <= score <= `high`."""

    reason: str
    column: str
    low: float = -inf
    high: float = inf

    def drops(self, row: Mapping[str, Any]) -> bool:
        """Whether the row's score is out of bounds; a missing score is."""
        value = row[self.column]
        return value is None or not self.low <= value <= self.high

    def why(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row's score and the limits that it has to keep, as examples show them."""
        limits = {"low": self.low, "high": self.high}
        finite = {name: limit for name, limit in limits.items() if abs(limit) < inf}
        return {"what": self.column, "value": row[self.column], **finite}


def first_broken(rules: Sequence[Rule], row: Mapping[str, Any]) -> str:
    """The reason of the first rule that the row breaks, or ""."""
    return next((rule.reason for rule in rules if rule.drops(row)), "")


def judged(rules: Sequence[Rule], row: dict[str, Any]) -> str:
    """`first_broken`, with the score that broke the rule noted in `row["why"]`."""
    for rule in rules:
        if rule.drops(row):
            row["why"] = rule.why(row)
            return rule.reason
    return ""


def url_rules(config: SelectConfig) -> list[Rule]:
    """The rules about words in the address."""
    return [
        Rule("hard_words", "url_hard_words", high=config.max_url_hard_words),
        Rule("soft_words", "url_soft_words", high=config.max_url_soft_words),
    ]


def quality_layers(config: SelectConfig) -> dict[str, list[Rule]]:
    """The quality layers by name, each with its rules in order."""
    gopher, c4, fineweb = config.gopher, config.c4, config.fineweb
    return {
        "gopher_repetition": [Rule(name, name, high=limit) for name, limit in asdict(config.repetition).items()],
        "gopher_quality": [
            Rule("too_few_words", "words", low=gopher.min_words),
            Rule("too_many_words", "words", high=gopher.max_words),
            Rule("short_words", "mean_word_length", low=gopher.min_word_length),
            Rule("long_words", "mean_word_length", high=gopher.max_word_length),
            Rule("many_hashes", "hash_ratio", high=gopher.max_hash_ratio),
            Rule("many_ellipses", "ellipsis_ratio", high=gopher.max_ellipsis_ratio),
            Rule("bullet_lines", "bullet_lines", high=gopher.max_bullet_lines),
            Rule("ellipsis_lines", "ellipsis_lines", high=gopher.max_ellipsis_lines),
            Rule("few_letters", "alpha_words", low=gopher.min_alpha_words),
            Rule("few_stop_words", "stop_words", low=gopher.min_stop_words),
        ],
        "c4": [
            Rule("lorem_ipsum", "c4_lorem", high=c4.max_lorem),
            Rule("curly_bracket", "c4_curly", high=c4.max_curly),
            Rule("too_few_sentences", "c4_sentences", low=c4.min_sentences),
        ],
        "fineweb": [
            Rule("line_punct_ratio", "line_punct_ratio", low=fineweb.min_line_punct_ratio),
            Rule("short_line_ratio", "short_line_ratio", high=fineweb.max_short_line_ratio),
            Rule("char_dup_ratio", "char_dup_ratio", high=fineweb.max_char_dup_ratio),
            Rule("list_ratio", "list_ratio", high=fineweb.max_list_ratio),
        ],
    }
