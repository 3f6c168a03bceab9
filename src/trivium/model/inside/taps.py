"""Hooks at the modules where named values pass: there while a trace runs, and gone after it."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from trivium.ground.errors import UsageError
from trivium.model.inside.edits import Edit, part, replaced
from trivium.model.inside.names import Name, expand
from trivium.model.inside.steps import STEPS, step_by_step
from trivium.model.transformer import Transformer

BESIDE = tuple(f"attention.{step}" for step in STEPS)


class Taps:
    """The hooks of one trace. They heed only the thread that made them: others may use the model meanwhile."""

    def __init__(self, model: Transformer, capture: Iterable[Name], patch: Mapping[str, Edit]) -> None:
        self.model = model
        self.values: dict[str, Tensor] = {}
        """Of the latest forward pass."""
        self._captures: dict[str, list[Name]] = {}
        self._patches: dict[str, list[tuple[Name, Edit]]] = {}
        for name in capture:
            self._captures.setdefault(name.site, []).append(name)
        for written, edit in patch.items():
            for name in expand(written, len(model.layers)):
                self._patches.setdefault(name.site, []).append((name, edit))
        self._waiting = {*self._captures, *self._patches}
        self._thread = threading.get_ident()
        self._hooks: list[Any] = []
        self._call: Mapping[str, Any] = {}
        self._inputs: dict[int, Tensor] = {}

    def place(self) -> None:
        """Put hooks where something is wanted."""
        self._hook(self.model.register_forward_pre_hook, self._begin, with_kwargs=True)
        if self._wants("embedding"):
            self._before(self.model.layers[0], lambda args: (self._pass_by("embedding", args[0]), *args[1:]))
        for i, block in enumerate(self.model.layers):
            self._place_in(i, block)
        self._after(self.model.norm, "final")

    def lift(self) -> None:
        """Take the hooks away."""
        while self._hooks:
            self._hooks.pop().remove()

    def check(self) -> None:
        """Raise RuntimeError when the model computed without passing by a named value: a name must not be a lie."""
        if self._call and self._waiting:
            raise RuntimeError(f"The forward pass has no place for {', '.join(sorted(self._waiting))}.")

    def _place_in(self, i: int, block: Any) -> None:
        site, attention = f"blocks.{i}", block.self_attn
        if self._wants(*(f"{site}.{name}" for name in BESIDE)):
            self._before(attention, lambda args: self._inputs.update({i: args[0]}))
        if self._wants(*(f"{site}.{name}" for name in (*BESIDE, "attention.heads"))):
            self._before(attention.o_proj, lambda args: (self._heads(i, attention, args[0]),))
        if self._wants(f"{site}.attention.outputs"):
            self._hook(attention.o_proj.register_forward_hook, lambda module, args, _: self._outputs(i, module, args))
        self._after(attention, f"{site}.attention")
        if self._wants(f"{site}.mlp.neurons"):
            self._before(block.mlp.down_proj, lambda args: (self._pass_by(f"{site}.mlp.neurons", args[0]),))
        self._after(block.mlp, f"{site}.mlp")
        self._after(block, f"{site}.residual")

    def _wants(self, *sites: str) -> bool:
        return any(site in self._captures or site in self._patches for site in sites)

    def _before(self, module: nn.Module, change: Callable[[tuple[Any, ...]], Any]) -> None:
        self._hook(module.register_forward_pre_hook, lambda _module, args: change(args))

    def _after(self, module: nn.Module, site: str) -> None:
        if self._wants(site):
            self._hook(module.register_forward_hook, lambda _module, _args, value: self._pass_by(site, value))

    def _hook(self, register: Callable[..., Any], hook: Callable[..., Any], **options: Any) -> None:
        def mine(*given: Any) -> Any:
            return hook(*given) if threading.get_ident() == self._thread else None

        self._hooks.append(register(mine, **options))

    def _begin(self, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """A forward pass begins: note what it was given."""
        bound = inspect.signature(model.forward).bind(*args, **kwargs)
        bound.apply_defaults()
        self._call = bound.arguments
        self.values.clear()

    def _pass_by(self, site: str, value: Tensor) -> Tensor:
        """The value that goes on: patched, then captured."""
        self._waiting.discard(site)
        for name, edit in self._patches.get(site, ()):
            value = replaced(value, name, edit)
        for name in self._captures.get(site, ()):
            self.values[str(name)] = part(value, name).clone() if name.index else value
        return value

    def _heads(self, i: int, attention: Any, flat: Tensor) -> Tensor:
        """What the output matrix reads: the kernel's heads, or those of a patched step of attention."""
        site, config = f"blocks.{i}.attention", self.model.config
        heads_BTHK = flat.unflatten(-1, (-1, config.head_dim))
        steps = [f"{site}.{step}" for step in STEPS]
        if self._wants(*steps):
            if self._call["cache"] is not None:
                raise UsageError(f"{site} cannot be looked into with a cache.", "Trace the whole row anew.")
            given = (self._inputs.pop(i), self._call["positions_BT"], self._call["documents_BT"])
            anew_BTHK = step_by_step(config, attention, *given, lambda step, x: self._pass_by(f"{site}.{step}", x))
            if any(step in self._patches for step in steps):
                heads_BTHK = anew_BTHK.to(heads_BTHK.dtype)
        return self._pass_by(f"{site}.heads", heads_BTHK).flatten(-2)

    def _outputs(self, i: int, o_proj: Any, args: tuple[Any, ...]) -> Tensor | None:
        """Each head alone through the output matrix. Their sum takes attention's place only when one is patched."""
        site, width, flat = f"blocks.{i}.attention.outputs", self.model.config.head_dim, args[0]
        weight_DHK = o_proj.weight.float().unflatten(-1, (-1, width))
        outputs_BTHD = torch.einsum("bthk,dhk->bthd", flat.float().unflatten(-1, (-1, width)), weight_DHK)
        total_BTD = self._pass_by(site, outputs_BTHD).sum(2)
        if site not in self._patches:
            return None
        return (total_BTD if o_proj.bias is None else total_BTD + o_proj.bias.float()).to(flat.dtype)
