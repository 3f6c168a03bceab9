"""`trivium bench serve`: a server in a process of its own, many clients that stream from it, and what they saw.

Prompts and answers are of uneven length, so requests come and go all the time. First one client alone, then all.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
import random
import signal
import string
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from trivium.bench.page import machine, table, write_section
from trivium.bench.serving.clients import Seen, crowd
from trivium.ground.artifact import Label, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import ArtifactError
from trivium.ground.how import How
from trivium.ground.progress import Progress

DOCS = Path("docs/benchmarks.md")
VOCABULARY = 4096


def main(
    model: Path | None = None,
    clients: int = 64,
    requests: int = 4,
    tokens: int = 96,
    seed: int = 0,
    flags: Sequence[str] = (),
    out: Path = Path("runs/bench/serve.json"),
    docs: Path | None = DOCS,
) -> int:
    """Run it, print the figures, write them to `out` and `docs`. Gives exit code 1 if anything was dropped."""
    with contextlib.ExitStack() as stack:
        folder = model or random_model(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "model")
        port = stack.enter_context(running(folder, ["--batch", str(clients), *flags]))
        asyncio.run(crowd(port, [plans(1, 1, 8, seed)[0]]))  # loads the model
        alone = measured("one client", port, plans(1, max(4, requests), tokens, seed + 1))
        all_of_them = measured(f"{clients} clients", port, plans(clients, requests, tokens, seed + 2))
    figures = {"alone": summary(*alone), "together": summary(*all_of_them)}
    about = {
        "model": str(model or "random, of nano's shape"), "clients": clients, "requests": requests, "tokens": tokens,
        "flags": list(flags), "machine": machine(), "date": date.today().isoformat(),
    }  # fmt: skip
    write_json(out, {"about": about, **figures})
    text = "\n".join([told(about), "", *shown(figures, clients)])
    if docs is not None:
        write_section(docs, "serve", text)
    print(text)
    return 1 if figures["together"]["dropped"] or figures["alone"]["dropped"] else 0


def plans(clients: int, requests: int, tokens: int, seed: int) -> list[list[dict[str, Any]]]:
    """Each client's requests: prompts of 8 to 400 letters, answers of a quarter of `tokens` up to all of them."""
    rng = random.Random(seed)

    def one() -> dict[str, Any]:
        prompt = "".join(rng.choices(string.ascii_letters + "   ", k=int(8 * 50 ** rng.random())))
        return {"prompt": prompt, "max_tokens": rng.randint(max(1, tokens // 4), tokens), "seed": rng.getrandbits(30)}

    return [[one() for _ in range(requests)] for _ in range(clients)]


def measured(label: str, port: int, bodies: list[list[dict[str, Any]]]) -> tuple[list[Seen], int]:
    """What the clients saw, and how many requests there were."""
    count = sum(map(len, bodies))
    with Progress(label, count, "requests", How()) as bar:
        return asyncio.run(crowd(port, bodies, lambda seen: bar.advance(1, f"{seen.tokens} tokens"))), count


def summary(seen: list[Seen], count: int) -> dict[str, Any]:
    """The figures: what was dropped, times in milliseconds, tokens a second over the whole stretch."""
    whole = [each for each in seen if each.whole and each.chunks]
    seconds = max(each.ended for each in seen) - min(each.asked for each in seen)
    between = [gap for each in whole for gap in each.between]
    return {
        "requests": count,
        "dropped": count - len(whole),
        "errors": sorted({each.error or str(each.status) for each in seen if not each.whole}),
        "tokens": sum(each.tokens for each in whole),
        "seconds": seconds,
        "tokens_per_second": sum(each.tokens for each in whole) / seconds,
        "first_ms": percentiles([each.first for each in whole]),
        "between_ms": percentiles(between),
    }


def percentiles(seconds: list[float]) -> dict[str, float]:
    """The 50th, 95th and 99th percentile and the largest, in milliseconds."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    places = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] for name, share in places.items()}


def told(about: dict[str, Any]) -> str:
    """The line above the table."""
    flags = "".join(f" {flag}" for flag in about["flags"])
    return (
        f"`trivium bench serve --clients {about['clients']}{flags}`, {about['date']}, {about['machine']}, Python "
        f"{platform.python_version()}; model: {about['model']}; {about['requests']} requests a client, up to "
        f"{about['tokens']} new tokens each; clients on the same machine."
    )


def shown(figures: dict[str, Any], clients: int) -> list[str]:
    """The table."""
    rows = []
    for name, one in (("1", figures["alone"]), (str(clients), figures["together"])):
        first, between = one["first_ms"], one["between_ms"]
        row = [name, str(one["requests"]), str(one["dropped"]), f"{one['tokens_per_second']:,.0f}"]
        row += [f"{first[key]:,.0f}" for key in ("p50", "p95")] if first else ["-", "-"]
        row += [f"{between[key]:,.1f}" for key in ("p50", "p95", "p99")] if between else ["-", "-", "-"]
        rows.append(row)
    head = ["clients", "requests", "dropped", "tokens/s", "first token p50, ms", "p95", "between tokens p50, ms"]
    return table([*head, "p95", "p99"], rows)


@contextlib.contextmanager
def running(folder: Path, flags: Sequence[str]) -> Iterator[int]:
    """A server of this folder in a process of its own; its port. Raises ArtifactError when it does not come up."""
    command = [sys.executable, "-m", "trivium", "serve", str(folder), "--port", "0", *flags]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert child.stderr is not None
    try:
        line = child.stderr.readline()
        if " at http://127.0.0.1:" not in line:
            raise ArtifactError(f"The server did not come up: {line.strip()}", "Try `trivium serve` by itself.")
        yield int(line.partition(" at http://127.0.0.1:")[2].partition("/")[0])
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stderr.close()


def random_model(folder: Path) -> Path:
    """A sealed model of nano's shape with random weights; its vocabulary is single bytes and pairs of letters."""
    import torch

    from trivium.model.folder import save_model
    from trivium.model.transformer import Transformer
    from trivium.stages.pretrain.config import ShapeConfig
    from trivium.text.tokenizer import SPECIALS, Tokenizer

    letters = string.ascii_letters + string.digits
    pairs = [f"{a}{b}".encode() for a in letters for b in letters]
    ordinary = [*(bytes([i]) for i in range(256)), *pairs][: VOCABULARY - len(SPECIALS)]
    tokenizer = Tokenizer({token: index for index, token in enumerate(ordinary)}, "qwen2")
    model = Transformer(ShapeConfig().model(VOCABULARY))
    model.init_weights(torch.Generator().manual_seed(0))
    with sealing(folder, Label("model", "pretrain", 1, {"bench": "random"})) as inside:
        tokenizer.save(inside)
        save_model(inside, model, tokenizer.ends)
    return folder
