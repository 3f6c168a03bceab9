"""Best of n with any reward model and any policy that share a conversation format: score against distance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trivium.evals.preferences.best_of_n import curve, doublings
from trivium.evals.preferences.judging import Judge
from trivium.generate.engine import Engine
from trivium.generate.talk import answer
from trivium.ground.atomic import write_json
from trivium.ground.config import check
from trivium.ground.how import How
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model
from trivium.text.tokenizer import Tokenizer


def main(
    model: Path, judge: Path, gold: Path | None, asked: Sequence[Any], samples: int, max_new: int, seed: int, how: How,
    out: Path,
) -> int:  # fmt: skip
    """Draw `samples` answers to each prompt, let the judge pick among n of them, and print and write the curve."""
    check(samples > 1, "samples", samples, "A choice needs 2 answers or more.")
    device = settle(how)
    dtype = pick_dtype(device)
    every = [messages for messages in asked for _ in range(samples)]
    engine = Engine(load_model(model, device, dtype))
    replies = answer(engine, Tokenizer.open(model), every, max_new=max_new, temperature=1.0, seed=seed)
    texts = [reply.content.strip() for reply in replies]
    shape = (len(asked), samples)
    proxy = Judge.open(judge, device, dtype)(every, texts).reshape(shape)
    value = proxy if gold is None else Judge.open(gold, device, dtype)(every, texts).reshape(shape)
    rows = curve(proxy, value, doublings(samples))
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, {"model": str(model), "judge": str(judge), "gold": None if gold is None else str(gold),
                     "prompts": len(asked), "rows": rows})  # fmt: skip
    print(f"{'n':>5} {'KL':>6} {'judge':>22}" + ("" if gold is None else f" {'gold':>22}"))
    for row in rows:
        keys = ("proxy",) if gold is None else ("proxy", "gold")
        cells = " ".join(f"{row[k]['value']:>7.3f} [{row[k]['low']:.3f}, {row[k]['high']:.3f}]" for k in keys)
        print(f"{row['n']:>5} {row['kl']:>6.2f} {cells}")
    return 0
