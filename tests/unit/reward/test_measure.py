"""The figures of a reward model: a judge who knows the truth, one who lies, and one who knows only length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from trivium.stages.reward import measure
from trivium.stages.reward.comparisons import Answered, Comparison, gold
from trivium.stages.reward.measure import best_of_n, calibration, pair_figures

Opinion = Callable[[str, str], float]
ANSWERS = ("Hello! How can I help you today?", "Hello! Tell me", "wet wet wet wet", "I am a real person and I live in")
PROMPTS = ("Hello!", "Good morning!", "Who are you?", "I am thirsty.", "Goodbye!")


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Callable[[Opinion], None]:
    def install(opinion: Opinion) -> None:
        def scores(_model: Any, _tokenizer: Any, texts: Sequence[tuple[str, str]]) -> list[float]:
            return [opinion(*text) for text in texts]

        monkeypatch.setattr(measure, "score_all", scores)

    return install


def comparisons() -> list[Comparison]:
    found = []
    for prompt in PROMPTS:
        ranked = sorted(ANSWERS, key=lambda text: -gold(prompt, text))
        found += [Comparison(prompt, good, bad, True) for i, good in enumerate(ranked) for bad in ranked[i + 1 :]
                  if gold(prompt, good) > gold(prompt, bad)]  # fmt: skip
    return found


def pairs(judged: Callable[[Opinion], None], opinion: Opinion) -> dict[str, Any]:
    judged(opinion)
    return pair_figures(None, None, comparisons(), comparisons())  # type: ignore[arg-type]


def test_a_judge_who_knows_the_truth_and_one_who_lies(judged: Callable[[Opinion], None]) -> None:
    knows = pairs(judged, lambda prompt, text: 100 * gold(prompt, text))
    lies = pairs(judged, lambda prompt, text: -100 * gold(prompt, text))
    assert knows["accuracy"]["value"] == knows["accuracy_by_prompt"]["value"] == 1.0
    assert knows["loss"] < 0.1 < knows["loss_of_a_coin"] < lies["loss"]
    assert lies["accuracy"]["value"] == 0.0
    assert knows["accuracy_by_prompt"]["n"] == len(PROMPTS)


def test_a_judge_without_opinion_is_never_right_for_nothing(judged: Callable[[Opinion], None]) -> None:
    """Equal scores decide nothing: they must not count as right."""
    assert pairs(judged, lambda _prompt, _text: 1.0)["accuracy"]["value"] == 0.0


def test_the_ruler_follows_what_training_showed(judged: Callable[[Opinion], None]) -> None:
    judged(lambda _prompt, text: float(len(text)))
    longer = [Comparison("p", "long answer", "short", True), Comparison("q", "long answer", "no", True)]
    shorter = [Comparison("p", "no", "long answer", True)]
    for learned, rule, right in ((longer, "longer is better", 1.0), (shorter, "shorter is better", 0.0)):
        found = pair_figures(None, None, learned, longer)  # type: ignore[arg-type]
        assert (found["length_rule"], found["length_alone"]["value"]) == (rule, right)


def test_calibration_of_a_judge_who_says_what_he_knows() -> None:
    rng = np.random.default_rng(0)
    margin = rng.normal(0, 2, 20_000)
    right = rng.random(20_000) < 1 / (1 + np.exp(-np.abs(margin)))
    honest = calibration(np.where(right, np.abs(margin), -np.abs(margin)))
    assert honest["error"] < 0.015
    boaster = calibration(np.where(right, np.abs(margin), -np.abs(margin)) * 10)
    assert boaster["error"] > 0.1
    assert [row["accuracy"]["n"] for row in calibration(np.array([0.0, 50.0]))["bins"]] == [1, 1]


def test_best_of_n_by_the_truth_and_by_a_lie(judged: Callable[[Opinion], None]) -> None:
    some = [Answered(prompt, True, ANSWERS[i % 4 :] + ANSWERS[: i % 4]) for i, prompt in enumerate(PROMPTS)]
    judged(gold)
    knows = best_of_n(None, None, some)  # type: ignore[arg-type]
    assert [row["n"] for row in knows["best_of_n"]] == [1, 2, 4]
    assert all(row["gold"] == row["true_best"] == row["proxy"] for row in knows["best_of_n"])
    assert knows["share_of_the_possible_gain"] == pytest.approx(1.0)
    judged(lambda prompt, text: -gold(prompt, text))
    lies = best_of_n(None, None, some)  # type: ignore[arg-type]
    assert lies["gain_over_blind"]["high"] < 0 < knows["gain_over_blind"]["low"]
    golds = [row["gold"]["value"] for row in lies["best_of_n"]]
    assert golds[-1] < golds[0]


@pytest.mark.parametrize("size", [2, 3, 5, 8])
def test_the_row_of_all_answers_is_always_there(judged: Callable[[Opinion], None], size: int) -> None:
    judged(gold)
    some = [Answered("Hello!", True, (ANSWERS * 2)[:size])]
    numbers = [row["n"] for row in best_of_n(None, None, some)["best_of_n"]]  # type: ignore[arg-type]
    assert numbers == sorted({1, 2, 4, size} & set(range(1, size + 1)) | {size})
