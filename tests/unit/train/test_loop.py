"""The loop: it learns, its guard leaves the weights alone, microbatches change nothing but memory."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_training import LABEL, QUIET, loop, model, same, shard, weights

from trivium.ground.errors import ArtifactError, GuardTripped, Stopped
from trivium.ground.log import read_jsonl
from trivium.ground.signals import StopFlag
from trivium.model.transformer import Transformer
from trivium.train.batch import Batch
from trivium.train.loop import language_loss
from trivium.train.packing import StreamRows


def losses(folder: Path) -> list[float]:
    return [record["loss"] for record in read_jsonl(folder / "metrics.jsonl")]


def test_it_learns_and_tells(tmp_path: Path) -> None:
    assert loop(model(), tmp_path, steps=60).run("test") == 60
    records = list(read_jsonl(tmp_path / "metrics.jsonl"))
    assert [record["step"] for record in records] == list(range(1, 61))
    assert records[0]["loss"] == pytest.approx(torch.tensor(47.0).log().item(), abs=0.05)
    assert records[-1]["loss"] < 1.5
    assert all(record["tokens"] == 96 and record["seconds"] > 0 and record["grad_norm"] > 0 for record in records)


@pytest.mark.parametrize("broken", ["loss", "gradient"])
def test_a_broken_step_stops_the_run_and_leaves_the_weights_alone(tmp_path: Path, broken: str) -> None:
    module, count = model(), [0]

    def objective(module: Transformer, batch: Batch) -> torch.Tensor:
        count[0] += 1
        loss = language_loss(module, batch)
        if count[0] < 4:
            return loss
        if broken == "loss":
            return loss * torch.nan
        return loss + (module.norm.weight * 0).sum().sqrt()  # a finite loss with an infinite slope

    states: list[dict[str, torch.Tensor]] = []
    run = loop(module, tmp_path, objective=objective)
    with pytest.raises(GuardTripped, match=rf"At step 3 the {broken}.*No update was made") as caught:
        run.run("test", lambda _step: states.append(weights(module)))
    assert caught.value.exit_code == 5
    assert same(weights(module), states[-1])
    assert run.optimizer.steps == 3
    assert len(losses(tmp_path)) == 3


def test_microbatches_change_nothing_but_the_last_bits(tmp_path: Path) -> None:
    found = {}
    for size in (24, 50, 8192):
        loop(model(), tmp_path / str(size), steps=5, microbatch_tokens=size).run("test")
        found[size] = torch.tensor(losses(tmp_path / str(size)))
    torch.testing.assert_close(found[24], found[8192], atol=2e-3, rtol=0)
    torch.testing.assert_close(found[50], found[8192], atol=2e-3, rtol=0)
    torch.testing.assert_close(found[24][0], found[8192][0], atol=1e-5, rtol=0)


def test_gradients_of_microbatches_add_up(tmp_path: Path) -> None:
    gradients = []
    for size in (24, 8192):
        module = model()
        run = loop(module, tmp_path / str(size), steps=1, microbatch_tokens=size)
        run.optimizer.step = lambda _scale: None  # type: ignore[method-assign]
        run.run("test")
        gradients.append({name: p.grad for name, p in module.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], atol=1e-6, rtol=1e-4)


def test_gradients_are_scaled_down_to_the_limit(tmp_path: Path) -> None:
    module = model()
    run = loop(module, tmp_path, steps=1, max_grad_norm=0.01)
    run.run("test")
    norm = torch.stack([p.grad.norm() for p in module.parameters() if p.grad is not None]).norm()
    assert norm.item() == pytest.approx(0.01, rel=1e-3)
    assert next(read_jsonl(tmp_path / "metrics.jsonl"))["grad_norm"] > 0.01, "the norm is told as it was"


def test_a_callback_adds_figures_and_may_end_the_run(tmp_path: Path) -> None:
    assert loop(model(), tmp_path).run("test", lambda step: {"stop": step == 4, "half": step / 2}) == 4
    assert [record["half"] for record in read_jsonl(tmp_path / "metrics.jsonl")] == [0.5, 1.0, 1.5, 2.0]


def test_a_step_without_signal_changes_nothing(tmp_path: Path) -> None:
    class Sparse(StreamRows):
        def batch(self, step: int) -> Any:
            return None if step % 2 else super().batch(step)

    module = model()
    states: list[dict[str, torch.Tensor]] = []
    loop(module, tmp_path, steps=4, source=Sparse(shard(), 24, 4, seed=3)).run(
        "test", lambda _step: states.append(weights(module))
    )
    assert same(states[0], states[1])
    assert not same(states[1], states[2])
    assert [record.get("skipped", False) for record in read_jsonl(tmp_path / "metrics.jsonl")] == [False, True] * 2


def test_a_source_is_given_its_state_back(tmp_path: Path) -> None:
    class Counting(StreamRows):
        regular = False
        seen = 0

        def batch(self, step: int) -> Batch:
            self.seen += 1
            return super().batch(step)

        def state(self) -> dict[str, Any]:
            return {"seen": self.seen}

        def restore(self, state: dict[str, Any]) -> None:
            self.seen = state["seen"]

    how = dataclasses.replace(QUIET, stop=StopFlag())
    with pytest.raises(Stopped):
        loop(model(), tmp_path, how=how, source=Counting(shard(), 24, 4, seed=3)).run(
            "first", lambda step: how.stop.request("a test") if step == 5 else None
        )
    source = Counting(shard(), 24, 4, seed=3)
    loop(model(), tmp_path, source=source).run("second")
    assert source.seen == 12


def test_the_work_of_another_run_is_not_continued(tmp_path: Path) -> None:
    how = dataclasses.replace(QUIET, stop=StopFlag())
    how.stop.request("a test")
    with pytest.raises(Stopped):
        loop(model(), tmp_path, how=how).run("first")
    other = dataclasses.replace(LABEL, config={"seed": 2})
    with pytest.raises(ArtifactError, match="belongs to run"):
        loop(model(), tmp_path, label=other).run("second")


def test_tied_embeddings_train_and_resume(tmp_path: Path) -> None:
    whole = model(tie_word_embeddings=True)
    loop(whole, tmp_path / "whole").run("whole")
    how = dataclasses.replace(QUIET, stop=StopFlag())
    with pytest.raises(Stopped):
        loop(model(tie_word_embeddings=True), tmp_path / "parts", how=how).run(
            "first", lambda step: how.stop.request("a test") if step == 5 else None
        )
    parts = model(tie_word_embeddings=True, seed=8)
    loop(parts, tmp_path / "parts").run("second")
    assert same(weights(parts), weights(whole))
    assert parts.lm_head.weight is parts.embed_tokens.weight
    assert losses(tmp_path / "whole")[-1] < losses(tmp_path / "whole")[0]
