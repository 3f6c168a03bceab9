"""Our side of `trivium bench train`: one pre-training run, told as one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch

from trivium.ground.artifact import open_artifact
from trivium.ground.config import from_json
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.stages.pretrain import run as stage
from trivium.stages.pretrain.config import PretrainConfig

GEMM = 8192
REPEATS = 10


def main(given: str) -> None:
    """Train as told, then print how long each step took. `given` is JSON."""
    asked = json.loads(given)
    out = Path(asked["out"])
    inputs = {name: open_artifact(out / name, name) for name in ("tokenizer", "shards")}
    config = from_json(PretrainConfig, asked["config"])
    folder = out / asked["name"]
    how = How(device=asked["device"], blocks=asked["blocks"], progress=False, checkpoint_seconds=1e9)
    model = stage.run(config, inputs, folder, how)
    records = list(read_jsonl(model.file("metrics.jsonl")))
    gpu = asked["device"] != "cpu" and torch.cuda.is_available()
    answer = {
        "seconds": [record["seconds"] for record in records],
        "losses": [record["loss"] for record in records],
        "tokens": records[0]["tokens"],
        "facts": model.manifest["facts"],
        "device": torch.cuda.get_device_name() if gpu else "CPU",
        "memory": torch.cuda.max_memory_allocated() if gpu else 0,
        "torch": torch.__version__,
        "gemm": gemm() if gpu else 0.0,
    }
    print(json.dumps(answer))


def gemm() -> float:
    """Operations a second of a large bf16 product of random numbers."""
    a, b = (torch.randn(GEMM, GEMM, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        a @ b
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(REPEATS):
        a @ b
    torch.cuda.synchronize()
    return 2 * GEMM**3 * REPEATS / (time.perf_counter() - started)


if __name__ == "__main__":
    main(sys.argv[1])
