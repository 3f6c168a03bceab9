"""The transformer itself: what a token may see, the cache, the hand-written gradient of the norm, first weights."""

from __future__ import annotations

import pytest
import torch

from trivium.model.attention import document_mask
from trivium.model.cache import Cache
from trivium.model.config import ModelConfig
from trivium.model.layers import unit_rms
from trivium.model.transformer import Transformer


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def small(dtype: torch.dtype = torch.float32) -> Transformer:
    model = Transformer(
        ModelConfig(
            vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, head_dim=8,
        ),
        dtype,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.2 * noise if parameter.ndim == 1 else noise * 0.2)
    return model


def ids(rows: int, length: int, seed: int = 1) -> torch.Tensor:
    return torch.randint(0, 61, (rows, length), generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_a_token_sees_nothing_that_comes_later() -> None:
    model, one = small(), ids(1, 12)
    other = one.clone()
    other[0, 7:] = ids(1, 5, seed=2)
    a, b = model(one), model(other)
    torch.testing.assert_close(a[:, :7], b[:, :7], atol=1e-6, rtol=0)
    assert not torch.allclose(a[:, 7:], b[:, 7:], atol=1e-3)


def test_the_document_mask_is_causal_and_stays_inside() -> None:
    mask = document_mask(torch.tensor([[5, 5, 5, 2, 2, -1]]))
    assert mask is not None
    assert mask[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 0, 1, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]
    assert document_mask(None) is None


@torch.no_grad()
def test_packed_documents_are_as_if_alone() -> None:
    model = small()
    first, second = ids(1, 9, seed=3), ids(1, 6, seed=4)
    documents = torch.tensor([[0] * 9 + [1] * 6])
    together = model(torch.cat([first, second], 1), documents_BT=documents)
    alone = torch.cat([model(first), model(second)], 1)
    torch.testing.assert_close(together, alone, atol=2e-5, rtol=0)


def test_no_gradient_flows_between_documents() -> None:
    model = small()
    embedded = model.embed_tokens.weight
    row = torch.tensor([[1, 2, 3, 11, 12, 13]])
    documents = torch.tensor([[0, 0, 0, 1, 1, 1]])
    model(row, documents_BT=documents)[0, 3:].square().sum().backward()
    assert embedded.grad is not None
    assert embedded.grad[[1, 2, 3]].abs().sum() == 0
    assert (embedded.grad[[11, 12, 13]].abs().sum(1) > 0).all()


@torch.no_grad()
@pytest.mark.parametrize("pieces", [(1,) * 11, (5, 1, 5), (10, 1)])
def test_the_cache_in_any_pieces_equals_the_whole_row(pieces: tuple[int, ...]) -> None:
    model, row = small(), ids(3, 11)
    whole = model(row)
    cache = Cache(model.config, 3, 16, torch.float32, torch.device("cpu"))
    start, found = 0, []
    for size in pieces:
        positions = torch.arange(start, start + size).expand(3, size)
        found.append(model(row[:, start : start + size], positions, cache=cache))
        start += size
    torch.testing.assert_close(torch.cat(found, 1), whole, atol=1e-5, rtol=0)


def test_a_cache_wants_its_mask_first() -> None:
    model = small()
    cache = Cache(model.config, 1, 4, torch.float32, torch.device("cpu"))
    with pytest.raises(RuntimeError, match=r"before Cache\.mask"):
        cache.extend(0, torch.zeros(1, 2, 1, 8), torch.zeros(1, 2, 1, 8))


def test_the_norms_gradient_is_the_true_one() -> None:
    x = torch.randn(4, 5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float32).requires_grad_()
    weight = torch.randn(4, 5, 8, generator=torch.Generator().manual_seed(1))
    (unit_rms(x, 1e-6) * weight).sum().backward()
    plain = x.detach().clone().requires_grad_()
    wanted = plain * torch.rsqrt(plain.square().mean(-1, keepdim=True) + 1e-6)
    (wanted * weight).sum().backward()
    torch.testing.assert_close(unit_rms(x, 1e-6), wanted, atol=1e-6, rtol=0)
    torch.testing.assert_close(x.grad, plain.grad, atol=1e-5, rtol=0)


def test_first_weights_come_from_the_generator_alone_and_blocks_start_as_nothing() -> None:
    models = [small() for _ in range(3)]
    for model, seed in zip(models, (0, 0, 1), strict=True):
        model.init_weights(torch.Generator().manual_seed(seed))
    same, other = (all(torch.equal(a, b) for a, b in zip(models[0].parameters(), model.parameters(), strict=True))
                   for model in models[1:])  # fmt: skip
    assert same
    assert not other
    row = ids(2, 7)
    embedded = models[0].embed_tokens(row)
    torch.testing.assert_close(models[0](row), models[0].norm(embedded), atol=1e-6, rtol=0)


@torch.no_grad()
def test_bf16_is_near_fp32() -> None:
    exact, rough = small(), small(torch.bfloat16)
    row = ids(2, 20)
    hidden = rough(row)
    assert hidden.dtype == torch.bfloat16
    assert rough.logits(hidden).dtype == torch.float32
    wanted = exact.logits(exact(row))
    error = (rough.logits(hidden) - wanted).abs().mean() / wanted.abs().mean()
    assert error < 0.03
