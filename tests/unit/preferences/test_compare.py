"""Collecting comparisons: every verdict is on disk at once, sessions go on, order is by chance, kappa is Cohen's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trivium.cli.preferences.compare import ask_all, asked_prompts, compare
from trivium.evals.preferences.agreement import agreement, kappa, verdicts
from trivium.ground.errors import UsageError
from trivium.ground.log import read_jsonl
from trivium.stages.reward.collecting import Candidate, Ledger, Question, again, draw_questions
from trivium.text.preferences.rows import read_preferences
from trivium.text.tokenizer import Tokenizer


def questions(count: int = 40) -> list[Question]:
    asked = [({"role": "user", "content": f"asked {i}"},) for i in range(count)]
    return [Question(asked[i], Candidate(f"good {i}", "m", i), Candidate(f"bad {i}", "m", -i)) for i in range(count)]


def typing(*words: str) -> Callable[[str], str | None]:
    some = iter(words)
    return lambda _question: next(some, None)


def test_a_verdict_is_on_disk_before_the_next_question(tmp_path: Path) -> None:
    path, seen = tmp_path / "mine.jsonl", []
    ledger = Ledger(path, "ada")

    def typed(_question: str) -> str:
        seen.append(len(path.read_bytes().splitlines()))
        return "l"

    assert ask_all(ledger, questions(5), typed) == 5
    ledger.close()
    assert seen == [0, 1, 2, 3, 4]


def test_a_session_goes_on_where_it_stopped(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    for words, taken in ((("l", "x", "nonsense", "R", "q"), 2), (("t", "skip"), 2), (("=",), 1)):
        ledger = Ledger(path, "ada")
        assert ask_all(ledger, questions(5), typing(*words)) == taken
        ledger.close()
        with open(path, "ab") as file:
            file.write(b'{"torn')
    rows = list(read_jsonl(path))
    assert [row["choice"] for row in rows] == ["left", "right", "tie", "skip", "tie"]
    assert len({row["key"] for row in rows}) == 5
    other = Ledger(path, "bob")
    assert len(list(other.open(questions(5)))) == 5, "another person is asked anew"
    other.close()


def test_what_is_written_is_read_as_comparisons(tmp_path: Path) -> None:
    path, some = tmp_path / "mine.jsonl", questions()
    ledger = Ledger(path, "ada")
    for i, question in enumerate(some):
        good = "right" if question.swapped("ada") else "left"
        ledger.take(question, ("tie", "skip")[i] if i < 2 else good)
    ledger.close()
    reading = read_preferences([path])
    assert reading.dropped == {"skipped by the person": 1}
    assert [row.tie for row in reading.rows] == [True] + [False] * 38
    assert all(row.chosen[0]["content"].startswith("good") for row in reading.rows)
    first = next(iter(read_jsonl(path)))
    assert {"who", "when", "left", "answers", "key"} <= set(first)
    assert first["when"].endswith("+00:00") and first["answers"][0]["model"] == "m"


def test_the_order_is_by_chance_and_the_same_when_asked_again() -> None:
    some = questions(400)
    swapped = [question.swapped("ada") for question in some]
    assert 150 < sum(swapped) < 250
    assert swapped == [question.swapped("ada") for question in some]
    assert swapped != [question.swapped("bob") for question in some]
    with pytest.raises(UsageError):
        some[0].row("maybe", "ada", "now")


def test_two_people_are_asked_the_same(byte_tokenizer: Tokenizer, scripted: Callable[[Any], Any]) -> None:
    engine = scripted(lambda text, request: f"answer {request.seed % 7}<|im_end|>")
    asked = [[{"role": "user", "content": f"asked {i}"}] for i in range(20)]
    first, second = (draw_questions([("m", engine)], byte_tokenizer, asked, 3) for _ in "ab")
    assert [q.key for q in first] == [q.key for q in second]
    assert all(q.first.text != q.second.text for q in first)
    assert {q.first.seed for q in first}.isdisjoint(q.second.seed for q in first)


def test_kappa_is_cohens() -> None:
    assert kappa(np.array([[20, 5, 0], [10, 15, 0], [0, 0, 0]])) == pytest.approx(0.4)  # a textbook's table
    assert kappa(np.diag([5, 5, 5])) == 1.0
    assert kappa(np.zeros((3, 3), int)) is None and kappa(np.diag([5, 0, 0])) is None
    rng = np.random.default_rng(0)
    one, other = ({str(i): ("first", "second", "tie")[rng.integers(3)] for i in range(2000)} for _ in "ab")
    found = agreement(one, other)
    assert found["kappa"]["low"] < 0 < found["kappa"]["high"] < 0.06
    assert agreement(one, one)["kappa"]["value"] == 1.0


def test_agreement_from_files_whatever_stood_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / "ada.jsonl", tmp_path / "bob.jsonl"]
    some = questions()
    for path, who in zip(paths, ("ada", "bob"), strict=True):
        ledger = Ledger(path, who)
        for question in some if who == "ada" else again(read_jsonl(paths[0])):
            ledger.take(question, "right" if question.swapped(who) == (int(question.first.seed) % 2 == 0) else "left")
        ledger.close()
    assert agreement(*(verdicts(list(read_jsonl(path))) for path in paths))["kappa"]["value"] == 1.0
    assert compare(agreement=tuple(paths)) == 0
    assert "kappa   +1.00" in capsys.readouterr().out
    assert compare(agreement=tuple(paths), json=True) == 0
    assert json.loads(capsys.readouterr().out)["both"] == 40
    with pytest.raises(UsageError, match="two"):
        compare(agreement=(paths[0],))


def test_prompts_of_files(tmp_path: Path) -> None:
    plain, rows = tmp_path / "p.txt", tmp_path / "p.jsonl"
    plain.write_text("one\n\ntwo\n", encoding="utf-8")
    rows.write_text('{"prompt": "one"}\n{"prompt": [{"role": "user", "content": "two"}]}\n', encoding="utf-8")
    assert asked_prompts(plain, 9, 0) == asked_prompts(rows, 9, 0)
    assert len(asked_prompts(None, 7, 0)) == 7
    with pytest.raises(UsageError):
        asked_prompts(tmp_path / "none.txt", 1, 0)
    with pytest.raises(UsageError, match="Whose"):
        compare()
