"""Inner values by name: captured without a trace left behind, patched with the effect that arithmetic foretells."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from trivium.generate.engine import Engine, Request
from trivium.ground.errors import UsageError
from trivium.model.attention import document_mask
from trivium.model.config import ModelConfig
from trivium.model.folder import save_model
from trivium.model.inside.names import INSIDE, names
from trivium.model.inside.trace import patched, trace
from trivium.model.reward import RewardModel
from trivium.model.transformer import Transformer

BLOCKS, HEADS, GROUPS = 3, 4, 2
EVERYTHING = tuple(names(BLOCKS))
DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
SHAPES: dict[str, dict[str, Any]] = {
    "qwen3": {"num_key_value_heads": 4},
    "qwen3, grouped": {},
    "llama": {"model_type": "llama"},
    "llama, tied": {"model_type": "llama", "tie_word_embeddings": True},
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def build(dtype: torch.dtype = torch.float32, kind: type[Transformer] = Transformer, **changes: Any) -> Transformer:
    """A small model whose weights are nowhere zero, so that each value has its say; biases too, where it has some."""
    shape = {"vocab_size": 61, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": BLOCKS}
    heads = {"num_attention_heads": HEADS, "num_key_value_heads": GROUPS, "head_dim": 8}
    model = kind(ModelConfig(**(shape | heads | changes)), dtype)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if parameter.ndim == 1 else noise * 0.2)
    return model.eval()


@pytest.fixture(params=SHAPES, ids=str)
def model(request: pytest.FixtureRequest) -> Transformer:
    return build(**SHAPES[request.param])


def ids(rows: int = 2, length: int = 11, seed: int = 1) -> Tensor:
    return torch.randint(0, 61, (rows, length), generator=torch.Generator().manual_seed(seed))


def close(a: Tensor, b: Tensor, within: float = 1e-5) -> None:
    torch.testing.assert_close(a, b, atol=within, rtol=0)


def same(values: dict[str, Tensor], others: dict[str, Tensor]) -> bool:
    return values.keys() == others.keys() and all(torch.equal(value, others[name]) for name, value in values.items())


def hooks_of(model: Transformer) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("capture", [(), EVERYTHING], ids=["nothing", "everything"])
@pytest.mark.parametrize("documents", [None, [[0] * 4 + [1] * 5 + [-1] * 2, [7] * 11]], ids=["one", "packed"])
@pytest.mark.parametrize("device", DEVICES)
def test_capturing_changes_no_bit(
    dtype: torch.dtype, capture: tuple[str, ...], documents: list[list[int]] | None, device: str
) -> None:
    model, row = build(dtype).to(device), ids().to(device)
    packed = None if documents is None else torch.tensor(documents, device=device)
    before = model(row, documents_BT=packed)
    run = trace(model, row, capture, documents_BT=packed)
    assert torch.equal(run.hidden, before)
    assert torch.equal(run.logits, model.logits(before))
    assert set(run.values) == set(capture)
    assert hooks_of(model) == 0
    assert torch.equal(model(row, documents_BT=packed), before)
    again = trace(model, row, (), dict.fromkeys(EVERYTHING, lambda old: old), documents_BT=packed)
    if (device, dtype) == ("cpu", torch.float32):
        close(again.hidden, before)
    assert (again.hidden - before).abs().mean() < 0.02 * before.abs().mean()


@torch.no_grad()
def test_shapes_are_those_that_the_names_promise(model: Transformer) -> None:
    run = trace(model, ids(), "*")
    config = model.config
    sizes = {"B": 2, "T": 11, "D": config.hidden_size, "H": HEADS, "G": config.num_key_value_heads,
             "K": config.head_dim, "F": config.intermediate_size}  # fmt: skip
    for name, meaning in INSIDE.items():
        letters = meaning.partition(":")[0].split()
        assert run[f"blocks.1.{name}"].shape == tuple(sizes[letter] for letter in letters), name
    assert run["blocks.*.residual"].shape == (BLOCKS, 2, 11, config.hidden_size)
    assert torch.equal(run["blocks.-1.residual"], run[f"blocks.{BLOCKS - 1}.residual"])


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_the_values_add_up(model: Transformer, dtype: torch.dtype) -> None:
    model.compute_dtype = dtype
    exact = dtype == torch.float32
    run = trace(model, ids(), "*")
    stream = run["embedding"]
    for i in range(BLOCKS):
        middle = stream + run[f"blocks.{i}.attention"]
        assert torch.equal(middle + run[f"blocks.{i}.mlp"], run[f"blocks.{i}.residual"]), "the same two sums"
        stream = run[f"blocks.{i}.residual"]
        o_proj = model.layers[i].self_attn.o_proj
        heads = run[f"blocks.{i}.attention.heads"]
        assert torch.equal(o_proj(heads.flatten(-2)), run[f"blocks.{i}.attention"]), "the same product"
        bias = 0 if o_proj.bias is None else o_proj.bias.float()  # it belongs to no head
        outputs = run[f"blocks.{i}.attention.outputs"].float().sum(2)
        close(outputs + bias, run[f"blocks.{i}.attention"].float(), 1e-5 if exact else 0.1)
        each = HEADS // model.config.num_key_value_heads
        values = run[f"blocks.{i}.attention.values"].repeat_interleave(each, 2).float()
        mixed = torch.einsum("bhqs,bshk->bqhk", run[f"blocks.{i}.attention.pattern"], values)
        close(mixed, heads.float(), 1e-5 if exact else 0.05)
    assert torch.equal(model.norm(stream), run["final"])
    assert torch.equal(run["final"], run.hidden)


@torch.no_grad()
@pytest.mark.parametrize("documents", [None, [[0] * 4 + [1] * 5 + [-1] * 2, [7] * 11]], ids=["one", "packed"])
def test_patterns_are_shares_of_what_may_be_seen(model: Transformer, documents: list[list[int]] | None) -> None:
    packed = None if documents is None else torch.tensor(documents)
    run = trace(model, ids(), "blocks.*.attention.pattern", documents_BT=packed)
    seen = document_mask(torch.zeros(2, 11) if packed is None else packed)
    assert seen is not None
    for pattern in run.values.values():
        close(pattern.sum(-1), torch.ones(2, HEADS, 11), 1e-6)
        assert (pattern[(~seen).expand_as(pattern)] == 0).all()
        assert (pattern[seen.expand_as(pattern)] > 0).all()


@torch.no_grad()
def test_a_value_patched_with_itself_changes_nothing(model: Transformer) -> None:
    before = trace(model, ids(), "*")
    beside = [
        name for name in EVERYTHING if name.rpartition(".")[2] in ("queries", "keys", "values", "scores", "pattern")
    ]
    for name in EVERYTHING:
        for edit in (before[name], lambda old: old):
            after = trace(model, ids(), "final", {name: edit})
            if name in beside or name.endswith("outputs"):
                close(after.logits, before.logits)
            else:
                assert torch.equal(after.logits, before.logits), name


@torch.no_grad()
def test_every_value_has_its_effect(model: Transformer) -> None:
    """No name is a dead end: noise in any value reaches the logits, in the patched row only, from its token on."""
    before = trace(model, ids(), "*")
    noise = torch.Generator().manual_seed(5)
    for name in EVERYTHING:
        if name.endswith(("scores", "pattern")):  # heads x queries x keys; other values have the token second
            where = f"{name}[1, :, 6:, :6]"
        else:
            where = f"{name}[1, 6:]"
        after = trace(model, ids(), name, {where: lambda old: old + torch.randn(old.shape, generator=noise)})
        difference = (after.logits - before.logits).abs().amax(-1)
        assert (difference[1, 6:] > 1e-4).all(), name
        assert (difference[0] < 1e-5).all(), name
        assert (difference[1, :6] < 1e-5).all(), name
        assert not torch.equal(after[name], before[name]), "a value is captured as it went on"


@torch.no_grad()
def test_another_runs_stream_gives_the_other_runs_output(model: Transformer) -> None:
    mine, other = trace(model, ids()), trace(model, ids(seed=2), "blocks.*.residual")
    assert (mine.logits - other.logits).abs().max() > 0.1
    assert torch.equal(trace(model, ids(), patch=other.values).logits, other.logits)
    one = {"blocks.1.residual": other["blocks.1.residual"]}
    assert torch.equal(trace(model, ids(), patch=one).logits, other.logits)
    last = trace(model, ids(), patch={"blocks.1.residual[:, -1]": other["blocks.1.residual"][:, -1]}).logits
    assert torch.equal(last[:, :-1], mine.logits[:, :-1]) or (last[:, :-1] - mine.logits[:, :-1]).abs().max() < 1e-5
    assert (last[:, -1] - mine.logits[:, -1]).abs().max() > 0.1


@torch.no_grad()
def test_blocks_without_effect_leave_the_embedding(model: Transformer) -> None:
    silent = trace(model, ids(), "embedding", {"blocks.*.attention": 0, "blocks.*.mlp": 0.0})
    assert torch.equal(silent.hidden, model.norm(silent["embedding"]))
    by_parts = trace(model, ids(), "*.mlp", {"blocks.*.attention.heads": 0, "blocks.*.mlp.neurons": 0})
    bias = model.layers[0].mlp.down_proj.bias
    wanted = torch.zeros(2, 11, 32) if bias is None else bias.expand(2, 11, -1)
    assert torch.equal(by_parts["blocks.0.mlp"], wanted)
    assert bias is not None or torch.equal(by_parts.hidden, silent.hidden)


@torch.no_grad()
def test_one_head_silenced_by_three_names_is_the_same(model: Transformer) -> None:
    names = (
        "blocks.1.attention.heads[:, :, 2]",
        "blocks.1.attention.outputs[:, :, 2]",
        "blocks.1.attention.pattern[:, 2]",
    )
    silenced = [trace(model, ids(), patch={name: 0}).logits for name in names]
    assert (silenced[0] - trace(model, ids()).logits).abs().max() > 1e-3
    close(silenced[1], silenced[0])
    close(silenced[2], silenced[0])


@torch.no_grad()
def test_a_key_knocked_out_is_never_read(model: Transformer) -> None:
    patch = {"blocks.*.attention.scores[:, :, 4:, 3]": float("-inf")}
    run = trace(model, ids(), "blocks.*.attention.pattern", patch)
    for pattern in run.values.values():
        assert (pattern[:, :, 4:, 3] == 0).all()
        close(pattern.sum(-1), torch.ones(2, HEADS, 11), 1e-6)
    other = ids()
    other[:, 3] = (other[:, 3] + 1) % 61
    close(trace(model, other, patch=patch).logits[:, 4:], run.logits[:, 4:])
    assert (trace(model, other).logits[:, 4:] - trace(model, ids()).logits[:, 4:]).abs().max() > 1e-3


@torch.no_grad()
def test_steering_by_a_direction(model: Transformer) -> None:
    direction = model.lm_head.weight[17]
    steered = trace(model, ids(), patch={"blocks.-1.residual": lambda old: old + 20 * direction})
    by_hand = model.norm(trace(model, ids(), "blocks.-1.residual")["blocks.-1.residual"] + 20 * direction)
    assert torch.equal(steered.hidden, by_hand)
    assert (steered.logits[..., 17] > trace(model, ids()).logits[..., 17] + 1).all()


@torch.no_grad()
def test_ones_in_a_patch_are_shared_and_order_counts(model: Transformer) -> None:
    mean = trace(model, ids(), "blocks.0.mlp")["blocks.0.mlp"].mean((0, 1), keepdim=True)
    run = trace(model, ids(), "blocks.0.mlp", {"blocks.0.mlp": mean})
    assert torch.equal(run["blocks.0.mlp"], mean.expand(2, 11, -1))
    patch = {"blocks.0.mlp[0]": 1, "blocks.0.mlp[0, 2]": 2, "blocks.*.mlp[0, 2, 3:5]": 3}
    found = trace(model, ids(), ["blocks.0.mlp", "blocks.0.mlp[0, :, 4]"], patch)
    assert found["blocks.0.mlp[0,:,4]"].tolist() == [1, 1, 3, *[1] * 8]
    assert found["blocks.0.mlp"][0, 2, :6].tolist() == [2, 2, 2, 3, 3, 2]


def test_gradients_flow_to_and_through_all_that_is_named(model: Transformer) -> None:
    values = trace(
        model, ids(), EVERYTHING, {"blocks.*.attention.queries": lambda x: x, "blocks.*.attention.outputs": lambda x: x}
    )
    slopes = torch.autograd.grad(values.logits[:, -1, 17].sum(), list(values.values.values()))
    for name, slope in zip(values.values, slopes, strict=True):
        assert slope.abs().sum() > 0 or name == "final", name
    usual = trace(model, ids(), ["blocks.*.residual", "blocks.*.attention.heads", "blocks.*.mlp.neurons"])
    for slope in torch.autograd.grad(usual.logits.square().sum(), list(usual.values.values())):
        assert slope.abs().sum() > 0


def test_a_gradient_foretells_a_small_patch(model: Transformer) -> None:
    """Attribution: the slope at a value times a small change is the change of a logit."""
    for name in ("blocks.0.residual", "blocks.1.attention.pattern", "blocks.1.mlp"):
        run = trace(model, ids(), name, {name: lambda old: old})
        (slope,) = torch.autograd.grad(run.logits[0, -1, 17], run[name])
        step = 1e-3 * torch.randn(slope.shape, generator=torch.Generator().manual_seed(3))
        with torch.no_grad():
            up, down = (trace(model, ids(), patch={name: run[name] + sign * step}) for sign in (1, -1))
            change = (up.logits - down.logits)[0, -1, 17].item() / 2
        assert change == pytest.approx((slope * step).sum().item(), rel=0.05, abs=2e-6), name
    direction = torch.zeros(32, requires_grad=True)
    trace(model, ids(), patch={"blocks.0.residual": lambda old: old + direction}).logits.sum().backward()
    assert direction.grad is not None
    assert direction.grad.abs().sum() > 0


@torch.no_grad()
def test_rows_of_different_length_are_as_if_alone(model: Transformer) -> None:
    lengths = (11, 4, 7)
    padded = ids(3).where(torch.arange(11) < torch.tensor(lengths)[:, None], 0)
    together = trace(model, padded, "*")
    for row, length in enumerate(lengths):
        alone = trace(model, padded[row : row + 1, :length], "*")
        for name, value in alone.values.items():
            whole = together[name][row : row + 1]
            part = whole[..., :length, :length] if value.shape[-2:] == (length, length) else whole[:, :length]
            close(part, value, 2e-5)


@torch.no_grad()
def test_positions_are_heeded(model: Transformer) -> None:
    apart = torch.arange(11) * 3
    run = trace(model, ids(), "*", positions_BT=apart.expand(2, 11))
    again = trace(model, ids(), patch={"blocks.*.attention.pattern": lambda x: x}, positions_BT=apart.expand(2, 11))
    assert torch.equal(run.hidden, model(ids(), apart.expand(2, 11)))
    close(again.logits, run.logits)
    assert (again.logits - trace(model, ids()).logits).abs().max() > 1e-3


def test_an_engine_generates_with_the_patch(model: Transformer) -> None:
    engine = Engine(model)
    requests = [Request([1, 2, 3], 5), Request([4], 5)]
    plain = [completion.ids for completion in engine.run(requests)]
    with patched(engine.model, {"final": lambda old: 50 * model.lm_head.weight[17].expand_as(old)}):
        assert [completion.ids for completion in engine.run(requests)] == [[17] * 5, [17] * 5]
    assert [completion.ids for completion in engine.run(requests)] == plain
    with (
        pytest.raises(UsageError, match="with a cache"),
        patched(engine.model, {"blocks.0.attention.pattern": lambda old: old}),
    ):
        engine.run(requests)
    assert hooks_of(model) == 0


@torch.no_grad()
def test_another_thread_is_left_alone(model: Transformer) -> None:
    wanted, found = model(ids()), []
    with patched(model, {"final": 0}, "embedding") as values:
        thread = threading.Thread(target=lambda: found.append(trace(model, ids(), "final")))
        thread.start()
        thread.join()
        assert not values
        assert model(ids()).abs().sum() == 0
        assert torch.equal(trace(model, ids(), "embedding").values["embedding"], values["embedding"])
    assert torch.equal(found[0].hidden, wanted)
    assert torch.equal(found[0]["final"], wanted)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's compiler makes one of its own doing
@torch.no_grad()
def test_compiled_blocks_are_traced_too() -> None:
    model = build()
    wanted = trace(model, ids(), "*")
    for block in model.layers:
        block.compile(backend="eager")
    model(ids())
    found = trace(model, ids(), "*")
    assert same(found.values, wanted.values)
    assert trace(model, ids(), patch={"final": 0, "blocks.1.attention.heads": 0}).hidden.abs().sum() == 0
    close(model(ids()), wanted.hidden)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("how", ["plain", "compiled", "fused"])
def test_a_model_in_training_is_traced_whatever_hastens_it(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build().train()
    wanted = trace(model, ids(), "*")
    compiler = torch.compile
    monkeypatch.setattr(torch, "compile", lambda what, **options: compiler(what, backend="eager", **options))
    model.hasten(how, recompute=True)
    if how != "fused":  # those kernels are for GPUs
        model(ids()).sum().backward()
    found = trace(model, ids(), "*", {"blocks.*.residual": lambda old: 1 * old})
    assert same(found.values, wanted.values)
    (slope,) = torch.autograd.grad(found.logits.sum(), found["blocks.0.residual"])
    assert slope.abs().sum() > 0
    with pytest.raises(UsageError), patched(model, {"final": "x"}):  # type: ignore[dict-item]
        model(ids())
    assert model.training


@torch.no_grad()
def test_a_reward_model_is_traced_up_to_its_score() -> None:
    model = build(kind=RewardModel)
    run = trace(model, ids(), "*")
    assert torch.equal(run.hidden, model(ids()))
    with pytest.raises(TypeError, match="no logits"):
        _ = run.logits


def test_a_forward_pass_that_goes_past_a_name_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build()
    past: Callable[..., Tensor] = lambda x, *rest: x  # noqa: E731
    monkeypatch.setattr(model.layers[1].self_attn, "forward", past)
    with pytest.raises(RuntimeError, match=r"no place for blocks\.1\.attention\.heads"):
        trace(model, ids(), "blocks.*.attention.heads")


@pytest.mark.parametrize(
    ("written", "edit", "said"),
    [
        ("final", torch.zeros(2, 11, 31), r"shape \(2, 11, 31\).*must be \(2, 11, 32\).*B T D"),
        ("final", torch.zeros(11, 32), r"shape \(11, 32\)"),
        ("final[:, 2]", torch.zeros(2, 1, 32), r"must be \(2, 32\)"),
        ("final", lambda old: old[:, :5], r"shape \(2, 5, 32\)"),
        ("final", lambda old: None, "NoneType"),
        ("final", "zero", "is str"),
        ("final[5]", 0, "outside"),
        ("blocks.1.mlp[:, :, :, 0]", 0, "outside.*feed-forward"),
    ],
)
def test_patches_that_do_not_fit(written: str, edit: Any, said: str) -> None:
    model = build()
    with pytest.raises(UsageError, match=said):
        trace(model, ids(), patch={written: edit})
    assert hooks_of(model) == 0


@pytest.mark.parametrize("name", SHAPES)
def test_transformers_sees_the_same_values(name: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = build(**SHAPES[name])
    save_model(tmp_path, model, {"<|endoftext|>": 60})
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        found = theirs(ids(), output_attentions=True, output_hidden_states=True)
        run = trace(model, ids(), "*")
    assert len(found.attentions) == BLOCKS
    for i, pattern in enumerate(found.attentions):
        close(run[f"blocks.{i}.attention.pattern"], pattern)
    states = [run["embedding"], *(run[f"blocks.{i}.residual"] for i in range(BLOCKS - 1)), run["final"]]
    for mine, their in zip(states, found.hidden_states, strict=True):
        close(mine, their, 2e-5)
