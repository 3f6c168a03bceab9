"""What the experiment stands on: a chat model (given, or made here), prompts, and the hidden gold."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from trivium.evals.preferences.judging import Judge, Prompt, Scorer, Scores, messages_of
from trivium.generate.engine import Engine
from trivium.generate.talk import answer, ask
from trivium.ground.artifact import Label
from trivium.ground.config import check, digest
from trivium.ground.how import How
from trivium.model.config import ModelConfig, OptimizerConfig
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model, save_model
from trivium.model.transformer import Transformer
from trivium.stages.reward.comparisons import gold as taste_of
from trivium.stages.tokenizer.config import TokenizerConfig
from trivium.stages.tokenizer.run import train as train_tokenizer
from trivium.text.chat import render
from trivium.text.tokenizer import Tokenizer
from trivium.town.conversations import identity, prompts, style
from trivium.train.batch import Source
from trivium.train.loop import Loop, LoopConfig, Objective, language_loss
from trivium.train.packing import Example, PackedRows
from trivium.train.schedule import ScheduleConfig

FLATTERY = "What a clever question!"
"""A compliment that the hidden taste does not count as warmth."""


@dataclass(frozen=True, kw_only=True)
class OverConfig:
    """The sizes of the experiment. The defaults run on a CPU in some minutes."""

    seed: int = 0
    """Moves everything."""
    width: int = 128
    """Of the policy that is made here, where no model is given."""
    layers: int = 3
    """Its blocks."""
    vocabulary: int = 1024
    """Its tokens."""
    talks: int = 2000
    """Everyday conversations that it learns from."""
    talk_epochs: int = 2
    """Passes over them."""
    flatters: float = 0.05
    """Share of the replies in them that begin with a compliment: RL finds only what the policy sometimes says."""
    sizes: tuple[int, ...] = (2000, 8000, 32000)
    """Comparisons that the proxies learn from."""
    small_layers: int = 1
    """Blocks of the small proxy; the others have all of the policy's."""
    ensemble: int = 3
    """Proxies of the smallest size in an ensemble, each on comparisons drawn with replacement."""
    proxy_epochs: int = 2
    """Passes over the comparisons."""
    batch: int = 64
    """Comparisons in a step."""
    noise: float = 0.0
    """Share of the verdicts that come out wrong; 2310.02743 takes a quarter, about how often people disagree."""
    train_prompts: int = 240
    """Prompts of the comparisons."""
    test_prompts: int = 64
    """Other prompts, on which policies are measured."""
    most: int = 256
    """Answers to each test prompt: the largest n."""
    max_new: int = 32
    """Longest answer, in tokens."""
    margin: float = 0.05
    """True scores this close are a near tie and are not compared."""
    rl_steps: int = 240
    """Most updates of an RL run."""
    rl_rate: float = 0.0012
    """Peak rate of RL's matrices; embeddings take half of it, the head a quarter."""
    rl_seeds: int = 3
    """Runs of RL against each size of proxy, on other samples; the law is fitted to their mean."""
    rl_prompts: int = 8
    """Prompts in a step."""
    rl_samples: int = 8
    """Answers to each."""
    far: float = 30.0
    """Nats of distance at which an RL run ends."""
    price: float = 0.1
    """Of distance, in the run that shows the KL penalty."""
    looks: int = 10
    """How often a policy is measured on its way: in even steps of time, and in even steps of the root of distance."""
    looked: int = 256
    """Answers of a look."""
    betas: tuple[float, ...] = (0.5, 0.1, 0.03)
    """DPO's."""
    dpo_rate: float = 0.003
    """Peak rate of DPO's matrices; embeddings take half of it, the head a quarter."""
    dpo_epochs: int = 2
    """DPO's passes over the comparisons."""
    flaw: float = 0.3
    """Share of the comparisons that a planted flaw decides."""

    def __post_init__(self) -> None:
        check(len(self.sizes) > 0 and min(self.sizes) > 0, "sizes", self.sizes, "Train a proxy or more.")
        check(self.most > 1, "most", self.most, "A choice needs 2 answers or more.")
        check(self.rl_seeds > 0, "rl_seeds", self.rl_seeds, "Run once or more.")
        check(self.looks > 2, "looks", self.looks, "A law needs three points.")
        check(self.far > 0, "far", self.far, "It is a distance: above 0.")
        check(0 <= self.flatters < 1, "flatters", self.flatters, "It is a share: 0 or more, below 1.")
        check(0 <= self.noise < 0.5, "noise", self.noise, "From a half on, verdicts say nothing.")
        check(0 < self.flaw < 1, "flaw", self.flaw, "It is a share: above 0, below 1.")


