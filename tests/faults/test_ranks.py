"""Several ranks on one CPU: they learn what one process learns, end together, and their checkpoints fit any number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import ranks
import torch
from safetensors.torch import load_file
from tiny_training import LABEL, QUIET, loop, model, same, weights

from trivium.ground.artifact import open_artifact
from trivium.ground.log import read_jsonl
from trivium.model.optim import Optimizer
from trivium.model.transformer import Transformer
from trivium.train import checkpoint
from trivium.train.sharding import rows_of

Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the scenarios `learn` and `three` left."""
    folder = tmp_path_factory.mktemp("ranks")
    module, optimizer = trained()
    checkpoint.save(folder / "from-1", LABEL, 4, module, optimizer, {"note": 7})
    ranks.run(2, "learn", folder)
    ranks.run(3, "three", folder)
    return folder


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Tensors]:
    """What one process makes of the same run."""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE")

    def run(tie_word_embeddings: bool = False, **options: object) -> Tensors:
        module = model(num_hidden_layers=3, tie_word_embeddings=tie_word_embeddings)
        loop(module, tmp_path / "one", steps=ranks.STEPS, **options).run("one")  # type: ignore[arg-type]
        return dict(module.named_parameters())

    return run


def trained() -> tuple[Transformer, Optimizer]:
    """A model and an optimizer in which every number is its own."""
    training = loop(model(num_hidden_layers=3), Path("nowhere"))
    generator = torch.Generator().manual_seed(3)
    for tensor in (*training.module.state_dict().values(), *training.optimizer.state.values()):
        tensor.copy_(torch.randn(tensor.shape, generator=generator))
    training.optimizer.steps = 4
    return training.module, training.optimizer  # type: ignore[return-value]


def assert_close(found: Tensors, wanted: Tensors) -> None:
    assert found.keys() == wanted.keys()
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, wanted[name].detach(), atol=2e-5, rtol=1e-4, msg=lambda m, n=name: n + m)


@pytest.mark.parametrize("name", ["replicas", "shards", "recomputed", "compiled", "replicas-compiled"])
def test_they_learn_what_one_learns(learned: Path, one: Callable[..., Tensors], name: str) -> None:
    assert_close(load_file(learned / f"{name}-0.safetensors"), one(microbatch_tokens=24))


@pytest.mark.parametrize("name", ["odd", "shards-odd"])
def test_rows_that_ranks_do_not_divide(learned: Path, one: Callable[..., Tensors], name: str) -> None:
    wanted = one(source=ranks.rows(5), tie_word_embeddings=True)
    assert_close(load_file(learned / f"{name}-0.safetensors"), wanted)


@pytest.mark.parametrize("name", ["clipped", "shards-clipped"])
def test_the_norm_is_that_of_all(learned: Path, one: Callable[..., Tensors], tmp_path: Path, name: str) -> None:
    assert_close(load_file(learned / f"{name}-0.safetensors"), one(max_grad_norm=0.3))
    for record, wanted in zip(
        read_jsonl(learned / name / "metrics.jsonl"), read_jsonl(tmp_path / "one" / "metrics.jsonl"), strict=True
    ):
        assert record["grad_norm"] == pytest.approx(wanted["grad_norm"], rel=1e-4)
        assert record["loss"] == pytest.approx(wanted["loss"], rel=1e-4)
        assert record["tokens"] == wanted["tokens"], "those of all ranks"


def test_three_ranks_learn_it_too(learned: Path, one: Callable[..., Tensors]) -> None:
    assert_close(load_file(learned / "three-0.safetensors"), one(source=ranks.rows(4)))


@pytest.mark.parametrize("name", ["replicas", "odd", "clipped", "replicas-compiled", "replicas-interrupted"])
def test_whole_models_are_equal_bit_for_bit(learned: Path, name: str) -> None:
    assert same(*(load_file(learned / f"{name}-{rank}.safetensors") for rank in (0, 1)))


