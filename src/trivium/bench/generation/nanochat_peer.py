"""nanochat's engine on a model of its own shape with random weights, in a child: a prompt at a time, as its RL does.

Run as a child it reads cases as JSON from its input and prints the seconds of each: [all tokens, first tokens].
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from trivium.bench.generation.cases import Case
from trivium.bench.generation.ours import Measured, measured
from trivium.bench.training.nanochat import Nanochat
from trivium.ground.errors import UsageError


def run(peer: Path, base: Path, depth: int, vocabulary: int, case: Case) -> Measured:
    """The figures of a case. Raises UsageError when the child fails."""
    nanochat = Nanochat(peer.resolve(), base.resolve())
    asked = {"depth": depth, "vocabulary": vocabulary, "cases": [case.to_json(), case.first().to_json()]}
    done = subprocess.run(
        [sys.executable, "-m", "trivium.bench.generation.nanochat_peer"], input=json.dumps(asked), cwd=nanochat.path,
        env=nanochat.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise UsageError(f"nanochat's engine ended with code {done.returncode}.", done.stderr[-2000:])
    seconds, first = json.loads(done.stdout.splitlines()[-1])
    return measured(case, seconds, first)


class Words:
    """A tokenizer whose special tokens are never sampled: the engine asks for their ids and no more."""

    def encode_special(self, text: str) -> int:
        """No id."""
        return -1 - len(text)

    def get_bos_token_id(self) -> int:
        """No id."""
        return -1


def engine_of(device: Any, vocabulary: int, layers: int, width: int, heads: int, groups: int) -> Any:
    """Nanochat's engine on a model of its own kind of this shape, with random weights; in a process that finds it."""
    import torch
    from nanochat.engine import Engine  # type: ignore[import-not-found]
    from nanochat.gpt import GPT, GPTConfig  # type: ignore[import-not-found]

    config = GPTConfig(
        sequence_len=2048, vocab_size=vocabulary, n_layer=layers, n_head=heads, n_kv_head=groups, n_embd=width,
        window_pattern="L",
    )  # fmt: skip
    with torch.device("meta"):
        model = GPT(config)
    model.to_empty(device=device)
    model.init_weights()
    return Engine(model.eval(), Words())


def main() -> None:
    """Time the cases and print."""
    import torch
    from nanochat.common import autodetect_device_type  # type: ignore[import-not-found]

    asked = json.load(sys.stdin)
    device, width, head = torch.device(autodetect_device_type()), asked["depth"] * 64, 128
    width = -(-width // head) * head
    engine = engine_of(device, asked["vocabulary"], asked["depth"], width, width // head, width // head)
    _case(engine, asked["cases"][1])
    print(json.dumps([_case(engine, case) for case in asked["cases"]]))


def _case(engine: Any, case: dict[str, Any]) -> float:
    import torch

    started = time.perf_counter()
    for ids, lengths in zip(case["prompts"], case["lengths"], strict=True):
        engine.generate_batch(
            ids, num_samples=len(lengths), max_tokens=max(lengths), temperature=case["temperature"], seed=0
        )
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
