"""SFT on conversations of one's own, told in nine lines.

1. Any sealed model may be taught: one of ours, or open weights that were imported.
2. Conversations are rendered by the model's own chat template, or as ChatML; structure by token id.
3. What the assistant says, thinks and calls is taught, and the end of its turn; nothing else.
4. What is longer than a row is dropped or loses its last exchanges, and is counted either way.
5. Whole conversations are packed into rows; each file is read as often an epoch as its weight says.
6. All weights learn, or adapters alone (LoRA); embeddings may carry noise (NEFTune).
7. Along the way the loss on held-out conversations is measured, by source; the best weights are kept.
8. It resumes to the same bits, the choice of the best included.
9. Held-out questions are answered before and after, so that one can read what changed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from trivium.generate.engine import Engine
from trivium.generate.talk import answer
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model, save_model
from trivium.model.lora import adapt, adapters, merge, save_adapter
from trivium.model.transformer import Transformer
from trivium.stages.sft.config import TEACH_FORMAT, TEACH_STAGE, TeachConfig
from trivium.stages.sft.heldout import Best, losses
from trivium.stages.sft.lessons import Lessons, Renderer
from trivium.stages.sft.noise import noisy_loss
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig
from trivium.train.mixing import MixedRows, Part

LONGEST_SAMPLE = 128
"""Tokens of an answer that is shown."""


def label_of(config: TeachConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal. Raises ArtifactError where no sealed model is."""
    start = {"start": open_artifact(Path(config.start), "model").id} if config.start else {}
    meaning = {name: getattr(config, name) for name in config.__dataclass_fields__ if name != "start"}
    return Label("model", TEACH_STAGE, TEACH_FORMAT, meaning, parents_of(inputs), fingerprints=start)


