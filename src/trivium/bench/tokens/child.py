"""One side of `trivium bench tokenizer` in a process of its own: it reads the texts, does its work, times itself.

Standard input: JSON with `side`, `texts` (a file of JSON strings, a line each), `pattern`, and `vocabulary` (training)
or `folder` (encoding: a saved tokenizer). Standard output, last line: CPU seconds, MiB of resident memory before and at
the highest, and a hash of what came out.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from trivium.text.patterns import PATTERNS
from trivium.text.tokenizer import SPECIALS, Tokenizer


def main() -> None:
    """Answer one question."""
    asked = json.loads(sys.stdin.readline())
    with open(asked["texts"], encoding="utf-8") as file:
        texts = [json.loads(line) for line in file]
    work = {
        "train trivium": train_ours,
        "train tokenizers": train_tokenizers,
        "train rustbpe": train_rustbpe,
        "encode trivium with gigatoken": encode_fast,
        "encode tiktoken": encode_tiktoken,
        "encode tokenizers": encode_tokenizers,
    }[asked["side"]]
    print(json.dumps(work(texts, asked)))


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """What came out, and CPU seconds of all threads, resident MiB before and at the highest since the start."""
    before = resident()
    started = time.process_time()
    found = work()
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return found, {"seconds": seconds, "before": before, "peak": peak}


def resident() -> float:
    """MiB now; what a process has had at its highest where the system does not say."""
    from trivium.stages.tokenizer.bulk import resident as now

    return (now() or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024) / 2**20


def digest(ranks: dict[bytes, int]) -> str:
    """A hash of a vocabulary."""
    return hashlib.sha256(repr(sorted(ranks.items())).encode()).hexdigest()[:16]


def train_ours(texts: list[str], asked: dict[str, Any]) -> dict[str, Any]:
    """The trainer of the tokenizer stage; compiled before the clock runs."""
    from trivium.stages.tokenizer.config import TokenizerConfig
    from trivium.stages.tokenizer.run import train

    train(texts[:20], TokenizerConfig(vocabulary=264, pattern=asked["pattern"]))
    config = TokenizerConfig(vocabulary=asked["vocabulary"], pattern=asked["pattern"])
    tokenizer, took = timed(lambda: train(texts, config))
    if asked.get("folder"):
        tokenizer.save(Path(asked["folder"]))
    return {**took, "hash": digest(tokenizer.ranks)}


def train_rustbpe(texts: list[str], asked: dict[str, Any]) -> dict[str, Any]:
    """The trainer that nanochat uses."""
    import rustbpe

    trainer, ordinary = rustbpe.Tokenizer(), asked["vocabulary"] - len(SPECIALS)
    regex = PATTERNS[asked["pattern"]]
    _, took = timed(lambda: trainer.train_from_iterator(iter(texts), ordinary, pattern=regex))
    return {**took, "hash": digest({bytes(token): rank for token, rank in trainer.get_mergeable_ranks()})}


def train_tokenizers(texts: list[str], asked: dict[str, Any]) -> dict[str, Any]:
    """Hugging Face's BpeTrainer behind the same split regex. It numbers bytes otherwise, so no hash is compared."""
    from tokenizers import Regex
    from tokenizers import Tokenizer as Peer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
    from tokenizers.trainers import BpeTrainer

    peer, ordinary = Peer(BPE()), asked["vocabulary"] - len(SPECIALS)
    split = Split(Regex(PATTERNS[asked["pattern"]]), "isolated")
    peer.pre_tokenizer = Sequence([split, ByteLevel(add_prefix_space=False, use_regex=False)])
    trainer = BpeTrainer(vocab_size=ordinary, initial_alphabet=ByteLevel.alphabet(), show_progress=False)
    _, took = timed(lambda: peer.train_from_iterator(iter(texts), trainer))
    return {**took, "hash": ""}


def encode_fast(texts: list[str], asked: dict[str, Any]) -> dict[str, Any]:
    """Bulk encoding as the shards stage does it, batches and start-up checks included, with the extra."""
    from trivium.stages.tokenizer.bulk import Bulk

    tokenizer = one_core(asked)
    bulk = Bulk(tokenizer)
    if bulk.why:
        return {"absent": bulk.why}
    found, took = timed(lambda: [ids for i in range(0, len(texts), 256) for ids in bulk.encode(texts[i : i + 256])])
    return {**took, "hash": same(found)}


def encode_tiktoken(texts: list[str], asked: dict[str, Any]) -> dict[str, Any]:
    """The default encoder, tiktoken, without threads."""
    tokenizer = one_core(asked)
    tokenizer.encode("")
    found, took = timed(lambda: [tokenizer.encode(text) for text in texts])
    return {**took, "hash": same(found)}


def encode_tokenizers(texts: list[str], asked: dict[str, Any]) -> dict[str, Any]:
    """Hugging Face's tokenizers from the saved `tokenizer.json`."""
    from tokenizers import Tokenizer as Peer

    one_core(asked)
    peer = Peer.from_file(str(Path(asked["folder"]) / "tokenizer.json"))
    peer.encode("")
    found, took = timed(lambda: [item.ids for item in peer.encode_batch_fast(texts)])
    return {**took, "hash": same(found)}


def one_core(asked: dict[str, Any]) -> Tokenizer:
    """The saved tokenizer, in a process that from here on has one core."""
    os.environ["RAYON_NUM_THREADS"] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return Tokenizer.open(Path(asked["folder"]))


def same(found: Iterable[Any]) -> str:
    """A hash of the ids of all texts."""
    state = hashlib.sha256()
    for ids in found:
        state.update(np.array([len(ids), *ids], np.uint32).tobytes())
    return state.hexdigest()[:16]


if __name__ == "__main__":
    main()
