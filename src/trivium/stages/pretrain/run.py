"""Pre-training, told in ten lines.

1. Token shards are opened; the tokenizer must be the one that made them.
2. A transformer is drawn from the seed.
3. Documents are laid end to end in an order drawn anew each epoch and cut into rows; attention stays in its document.
4. The loop learns to predict each next token: Muon for matrices, AdamW for the rest, bf16 where the CPU or GPU has it.
5. Along the way it measures bits per byte on held-out pages and writes down what the model says.
6. It saves now and then; stopped, the same command continues to the same bits.
7. At the end, held-out bits per byte stand beside a modified Kneser-Ney model of the same tokens.
8. The model is sealed as a Hugging Face folder with its tokenizer.
9. What comes out simulates documents. It has no notion of a question, or of not knowing.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trivium.evals.bits import document_bits, margin, per_byte
from trivium.evals.kneser_ney import KneserNey
from trivium.generate.engine import Engine
from trivium.generate.talk import continue_text
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import ArtifactError
from trivium.ground.how import How
from trivium.ground.log import JsonLog, read_jsonl
from trivium.ground.progress import Progress
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model, save_model
from trivium.model.transformer import Transformer
from trivium.stages.pretrain.config import FORMAT, STAGE, PretrainConfig
from trivium.stages.pretrain.depth import derive
from trivium.text.shards import Shards, open_shards
from trivium.text.tokenizer import Tokenizer
from trivium.train.crew import plain, turn
from trivium.train.loop import Loop, LoopConfig
from trivium.train.packing import StreamRows

SEVERAL_RANKS = True
"""Under torchrun all ranks run this stage."""
SAMPLE_PROMPTS = ("The", "To install the package, run", "Question: 47 + 35 = ?\n", "The town of Larkham")
QUICK_DOCUMENTS = 24
KNESER_NEY_TOKENS = 20_000_000
"""Of a larger shard no Kneser-Ney model is made: its counts would fill the memory."""


def label_of(config: PretrainConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    start = {"start": open_artifact(Path(config.start), "model").id} if config.start else {}
    return Label("model", STAGE, FORMAT, config, parents_of(inputs), fingerprints=start)


def run(config: PretrainConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Train a base model on `inputs["shards"]` with `inputs["tokenizer"]` and seal it at `out`.

    Raises ArtifactError when shards and tokenizer do not fit, Stopped when asked to stop, GuardTripped when it breaks.
    """
    label, work = label_of(config, inputs), out.with_name(out.name + ".work")
    tokenizer = Tokenizer.open(inputs["tokenizer"].path)
    shards = open_shards(inputs["shards"], tokenizer)
    device = settle(how)
    config = derive(config, tokenizer.size, len(shards.train.ids))
    model = first_weights(config, tokenizer, device)
    if config.fp8:
        model.take_float8()
    rows = StreamRows(shards.train, config.row_tokens, config.rows, config.seed, bool(config.crossing))
    steps = config.steps or config.epochs * rows.steps_per_epoch
    loop = Loop(
        model, rows, LoopConfig(steps=steps, optimizer=config.optimizer, schedule=config.schedule), label, work, how
    )
    watch = _Watch(model, tokenizer, shards, steps, config, work, how)
    loop.run("pre-training", watch.look)
    finished = plain(model, how)
    with turn(how) as mine:
        if mine and finished is not None:
            evals = {"heldout": {"web": against_kneser_ney(finished, shards, tokenizer, config.row_tokens, how)}}
            with sealing(out, label, _facts(finished, loop, evals)) as folder:
                save_model(folder, finished, tokenizer.ends)
                tokenizer.save(folder)
                write_json(folder / "evals.json", evals)
                write_json(folder / "samples.json", list(read_jsonl(watch.path)))
                shutil.copy(loop.metrics_path, folder / "metrics.jsonl")
            shutil.rmtree(work)
    return open_artifact(out, "model")


def first_weights(config: PretrainConfig, tokenizer: Tokenizer, device: torch.device) -> Transformer:
    """Random weights, or those of the model at `config.start`. Raises ArtifactError where its tokenizer is another."""
    if not config.start:
        return Transformer.drawn(config.shape.model(tokenizer.size), pick_dtype(device), device, config.seed)
    theirs = Tokenizer.open(Path(config.start))
    if theirs.fingerprint != tokenizer.fingerprint:
        raise ArtifactError(
            f"{config.start} reads with tokenizer {theirs.fingerprint}, the shards with {tokenizer.fingerprint}.",
            "A model is trained on with its own tokenizer.",
        )
    return load_model(Path(config.start), device, pick_dtype(device))