def run(config: TeachConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Teach the model at `config.start` the conversations of `inputs["conversations"]` and seal it at `out`.

    Raises UsageError when no conversation is left or rows are longer than the model's, Stopped, GuardTripped.
    """
    if not config.start:
        raise UsageError("No model to be taught is named.", "Give its folder: trivium sft MODEL --data FILE.")
    label, work = label_of(config, inputs), out.with_name(out.name + ".work")
    tokenizer, device = Tokenizer.open(Path(config.start)), settle(how)
    train, heldout = _lessons(config, inputs["conversations"], tokenizer)
    model = load_model(Path(config.start), device, pick_dtype(device))
    if config.row_tokens > model.config.max_position_embeddings:
        longest = model.config.max_position_embeddings
        raise UsageError(
            f"Rows of {config.row_tokens} tokens; the model reads {longest}.", f"--sft.row-tokens {longest}"
        )
    shown = questions(inputs["conversations"], config.samples, tokenizer, config.row_tokens)
    pupil = Pupil(config, model, tokenizer, heldout, work, label)
    before = work / f"before-{label.id}.json"
    if not before.exists():
        write_json(before, {"losses": pupil.measure(), "said": pupil.say(shown)})
    learning = (
        adapt(model, config.lora, config.seed) if config.lora.rank else sum(p.numel() for p in model.parameters())
    )
    loop = _loop(config, model, tokenizer, inputs["conversations"], train, label, work, how)
    pupil.steps = loop.config.steps
    steps = loop.run("supervised fine-tuning", pupil.look)
    best = pupil.best.restore() if config.keep == "best" else 0
    held = {name: value.detach().clone() for name, value in adapters(model).items()}
    merge(model)
    after = {"losses": pupil.measure(), "said": pupil.say(shown)}
    evals = _evals(read_json(before), after, train, heldout, shown)
    facts = {
        "steps": steps,
        "best_step": best or steps,
        **_facts(loop, train, evals),
        "parameters_that_learn": learning,
    }
    with sealing(out, label, facts) as folder:
        save_model(folder, model, tokenizer.ends)
        tokenizer.save(folder)
        if config.lora.rank:
            save_adapter(folder / "adapter", held, config.lora, str(label.fingerprints["start"]))
        write_json(folder / "samples.json", evals.pop("samples"))
        write_json(folder / "evals.json", evals)
        shutil.copy(loop.metrics_path, folder / "metrics.jsonl")
    shutil.rmtree(work)
    return open_artifact(out, "model")


class Pupil:
    """A model that is taught: measured and heard before, on the way, and after."""

    def __init__(
        self, config: TeachConfig, model: Transformer, tokenizer: Tokenizer, heldout: Lessons, work: Path, label: Label
    ) -> None:
        self.config, self.model, self.tokenizer, self.heldout = config, model, tokenizer, heldout
        self.best = Best(model, work, label)
        self.steps = 0

    def look(self, step: int) -> Mapping[str, Any] | None:
        """Figures after `step` steps, at a few of them and at the last; the best weights are kept."""
        count = self.config.evaluations
        if not self.heldout.examples or step not in {max(1, round(self.steps * (i + 1) / count)) for i in range(count)}:
            return None
        found = self.measure()
        self.best.offer(step, found["all"])
        return {"heldout_loss": round(found["all"], 6)}

    def measure(self) -> dict[str, float]:
        """The loss on held-out conversations by source, nats a taught token."""
        return losses(self.model, self.heldout.examples, self.config.row_tokens, self.tokenizer.end_of_text)

    def say(self, shown: Sequence[Mapping[str, Any]]) -> list[str]:
        """What the model answers to the questions."""
        if not shown:
            return []
        self.model.eval()
        asked = [one["messages"] for one in shown]
        return [reply.content for reply in answer(Engine(self.model), self.tokenizer, asked, max_new=LONGEST_SAMPLE)]


def questions(conversations: Artifact, count: int, tokenizer: Tokenizer, row_tokens: int) -> list[dict[str, Any]]:
    """Held-out conversations up to their last answer, sources taking turns; fewer where there are not so many."""
    by_source: dict[str, list[dict[str, Any]]] = {}
    for record in read_jsonl(conversations.file("heldout.jsonl")):
        last = max(i for i, message in enumerate(record["messages"]) if message["role"] == "assistant")
        one = {"messages": record["messages"][:last], "wanted": record["messages"][last].get("content", "")}
        if last and Renderer(tokenizer, row_tokens, "drop").all([record]).counts["taken"]:
            by_source.setdefault(record["source"], []).append({"source": record["source"], **one})
        if all(len(some) >= count for some in by_source.values()) and len(by_source) >= count:
            break
    turns = [some[i] for i in range(count) for some in by_source.values() if i < len(some)]
    return turns[:count]


def _lessons(config: TeachConfig, conversations: Artifact, tokenizer: Tokenizer) -> tuple[Lessons, Lessons]:
    renderer = Renderer(tokenizer, config.row_tokens, config.long)
    train, heldout = (renderer.all(read_jsonl(conversations.file(f"{name}.jsonl"))) for name in ("train", "heldout"))
    if not train.counts["taken"]:
        why = train.named[0] if train.named else "There are none."
        raise UsageError(f"No conversation can be taught: {dict(train.counts)}.", f"The first: {why}")
    return train, heldout


def _loop(
    config: TeachConfig,
    model: Transformer,
    tokenizer: Tokenizer,
    conversations: Artifact,
    train: Lessons,
    label: Label,
    work: Path,
    how: How,
) -> Loop:
    weights = {one["source"]: float(one["weight"]) for one in conversations.json("account.json")["sources"]}
    parts = [Part(examples, weights.get(source, 1.0)) for source, examples in train.examples.items()]
    noise = config.neftune > 0
    pad = tokenizer.end_of_text
    rows = MixedRows(parts, config.row_tokens, config.rows, config.seed, pad, config.epochs, noise)
    optimizer = config.optimizer
    if config.lora.rank:
        optimizer = type(optimizer)(**{**vars(optimizer), "embed_lr": config.lora.lr})
    about = LoopConfig(steps=rows.steps, optimizer=optimizer, schedule=config.schedule)
    return Loop(model, rows, about, label, work, how, objective=noisy_loss(config.neftune))


def _evals(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    train: Lessons,
    heldout: Lessons,
    shown: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    said = zip(shown, before["said"], after["said"], strict=True)
    samples = [
        {"source": one["source"], "prompt": one["messages"][-1].get("content", ""), "messages": one["messages"],
         "wanted": one["wanted"], "before": was, "text": now}
        for one, was, now in said
    ]  # fmt: skip
    return {
        "heldout_loss": {
            name: {"before": was, "after": after["losses"][name]} for name, was in before["losses"].items()
        },
        "train": train.to_json(),
        "heldout": heldout.to_json(),
        "samples": samples,
    }


def _facts(loop: Loop, train: Lessons, evals: Mapping[str, Any]) -> dict[str, Any]:
    records = list(read_jsonl(loop.metrics_path))
    seconds, tokens = (sum(record[key] for record in records) for key in ("seconds", "tokens"))
    whole = evals["heldout_loss"].get("all", {})
    known = {f"heldout_loss_{when}": round(value, 4) for when, value in whole.items()}
    return {
        "conversations": train.counts["taken"],
        **known,
        "tokens_per_second": round(tokens / max(seconds, 1e-9)),
        "taught_tokens": train.taught,
        "too_long": train.counts["too_long"],
    }
