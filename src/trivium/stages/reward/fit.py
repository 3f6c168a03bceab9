"""A reward model from comparisons in files, told in eight lines.

1. Files say which of two answers somebody liked better, or that both were as good.
2. Some prompts, by hash, are kept for measuring: no prompt is on both sides.
3. The trunk of a chat model gets a single number in the place of the next token; it is read where the answer ends.
4. Pairs are packed into rows; whoever is in a row with others sees nothing of them.
5. It learns that the chosen answer scores higher (Bradley and Terry); a tie pulls both scores together.
6. Held-out pairs say how often it agrees: against a coin, and against a ruler that knows only length.
7. Its certainty is checked, and how far its scores go with length.
8. The folder opens in `transformers` as a sequence classifier with the same scores.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trivium.evals.preferences.judging import Judge
from trivium.evals.preferences.pairs import pair_figures
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.how import How
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import save_model
from trivium.model.reward import begin_reward
from trivium.stages.reward.config import FIT_FORMAT, FIT_STAGE, FitConfig
from trivium.text.preferences.given import Given, Split, splits
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig
from trivium.train.preferences.judged import JudgedPairs, judged_loss


def label_of(config: FitConfig, inputs: Mapping[str, Artifact], given: Given) -> Label:
    """The label of the artifact that `run` would seal."""
    return Label("reward", FIT_STAGE, FIT_FORMAT, config, parents_of(inputs), given.fingerprints())


def run(config: FitConfig, inputs: Mapping[str, Artifact], given: Given, out: Path, how: How) -> Artifact:
    """Learn to judge from the files of `given`, beginning with `inputs["model"]`, and seal the judge at `out`.

    A judge that is there already with the same id is given back. Raises UsageError for files without comparisons,
    Stopped when asked to stop, GuardTripped when training breaks.
    """
    label, work = label_of(config, inputs, given), out.with_name(out.name + ".work")
    if (there := given.already(out, label)) is not None:
        return there
    chat, device = inputs["model"].path, settle(how)
    tokenizer = Tokenizer.open(chat)
    reading, learn, keep = splits(given, tokenizer, config.heldout, config.longest)
    model = begin_reward(chat, device, pick_dtype(device), config.layers)
    source = JudgedPairs(learn.pairs, config.row_tokens, config.batch, config.seed, tokenizer.end_of_text)
    steps = config.epochs * source.steps_per_epoch
    plan = LoopConfig(steps=steps, optimizer=config.optimizer, schedule=config.schedule)
    loop = Loop(model, source, plan, label, work, how, objective=judged_loss)
    begun = time.perf_counter()
    loop.run("reward model")
    evals = {
        **measured(Judge(model, tokenizer), learn, keep),
        "files": reading.to_json(),
        "comparisons": {"train": len(learn.pairs), "heldout": len(keep.pairs)},
        "prompts": {"train": len({r.asked for r in learn.rows}), "heldout": len({r.asked for r in keep.rows})},
        "tokens": config.epochs * sum(pair.tokens for pair in learn.pairs),
        "seconds": round(time.perf_counter() - begun, 3),
    }
    facts = {
        "comparisons": len(learn.pairs),
        "steps": steps,
        **{
            key: round(evals[key]["value"], 3)
            for key in ("accuracy", "length_alone")
            if evals[key]["value"] is not None
        },
    }
    with sealing(out, label, facts) as folder:
        save_model(folder, model, tokenizer.ends)
        tokenizer.save(folder)
        write_json(folder / "evals.json", evals)
        shutil.copy(loop.metrics_path, folder / "metrics.jsonl")
    shutil.rmtree(work)
    return open_artifact(out, "reward")


def measured(judge: Judge, learn: Split, keep: Split) -> dict[str, Any]:
    """The judge's figures on held-out pairs."""
    return keep.figures(pair_figures, judge.of_pairs(keep.pairs), learn)
