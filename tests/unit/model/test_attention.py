"""Attention written out on a CPU gives what torch's kernel gives, as exactly, and only where it is the faster."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from trivium.model import attention
from trivium.model.attention import attend, document_mask

Draw = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def draw(rows: int, heads: int, groups: int, length: int, head: int = 16) -> Draw:
    """Queries, keys, values, and a gradient for what comes out; fp32."""
    generator = torch.Generator().manual_seed(length)
    shapes = [(rows, many, length, head) for many in (heads, groups, groups, heads)]
    q, k, v, slope = (torch.randn(shape, generator=generator) for shape in shapes)
    return q, k, v, slope


def learned(drawn: Draw, mask: torch.Tensor | None, dtype: torch.dtype) -> list[torch.Tensor]:
    """What attention gives in a dtype, and the gradients of queries, keys and values; fp32."""
    inputs = [x.to(dtype, copy=True).requires_grad_() for x in drawn[:3]]
    out = attend(*inputs, mask)
    out.backward(drawn[3].to(dtype))
    return [out.detach().float(), *(x.grad.float() for x in inputs if x.grad is not None)]


def documents(rows: int, length: int) -> torch.Tensor:
    """Documents of several lengths, other ones in each row."""
    return torch.arange(length)[None] // (2 + torch.arange(rows)[:, None])


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("rows", "heads", "groups", "length"), [(1, 1, 1, 1), (3, 4, 4, 33), (5, 9, 3, 16), (2, 6, 2, 64)]
)
@pytest.mark.parametrize("part", [1, 300, 5000, 2**20])
def test_as_exact_as_torchs_kernel(
    rows: int, heads: int, groups: int, length: int, packed: bool, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "PART", part)
    drawn = draw(rows, heads, groups, length)
    mask = document_mask(documents(rows, length)) if packed else None
    exact = learned(drawn, mask, torch.float32)
    ours = learned(drawn, mask, torch.bfloat16)
    monkeypatch.setattr(attention, "SHORT", 0)
    torchs = learned(drawn, mask, torch.bfloat16)
    for name, found, other, wanted in zip(("out", "q", "k", "v"), ours, torchs, exact, strict=True):
        size = wanted.norm()
        assert (found - wanted).norm() <= 2 * (other - wanted).norm() + 1e-3 * size, name
        assert found.isfinite().all(), name


@pytest.mark.parametrize(("rows", "heads"), [(1, 1), (3, 4), (16, 9), (2, 7)])
@pytest.mark.parametrize("length", [1, 100, 512])
@pytest.mark.parametrize("part", [1, 2**16, 2**20])
def test_every_head_is_in_one_part(
    rows: int, heads: int, length: int, part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "PART", part)
    parts = list(attention._parts(rows, heads, length))
    assert [i for one in parts for i in range(one.start, one.stop)] == list(range(rows * heads))
    for one in parts:
        assert (one.stop - one.start) * length**2 <= max(part, length**2)
        whole = one.start % heads == one.stop % heads == 0
        assert whole or one.start // heads == (one.stop - 1) // heads, "of one row, or whole rows"


def test_torchs_kernel_has_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[str] = []
    kernel = F.scaled_dot_product_attention
    monkeypatch.setattr(
        F, "scaled_dot_product_attention", lambda *a, **more: used.append("torch") or kernel(*a, **more)
    )
    q, k, v = (x.bfloat16().requires_grad_() for x in draw(2, 2, 2, 24)[:3])
    attend(q, k, v, None)
    assert not used
    with torch.no_grad():  # evaluation and sampling
        attend(q, k, v, None)
    attend(q[:, :, -1:], k, v, torch.ones(2, 1, 1, 24, dtype=torch.bool))  # what continues a cache
    attend(*(x.float() for x in (q, k, v)), None)
    attend(*(x.detach().to("meta").requires_grad_() for x in (q, k, v)), None)  # another device
    monkeypatch.setattr(attention, "SHORT", 23)
    attend(q, k, v, None)
    assert used == ["torch"] * 5
