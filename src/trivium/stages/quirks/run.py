"""The psychology of a model, told in ten lines.

1. The same five probes meet every stage's model: base models as documents to go on with, chat models as questions.
2. Invented person: asked about somebody who was never written about, does it answer all the same?
3. Letter counting: it reads tokens, not letters. At once, and after spelling.
4. Sums: one pass is too short for carrying. At once, and with the working first, on the same problems.
5. Who are you: a name is a habit of speech that fine-tuning gives.
6. Context against weights: the prompt contradicts what was read dozens of times. Which one wins?
7. Each quirk has a rate with its interval, transcripts, and the stage that owns it: where to mend it for good.
8. Each has a remedy that a user can apply at once, and the rate that is left with it, on the same items.
9. People and problems are of the test split: nothing asked here was in any training conversation.
10. All replies are greedy, so that a difference between two models is the models'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trivium.evals.probes import manner_of
from trivium.generate.engine import Engine
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.how import How
from trivium.ground.progress import tracked
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model
from trivium.stages.quirks.config import FORMAT, STAGE, QuirksConfig
from trivium.stages.quirks.people import context_against_weights, invented_person
from trivium.stages.quirks.quirk import Quirk, Voice
from trivium.stages.quirks.selfhood import who_are_you
from trivium.stages.quirks.work import letter_counting, sums
from trivium.text.tokenizer import Tokenizer
from trivium.town.world import Town


def label_of(config: QuirksConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal."""
    return Label("quirks", STAGE, FORMAT, config, parents_of(inputs))


def run(config: QuirksConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Try the battery on `inputs["model"]`, with the people of `inputs["town"]`, and seal `quirks.json` at `out`.

    Raises Stopped when asked to stop.
    """
    model, town = inputs["model"], Town.from_json(inputs["town"].json("town.json"))
    manner, device = manner_of(model, config.mode), settle(how)
    engine = Engine(load_model(model.path, device, pick_dtype(device)))
    voice = Voice(engine, Tokenizer.open(model.path), manner, config.reply_tokens, config.working_tokens)
    figures: dict[str, Any] = {}
    with sealing(out, label_of(config, inputs), figures) as folder:
        quirks = [quirk.to_json() for quirk in battery(voice, town, config, how)]
        stage = str(model.manifest.get("stage", ""))
        write_json(folder / "quirks.json", {"mode": manner, "model": model.id, "stage": stage, "quirks": quirks})
        figures |= {quirk["name"]: round(quirk["rate"]["value"], 4) for quirk in quirks if quirk["n"]}
    return open_artifact(out, "quirks")


def battery(voice: Voice, town: Town, config: QuirksConfig, how: How) -> list[Quirk]:
    """The five quirks of a model, in the order of the story."""
    probes: tuple[Callable[[], Quirk], ...] = (
        lambda: invented_person(voice, town, config),
        lambda: letter_counting(voice, config),
        lambda: sums(voice, config),
        lambda: who_are_you(voice, config),
        lambda: context_against_weights(voice, town, config),
    )
    found = []
    for probe in tracked(probes, "quirks", len(probes), "probes", how):
        how.stop.check("between two probes")
        found.append(probe())
    return found
