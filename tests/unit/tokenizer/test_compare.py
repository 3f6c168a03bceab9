from __future__ import annotations

import numpy as np
import pytest
import torch

from trivium.evals.untrained import IMPOSSIBLE, suspects
from trivium.ground.errors import ArtifactError
from trivium.ground.how import How
from trivium.model.config import ModelConfig
from trivium.model.folder import save_model
from trivium.model.transformer import Transformer
from trivium.stages.tokenizer.compare import profile
from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train
from trivium.text.document import Document
from trivium.text.tokenizer import Tokenizer

QUIET = How(progress=False)
LETTERS = str.maketrans("0123456789", "abcdefghij")
TEXTS = [f"{i * 7919} plus {str(i * 7907).translate(LETTERS)} is {i * 7920}, naïve × 🤖\n" for i in range(60)]
DOCUMENTS = [Document(str(i), "", text, "sums" if i % 2 else "more", "CC0") for i, text in enumerate(TEXTS)]


def trained(pattern: str) -> Tokenizer:
    return train(TEXTS, TokenizerConfig(vocabulary=300, pattern=pattern))


@pytest.mark.parametrize("pattern", ["qwen2", "llama3", "nanochat"])
def test_a_profile_adds_up(pattern: str) -> None:
    tokenizer = trained(pattern)
    found = profile(tokenizer, DOCUMENTS, QUIET)
    assert set(found["sources"]) == {"sums", "more"}
    for key in ("documents", "bytes", "tokens"):
        assert found["all"][key] == sum(row[key] for row in found["sources"].values()) > 0
    ids = [index for text in TEXTS for index in tokenizer.encode(text)]
    assert found["all"]["tokens"] == len(ids)
    assert found["all"]["bytes_per_token"] == sum(len(text.encode()) for text in TEXTS) / len(ids)
    assert found["all"]["single_bytes"] == sum(index < 256 for index in ids) / len(ids)
    assert found["unused"]["count"] == len(set(range(tokenizer.end_of_text)) - set(ids)) > 13
    assert found["unused"]["single_bytes"] == len(set(range(256)) - set(ids))
    assert found["changed"] == 0
    assert "".join(found["number"]) == "1234567"
    assert max(map(len, found["number"])) <= found["digits_per_token"]


def test_no_document_gives_no_rate() -> None:
    assert profile(trained("qwen2"), [], QUIET)["all"]["bytes_per_token"] is None


def saved(tmp_path, tokenizer: Tokenizer, rows: int, seen: set[int]):  # type: ignore[no-untyped-def]
    """A model whose unembedding rows of unseen tokens all point almost the same way."""
    config = ModelConfig(
        vocab_size=rows, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=1,
        num_key_value_heads=1, head_dim=32,
    )  # fmt: skip
    model = Transformer(config)
    generator = torch.Generator().manual_seed(0)
    model.init_weights(generator)
    with torch.no_grad():
        weights = torch.randn((rows, 32), generator=generator)
        for index in set(range(rows)) - seen:
            weights[index] = 1 + 0.01 * torch.randn(32, generator=generator)
        model.lm_head.weight.copy_(weights)
    save_model(tmp_path, model, dict(tokenizer.special))
    tokenizer.save(tmp_path)
    return tmp_path


def test_tokens_as_close_together_as_bytes_that_cannot_be_are_suspected(tmp_path) -> None:  # type: ignore[no-untyped-def]
    tokenizer = trained("qwen2")
    never = {tokenizer.ranks[bytes([byte])] for byte in IMPOSSIBLE} | {260, 261, 299}
    found = set(suspects(saved(tmp_path, tokenizer, tokenizer.size, set(range(300)) - never), tokenizer).tolist())
    assert {tokenizer.ranks[bytes([byte])] for byte in IMPOSSIBLE} <= found <= never
    assert len(found & {260, 261, 299}) >= 1


def test_the_bytes_are_those_that_utf8_never_holds() -> None:
    held = {byte for code in (*range(0xD800), *range(0xE000, 0x110000, 61), 0x10FFFF) for byte in chr(code).encode()}
    assert set(IMPOSSIBLE) == set(range(256)) - held
    assert np.all(np.diff(IMPOSSIBLE) > 0)


def test_a_tokenizer_beside_a_smaller_model_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    tokenizer = trained("qwen2")
    saved(tmp_path / "whole", tokenizer, tokenizer.size + 8, set())
    assert Tokenizer.open(tmp_path / "whole").fingerprint == tokenizer.fingerprint
    with pytest.raises(ArtifactError, match="299 tokens"):
        saved(tmp_path / "small", tokenizer, tokenizer.size - 1, set())
