"""The peers of `trivium bench rl`: TRL's GRPOTrainer and nanochat's engine, in turns with ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from trivium.bench.practice.peer import CaseFailed, Peer, trl
from trivium.bench.training.nanochat import Nanochat

PROMPTS = 2
"""nanochat samples a prompt at a time: a turn of it is so many of a round's."""
ENOUGH = 6.0
"""Seconds of a peer's turns after which a case has no more of them."""


@dataclass
class Other:
    """What a peer did in one case."""

    side: str
    rates: list[float] = field(default_factory=list)
    """Rollouts a second of each turn."""
    parameters: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def rate(self) -> float:
        """The median; 0 where it failed."""
        return median(self.rates) if self.rates else 0.0

    def to_json(self) -> dict[str, Any]:
        """For the file."""
        return {"side": self.side, "rate": round(self.rate, 1), "rates": [round(rate, 1) for rate in self.rates],
                "parameters": self.parameters, "settings": self.settings, "error": self.error}  # fmt: skip


class Others:
    """The peers that were asked for; their children live as long as this."""

    def __init__(self, modes: tuple[str, ...], nanochat: Path | None, out: Path, dtype: str) -> None:
        self._stack = ExitStack()
        self._peers: list[tuple[str, str, Peer]] = []
        out = out.resolve()
        if modes:
            child = self._stack.enter_context(trl(out / "trl.log"))
            self._peers += [(f"TRL, {mode}", mode, child) for mode in modes]
        if nanochat is not None:
            copy = Nanochat(nanochat.resolve(), out / "nanochat")
            mend = "Install what nanochat needs beside us, or leave --nanochat out."
            child = Peer(
                "nanochat", "trivium.bench.practice.nanochat_child", mend, out / "nanochat.log", copy.path,
                copy.environment | {"NANOCHAT_DTYPE": dtype},
            )  # fmt: skip
            self._peers.append(("nanochat", "", self._stack.enter_context(child)))

    def __enter__(self) -> Others:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __bool__(self) -> bool:
        return bool(self._peers)

    def each(self, case: dict[str, Any], rounds: int) -> Iterator[tuple[Other, int]]:
        """Each peer's case in turns: what is yielded is a turn that it has done, so that ours may have the next.

        A peer that cannot do the case is yielded once, with its error.
        """
        for side, mode, peer in self._peers:
            found, spent = Other(side), 0.0
            prompts = case["prompts"] if mode else case["prompts"][:PROMPTS]
            try:
                found.settings = peer.begin({**case, "kind": "rl", "mode": mode, "prompts": prompts})
                found.parameters = found.settings.pop("parameters")
                for number in range(rounds):
                    told = peer.turn()
                    found.rates.append(told["rollouts"] / told["seconds"])
                    spent += told["seconds"]
                    yield found, number
                    if spent > ENOUGH:
                        break
                peer.end()
            except CaseFailed as error:
                found.error = str(error)
                yield found, len(found.rates)
