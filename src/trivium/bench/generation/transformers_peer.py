"""transformers' generate on the model that we wrote as a folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from trivium.bench.generation.cases import Case
from trivium.bench.generation.ours import Measured, measured
from trivium.ground.errors import UsageError


def load(folder: Path, device: torch.device, dtype: torch.dtype) -> Any:
    """Its model. Raises UsageError where transformers is not installed."""
    try:
        from transformers import AutoModelForCausalLM
    except ImportError as error:
        raise UsageError("transformers is not installed.", "pip install transformers, or --peers none") from error
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    return model.to(device).eval()


def run(model: Any, case: Case) -> Measured:
    """The figures of a case as one batch, padded on the left; it runs to the longest sample's end."""
    _generate(model, case.first() if torch.cuda.is_available() else case.warm_up(False))
    seconds = _generate(model, case)
    return measured(case, seconds, _generate(model, case.first()) if case.alone else 0.0)


def _generate(model: Any, case: Case) -> float:
    rows = [ids for ids, lengths in zip(case.prompts, case.lengths, strict=True) for _ in lengths]
    longest, count = max(map(len, rows)), max(max(lengths) for lengths in case.lengths)
    ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows], device=model.device)
    seen = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=model.device)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    model.generate(
        ids, attention_mask=seen, max_new_tokens=count, min_new_tokens=count, do_sample=case.temperature > 0,
        pad_token_id=0, eos_token_id=None,
    )  # fmt: skip
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started
