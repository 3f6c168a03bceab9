"""The reward model, told in ten lines.

1. For a good answer to "Hello!" there is no verifier. But people can say which of two answers they like better.
2. The SFT model answers everyday prompts several times each, by chance.
3. A person compares two answers. Here a hidden taste plays that person: only its verdicts are used.
4. Near ties are not compared. Some prompts, by hash, are kept for measuring.
5. A reward model is the SFT model's trunk with a single number in the place of the next token.
6. It is read at the answer's last token, and learns that the chosen answer scores higher (Bradley and Terry).
7. Held-out pairs say how often it agrees with the person, against a coin and against length alone.
8. Its confidence is checked: when it says 80 %, is it right 80 % of the time?
9. And what it is for: of 8 answers it picks one, and the hidden taste says what that was worth.
10. The folder opens in `transformers` as a sequence classifier with the same scores.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trivium.generate.engine import Engine
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import read_json, write_json
from trivium.ground.how import How
from trivium.ground.log import write_jsonl
from trivium.ground.progress import Progress
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model, save_model
from trivium.model.reward import begin_reward
from trivium.stages.reward.comparisons import Answered, asked_prompts, compare, draw_answers
from trivium.stages.reward.config import FORMAT, STAGE, RewardConfig
from trivium.stages.reward.learning import Pairs, preference_loss
from trivium.stages.reward.measure import best_of_n, pair_figures
from trivium.text.tokenizer import Tokenizer
from trivium.train.loop import Loop, LoopConfig


def label_of(config: RewardConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    return Label("reward", STAGE, FORMAT, config, parents_of(inputs))


def run(config: RewardConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Compare answers of the chat model `inputs["model"]`, learn to tell the better, and seal the judge at `out`.

    Raises ArtifactError when no two answers differ in quality, Stopped when asked to stop, GuardTripped when training
    breaks.
    """
    label, work = label_of(config, inputs), out.with_name(out.name + ".work")
    chat, device = inputs["model"].path, settle(how)
    dtype, tokenizer = pick_dtype(device), Tokenizer.open(chat)
    answered = _answers(config, chat, tokenizer, work / f"answers-{label.id}.json", how)
    comparisons = compare(answered, config)
    learned, heldout = ([c for c in comparisons if c.heldout == kept] for kept in (False, True))
    model = begin_reward(chat, device, dtype)
    pairs = Pairs.of(learned, tokenizer, config.batch, config.seed)
    steps = config.epochs * pairs.steps_per_epoch
    plan = LoopConfig(steps=steps, optimizer=config.optimizer, schedule=config.schedule)
    loop = Loop(model, pairs, plan, label, work, how, objective=preference_loss)
    loop.run("reward model")
    model.eval()
    evals = {
        **pair_figures(model, tokenizer, learned, heldout),
        **best_of_n(model, tokenizer, [one for one in answered if one.heldout]),
        "comparisons": {"train": len(learned), "heldout": len(heldout)},
        "prompts": {"train": sum(not a.heldout for a in answered), "heldout": sum(a.heldout for a in answered)},
    }
    with sealing(out, label, _facts(steps, len(learned), evals)) as folder:
        save_model(folder, model, tokenizer.ends)
        tokenizer.save(folder)
        write_jsonl(folder / "comparisons.jsonl", (c.to_json() for c in comparisons))
        write_json(folder / "evals.json", evals)
        shutil.copy(loop.metrics_path, folder / "metrics.jsonl")
    shutil.rmtree(work)
    return open_artifact(out, "reward")


def _answers(config: RewardConfig, chat: Path, tokenizer: Tokenizer, kept: Path, how: How) -> Sequence[Answered]:
    """The model's answers; kept in a file, so that a resumed run compares the very same."""
    if not kept.exists():
        device = settle(how)
        engine = Engine(load_model(chat, device, pick_dtype(device)))
        total = sum(config.best_of if heldout else config.samples for _, heldout in asked_prompts(config))
        with Progress("answers to compare", total, "answers", how) as bar:
            drawn = draw_answers(engine, tokenizer, config, bar)
        write_json(kept, [asdict(one) for one in drawn])
        how.stop.check("after the answers were drawn")
    return [Answered(**{**record, "answers": tuple(record["answers"])}) for record in read_json(kept)]


def _facts(steps: int, comparisons: int, evals: Mapping[str, Any]) -> dict[str, Any]:
    first, last = evals["best_of_n"][0], evals["best_of_n"][-1]
    return {
        "comparisons": comparisons,
        "steps": steps,
        "accuracy": round(evals["accuracy"]["value"], 3),
        "length_alone": round(evals["length_alone"]["value"], 3),
        "one_answer": round(first["gold"]["value"], 3),
        f"best_of_{last['n']}": round(last["gold"]["value"], 3),
    }
