"""What a model forgot while it was trained on: bits per byte before and after, on new documents and on general ones.

Training on one's own documents lowers the bits of documents like them, and may raise those of all others. Both models
read the same held-out documents and the same bundled sample of general pages; differences are paired by document.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trivium.evals.bits import margin
from trivium.evals.documents import Text, by_source, measure, shard_texts
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model
from trivium.stages.pretrain.config import ForgettingConfig
from trivium.text.document import read_documents
from trivium.text.shards import open_shards
from trivium.text.tokenizer import Tokenizer

STAGE, FORMAT = "forgetting", 1
NEW, GENERAL = "new documents, held out", "general pages"


def label_of(config: ForgettingConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal. Raises ArtifactError where no sealed model is."""
    start = {"start": open_artifact(Path(config.start), "model").id} if config.start else {}
    meaning = {"documents": config.documents, "window": config.window}
    return Label("forgetting", STAGE, FORMAT, meaning, parents_of(inputs), fingerprints=start)


def run(config: ForgettingConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Measure `inputs["model"]` and the model that it began as, and seal `forgetting.json` at `out`.

    `inputs["shards"]` hold the new documents, `inputs["reference"]` (a corpus) the general ones. Raises UsageError
    where no first model is named.
    """
    if not config.start:
        raise UsageError("No first model is named.", "Give one: --forgetting.start FOLDER.")
    device = settle(how)
    tokenizer = Tokenizer.open(inputs["model"].path)
    texts = [*_new(inputs["shards"], tokenizer, config), *_general(inputs["reference"], config)]
    measured: dict[str, list[dict[str, Any]]] = {}
    for name, path in (("before", Path(config.start)), ("after", inputs["model"].path)):
        model = load_model(path, device, pick_dtype(device))
        window = min(model.config.max_position_embeddings, config.window)
        measured[name] = measure(model, tokenizer, texts, how, window)
        del model
        if device.type == "cuda":
            torch.cuda.empty_cache()
    table = compare(measured["before"], measured["after"])
    facts = {
        f"{name}_{when}": round(table[source][when]["value"], 4)
        for name, source in (("new", NEW), ("general", GENERAL))
        if source in table
        for when in ("before", "after")
    }
    with sealing(out, label_of(config, inputs), facts) as folder:
        write_json(folder / "forgetting.json", table)
    return open_artifact(out, "forgetting")


def compare(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Source -> bits per byte before and after, and what was saved (below zero: forgotten), paired, with intervals."""
    found = {}
    olds, news = by_source(before), by_source(after)
    for source in sorted({record["source"] for record in before}):
        old = [record for record in before if record["source"] == source]
        new = [record for record in after if record["source"] == source]
        bits = [np.array([record["bits"] for record in part], float) for part in (new, old)]
        sizes = np.array([record["bytes"] for record in old], float)
        found[source] = {
            "documents": len(old),
            "before": olds[source]["bits_per_byte"],
            "after": news[source]["bits_per_byte"],
            "saved": margin(bits[0], bits[1], sizes).to_json(),
        }
    return found


def _new(shards: Artifact, tokenizer: Tokenizer, config: ForgettingConfig) -> Iterator[Text]:
    for number, text in enumerate(shard_texts(open_shards(shards, tokenizer).heldout, tokenizer)):
        if number >= config.documents:
            return
        yield Text(text.id, NEW, text.text)


def _general(reference: Artifact, config: ForgettingConfig) -> Iterator[Text]:
    for number, document in enumerate(read_documents(reference.file("train.parquet"))):
        if number >= config.documents:
            return
        yield Text(document.id, GENERAL, document.text)
