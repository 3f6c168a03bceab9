"""What fits into memory, and how blocks run: decided once, before the first step.

On a GPU the memory of a forward and backward pass is measured on a few rows and on more; what a row costs follows, and
with it how many fit. A CPU takes a number that its caches like.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.model.device import has_triton
from trivium.model.transformer import Transformer
from trivium.train.batch import Batch

MOST_TOKENS = 131_072
"""Most tokens in one forward pass: beyond, nothing gets faster."""
SHARE = 0.85
"""Of the free memory: the rest is for what fragments and for evaluation."""


def hasten(module: nn.Module, how: How) -> bool:
    """Fuse or compile and recompute as `how` asks; whether every pass must have one shape.

    Raises UsageError where that cannot be.
    """
    ways = ("auto", "fused", "compiled", "plain")
    if how.blocks not in ways:
        raise UsageError(f"--blocks {how.blocks} is no choice.", f"Use one of {', '.join(ways)}.")
    if not isinstance(module, Transformer):
        return False
    way, able = how.blocks, module.device.type == "cuda" and has_triton()
    if way == "fused" and not able:
        raise UsageError("--blocks fused needs an NVIDIA GPU and Triton.", "Use auto.")
    if way == "auto":
        way = "fused" if able and module.compute_dtype == torch.bfloat16 else "plain"
    if module.float8 is not None:
        _float8(module, way, how)
    module.hasten(way, how.recompute, hooked=how.shard and how.group is not None)
    return way == "compiled"


def _float8(module: Transformer, way: str, how: How) -> None:
    """Raise UsageError unless this model can train here with products in eight bits."""
    off = "Leave fp8 away (--base.fp8 false)"
    if module.device.type == "cuda":
        able = torch.cuda.get_device_capability(module.device)
        if able < (8, 9):
            raise UsageError(
                f"This GPU ({torch.cuda.get_device_name(module.device)}, compute capability {able[0]}.{able[1]}) "
                "multiplies no 8-bit floating point numbers.",
                f"{off}, or use one of compute capability 8.9 or above (Ada, Hopper).",
            )
    elif module.device.type != "cpu":
        raise UsageError(f"On {module.device.type} there is no fp8.", f"{off}, or use an NVIDIA GPU.")
    if way != ("fused" if module.device.type == "cuda" else "plain"):
        raise UsageError(f"With fp8, blocks are not {way}.", "Use --blocks auto, and Triton on a GPU.")
    if how.shard and how.group is not None:
        raise UsageError("With fp8 each rank holds the whole model.", f"Leave --shard away. Or: {off.lower()}.")
    if module.adapted or any(".bias" in name for name, _ in module.layers.named_parameters()):
        raise UsageError("fp8 knows matrices without biases and adapters.", f"{off}.")
    odd = {size for size in (module.config.hidden_size, module.config.intermediate_size) if size % 16}
    if odd:
        raise UsageError(f"fp8 wants widths that 16 divides, not {min(odd)}.", f"{off}, or change the shape.")


def microbatch_rows(
    module: nn.Module,
    objective: Callable[[Any, Batch], Tensor],
    batch: Batch,
    how: How,
    tokens: int,
    alike: bool = True,
) -> int:
    """How many rows of `batch` go through the model at once: `how.microbatch`, what fits, or `tokens` on a CPU.

    Where batches are not `alike`: how many rows of that length would, whatever this batch has (on a GPU).
    """
    count, length = batch.ids_BT.shape
    device = next(module.parameters()).device
    if how.microbatch or device.type != "cuda":
        return min(count, max(1, (how.microbatch or tokens) // length))
    base, each = memory(module, objective, batch, device)
    free, _ = torch.cuda.mem_get_info(device)
    room = (free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)) * SHARE
    fits = int((room - base) / max(each, 1))
    if how.group is not None:
        fits = how.group.least(fits)
    if fits < 1:
        raise UsageError(
            f"One row of {length} tokens needs {(base + each) / 2**30:.1f} GiB, and {room / 2**30:.1f} are free.",
            "Use --recompute, a shorter row (--base.row-tokens) or a smaller model.",
        )
    most = min(fits, max(1, MOST_TOKENS // length))
    if not alike:
        return most
    most = min(most, count)
    return max(rows for rows in range(1, most + 1) if count % rows == 0)


def memory(
    module: nn.Module, objective: Callable[[Any, Batch], Tensor], batch: Batch, device: torch.device
) -> tuple[int, int]:
    """Bytes that a pass needs beside its rows, and for each row: from the peaks of a few rows and of more.

    Few rows alone would mislead: there the loss, whose logits come in chunks, takes more than the blocks.
    """
    for counts in ((4, 12), (1, 3), (1, 2)):
        try:
            few, more = (_peak(module, objective, batch, rows, device) for rows in counts)
        except torch.OutOfMemoryError:
            module.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
            continue
        each = max((more - few) // (counts[1] - counts[0]), 1)
        return max(few - counts[0] * each, 0), each
    raise UsageError(
        f"Two rows of {batch.ids_BT.shape[1]} tokens do not fit into the memory of {device}.",
        "Use --recompute, a shorter row (--base.row-tokens) or a smaller model.",
    )


def _peak(
    module: nn.Module, objective: Callable[[Any, Batch], Tensor], batch: Batch, rows: int, device: torch.device
) -> int:
    """Bytes that a forward and backward pass over so many rows takes at its highest."""
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    taken = torch.arange(rows) % len(batch.ids_BT)
    documents = None if batch.documents_BT is None else batch.documents_BT[taken]
    more = {name: values_BT[taken] for name, values_BT in batch.more.items()}
    some = Batch(batch.ids_BT[taken], batch.targets_BT[taken], batch.weights_BT[taken], documents, more=more)
    objective(module, some.rows(0, rows, device)).backward()
    torch.cuda.synchronize(device)
    peak = torch.cuda.max_memory_allocated(device) - before
    module.zero_grad(set_to_none=True)
    gc.collect()
    torch.cuda.empty_cache()
    return peak