def test_they_agree_on_the_scales_of_eight_bits(learned: Path) -> None:
    assert same(*(load_file(learned / f"eight-{rank}.safetensors") for rank in (0, 1)))
    first, second = (json.loads((learned / f"largest-{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    assert min(first) > 0


@pytest.mark.parametrize("mode", ["replicas", "shards"])
def test_stopped_and_continued_they_end_on_the_same_bits(learned: Path, mode: str) -> None:
    assert same(*(load_file(learned / f"{mode}{part}-0.safetensors") for part in ("", "-interrupted")))
    first, second = (list(read_jsonl(learned / f"{mode}{part}" / "metrics.jsonl")) for part in ("", "-interrupted"))
    assert [r["loss"] for r in first] == [r["loss"] for r in second]
    assert any("save_seconds" in record for record in second)


@pytest.mark.parametrize("mode", ["replicas", "shards"])
def test_a_signal_to_one_stops_all_at_one_step_and_so_does_a_full_disk(learned: Path, mode: str) -> None:
    reports = [json.loads((learned / f"reports-{rank}.json").read_text())[mode] for rank in (0, 1)]
    assert [len(report) for report in reports] == [2, 2]
    assert [report[0].partition(" step ")[2][:1] for report in reports] == ["3", "3"], "agreed at the next step's sum"
    assert "SIGTERM" in reports[1][0]
    assert "another rank" in reports[0][0]
    full = 1 if mode == "shards" else 0
    assert "No space left" in reports[full][1]
    assert "another rank" in reports[1 - full][1].lower()


@pytest.mark.parametrize("ranks_", [2, 3])
def test_a_checkpoint_fits_any_number_of_ranks(learned: Path, ranks_: int) -> None:
    folder = learned / f"from-{ranks_}" / "step-000004"
    files = open_artifact(folder, hashes=True).manifest["files"]
    assert len(checkpoint.files_of(files, "weights")) == len(checkpoint.files_of(files, "optimizer")) == ranks_
    assert len(files) == 2 * ranks_ + 1, "the list of hashes went into the manifest"
    wanted, its_optimizer = trained()
    training = loop(model(seed=8, num_hidden_layers=3), learned)
    state = checkpoint.load(folder.parent, LABEL, training.module, training.optimizer)
    assert state is not None
    assert (state["note"], training.optimizer.steps) == (7, 4)
    assert same(weights(training.module), weights(wanted))
    assert same(training.optimizer.state, its_optimizer.state)
    assert all(load_file(folder / name) for name in checkpoint.files_of(files, "weights")), "plain safetensors"


@pytest.mark.parametrize("slow", ["0", "1"])
def test_a_save_waits_for_the_slowest_rank_and_the_next_one_comes(tmp_path: Path, slow: str) -> None:
    for code, err in ranks.ended(ranks.start(2, "uneven", tmp_path, slow), timeout=60):
        assert code == 0, err
    steps = sorted(int(path.parent.name.removeprefix("step-")) for path in tmp_path.glob("uneven/step-*/manifest.json"))
    assert steps[-1] > 6, "sealed while training went on, and more than once"
    assert sum("save_seconds" in record for record in read_jsonl(tmp_path / "uneven" / "metrics.jsonl")) > 1


def test_no_rank_holds_it_all(learned: Path) -> None:
    sizes = [path.stat().st_size for path in (learned / "from-3" / "step-000004").glob("optimizer-*")]
    assert max(sizes) < 0.45 * sum(sizes)


@pytest.mark.parametrize(
    ("what", "codes", "word"),
    [("signal", [4, 4], "stopped"), ("dies", [1, -9], "has lost the others"), ("sleeps", [1, None], "lost the others")],
)
def test_how_it_ends(tmp_path: Path, what: str, codes: list[int | None], word: str) -> None:
    children = ranks.start(2, "ends", tmp_path, what)
    if what == "sleeps":
        children[0].wait(60)
        children[1].kill()
    found = ranks.ended(children)
    for (code, err), wanted in zip(found, codes, strict=True):
        assert wanted is None or code == wanted, err
    assert word in found[0][1]
    assert "Traceback" not in found[0][1]
    module = model(seed=9, num_hidden_layers=3)
    seen: list[int] = []
    loop(module, tmp_path / "ends", steps=6, how=QUIET).run("alone", seen.append)
    assert seen, "the newest checkpoint is usable, here by one process"
    assert seen[0] > 1


def test_a_journey_of_several_ranks(tmp_path: Path) -> None:
    found = ranks.ended(ranks.start(2, "journey", tmp_path))
    assert [code for code, _ in found] == [4, 4], found
    leader, follower = (json.loads((tmp_path / f"ends-{rank}.json").read_text()) for rank in (0, 1))
    assert leader[0] == ["first", "second"]
    assert len(leader[1]) == 1
    assert follower == [[], []], "a stage of one rank ran on rank 0 alone"
    (sealed,) = (tmp_path / "run").glob("second-*/manifest.json")
    assert json.loads(sealed.read_text())["facts"]["total"] == 3.0


@pytest.mark.parametrize("size", range(1, 9))
def test_rows_are_held_once(size: int) -> None:
    for count in range(12):
        held = [i for rank in range(size) for i in range(*rows_of(count, rank, size))]
        assert held == list(range(count))
