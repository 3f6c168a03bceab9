"""Matrix products of training in eight bits: what is kept of scales, and in plain torch what the kernels compute.

A product of a block takes its input and its matrix as e4m3, its gradient as e5m2 (2209.05433), each with one scale for
the whole tensor, and adds up in fp32; weights, norms, attention, embeddings and the loss stay as they are. An input's
scale comes from the largest number of the step before (delayed scaling), so that a kernel casts in one reading while it
notes the new largest one; nothing waits for the host. A matrix is measured and cast once a step. In the first steps,
when numbers still grow fast or are all zero, each scale comes from the tensor itself. Scales are powers of two.

All that a run must keep is `Scales.largest`; the largest of the first steps is not read. On a CPU the same is emulated.
Shapes: N tokens, K inputs, M outputs of a product, D width, L blocks, S slots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from trivium.model.transformer import Block, Transformer

E4M3, E5M2 = torch.float8_e4m3fn, torch.float8_e5m2
LEARNING = 16
"""First steps whose scales come from the tensor itself: rates warm up, and matrices that began as zeros grow."""
ROOM = 2.0
"""How much larger than at the step before a number may be and still be met; beyond, it is cut off."""
QKV, HEADS, BOTH, DOWN = range(4)
"""The four products of a block; the slots of their inputs, then of their gradients, then of their matrices."""
SLOTS = 12
LEAST = 2.0**-80
"""Smaller largest numbers count as this one: a scale must be finite."""


class Cast(NamedTuple):
    """A tensor in eight bits, as it is and turned: a product reads both its sides along what it sums over."""

    rows: Tensor
    """`(N, K)`."""
    columns: Tensor
    """`(K, N)`."""


class Scales:
    """The scales of a model's products, on its device. `begin` and `end` enclose a step of training.

    Outside of a step each pass takes its scales from the tensors themselves.
    """

    def __init__(self, model: Transformer) -> None:
        count, device = len(model.layers) * SLOTS, model.device
        self.largest = torch.zeros(count, device=device)
        """The largest numbers of the last step, agreed by all ranks: what a checkpoint holds."""
        self.noted_S4, self.scale_S4, self.inverse_S4 = (torch.zeros(count, 4, device=device) for _ in range(3))
        """One number a slot, 16 bytes apart: kernels and products want addresses like that."""
        limits = [torch.finfo(E4M3).max / ROOM] * 4 + [torch.finfo(E5M2).max / ROOM] * 4 + [torch.finfo(E4M3).max] * 4
        self.limits = torch.tensor(limits, device=device).repeat(len(model.layers))
        self.learning, self.fused = True, False
        self._within = False
        self.layers = [Layer(self, i * SLOTS) for i in range(len(model.layers))]
        self._weights = [
            weight for block in model.layers for group in matrices(cast("Block", block)) for weight in group
        ]

    def begin(self, step: int) -> None:
        """Before the first pass of a step, of which `step` went before."""
        self._within, self.learning = True, step < LEARNING
        self._renew()

    def end(self, agree: Callable[[Tensor], object]) -> None:
        """After the last backward pass of a step; `agree` takes the largest of all ranks' numbers, in place."""
        self._within = False
        agree(self.noted_S4)
        self.largest.copy_(self.noted_S4[:, 0])
        for layer in self.layers:
            layer.casts.clear()

    def enter(self) -> None:
        """Before a pass: outside of a step, measure the matrices anew and learn scales."""
        if not self._within:
            self.learning = True
            self._renew()

    def _renew(self) -> None:
        self._measure()
        self.noted_S4.zero_()
        for layer in self.layers:
            layer.casts.clear()

    @torch.no_grad()
    def _measure(self) -> None:
        """All scales from `largest`, the matrices' own from the matrices."""
        found_L7 = torch.stack(torch._foreach_norm(self._weights, float("inf"))).view(len(self.layers), 7)
        together = [found_L7[:, :3].amax(1), found_L7[:, 3], found_L7[:, 4:6].amax(1), found_L7[:, 6]]
        self.largest.view(-1, SLOTS)[:, 2 * 4 :] = torch.stack(together, 1)
        self.settle(slice(None), self.largest)

    def settle(self, slots: slice, largest_S: Tensor) -> None:
        """Set the scales of slots for such largest numbers: powers of two, so that casting adds no rounding."""
        scale_S = self.limits[slots] / largest_S.clamp(min=LEAST)
        scale_S = (scale_S.view(torch.int32) & 0x7F800000).view(torch.float32)  # the exponent alone
        self.scale_S4[slots, 0] = scale_S
        self.inverse_S4[slots, 0] = 1 / scale_S


