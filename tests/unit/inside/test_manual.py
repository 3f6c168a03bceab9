"""The manual does what it says: its code runs, its names are those of the model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from trivium.model.config import ModelConfig
from trivium.model.inside.names import INSIDE, OUTSIDE
from trivium.model.transformer import Transformer

MANUAL = (Path(__file__).parents[3] / "docs" / "inspection.md").read_text(encoding="utf-8")


def test_every_line_of_code_runs() -> None:
    opening, works = re.findall(r"```python\n(.*?)```", MANUAL, re.DOTALL)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    shape = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
        "head_dim": 8,
    }
    model = Transformer(ModelConfig(vocab_size=61, num_key_value_heads=2, **shape)).eval()
    ids, other = torch.randint(0, 61, (2, 1, 6))
    known: dict[str, Any] = {"model": model, "ids": ids, "other": other}
    exec("\n".join(line for line in opening.splitlines() if line.startswith(("import", "from"))), known)
    exec(works, known)
    assert known["run"].values.keys() == {f"blocks.{i}.attention.heads" for i in range(6)}
    assert [each.shape for each in known["each"]] == [(4,)] * 6


def test_every_name_is_in_the_table() -> None:
    table = "".join(line for line in MANUAL.splitlines() if line.startswith("| `"))
    for name in (*OUTSIDE, *INSIDE):
        assert f"`{name}`" in table or f"`blocks.N.{name}`" in table or f"`.{name.rpartition('.')[2]}`" in table, name
