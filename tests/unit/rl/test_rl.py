"""RL: advantages, masks, the loop that learns, the control that does not, and resume to the bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from trivium.generate.engine import Completion
from trivium.ground.artifact import Label
from trivium.ground.errors import Stopped
from trivium.ground.how import How
from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.transformer import Transformer
from trivium.stages.rl import rollouts
from trivium.stages.rl.config import RlConfig, WarmConfig
from trivium.stages.rl.rollouts import Practice
from trivium.stages.rl.warm import Ladder, Traces, worked
from trivium.tasks.problem import Verdict
from trivium.tasks.registry import generate
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig

LABEL = Label("model", "rl", 1, {})
FAST = OptimizerConfig(muon_lr=0.02, embed_lr=0.01, head_lr=0.01)


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer({bytes([i]): i for i in range(256)}, "qwen2")


@pytest.fixture
def model(tokenizer: Tokenizer) -> Transformer:
    torch.set_num_threads(1)
    model = Transformer(
        ModelConfig(
            vocab_size=tokenizer.size,
            hidden_size=32,
            intermediate_size=32,
            head_dim=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
        )
    )
    model.init_weights(torch.Generator().manual_seed(0))
    return model


def config(**changes: object) -> RlConfig:
    return dataclasses.replace(RlConfig(steps=40, problems=4, samples=8, max_new=3), **changes)  # type: ignore[arg-type]


@pytest.fixture
def bandit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that a random model solves now and then: the first byte written must be below 128."""
    monkeypatch.setattr(rollouts, "parse", lambda _tokenizer, ids, think: _Reply(ids))
    monkeypatch.setattr(rollouts, "verify", lambda _problem, ids: Verdict(ids[0] < 96, None))


class _Reply:
    def __init__(self, ids: list[int]) -> None:
        self.closed, self.thinking, self.content = True, "", ids


def run(folder: Path, model: Transformer, tokenizer: Tokenizer, settings: RlConfig, how: How | None = None) -> Loop:
    practice = Practice(settings, "addition", 1, model, tokenizer, folder / "rollouts")
    loop = Loop(
        model,
        practice,
        LoopConfig(steps=settings.steps, optimizer=FAST),
        LABEL,
        folder,
        how or How(progress=False),
        spikes=False,
    )
    loop.run("rl")
    return loop


def share_right(model: Transformer, tokenizer: Tokenizer, folder: Path) -> float:
    probe = Practice(config(seed=99, problems=16, samples=16), "addition", 1, model, tokenizer, folder / "probe")
    found = [rollout.correct for group in probe.sample(0) for rollout in group]
    return sum(found) / len(found)


def test_practice_solves_the_bandit(tmp_path: Path, model: Transformer, tokenizer: Tokenizer, bandit: None) -> None:
    before = share_right(model, tokenizer, tmp_path)
    assert 0.2 < before < 0.6
    run(tmp_path, model, tokenizer, config())
    assert share_right(model, tokenizer, tmp_path) > 0.95


def test_random_reward_teaches_nothing(tmp_path: Path, model: Transformer, tokenizer: Tokenizer, bandit: None) -> None:
    before = share_right(model, tokenizer, tmp_path)
    run(tmp_path, model, tokenizer, config(reward="random"))
    assert share_right(model, tokenizer, tmp_path) < before + 0.35


def test_advantages_sum_to_zero_and_only_the_answer_is_trained(
    tmp_path: Path, model: Transformer, tokenizer: Tokenizer, bandit: None
) -> None:
    practice = Practice(config(), "addition", 1, model, tokenizer, tmp_path / "rollouts")
    groups = practice.sample(0)
    for group in groups:
        assert abs(sum(rollout.advantage for rollout in group)) < 1e-9
    batch = practice.batch(0)
    assert batch is not None
    useful = [r for group in groups for r in group if any(s.advantage for s in group)]
    tokens = sum(len(r.completion.ids) for r in useful)
    assert int((batch.weights_BT != 0).sum()) <= tokens
    expected = sum(r.advantage * len(r.completion.ids) for r in useful) / tokens
    assert float(batch.weights_BT.sum()) == pytest.approx(expected, abs=1e-5)


def test_the_end_of_the_turn_is_trained(tmp_path: Path, model: Transformer, tokenizer: Tokenizer) -> None:
    practice = Practice(config(samples=2), "addition", 1, model, tokenizer, tmp_path / "rollouts")
    problem = generate("addition", 1, 1, 0)[0]
    end = tokenizer.special["<|im_end|>"]
    close = tokenizer.special["</think>"]
    right = Completion([close, *tokenizer.encode(problem.answer), end], [-1.0] * (len(problem.answer) + 2), "stop")
    wrong = Completion([close, *tokenizer.encode("x"), end], [-1.0] * 3, "stop")
    group = practice._group(0, problem, [right, wrong])
    assert [rollout.reward for rollout in group] == [1.0, 0.0]
    batch = practice._batch(group, {})
    assert bool((batch.weights_BT[batch.targets_BT == end] != 0).sum() == 2)


def test_an_unended_turn_is_wrong(tmp_path: Path, model: Transformer, tokenizer: Tokenizer) -> None:
    practice = Practice(config(samples=2), "addition", 1, model, tokenizer, tmp_path / "rollouts")
    problem = generate("addition", 1, 1, 0)[0]
    ids = [tokenizer.special["</think>"], *tokenizer.encode(problem.answer)]
    assert [r.reward for r in practice._group(0, problem, [Completion(ids, [-1.0] * len(ids), "length")] * 2)] == [0, 0]


def test_groups_without_signal_give_no_batch(
    tmp_path: Path, model: Transformer, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollouts, "verify", lambda _problem, _text: Verdict(False, None))
    practice = Practice(config(), "addition", 1, model, tokenizer, tmp_path / "rollouts")
    assert practice.batch(0) is None


def test_resumed_rl_ends_on_the_same_bits(
    tmp_path: Path, model: Transformer, tokenizer: Tokenizer, bandit: None
) -> None:
    first = {name: value.clone() for name, value in model.state_dict().items()}
    settings = config(steps=5)
    run(tmp_path / "whole", model, tokenizer, settings)
    whole = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(first)
    how = How(progress=False)
    how.stop.request("a test")
    for _ in range(4):
        with pytest.raises(Stopped):
            run(tmp_path / "parts", model, tokenizer, settings, how)
        model.load_state_dict(first)
    run(tmp_path / "parts", model, tokenizer, settings)
    assert all(torch.equal(value, whole[name]) for name, value in model.state_dict().items())
    written = [
        {path.name: path.read_text() for path in (tmp_path / name / "rollouts").iterdir()}
        for name in ("whole", "parts")
    ]
    assert written[0] == written[1]
    assert load_file(tmp_path / "parts" / "step-000004" / "weights.safetensors")


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
    example = worked(tokenizer, problem)
    taught = tokenizer.decode([i for i, w in zip(example.ids, example.weights, strict=True) if w])
    assert problem.thought in taught
    assert problem.question not in taught
