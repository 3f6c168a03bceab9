"""A model's weights as the engine reads them: in the compute dtype, matrices that read the same input side by side.

The engine's model is a copy whose parameters are views of these tensors, so hooks and state dicts find what they know.
What needs neither cast nor joining (fp32 embeddings, norms, output matrices) is the given model's own memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trivium.ground.config import check
from trivium.model.lora import whole_weights
from trivium.model.transformer import Transformer

Matrix = Callable[[Tensor], Tensor]
"""What multiplies rows `(N, in)` by a matrix: `(N, out)`."""
Joined = tuple[Tensor, Tensor | None]
"""Weight and bias of matrices that lie side by side."""


@dataclass(frozen=True)
class Dense:
    """A matrix `(out, in)` as it is."""

    weight: Tensor
    bias: Tensor | None = None

    def __call__(self, x_ND: Tensor) -> Tensor:
        """`x` times the matrix."""
        return F.linear(x_ND, self.weight, self.bias)


@dataclass(frozen=True)
class Layer:
    """The weights of one block."""

    qkv: Matrix
    """Queries of all heads, then keys, then values."""
    out: Matrix
    both: Matrix
    """The gate, then what it gates."""
    down: Matrix
    first: Tensor
    """Gain of the norm before attention."""
    second: Tensor
    """Gain of the norm before the feed-forward network."""
    heads: Tensor | None
    """Gains of queries and keys, `(H + G, K)`; None where they are not normed."""
    exact: tuple[Tensor, ...]
    """The gains in fp32, for kernels that norm in fp32: first, second, and those of a query and of a key."""


class Weights:
    """All of them, with the model that they belong to. The given model is not kept."""

    @torch.no_grad()
    def __init__(self, model: Transformer, int8: bool = False) -> None:
        """With `int8`, matrices are int8 and all else fp32; on a CPU only."""
        self.config, self.device = model.config, model.device
        check(not int8 or self.device.type == "cpu", "int8", int8, "Only a CPU has it.")
        self.dtype = torch.float32 if int8 else model.compute_dtype
        self._int8 = int8
        with torch.device("meta"):
            self.model = Transformer(model.config, self.dtype)
        joined = [self._join(*pair) for pair in zip(self.model.layers, model.layers, strict=True)]
        for name, given in whole_weights(model).items():
            parent, _, leaf = name.rpartition(".")
            module = self.model.get_submodule(parent)
            if getattr(module, leaf).is_meta:
                setattr(module, leaf, _frozen(given.detach().to(self.device, self.dtype)))
        if self.config.tie_word_embeddings:
            self.model.lm_head.weight = self.model.embed_tokens.weight
        self.model.eval()
        self._derived: list[tuple[Tensor, list[Tensor]]] = []
        self._take(model)
        self._exact = [self._layer(*pair) for pair in zip(self.model.layers, joined, strict=True)]
        self.embed: Tensor = self.model.embed_tokens.weight
        self.norm: Tensor = self.model.norm.weight
        self.final = self._derive([self.norm], torch.float32)
        self.layers = self._exact
        self.head: Matrix = Dense(self.model.lm_head.weight)
        self._narrow()

    @torch.no_grad()
    def refresh(self, model: Transformer) -> None:
        """Take over the weights of `model` as they are now. No tensor moves: CUDA graphs read the new values."""
        self._take(model)
        self._narrow()

    def _take(self, model: Transformer) -> None:
        given = whole_weights(model)
        for name, own in self.model.named_parameters():
            if own.data_ptr() != given[name].data_ptr():
                own.copy_(given[name])
        for made, sources in self._derived:
            made.copy_(torch.cat(sources))

    def _narrow(self) -> None:
        """Make the int8 matrices anew, where they are asked for."""
        if not self._int8:
            return
        from trivium.generate.steps.eight import Eight

        names = ("qkv", "out", "both", "down")
        made: list[dict[str, Any]] = [{name: Eight(getattr(layer, name)) for name in names} for layer in self._exact]
        self.layers = [replace(layer, **narrow) for layer, narrow in zip(self._exact, made, strict=True)]
        self.head = Eight(Dense(self.model.lm_head.weight))

    def _join(self, block: Any, given: Any) -> tuple[Joined, Joined]:
        """Make the parameters of matrices with the same input views of one tensor."""
        own, attention = block.self_attn, given.self_attn
        qkv = [(getattr(own, name), getattr(attention, name)) for name in ("q_proj", "k_proj", "v_proj")]
        both = [(getattr(block.mlp, name), getattr(given.mlp, name)) for name in ("gate_proj", "up_proj")]
        return self._side_by_side(qkv), self._side_by_side(both)

    def _side_by_side(self, pairs: Sequence[tuple[nn.Linear, nn.Linear]]) -> Joined:
        sizes = [given.weight.shape[0] for _, given in pairs]
        like = {"dtype": self.dtype, "device": self.device}
        weight = torch.empty(sum(sizes), pairs[0][1].weight.shape[1], **like)  # type: ignore[call-overload]
        biased = pairs[0][1].bias is not None
        bias = torch.empty(sum(sizes), **like) if biased else None  # type: ignore[call-overload]
        start = 0
        for (own, _), size in zip(pairs, sizes, strict=True):
            own.weight = _frozen(weight[start : start + size])
            if bias is not None:
                own.bias = _frozen(bias[start : start + size])
            start += size
        return weight, bias

    def _layer(self, block: Any, joined: tuple[Joined, Joined]) -> Layer:
        attention, mlp, config = block.self_attn, block.mlp, self.config
        first, second = block.input_layernorm.weight, block.post_attention_layernorm.weight
        heads, gains = None, [first, second]
        if config.qk_norm:
            query, key = attention.q_norm.weight, attention.k_norm.weight
            counts = (query, config.num_attention_heads), (key, config.num_key_value_heads)
            heads = self._derive([gain.expand(n, -1) for gain, n in counts], self.dtype)
            gains += [query, key]
        exact = tuple(self._derive([gain], torch.float32) for gain in gains)
        out, down = attention.o_proj, mlp.down_proj
        return Layer(
            Dense(*joined[0]), Dense(out.weight, out.bias), Dense(*joined[1]), Dense(down.weight, down.bias),
            first, second, heads, exact,
        )  # fmt: skip

    def _derive(self, sources: list[Tensor], dtype: torch.dtype) -> Tensor:
        """The sources on top of each other in a dtype; made anew at each refresh."""
        made = torch.cat(sources).to(dtype)
        if made.data_ptr() != sources[0].data_ptr():
            self._derived.append((made, sources))
        return made


def _frozen(weight: Tensor) -> nn.Parameter:
    return nn.Parameter(weight, requires_grad=False)
