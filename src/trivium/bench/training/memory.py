"""`trivium bench memory`: what training takes of a GPU's memory, by depth, with and without recomputing."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import torch

from trivium.bench.page import table, write_section
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.model.device import pick_dtype, settle
from trivium.model.optim import Optimizer
from trivium.model.transformer import Transformer
from trivium.stages.pretrain.depth import ROW, multiplying, rates, shape_of
from trivium.train.batch import Batch
from trivium.train.fit import hasten, memory
from trivium.train.loop import language_loss

DOCS = Path("docs/benchmarks.md")
GIB = 2**30
CARDS = (8, 16, 24, 80)
"""GiB of the cards that the table speaks of."""
SPARE = 0.85


def main(depths: Sequence[int] = (4, 8, 12, 16, 20, 24), vocabulary: int = 32768, docs: Path = DOCS) -> int:
    """Measure each depth, print, and write the section `memory`. Raises UsageError without a GPU."""
    if not torch.cuda.is_available():
        raise UsageError("No NVIDIA GPU is here.", "Memory is measured on one.")
    rows = [line(depth, vocabulary, recompute) for depth in depths for recompute in (False, True)]
    head = ["depth", "parameters", "recompute", "fixed, GiB", "a row, GiB", *[f"rows in {card} GiB" for card in CARDS]]
    text = "\n".join(
        [
            f"`trivium bench memory`, {date.today().isoformat()}, {torch.cuda.get_device_name()}, torch",
            f"{torch.__version__}, Python {platform.python_version()}; rows of {ROW} tokens,",
            f"vocabulary {vocabulary:,};",
            f"fixed: weights, gradients and optimizer; of a card {SPARE:.0%} are used.",
            "",
            *table(head, rows),
        ]
    )
    write_section(docs, "memory", text)
    print(text)
    return 0


def line(depth: int, vocabulary: int, recompute: bool) -> list[str]:
    """The table's line of one depth."""
    how = How(device="cuda", recompute=recompute, progress=False)
    device, shape = settle(how), shape_of(depth)
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    model = Transformer.drawn(shape.model(vocabulary), pick_dtype(device), device, 0)
    optimizer = Optimizer(model, rates(shape, 2**19))
    hasten(model, how)
    model.train()
    ids_BT = torch.randint(0, vocabulary, (2, ROW))
    batch = Batch(ids_BT, ids_BT, torch.full((2, ROW), 1.0 / ROW), None)
    base, each = memory(model, language_loss, batch, device)
    parameters = sum(p.numel() for p in model.parameters())
    fixed = torch.cuda.memory_allocated() - before + max(base, 4 * parameters)
    del optimizer
    counts = [max(0, int((card * GIB * SPARE - fixed) // each)) for card in CARDS]
    many = f"{parameters / 1e6:.0f} M, {multiplying(shape, vocabulary) / 1e6:.0f} M multiply"
    told = [str(count) if count else "-" for count in counts]
    return [str(depth), many, "yes" if recompute else "no", f"{fixed / GIB:.1f}", f"{each / GIB:.2f}", *told]
