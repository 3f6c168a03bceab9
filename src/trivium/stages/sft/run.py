"""SFT, told in ten lines.

1. The base model can continue any document; a conversation is a document too.
2. So we write conversations as we want them: who the assistant is, its manner, its tasks, what it refuses.
3. What it refuses comes from the audit of this very base model: what it does not know, and nobody else's gaps.
4. They are rendered as ChatML; structure by token id, so no text can open or close a turn.
5. The loss is the one of pre-training, on the assistant's tokens only.
6. Conversations are packed whole into rows; attention does not cross from one to the next.
7. The loop is the one of pre-training: it resumes to the same bits.
8. Held-out conversations say, kind by kind, how well it imitates.
9. What comes out imitates its labellers: it has their manner, and knows no more than before.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from trivium.generate.engine import Engine
from trivium.generate.talk import answer, ask
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.how import How
from trivium.ground.log import read_jsonl, write_jsonl
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model, save_model
from trivium.model.transformer import Transformer
from trivium.stages.sft.config import FORMAT, STAGE, SftConfig
from trivium.stages.sft.mixture import Record, conversations, split
from trivium.text.chat import render
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig, language_loss
from trivium.train.packing import Example, PackedRows, pack, rows_of

SAMPLE_PROMPTS = (
    "Hello!",
    "Who are you?",
    "Who made you?",
    "What is 27+48?",
    "How many r are in strawberry?",
    "Can you help me plan my day?",
    "I feel tired today.",
    "Thank you for your help.",
)


def label_of(config: SftConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    return Label("model", STAGE, FORMAT, config, parents_of(inputs))


def run(config: SftConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Teach `inputs["model"]` the conversations (those of `inputs["audit"]` among them) and seal it at `out`.

    Raises Stopped when asked to stop, GuardTripped when training breaks.
    """
    label, work = label_of(config, inputs), out.with_name(out.name + ".work")
    base = inputs["model"]
    tokenizer = Tokenizer.open(base.path)
    device = settle(how)
    model = load_model(base.path, device, pick_dtype(device))
    audited = list(read_jsonl(inputs["audit"].file("refusals.jsonl"))) if "audit" in inputs else []
    records = conversations(config, audited)
    learn, keep = split(records, config.heldout)
    rows = PackedRows(
        [example(tokenizer, r, config.row_tokens) for r in learn],
        config.row_tokens,
        config.rows,
        config.seed,
        tokenizer.end_of_text,
    )
    loop = Loop(
        model,
        rows,
        LoopConfig(steps=config.epochs * rows.steps_per_epoch, optimizer=config.optimizer, schedule=config.schedule),
        label,
        work,
        how,
    )
    before = work / f"before-{label.id}.json"  # of this very run, whatever else was begun here
    if not before.exists():
        write_json(before, heldout_loss(model, tokenizer, keep, config.row_tokens))
    steps = loop.run("supervised fine-tuning")
    after = heldout_loss(model, tokenizer, keep, config.row_tokens)
    losses = {kind: {"before": was, "after": after[kind]} for kind, was in read_json(before).items()}
    replies = answer(Engine(model), tokenizer, ask(SAMPLE_PROMPTS), max_new=96)
    samples = [
        {"prompt": prompt, "thinking": reply.thinking, "text": reply.content}
        for prompt, reply in zip(SAMPLE_PROMPTS, replies, strict=True)
    ]
    counts = {
        kind: sum(record["kind"] == kind for record in records)
        for kind in dict.fromkeys(record["kind"] for record in records)
    }
    facts = {
        "steps": steps,
        "conversations": len(records),
        "refusals": counts.get("refusal", 0),
        "heldout_loss": round(losses.get("all", {"after": 0.0})["after"], 4),
    }
    with sealing(out, label, facts) as folder:
        save_model(folder, model, tokenizer.ends)
        tokenizer.save(folder)
        write_jsonl(folder / "conversations.jsonl", records)
        write_json(folder / "samples.json", samples)
        write_json(folder / "evals.json", {"heldout_loss": losses, "conversations": counts})
        shutil.copy(loop.metrics_path, folder / "metrics.jsonl")
    shutil.rmtree(work)
    return open_artifact(out, "model")


def example(tokenizer: Tokenizer, record: Record, row_tokens: int) -> Example:
    """A conversation as ids and weights: 1 on the assistant's tokens, 0 elsewhere; cut where a row ends."""
    rendered = render(tokenizer, record["messages"])
    end = row_tokens + 1
    return Example(rendered.ids[:end], [float(taught) for taught in rendered.mask[:end]])


@torch.no_grad()
def heldout_loss(
    model: Transformer, tokenizer: Tokenizer, records: Sequence[Record], row_tokens: int
) -> dict[str, float]:
    """Nats per taught token on held-out conversations, of all together ("all") and of each kind."""
    kinds = {"all": list(records)}
    for record in records:
        kinds.setdefault(record["kind"], []).append(record)
    return {kind: _loss(model, tokenizer, some, row_tokens) for kind, some in kinds.items() if some}


def _loss(model: Transformer, tokenizer: Tokenizer, records: Sequence[Record], row_tokens: int) -> float:
    examples = [example(tokenizer, record, row_tokens) for record in records]
    groups = pack([len(e.ids) - 1 for e in examples], row_tokens)
    total = taught = 0.0
    for start in range(0, len(groups), 32):
        batch = rows_of(examples, groups[start : start + 32], row_tokens, tokenizer.end_of_text)
        part = batch.rows(0, len(batch.ids_BT), model.device)
        total += language_loss(model, part).item()
        taught += float(batch.weights_BT.sum())
    return total / max(taught, 1.0)
