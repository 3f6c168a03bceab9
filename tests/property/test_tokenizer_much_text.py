"""20 MB of bundled and generated text: every library gives the same ids, and each byte comes back."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import tiktoken
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer as Peer
from transformers import AutoTokenizer

from trivium.bench.corpus import sample_texts
from trivium.stages.tokenizer.bulk import Bulk
from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train
from trivium.text.patterns import PATTERNS
from trivium.text.tokenizer import Tokenizer
from trivium.town.pages import pages
from trivium.town.world import TownConfig, build

pytestmark = pytest.mark.slow
SIZE = 20_000_000
ODD = [
    "🤖",
    "é",
    "e\u0301",
    "\u200d",
    "\x00",
    "\r\n",
    "\u3000",
    "'S",
    "ſ",
    "½",
    "１２",
    "नमस्ते",
    "\U000e0001",
    "  \n ",
    "~!@",
    "\t\t",
]


def varied() -> list[str]:
    """Real pages and the town's, again and again, each time with other characters strewn in."""
    base = [*sample_texts(10**6), *(page.html for page in pages(build(TownConfig())))]
    rng, texts, size = Random(0), [], 0
    while size < SIZE:
        for text in base:
            place = rng.randrange(len(text) + 1)
            swapped = text.upper() if rng.random() < 0.1 else text
            texts.append(swapped[:place] + "".join(rng.choices(ODD, k=rng.randrange(8))) + swapped[place:])
            size += len(texts[-1].encode())
            if size >= SIZE:
                break
    return texts


@pytest.fixture(scope="module")
def texts() -> list[str]:
    found_texts = varied()
    assert sum(len(text.encode()) for text in found_texts) >= SIZE
    return found_texts


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_all_give_the_same_ids(pattern: str, texts: list[str], tmp_path: Path) -> None:
    tokenizer = train(texts[:2000], TokenizerConfig(vocabulary=8192, pattern=pattern))
    tokenizer.save(tmp_path)
    again = Tokenizer.open(tmp_path)
    ranks = load_tiktoken_bpe(str(tmp_path / "vocabulary.tiktoken"))
    plain = tiktoken.Encoding("saved", pat_str=PATTERNS[pattern], mergeable_ranks=ranks, special_tokens={})
    peer, auto = Peer.from_file(str(tmp_path / "tokenizer.json")), AutoTokenizer.from_pretrained(str(tmp_path))
    bulk = Bulk(tokenizer, texts[:10])
    for first in range(0, len(texts), 256):
        some = texts[first : first + 256]
        ids = [plain.encode_ordinary(text) for text in some]
        assert again.encode_batch(some) == ids
        assert [found_ids.tolist() for found_ids in bulk.encode(some)] == ids
        assert [item.ids for item in peer.encode_batch_fast(some)] == ids
        assert auto(some)["input_ids"] == ids
        assert [tokenizer.decode(some_ids) for some_ids in ids] == some
