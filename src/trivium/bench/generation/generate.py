"""`trivium bench generate`: our engine beside transformers.generate and, with `--peer`, nanochat's engine.

transformers reads the folder that we write: the same weights. nanochat has an architecture of its own: a model of the
same depth and width. On a CPU the shape is SmolLM2-135M's, on a GPU that of `--depth`.
"""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import torch

from trivium.bench.generation import nanochat_peer, transformers_peer
from trivium.bench.generation.cases import Case, on_cpu, on_gpu
from trivium.bench.generation.ours import Measured, apart, run
from trivium.bench.page import machine, table, write_section
from trivium.generate.engine import Engine
from trivium.ground.atomic import write_json
from trivium.ground.how import How
from trivium.model.config import ModelConfig
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import save_model
from trivium.model.transformer import Transformer
from trivium.stages.pretrain.depth import shape_of
from trivium.train.fit import hasten

DOCS = Path("docs/benchmarks.md")
SMOLLM2 = ModelConfig(
    vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
    num_key_value_heads=3, head_dim=64, max_position_embeddings=2048, tie_word_embeddings=True, model_type="llama",
)  # fmt: skip
PEER_PROMPTS = 4
"""Of a case, for nanochat: it takes a prompt at a time, some three seconds each; more would only take longer."""
DEVIATION = 0.03
"""Of the random weights: large enough that the likeliest token is not always the same."""


def main(
    peer: Path | None = None,
    peers: bool = True,
    depth: int = 12,
    vocabulary: int = 32768,
    device: str = "auto",
    threads: int = 1,
    out: Path = Path("runs/bench/generate"),
    docs: Path = DOCS,
) -> int:
    """Run all cases of the device, print as it goes, write `out`/generate.json and the section `generate`."""
    how = How(device=device, threads=threads, progress=False)
    place = settle(how)
    cpu = place.type == "cpu"
    config = SMOLLM2 if cpu else shape_of(depth).model(vocabulary)
    model = drawn(config, torch.float32 if cpu else pick_dtype(place), place)
    cases = (on_cpu if cpu else on_gpu)(config.vocab_size)
    name = "CPU" if cpu else torch.cuda.get_device_name()
    found: list[dict[str, Any]] = []
    for case in cases:
        for side, figures, more in sides(case, model, how, peers, peer, depth, out):
            found.append({"case": case.name, "side": side, **figures.to_json(), **more})
            print(told(found[-1], found), flush=True)
            write_json(out / "generate.json", {"device": name, "torch": torch.__version__, "figures": found})
    head = ["case", "side", "tokens/s", "of the peer's", "slots in use"]
    lines = [
        f"`trivium bench generate`, {date.today().isoformat()}, {machine()}, Python {platform.python_version()};",
        f"{name}, torch {torch.__version__}{f', {threads} thread(s)' if cpu else ''}.",
        "",
        *table(head, [row(one, found) for one in found]),
    ]
    write_section(docs, f"generate-{place.type}", "\n".join(lines))
    return 0


def drawn(config: ModelConfig, dtype: torch.dtype, device: torch.device) -> Transformer:
    """A model with random weights everywhere (ours would begin with some that are zero)."""
    model = Transformer.drawn(config, dtype, device, 0)
    generator = torch.Generator(device).manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, DEVIATION, generator=generator)
    return model.eval()


def sides(
    case: Case, model: Transformer, how: How, peers: bool, peer: Path | None, depth: int, out: Path
) -> Iterator[tuple[str, Measured, dict[str, Any]]]:
    """Each side's figures of a case, the peers first, and what else is to be said of it."""
    cpu, out_of = model.device.type == "cpu", sum(map(len, case.lengths))
    if peers and "uneven" not in case.name:
        with tempfile.TemporaryDirectory() as folder:
            save_model(Path(folder), model, {})
            theirs = transformers_peer.load(Path(folder), model.device, model.compute_dtype)
        yield "transformers", transformers_peer.run(theirs, case), {}
        del theirs
    if peers and peer is not None and not cpu:
        out.mkdir(parents=True, exist_ok=True)
        some = case.part(PEER_PROMPTS)
        yield "nanochat", nanochat_peer.run(peer, out / "nanochat", depth, model.config.vocab_size, some), {}
    engine = Engine(model, min(256, out_of))
    figures, completions = run(engine, case)
    hasten(model, how)
    yield "trivium", figures, {"logprobs": apart(model, case, completions)}
    if not cpu:
        return
    engine = Engine(model, min(256, out_of), int8=True)
    figures, completions = run(engine, case)
    yield "trivium, int8", figures, {"logprobs": apart(model, case, completions)}
    if pick_dtype(model.device) == torch.bfloat16:
        model.compute_dtype = torch.bfloat16
        figures, completions = run(Engine(model, min(256, out_of)), case)
        yield "trivium, bf16", figures, {"logprobs": apart(model, case, completions)}
        model.compute_dtype = torch.float32


def row(one: dict[str, Any], found: list[dict[str, Any]]) -> list[str]:
    """A line of the table; ratios are to each peer of the case."""
    peers = [other for other in found if other["case"] == one["case"] and not other["side"].startswith("trivium")]
    ours = one["side"].startswith("trivium")
    ratios = [f"{one['speed'] / other['speed']:.2f}x {other['side']}" for other in peers if ours]
    used = "" if one["used"] is None else f"{one['used']:.0%}"
    return [one["case"], one["side"], f"{one['speed']:,.1f}", ", ".join(ratios), used]


def told(one: dict[str, Any], found: list[dict[str, Any]]) -> str:
    """The same as a line on the screen, with the distance from the training forward."""
    off = one.get("logprobs")
    apart_by = f"; log-probabilities off by {off['mean']:.1e}, at most {off['largest']:.1e}" if off else ""
    return " · ".join(part for part in row(one, found) if part) + apart_by
