"""The models that a server offers: every stage's model of a run, or one folder's; loaded when first asked for.

Tokenizers are small and stay. Weights and engine belong to the generation thread, a bounded number of them at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trivium.generate.engine import Engine
from trivium.ground.artifact import MANIFEST, Artifact, open_artifact
from trivium.ground.atomic import read_json
from trivium.ground.errors import ArtifactError
from trivium.ground.how import How
from trivium.journey.record import need_record, resolve
from trivium.text.tokenizer import Tokenizer
from trivium.web.config import ServeConfig
from trivium.web.refusal import Refusal, unknown


@dataclass(frozen=True)
class Offer:
    """A model as clients see it."""

    name: str
    folder: Path
    id: str
    """The artifact's id: what wrote an answer, down to its parents."""
    stage: str
    created: int
    """Unix time of the weights' file."""
    context: int
    """Tokens that prompt and completion may have together."""


class Shelf:
    """The offers by name, and what is loaded of them."""

    def __init__(
        self, offers: list[Offer], config: ServeConfig, load: Callable[[Offer, Tokenizer], Engine] | None = None
    ) -> None:
        """`load` makes an offer's engine; by default from its folder, on the config's device."""
        self.offers = {offer.name: offer for offer in offers}
        self.config = config
        self._load = load or (lambda offer, tokenizer: load_engine(offer, tokenizer, config))
        self._engines: dict[str, Engine] = {}  # the longest unused first
        self._tokenizers: dict[str, Tokenizer] = {}
        self._lock = threading.Lock()

    @property
    def default(self) -> Offer:
        """The last stage's model."""
        return list(self.offers.values())[-1]

    @property
    def loaded(self) -> dict[str, Engine]:
        """The engines in memory."""
        return dict(self._engines)

    def offer(self, name: str | None) -> Offer:
        """The offer of a name; the default for None. Raises Refusal (404) with a did-you-mean."""
        if name is None:
            return self.default
        if name not in self.offers:
            hint = unknown(name, "This server", self.offers).message.partition(". ")[2]
            shown = name if len(name) <= 60 else f"{name[:57]}…"
            raise Refusal(404, f"There is no model {shown!r} here. {hint}", "model", "model_not_found")
        return self.offers[name]

    def tokenizer(self, offer: Offer) -> Tokenizer:
        """Its tokenizer; any thread may ask. Raises Refusal (503) when its files are gone or damaged."""
        with self._lock:
            if offer.name not in self._tokenizers:
                try:
                    self._tokenizers[offer.name] = Tokenizer.open(offer.folder)
                except ArtifactError as error:
                    raise unreadable(offer, error) from error
            return self._tokenizers[offer.name]

    def room_for(self, offer: Offer) -> bool:
        """Whether its engine is loaded or could be now: there is room, or an engine with nothing to do to put away."""
        if offer.name in self._engines or len(self._engines) < self.config.models:
            return True
        return any(not engine.live and not engine.waiting for engine in self._engines.values())

    def engine(self, offer: Offer) -> Engine:
        """Its engine, loaded if need be: for the generation thread, after `room_for`. Raises Refusal (503)."""
        if offer.name not in self._engines:
            tokenizer = self.tokenizer(offer)
            while len(self._engines) >= self.config.models:
                idle = next(name for name, engine in self._engines.items() if not engine.live and not engine.waiting)
                del self._engines[idle]
            try:
                self._engines[offer.name] = self._load(offer, tokenizer)
            except (ArtifactError, OSError, RuntimeError) as error:  # torch's own errors, out of memory too
                raise unreadable(offer, error) from error
        self._engines[offer.name] = self._engines.pop(offer.name)
        return self._engines[offer.name]

    def forget(self, name: str) -> None:
        """Drop an engine that failed; the next request loads it again."""
        self._engines.pop(name, None)


def unreadable(offer: Offer, error: Exception) -> Refusal:
    """A 503 for a model that cannot be loaded now."""
    what = error.what if isinstance(error, ArtifactError) else f"{type(error).__name__}"
    what = what.replace(f"{offer.folder}/", "").replace(str(offer.folder), "its folder")
    return Refusal(503, f"The model {offer.name!r} cannot be loaded: {what}", "model", "model_unavailable")


def find_offers(path: Path) -> list[Offer]:
    """What a path offers: a run's models in order, or the one of a sealed model folder. Raises ArtifactError."""
    if (path / MANIFEST).is_file():
        artifact = resolve(path)
        return [_offer(str(artifact.manifest["stage"]), artifact)]
    resolve(path)  # its errors say what is missing
    entries = need_record(path).entries.items()
    return [_offer(name, open_artifact(path / e.folder, "model")) for name, e in entries if e.kind == "model"]


def _offer(name: str, artifact: Artifact) -> Offer:
    shape: dict[str, Any] = read_json(artifact.path / "config.json")
    created = int((artifact.path / "config.json").stat().st_mtime or time.time())
    context = int(shape.get("max_position_embeddings", 1024))
    return Offer(name, artifact.path, artifact.id, str(artifact.manifest["stage"]), created, context)


def load_engine(offer: Offer, tokenizer: Tokenizer, config: ServeConfig) -> Engine:
    """The engine of an offer's folder. Raises ArtifactError, and torch's errors."""
    import torch

    from trivium.model.device import pick_dtype, settle
    from trivium.model.folder import load_model

    place = settle(How(device=config.device, threads=config.threads, progress=False))
    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    dtype = kinds.get(config.dtype) or pick_dtype(place)
    model = load_model(offer.folder, place, dtype)
    return Engine(model, config.batch, tokenizer=tokenizer, invariant=config.invariant)
