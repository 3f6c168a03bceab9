"""The benches of tokenizers, at toy sizes: what they write, and that equal work is told as equal."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from trivium.bench.tokens import digits, speed
from trivium.bench.tokens.ladder import LADDER, documents, rungs, shard_of, sheet
from trivium.cli.app import answer
from trivium.ground.config import replace_field
from trivium.ground.errors import ConfigError, UsageError
from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train
from trivium.tasks.registry import verify

SOURCE = Path(__file__).parents[3] / "src" / "trivium"
TINY = ("width=32", "heads=2", "head_width=16", "layers=1", "rows=4", "row_tokens=32", "heldout=3", "problems=4")
TINY += ("sums_megabytes=0.02", "vocabulary=400", "steps=2")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "texts.jsonl"
    texts = [file.read_text(encoding="utf-8") for file in sorted((SOURCE / "town").glob("*.py"))]
    path.write_text("".join(json.dumps({"text": text[:3000]}) + "\n" for text in texts), encoding="utf-8")
    return path


def test_sides_are_timed_and_compared(text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    docs = tmp_path / "benchmarks.md"
    assert speed.main([text], 1, 600, "qwen2", 1, docs) == 0
    page = docs.read_text(encoding="utf-8")
    assert page.count("<!-- tokenizer:begin -->") == 1 and capsys.readouterr().out.strip() in page
    rows = {line.split("|")[1].split()[0]: line for line in page.splitlines() if line.startswith("| ")}
    assert {"trivium", "tokenizers", "rustbpe", "tiktoken"} <= set(rows)
    assert rows["rustbpe"].rstrip(" |").endswith("yes") and rows["tiktoken"].rstrip(" |").endswith("yes")
    assert "| no |" not in page


def test_a_missing_package_has_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"tokenizers": {"seconds": 3.0, "before": 1.0, "peak": 2.0, "hash": ""}, "rustbpe": {"absent": "x"}}
    answers["trivium"] = {"seconds": 1.0, "before": 1.0, "peak": 3.0, "hash": "a"}
    monkeypatch.setattr(speed, "ask", lambda asked: answers[asked["side"].split()[1]])
    table = speed.training_table(speed.turns("train", speed.TRAINING, {}, 2))
    assert len(table) == 4 and "3.0x" in table[2] and "rustbpe" not in "".join(table)


def test_a_child_that_fails_is_an_error() -> None:
    with pytest.raises(UsageError, match="failed"):
        speed.ask({"side": "train trivium", "texts": "/nowhere", "pattern": "qwen2", "vocabulary": 300})


def test_the_ladder_is_of_held_out_problems_and_the_sheets_of_others() -> None:
    asked = rungs(30)
    assert list(asked) == [f"{task} {level}" for task, level in LADDER]
    assert all(len(problems) == 30 for name, problems in asked.items() if name != "addition 1")
    assert 4 <= len(asked["addition 1"]) <= 30
    rng = Random(0)
    printed = "".join(sheet(rng) for _ in range(300))
    held = [problem for problems in asked.values() for problem in problems]
    assert not [problem.question for problem in held if problem.question in printed]
    assert all(verify(problem, f" {problem.answer}.").correct for problem in held)
    assert printed.count("Answer:") == 300 * 8 and printed.count(".\n") >= 300 * 8


def test_texts_are_split_and_sums_strewn_in(text: Path) -> None:
    texts = documents([text], 1, 0.01, 4)
    assert len(texts.heldout) == 4 and not set(texts.heldout) & set(texts.train)
    assert sum("Answer:" in one for one in texts.train) > 10
    assert texts == documents([text], 1, 0.01, 4)
    with pytest.raises(UsageError, match="held out"):
        documents([text], 1, 0.01, 400)
    tokenizer = train(texts.train, TokenizerConfig(vocabulary=300))
    shard = shard_of(tokenizer, texts.train)
    assert len(shard) == len(texts.train)
    assert [tokenizer.decode(shard.document(i)[:-1].tolist()) for i in range(len(shard))] == texts.train


@pytest.mark.parametrize("budget", ["flops", "bytes"])
def test_digits_are_measured_by_a_tiny_model(budget: str, text: Path, tmp_path: Path) -> None:
    docs, sizes = tmp_path / "benchmarks.md", [*TINY, f"budget={budget}", "rows=32", "row_tokens=64"]
    for _ in range(2):  # the second finds all models measured
        assert digits.main([text], tmp_path / "out", 2, size=sizes, device="cpu", docs=docs) == 0
    found = json.loads((tmp_path / "out" / "digits.json").read_text())
    assert [(run["digits"], run["seed"]) for run in found["runs"]] == [(d, s) for d in (1, 2, 3) for s in (0, 1)]
    assert all(0 < run["bits_per_byte"] < 9 and len(run["ladder"]) == len(LADDER) for run in found["runs"])
    rates = {run["digits"]: run["bytes_per_token"] for run in found["runs"]}
    assert rates[1] < rates[2] < rates[3]
    steps = {run["digits"]: run["steps"] for run in found["runs"]}
    if budget == "flops":
        assert set(steps.values()) == {2}
    else:
        assert steps[1] >= steps[2] >= steps[3] > 2 and all(0.8 < run["epochs"] <= 1 for run in found["runs"])
    assert len(list((tmp_path / "out" / "digits").iterdir())) == 6
    assert docs.read_text(encoding="utf-8").count("<!-- digits:begin -->") == 1


def test_sizes_outside_their_meaning_are_refused() -> None:
    with pytest.raises(ConfigError):
        replace_field(digits.DigitsConfig(), "budget", "time")
    assert answer(["bench", "digits", "--size", "steps"]) == 2
    assert answer(["bench", "digits", "--size", "nothing=3"]) == 2
