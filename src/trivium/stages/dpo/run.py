"""DPO, told in nine lines.

1. RLHF trains a judge from comparisons and then a policy from the judge; DPO takes the policy itself as the judge.
2. Its score of an answer is how much likelier it finds it than the reference (itself, before), times beta.
3. The reference's log-probabilities never change: they are computed once and kept on disk.
4. A pair is packed into one row; only the answers' tokens are taught, never a prompt's.
5. The loss is the judge's: the chosen answer shall score higher. Label smoothing or IPO where verdicts are noisy.
6. Ties pull both scores together.
7. Held-out pairs say how often it now prefers what the person did, and by how much.
8. How far it has gone is measured, not assumed: the divergence from the reference on its own answers.
9. What comes out is a chat model like the one before, with other preferences.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trivium.evals.intervals import mean
from trivium.evals.preferences.divergence import draw
from trivium.evals.preferences.pairs import pair_figures
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model, save_model
from trivium.model.transformer import Transformer
from trivium.stages.dpo.config import FORMAT, STAGE, DpoConfig
from trivium.stages.dpo.reference import reference_logprobs
from trivium.text.preferences.given import Given, Split, splits
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig
from trivium.train.preferences.contrasted import Contrast, ContrastedPairs, all_logprobs


def label_of(config: DpoConfig, inputs: Mapping[str, Artifact], given: Given) -> Label:
    """The label of the artifact that `run` would seal."""
    return Label("model", STAGE, FORMAT, config, parents_of(inputs), given.fingerprints())


def run(config: DpoConfig, inputs: Mapping[str, Artifact], given: Given, out: Path, how: How) -> Artifact:
    """Teach `inputs["model"]` the preferences in the files of `given` and seal it at `out`.

    A model that is there already with the same id is given back. Raises UsageError for files without comparisons,
    Stopped when asked to stop, GuardTripped when training breaks.
    """
    label, work = label_of(config, inputs, given), out.with_name(out.name + ".work")
    if (there := given.already(out, label)) is not None:
        return there
    chat, device = inputs["model"].path, settle(how)
    tokenizer = Tokenizer.open(chat)
    reading, learn, keep = splits(given, tokenizer, config.heldout, config.longest)
    if not learn.pairs or not keep.pairs:
        raise UsageError("One side of the split has no comparison.", "Change --dpo.heldout, or give more comparisons.")
    model = load_model(chat, device, pick_dtype(device))
    sides = [_source(config, split, tokenizer) for split in (learn, keep)]
    known = reference_logprobs(model, sides, work / f"reference-{label.id}.safetensors", how)
    objective = _contrast(config, known[0], learn)
    steps = config.epochs * sides[0].steps_per_epoch
    plan = LoopConfig(steps=steps, optimizer=config.optimizer, schedule=config.schedule)
    heldout = Heldout(config, sides[1], known[1], keep)
    every = max(1, steps // 8)
    loop = Loop(model, sides[0], plan, label, work, how, objective=objective)
    loop.run("direct preferences", lambda step: heldout.look(model) if step % every == 0 else None)
    asked = [row.prompt for row in keep.rows]
    prompts = [asked[i % len(asked)] for i in range(config.samples)]
    before = load_model(chat, device, pick_dtype(device))
    evals = {
        **heldout.figures(model, learn),
        "distance": draw(model, before, tokenizer, prompts, config.max_new, config.seed).to_json(),
        "files": reading.to_json(),
        "comparisons": {"train": len(learn.pairs), "heldout": len(keep.pairs)},
    }
    facts = {
        "comparisons": len(learn.pairs),
        "steps": steps,
        "accuracy": round(evals["accuracy"]["value"] or 0.0, 3),
        "kl": round(evals["distance"]["kl"]["value"], 3),
    }
    with sealing(out, label, facts) as folder:
        save_model(folder, model, tokenizer.ends)
        tokenizer.save(folder)
        write_json(folder / "evals.json", evals)
        shutil.copy(loop.metrics_path, folder / "metrics.jsonl")
    shutil.rmtree(work)
    return open_artifact(out, "model")


def _source(config: DpoConfig, split: Split, tokenizer: Tokenizer) -> ContrastedPairs:
    return ContrastedPairs(split.pairs, config.row_tokens, config.batch, config.seed, tokenizer.end_of_text)


def _contrast(config: DpoConfig, known: Tensor, split: Split) -> Contrast:
    ties = torch.tensor([pair.tie for pair in split.pairs])
    return Contrast(known, ties, config.beta, config.loss, config.smoothing)


class Heldout:
    """The comparisons that are only measured on."""

    def __init__(self, config: DpoConfig, source: ContrastedPairs, known: Tensor, split: Split) -> None:
        self.source, self.split = source, split
        self.contrast = _contrast(config, known, split)

    def look(self, model: Transformer) -> dict[str, float]:
        """Accuracy, margin and loss of the implicit rewards, for the metrics."""
        sums, counts = all_logprobs(model, self.source)
        reward = self.contrast.rewards(sums)
        margin = reward[:, 0] - reward[:, 1]
        return {
            "heldout_accuracy": float((margin > 0).float().mean()),
            "heldout_margin": float(margin.mean()),
            "heldout_loss": float(self.contrast.slopes(sums, counts)[0].mean()),
            "heldout_chosen": float(reward[:, 0].mean()),
            "heldout_rejected": float(reward[:, 1].mean()),
        }

    def figures(self, model: Transformer, learned: Split) -> dict[str, Any]:
        """The implicit rewards' figures as of a judge, with what chosen and rejected answers gained."""
        sums, _ = all_logprobs(model, self.source)
        rewards = self.contrast.rewards(sums).double().numpy()
        return {
            **self.split.figures(pair_figures, rewards, learned),
            "reward_of_chosen": mean(rewards[:, 0]).to_json(),
            "reward_of_rejected": mean(rewards[:, 1]).to_json(),
            "margin": mean(np.asarray(rewards[:, 0] - rewards[:, 1])).to_json(),
        }