class Layer:
    """One block's slots. A product's number is that of its input's slot."""

    def __init__(self, scales: Scales, first: int) -> None:
        self.scales, self.first = scales, first
        each = [slice(first + i, first + i + 1) for i in range(SLOTS)]
        self.scale = [scales.scale_S4[at, 0] for at in each]
        self.inverse = [scales.inverse_S4[at, 0] for at in each]
        self.noted = [scales.noted_S4[at, 0] for at in each]
        self.casts: dict[int, Cast] = {}
        """The matrices of this step."""

    def twice(self, slot: int, launch: Callable[[], None]) -> None:
        """Do what casts into a slot; while scales are being learned, do it first to see what the largest number is."""
        if self.scales.learning:
            launch()
            at = slice(self.first + slot, self.first + slot + 1)
            self.scales.settle(at, self.scales.noted_S4[at, 0])
        launch()

    def cast(self, x_NK: Tensor, slot: int) -> Cast:
        """A tensor in eight bits by the scale of a slot."""
        made = room(x_NK.shape, kind(slot), x_NK.device)
        self.twice(slot, lambda: self.put(x_NK, slot, made))
        return made

    def put(self, x_NK: Tensor, slot: int, to: Cast) -> None:
        """Cast into tensors that are there."""
        if self.scales.fused:
            from trivium.model.fused.cast import cast

            cast(x_NK, to, self.scale[slot], self.noted[slot])
        else:
            plain_cast(x_NK, to, self.scale[slot], self.noted[slot])

    def matrix(self, number: int, weights: Sequence[Tensor]) -> Cast:
        """The matrices of a product, one below the other, in eight bits: cast once a step."""
        if number not in self.casts:
            ends = [0]
            for weight in weights:
                ends.append(ends[-1] + len(weight))
            made = room((ends[-1], weights[0].shape[1]), E4M3, weights[0].device)
            for weight, start, end in zip(weights, ends, ends[1:], strict=False):
                self.put(weight.detach(), 8 + number, Cast(made.rows[start:end], made.columns[:, start:end]))
            self.casts[number] = made
        return self.casts[number]

    def forward(self, number: int, x: Cast, weights: Sequence[Tensor], dtype: torch.dtype) -> Tensor:
        """What a product gives, `(N, M)`."""
        scales = self.inverse[number], self.inverse[8 + number]
        return times(x.rows, self.matrix(number, weights).rows, scales, dtype, fast=True)

    def backward(
        self, number: int, slope: Cast, columns_KN: Tensor, weights: Sequence[Tensor], dtype: torch.dtype
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The gradient of a product's input, `(N, K)`, and of its matrices, fp32."""
        scale, of_x, of_w = (self.inverse[number + i] for i in (4, 0, 8))
        slope_NK = times(slope.rows, self.matrix(number, weights).columns, (scale, of_w), dtype, fast=False)
        slope_MK = times(slope.columns, columns_KN, (scale, of_x), torch.float32, fast=False)
        return slope_NK, slope_MK.split([len(weight) for weight in weights])


def kind(slot: int) -> torch.dtype:
    """The eight bits of a slot: gradients have more range, the others more digits."""
    return E5M2 if 4 <= slot < 8 else E4M3


def room(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Cast:
    """A matrix of a shape to be cast into."""
    rows, columns = shape
    return Cast(*(torch.empty(shape, dtype=dtype, device=device) for shape in ((rows, columns), (columns, rows))))


def times(a_NK: Tensor, b_MK: Tensor, scales: tuple[Tensor, Tensor], dtype: torch.dtype, fast: bool) -> Tensor:
    """`a` times `b` turned, `(N, M)`; on a CPU by fp32. `fast`: sums are kept with fewer digits in the tensor cores."""
    if a_NK.is_cuda:
        return torch._scaled_mm(
            a_NK, b_MK.t(), scale_a=scales[0], scale_b=scales[1], out_dtype=dtype, use_fast_accum=fast
        )
    return ((a_NK.float() @ b_MK.float().t()) * (scales[0] * scales[1])).to(dtype)


@torch.no_grad()
def plain_cast(x_NK: Tensor, to: Cast, scale: Tensor, noted: Tensor) -> None:
    """Cast `x` times the scale into `to`, cut off at what eight bits hold; note its largest number."""
    limit = torch.finfo(to.rows.dtype).max
    noted.copy_(torch.maximum(noted, x_NK.abs().max().float()))
    to.rows.copy_((x_NK.float() * scale).clamp(-limit, limit))
    to.columns.copy_(to.rows.t())


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_NK: Tensor, layer: Layer, number: int, *weights: Tensor) -> Tensor:
        x = layer.cast(x_NK, number)
        ctx.save_for_backward(x.columns, *weights)
        ctx.layer, ctx.number = layer, number
        return layer.forward(number, x, weights, x_NK.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Any, ...]:
        columns_KN, *weights = ctx.saved_tensors
        slope = ctx.layer.cast(grads[0].contiguous(), 4 + ctx.number)
        slope_NK, slopes = ctx.layer.backward(ctx.number, slope, columns_KN, weights, grads[0].dtype)
        return slope_NK, None, None, *slopes


def product(x: Tensor, layer: Layer, number: int, weights: Sequence[Tensor]) -> Tensor:
    """`x` times each of a product's matrices side by side, `(..., M)` from `(..., K)`, in eight bits."""
    out_NM: Tensor = _Product.apply(x.reshape(-1, x.shape[-1]), layer, number, *weights)
    return out_NM.view(*x.shape[:-1], -1)


def matrices(block: Block) -> tuple[tuple[Tensor, ...], ...]:
    """The matrices of a block's four products."""
    attention, mlp = block.self_attn, block.mlp
    return (
        (attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight),
        (attention.o_proj.weight,),
        (mlp.gate_proj.weight, mlp.up_proj.weight),
        (mlp.down_proj.weight,),
    )


def plain_step(block: Block, layer: Layer, x_BTD: Tensor, rope: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
    """A block with its products in eight bits, `(B, T, D)`: the plain statement of what `fused.float8` does."""
    qkv, heads, both, down = matrices(block)
    projected = product(block.input_layernorm(x_BTD), layer, QKV, qkv)
    out_BTX = block.self_attn.gathered(projected, rope, mask, None)
    x_BTD = x_BTD + product(out_BTX, layer, HEADS, heads)
    opened, value = product(block.post_attention_layernorm(x_BTD), layer, BOTH, both).chunk(2, -1)
    return x_BTD + product(F.silu(opened) * value, layer, DOWN, down)
