"""A small tokenizer, trained once."""

from __future__ import annotations

import inspect

import pytest

import trivium.text.chat
import trivium.text.tokenizer
from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train
from trivium.text.tokenizer import CHECK_TEXTS, Tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    texts = [inspect.getsource(trivium.text.tokenizer), inspect.getsource(trivium.text.chat), *CHECK_TEXTS]
    return train(texts, TokenizerConfig(vocabulary=700))
