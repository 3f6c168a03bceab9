"""The rungs: what is practised, from which warm start, and what the ladder wants to see."""

from __future__ import annotations

from dataclasses import dataclass

COMMON = (
    "warm.optimizer.muon_lr=0.01",
    "warm.optimizer.embed_lr=0.005",
    "warm.optimizer.head_lr=0.004",
    "warm.rows=16",
    "warm.row_tokens=512",
    "warm.steps=6000",
    "warm.schedule.warmup=0.01",
    "warm.patience=1000000",
    "warm.check_every=5",
    "warm.probes=256",
    "warm.low=0.4",
    "warm.direct=0.1",
    "rl.problems=64",
    "rl.samples=16",
    "rl.steps=200",
    "rl.heldout=500",
    "rl.quick=500",
    "rl.look_every=5",
    "rl.enough=0.985",
    "rl.pool.share=0.5",
    "rl.chances=0",
    "rl.optimizer.muon_lr=0.002",
    "rl.optimizer.embed_lr=0.001",
    "rl.optimizer.head_lr=0.0005",
    "rl.optimizer.momentum=0.95",
    "rl.schedule.decay=0.5",
)
"""Settings of all rungs. Weights begin at random, so the warm start's rates are those of pre-training, about, and it
never goes down a level; a look along the way asks all held-out problems."""

SHORT = ("rl.steps=300", "rl.pool.resample=4")
"""Of rungs whose answers are short: a step costs little, and groups without signal are replaced. Late in practice on
letters that is nine groups in ten, so several rounds are drawn."""
FEW = 512
"""Tokens where words are looked into: of 768 every fourteenth piece of a coined word stands in less than one of a
hundred words, of 512 every twenty-ninth."""
LONG = ("warm.rows=48", "warm.optimizer.muon_lr=0.006", "warm.optimizer.embed_lr=0.003", "warm.optimizer.head_lr=0.002")
"""Of multiplication and its twin, whose warm starts are the longest: more data a step, smaller steps."""


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One experiment."""

    name: str
    tasks: tuple[str, ...]
    """What is rewarded. The warm start's rule looks at the first."""
    max_new: int
    """Longest answer, thought included, in tokens."""
    target: str
    """What it is to show."""
    settings: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    """More arguments of `trivium rl`."""
    seeds: int = 1
    vocabulary: int = 768
    """Tokens. Digits and spaced letters are one each; a word that is not spaced is pieces of a few letters, unseen as
    such. The larger it is, the more pieces are rare, and how a rare one is spelt no reward can teach."""

    def arguments(self) -> list[str]:
        """Of `trivium rl MODEL`."""
        found = ["--task", *self.tasks, "--warm", *self.options]
        for one in (*COMMON, f"warm.max_new={self.max_new}", f"rl.max_new={self.max_new}", *self.settings):
            found += ["--set", one]
        return found


RUNGS: dict[str, Rung] = {
    rung.name: rung
    for rung in (
        Rung(name="reversal", tasks=("coined-reversal:6",), max_new=64, target="95 %", seeds=3,
             options=("--control", "random"), settings=(*SHORT, "warm.low=0.5", "control-random.steps=100"),
             vocabulary=FEW),
        # The rule looks at spelling: a count is a small number, of which half can be guessed without having spelt.
        Rung(name="letters", tasks=("coined-spelling:6", "coined-counting:6"), max_new=56, target="95 %",
             settings=(*SHORT, "warm.low=0.5", "rl.steps=450"), vocabulary=FEW),
        Rung(name="addition", tasks=("addition:5",), max_new=112, target="95 %", seeds=3),
        Rung(name="decimals", tasks=("comparison:3",), max_new=64, target="95 %",
             settings=SHORT),
        Rung(name="multiplication", tasks=("multiplication:7",), max_new=320, target="95 %, 60 points above direct",
             settings=(*LONG, "warm.check_every=20", "rl.problems=32", "rl.steps=120")),
        Rung(name="direct", tasks=("multiplication:7",), max_new=16, target="the twin that never thinks",
             settings=(*LONG, "warm.steps=1800", "warm.direct=1", "warm.check_every=100", "rl.think=false",
                       "rl.steps=5")),
        # The price of distance keeps answers different from one another, which pass@16 needs.
        Rung(name="countdown", tasks=("countdown:2",), max_new=224, target="pass@1 doubled, pass@16 not lower",
             settings=("warm.low=0.1", "warm.high=0.4", "rl.chances=16", "rl.quick=200", "rl.heldout=200",
                       "rl.steps=110", "rl.enough=0.97", "rl.objective.kl=0.03")),
        Rung(name="transfer", tasks=("addition:4",), max_new=96, target="is thinking worth it where it was not paid?",
             settings=('warm.beside=["comparison:3","coined-counting:6","stories:2"]', "warm.direct=0.5",
                       'thinking.transfer=["comparison:3","coined-counting:6","stories:2"]',
                       "rl.steps=60", "thinking.budgets=[0,16,64]", "thinking.problems=300"),
             options=("--thinking",)),
    )
}  # fmt: skip
"""From the easiest on. `direct` is multiplication's twin: as many tokens of the same problems, answers alone."""
