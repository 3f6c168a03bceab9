"""nanochat's RL sampler in a child process: its engine, a prompt at a time with all its answers, as its loop does."""

from __future__ import annotations

import time
from typing import Any

from trivium.bench.generation.nanochat_peer import engine_of
from trivium.bench.practice.lines import Line, serve


def main() -> None:
    """Run cases until the bench hangs up."""
    serve(work, ("nanochat", "rustbpe", "tiktoken"), ("nanochat.engine",))


def work(asked: dict[str, Any], line: Line) -> None:
    """One case: a model of its kind with our width, blocks, heads and vocabulary, and random weights."""
    import torch
    from nanochat import flash_attention  # type: ignore[import-not-found]
    from nanochat.common import COMPUTE_DTYPE, autodetect_device_type  # type: ignore[import-not-found]

    torch.set_num_threads(asked["threads"])
    device = torch.device(asked["device"] if asked["device"] == "cpu" else autodetect_device_type())
    shape = asked["shape"]
    engine = engine_of(
        device, shape["vocab_size"], shape["num_hidden_layers"], shape["hidden_size"], shape["num_attention_heads"],
        shape["num_key_value_heads"],
    )  # fmt: skip

    def sample(prompts: list[list[int]]) -> float:
        begun = time.perf_counter()
        for ids in prompts:
            engine.generate_batch(ids, num_samples=asked["group"], max_tokens=asked["new"], temperature=1.0, seed=0)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - begun

    sample(asked["prompts"][:1])
    line.tell(torch=torch.__version__, parameters=sum(p.numel() for p in engine.model.parameters()), settings={
        "sampler": "Engine.generate_batch", "compute": str(COMPUTE_DTYPE), "device": str(device),
        "flash_attention_3": bool(flash_attention.USE_FA3), "top_k": None,
    })  # fmt: skip
    while line.go():
        line.tell(seconds=sample(asked["prompts"]), rollouts=len(asked["prompts"]) * asked["group"])


if __name__ == "__main__":
    main()
