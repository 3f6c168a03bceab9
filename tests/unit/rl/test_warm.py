"""The warm start: the ladder's rule, and worked traces that teach the assistant's part alone."""

from __future__ import annotations

import pytest

from trivium.model.transformer import Transformer
from trivium.stages.rl.config import WarmConfig
from trivium.stages.rl.supervised import shown
from trivium.stages.rl.warm import Ladder, Traces
from trivium.tasks.registry import generate
from trivium.text.tokenizer import Tokenizer


@pytest.mark.parametrize(
    ("passes", "level", "moves"),
    [
        ({3: 0.4}, 3, ["start RL"]),
        ({3: 0.9, 4: 0.7, 5: 0.5}, 5, ["harder", "harder", "start RL"]),
        ({3: 0.1}, 3, ["train"]),
        ({3: 0.9, 4: 0.9, 5: 0.9, 6: 0.9}, 6, ["harder", "harder", "harder", "start RL"]),
    ],
)
def test_the_ladder_moves_by_rule(
    model: Transformer,
    tokenizer: Tokenizer,
    monkeypatch: pytest.MonkeyPatch,
    passes: dict[int, float],
    level: int,
    moves: list[str],
) -> None:
    traces = Traces(WarmConfig(), tokenizer)
    ladder = Ladder(WarmConfig(), model, tokenizer, traces)
    monkeypatch.setattr(ladder, "_pass_at_1", lambda level: passes[level])
    ladder.look(0)
    assert (traces.level, [record["move"] for record in traces.log]) == (level, moves)
    assert traces.settled == (moves[-1] == "start RL")


def test_a_level_that_stays_too_hard_is_lowered(
    model: Transformer, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = Traces(WarmConfig(patience=10), tokenizer)
    ladder = Ladder(traces.config, model, tokenizer, traces)
    monkeypatch.setattr(ladder, "_pass_at_1", lambda level: {3: 0.0, 2: 0.5}[level])
    ladder.look(0)
    ladder.look(5)
    ladder.look(10)
    assert (traces.level, traces.settled) == (2, True)


def test_probes_are_never_trained_on(tokenizer: Tokenizer) -> None:
    traces = Traces(WarmConfig(level=1, probes=20, max_new=8), tokenizer)
    probes = {problem.question for problem in traces.probe(1)}
    seen = " ".join(tokenizer.decode(traces.batch(step).ids_BT.flatten().tolist()) for step in range(5))
    assert not any(question in seen for question in probes)


def test_a_worked_trace_teaches_the_assistant_alone(tokenizer: Tokenizer) -> None:
    problem = generate("addition", 2, 1, 0)[0]
    example = shown(tokenizer, problem, think=True)
    taught = tokenizer.decode([i for i, w in zip(example.ids, example.weights, strict=True) if w])
    assert problem.thought in taught
    assert problem.question not in taught


def test_other_tasks_are_taught_beside_and_some_problems_without_a_thought(tokenizer: Tokenizer) -> None:
    config = WarmConfig(level=3, rows=16, beside=("comparison:3", "coined-reversal:2"), direct=0.5)
    text = tokenizer.decode(Traces(config, tokenizer).batch(0).ids_BT.flatten().tolist())
    counts = [text.count(word) for word in ("What is", "Which is", "backwards")]
    assert min(counts) > 5
    assert 0.3 < text.count("<think></think>") / sum(counts) < 0.7
    plain = tokenizer.decode(Traces(WarmConfig(level=3), tokenizer).batch(0).ids_BT.flatten().tolist())
    assert "Which" not in plain
    assert "<think></think>" not in plain


def test_a_larger_step_draws_more_problems(tokenizer: Tokenizer) -> None:
    text = tokenizer.decode(Traces(WarmConfig(level=3, rows=64), tokenizer).batch(0).ids_BT.flatten().tolist())
    assert text.count("What is") > 100