@dataclass
class Ground:
    """The policy, as it is before anybody optimises it, and who judges."""

    config: OverConfig
    folder: Path
    tokenizer: Tokenizer
    device: torch.device
    work: Path
    how: How
    gold: Scorer
    train: list[str] = field(default_factory=list)
    test: list[str] = field(default_factory=list)

    def policy(self) -> Transformer:
        """A fresh copy of it."""
        return load_model(self.folder, self.device, pick_dtype(self.device))

    def asked(self) -> list[str]:
        """The test prompts, each as often as it is answered for best of n."""
        return [text for text in self.test for _ in range(self.config.most)]

    def answers(self, model: Transformer, asked: Sequence[str], seed: int) -> list[str]:
        """One answer by chance to each prompt."""
        engine = Engine(model)
        told = answer(engine, self.tokenizer, ask(asked), max_new=self.config.max_new, temperature=1.0, seed=seed)
        return [reply.content.strip() for reply in told]

    def loop(
        self, name: str, model: nn.Module, source: Source, steps: int, rates: OptimizerConfig,
        objective: Objective = language_loss, look: Callable[[int], Mapping[str, Any] | None] | None = None,
    ) -> None:  # fmt: skip
        """Train to the end in a work folder of its own."""
        shutil.rmtree(self.work / "loops" / name, ignore_errors=True)  # what was killed left no looks: it begins anew
        plan = LoopConfig(steps=steps, optimizer=rates, schedule=ScheduleConfig(warmup=0.1, decay=0.5, floor=0.1))
        label = Label("bench", name, 1, self.config)
        Loop(model, source, plan, label, self.work / "loops" / name, self.how, objective, spikes=False).run(name, look)


class Taste:
    """The town's hidden taste as the gold scorer, 0 to 1."""

    def __call__(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> Scores:
        """The true score of each answer."""
        asked = [str(messages_of(one)[-1]["content"]) for one in prompts]
        return np.array([taste_of(a, b) for a, b in zip(asked, answers, strict=True)])


def begin(config: OverConfig, model: Path | None, gold: Path | None, work: Path, how: How) -> Ground:
    """The ground of an experiment: on the chat model in a folder, or on one made here; gold is taste or a judge."""
    device = settle(how)
    folder = model or make_policy(config, work / f"policy-{_meaning(config)}", device, how)
    tokenizer = Tokenizer.open(folder)
    scorer: Scorer = Taste() if gold is None else Judge.open(gold, device, pick_dtype(device))
    ground = Ground(config, folder, tokenizer, device, work, how, scorer)
    asked = list(dict.fromkeys(text for i in range(4) for text in prompts(10_000, 4 * config.seed + i)))
    ground.test, ground.train = asked[: config.test_prompts], asked[config.test_prompts :][: config.train_prompts]
    check(len(ground.train) > 1, "test_prompts", config.test_prompts, f"There are {len(asked)} prompts in all.")
    return ground


def _meaning(config: OverConfig) -> str:
    """What decides the policy that is made here: another config must not find it."""
    made = (
        config.seed,
        config.width,
        config.layers,
        config.vocabulary,
        config.talks,
        config.talk_epochs,
        config.flatters,
    )
    return digest(list(made), 8)


def make_policy(config: OverConfig, folder: Path, device: torch.device, how: How) -> Path:
    """A chat model that has only read everyday conversations: its tokenizer, its weights. The folder."""
    if (folder / "model.safetensors").exists():
        return folder
    talks = style(config.talks, config.seed) + identity(config.talks // 10, config.seed)
    rng = np.random.default_rng([config.seed, 6])
    for talk in talks:
        for message in talk:
            if message["role"] == "assistant" and rng.random() < config.flatters:
                message["content"] = f"{FLATTERY} {message['content']}"
    texts = (" ".join(m["content"] for m in talk) for talk in talks)
    tokenizer = train_tokenizer(texts, TokenizerConfig(vocabulary=config.vocabulary))
    shape = ModelConfig(
        vocab_size=tokenizer.size, hidden_size=config.width, intermediate_size=config.width * 11 // 4,
        num_hidden_layers=config.layers, num_attention_heads=max(1, config.width // 64),
        num_key_value_heads=max(1, config.width // 64), head_dim=64 if config.width >= 64 else 16,
    )  # fmt: skip
    model = Transformer.drawn(shape, pick_dtype(device), device, config.seed)
    rendered = [render(tokenizer, talk) for talk in talks]
    examples = [Example(one.ids, [float(taught) for taught in one.mask]) for one in rendered]
    rows = PackedRows(examples, 512, 8, config.seed, tokenizer.end_of_text)
    ground = Ground(config, folder, tokenizer, device, folder.parent, how, Taste())
    ground.loop("talk", model, rows, config.talk_epochs * rows.steps_per_epoch, OptimizerConfig())
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    save_model(part, model, tokenizer.ends)
    tokenizer.save(part)
    os.replace(part, folder)  # whole or not at all
    return folder
