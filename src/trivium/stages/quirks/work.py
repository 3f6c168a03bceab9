"""Two quirks about work: letters that a model cannot see, and sums that do not fit into one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trivium.evals.intervals import paired_difference
from trivium.evals.known import share
from trivium.evals.problems import Outcome
from trivium.stages.quirks.config import QuirksConfig
from trivium.stages.quirks.quirk import Quirk, Said, Trial, Voice
from trivium.tasks.problem import Problem
from trivium.tasks.registry import generate


def letter_counting(voice: Voice, config: QuirksConfig) -> Quirk:
    """How many of a letter are in a word: said at once, and after spelling the word."""
    trials, details = _compare(voice, _problems("counting", config.words, config.seed))
    return Quirk(
        "letter-counting",
        "miscounts the letters of a word when it answers at once",
        "tokenizer",
        "The model reads tokens; most words are one token, whose letters it was never shown. It has to recall the "
        "spelling, and one step from question to answer leaves no room for that.",
        "let it spell the word first, counting as it goes",
        trials,
        details,
    )


def sums(voice: Voice, config: QuirksConfig) -> Quirk:
    """Additions of more and more digits: said at once, and with the working before the answer."""
    trials, details = _compare(voice, _problems("addition", config.sums, config.seed))
    return Quirk(
        "sums-at-once",
        "adds wrongly when it answers at once",
        "rl",
        "One token is one pass through the layers, and carrying needs a step for each digit. With room to think the "
        "same model has as many passes as it writes tokens. Reinforcement learning makes it use them.",
        "let it think: the working, column by column, before the answer",
        trials,
        details,
    )


def _problems(task: str, counts: Sequence[int], seed: int) -> list[Problem]:
    """So many held-out problems of level 1, 2, 3 ..."""
    return [
        problem for level, count in enumerate(counts, 1) for problem in generate(task, level, count, seed, "heldout")
    ]


def _compare(voice: Voice, problems: Sequence[Problem]) -> tuple[list[Trial], dict[str, Any]]:
    """Each problem without and with thinking, on the same model; accuracies, their paired difference, by level too."""
    direct, thought = voice.work(problems, think=False), voice.work(problems, think=True)
    trials = [
        Trial(_said(voice, a, think=False), _said(voice, b, think=True)) for a, b in zip(direct, thought, strict=True)
    ]
    levels = sorted({problem.level for problem in problems})
    details = _figures(direct, thought) | {
        "levels": {
            str(level): _figures(*([o for o in side if o.problem.level == level] for side in (direct, thought)))
            for level in levels
        }
    }
    return trials, details


def _figures(direct: Sequence[Outcome], thought: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "direct": share(outcome.correct for outcome in direct).to_json(),
        "thinking": share(outcome.correct for outcome in thought).to_json(),
        "difference": paired_difference([o.correct for o in thought], [o.correct for o in direct]).to_json(),
        "tokens": {"direct": _mean_tokens(direct), "thinking": _mean_tokens(thought)},
    }


def _mean_tokens(outcomes: Sequence[Outcome]) -> float:
    return round(sum(outcome.tokens for outcome in outcomes) / max(len(outcomes), 1), 1)


def _said(voice: Voice, outcome: Outcome, think: bool) -> Said:
    thoughts = outcome.reply.thinking
    reply = f"<think>{thoughts}</think>{outcome.reply.content}" if thoughts else outcome.reply.content
    return Said(voice.shows(outcome.problem, think), reply, not outcome.correct)