class _Watch:
    """Measures and samples a few times along the way."""

    def __init__(
        self,
        model: Transformer,
        tokenizer: Tokenizer,
        shards: Shards,
        steps: int,
        config: PretrainConfig,
        work: Path,
        how: How,
    ) -> None:
        self.model, self.tokenizer, self.shards, self.how = model, tokenizer, shards, how
        self.path = work / "samples.jsonl"
        self.window = config.row_tokens
        self.at = {max(1, round(steps * (i + 1) / config.evaluations)) for i in range(config.evaluations)}
        self.chosen = range(min(QUICK_DOCUMENTS, len(shards.heldout)))
        records = shards.heldout.documents()
        self.bytes = sum(records[i]["bytes"] for i in self.chosen)

    def look(self, step: int) -> Mapping[str, Any] | None:
        """Figures after `step` steps, at a few of them; rank 0 makes them while the others wait."""
        if step not in self.at:
            return None
        model = plain(self.model, self.how)
        with turn(self.how) as mine:
            return self._measure(step, model) if mine and model is not None else None

    def _measure(self, step: int, model: Transformer) -> Mapping[str, Any] | None:
        texts = continue_text(Engine(model), self.tokenizer, SAMPLE_PROMPTS, max_new=40)
        with JsonLog(self.path, keep=lambda record: record["step"] < step) as log:
            for prompt, text in zip(SAMPLE_PROMPTS, texts, strict=True):
                log.write({"step": step, "prompt": prompt, "text": text})
        if not self.bytes:
            return None
        bits = document_bits(model, self.shards.heldout, self.chosen, self.tokenizer.end_of_text, self.window)
        return {"heldout_bits_per_byte": float(bits.sum() / self.bytes)}


def against_kneser_ney(
    model: Transformer, shards: Shards, tokenizer: Tokenizer, window: int, how: How
) -> dict[str, Any]:
    """Bits per byte on the held-out documents: the model, modified Kneser-Ney (order 3, same tokens), the margin.

    Of a shard of more than KNESER_NEY_TOKENS, the model's alone.
    """
    heldout = shards.heldout
    if not len(heldout):
        return {}
    sizes = np.array([record["bytes"] for record in heldout.documents()], dtype=np.float64)
    total = sum(max(1, -(-2 * len(heldout.document(i)) // window)) for i in range(len(heldout)))
    with Progress("held-out bits per byte", total, "windows", how) as bar:
        bits = document_bits(model, heldout, range(len(heldout)), tokenizer.end_of_text, window, bar=bar)
    model_bits = per_byte(bits, sizes).to_json()
    if len(shards.train.ids) > KNESER_NEY_TOKENS:
        return {"model_bits_per_byte": model_bits}
    baseline = KneserNey.fit(np.asarray(shards.train.ids), np.asarray(shards.train.offsets), tokenizer.size, order=3)
    nats = -baseline.log_probs(np.asarray(heldout.ids), np.asarray(heldout.offsets))
    other = np.add.reduceat(nats, heldout.offsets[:-1]) / np.log(2)
    return {
        "model_bits_per_byte": model_bits,
        "kneser_ney_bits_per_byte": per_byte(other, sizes).to_json(),
        "margin": margin(bits, other, sizes).to_json(),
    }


def _facts(model: Transformer, loop: Loop, evals: dict[str, Any]) -> dict[str, Any]:
    records = list(read_jsonl(loop.metrics_path))
    seconds = sum(record["seconds"] for record in records)
    tokens = sum(record["tokens"] for record in records)
    web = evals["heldout"]["web"]
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": len(records),
        "tokens": tokens,
        "tokens_per_second": round(tokens / max(seconds, 1e-9)),
        "dtype": str(model.compute_dtype).removeprefix("torch."),
        "loss": round(records[-1]["loss"], 4),
        **(
            {
                name.replace("model", "heldout"): round(web[name]["value"], 4)
                for name in ("model_bits_per_byte", "kneser_ney_bits_per_byte")
                if name in web
            }
        ),
    }
