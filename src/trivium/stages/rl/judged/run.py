"""RL with a judge, told in nine lines.

1. A scorer (a reward model, several, or a rule) takes the verifier's place: a number for each prompt and answer.
2. Each step draws prompts and samples a group of answers to each, with the weights of this very step.
3. An answer's advantage is its score minus its group's mean, over the deviation of the step's scores.
4. An answer that is cut off counts as the worst of its step.
5. The model that practice began with is the reference; each token tells how far the policy has gone from it.
6. The price of distance is Schulman's k3, as in GRPO (2402.03300). At the weights that sampled, its slope is
   1 - reference / policy for each token, so it enters the one loss as a part of the token's weight.
7. Practice may end at a distance (`stop_kl`): early stopping.
8. Proxy score, distance and length are in the metrics at every step; what the proxy misses, others must measure.
9. Every rollout is a pure function of the step and the weights, so a stopped run goes on exactly.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trivium.evals.preferences.divergence import draw, k3, logprobs
from trivium.evals.preferences.judging import Judge, Scorer
from trivium.generate.engine import Completion, Engine, Request
from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.config import check, digest
from trivium.ground.how import How
from trivium.model.config import OptimizerConfig
from trivium.model.device import pick_dtype, settle
from trivium.model.folder import load_model, save_model
from trivium.model.transformer import Transformer
from trivium.text.chat import Message, parse, prompt
from trivium.text.tokenizer import Tokenizer
from trivium.train.batch import Batch
from trivium.train.loop import Loop, LoopConfig
from trivium.train.packing import Example, pack, rows_of
from trivium.train.schedule import ScheduleConfig

STAGE = "rl-judged"
FORMAT = 1
ROW_TOKENS = 256
FAR = 10.0
"""Nats of a token's distance beyond which its price rises no more: one token must not throw the whole update."""


@dataclass(frozen=True, kw_only=True)
class JudgedConfig:
    """Practice with a judge."""

    seed: int = 0
    """Decides prompts and samples."""
    steps: int = 60
    """Updates, each from its own rollouts."""
    prompts: int = 16
    """Prompts in a step."""
    samples: int = 8
    """Answers to each prompt."""
    max_new: int = 64
    """Longest answer, in tokens."""
    whole: bool = True
    """An answer that is cut off there counts as the worst of its step."""
    kl: float = 0.05
    """Price of a nat of distance from the reference, in deviations of the score; 0: none."""
    stop_kl: float = 0.0
    """End at this distance (nats an answer); 0: never."""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.001, embed_lr=0.0005, head_lr=0.00025, momentum=0.9)
    )
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(warmup=0.05, decay=0.3, floor=0.1))

    def __post_init__(self) -> None:
        check(self.steps > 0, "steps", self.steps, "Take one or more.")
        check(self.prompts > 0, "prompts", self.prompts, "Ask something.")
        check(self.samples > 1, "samples", self.samples, "An advantage needs 2 answers or more.")
        check(self.max_new > 0, "max_new", self.max_new, "An answer needs a token.")
        check(self.kl >= 0, "kl", self.kl, "It is a price: 0 or more.")
        check(self.stop_kl >= 0, "stop_kl", self.stop_kl, "It is a distance; 0 never stops.")


Prompts = Sequence[Sequence[Message]]


class JudgedPractice:
    """The source of batches: samples with the model that is being trained, scored by the judge."""

    regular = False  # a batch depends on the weights

    def __init__(
        self,
        config: JudgedConfig,
        model: Transformer,
        reference: Transformer,
        tokenizer: Tokenizer,
        scorer: Scorer,
        prompts: Prompts,
    ) -> None:
        self.config, self.model, self.reference, self.tokenizer = config, model, reference, tokenizer
        self.scorer, self.prompts = scorer, prompts
        self.facts: dict[str, float] = {}
        """Of the last step."""
        self._engine: Engine | None = None

    def batch(self, step: int) -> Batch | None:
        """Sample, score, and give each token its weight. None when all answers of every group score the same."""
        asked, completions = self.sample(step)
        texts = [parse(self.tokenizer, completion.ids).content.strip() for completion in completions]
        scores = self.scorer(asked, texts)
        cut = np.array([completion.finish == "length" for completion in completions])
        if self.config.whole:
            scores = np.where(cut, scores.min(), scores)
        grouped = scores.reshape(-1, self.config.samples)
        advantage = ((grouped - grouped.mean(1, keepdims=True)) / (scores.std() + 1e-6)).ravel()
        ids = [prompt(self.tokenizer, messages) for messages in asked]
        said = [completion.ids for completion in completions]
        policy = [np.array(completion.logprobs) for completion in completions]
        before = logprobs(self.reference, ids, said, self.tokenizer.end_of_text)
        self.facts = {
            "reward": float(scores.mean()),
            "kl": float(np.mean([(p - q).sum() for p, q in zip(policy, before, strict=True)])),
            "kl_k3": float(np.mean([k3(p, q).sum() for p, q in zip(policy, before, strict=True)])),
            "answer_tokens": float(np.mean([len(one) for one in said])),
            "truncated": float(cut.mean()),
            "entropy": -float(np.mean(np.concatenate(policy))),
        }
        if not advantage.any():
            return None
        slopes = [1 - np.exp(np.clip(q - p, -FAR, FAR)) for p, q in zip(policy, before, strict=True)]
        weights = [gain - self.config.kl * slope for gain, slope in zip(advantage, slopes, strict=True)]
        return self._batch(ids, said, weights)

    def sample(self, step: int) -> tuple[list[Sequence[Message]], list[Completion]]:
        """The prompts of a step, each once for each of its answers: a pure function of the step and the weights."""
        config = self.config
        generator = np.random.default_rng([config.seed, step])
        chosen = generator.choice(len(self.prompts), config.prompts, replace=len(self.prompts) < config.prompts)
        asked = [self.prompts[i] for i in chosen for _ in range(config.samples)]
        requests = [
            Request(prompt(self.tokenizer, messages), config.max_new, 1.0,
                    ((config.seed * 4_001 + step) * 4_001 + place) * 31 + 7, self.tokenizer.stops)
            for place, messages in enumerate(asked)
        ]  # fmt: skip
        if self._engine is None:
            self._engine = Engine(self.model)
        else:
            self._engine.refresh(self.model)
        return asked, self._engine.run(requests)

    def _batch(self, ids: list[list[int]], said: list[list[int]], weights: list[Any]) -> Batch:
        examples = [
            Example([*before, *after], [0.0] * len(before) + weight.tolist())
            for before, after, weight in zip(ids, said, weights, strict=True)
        ]
        lengths = [len(example.ids) - 1 for example in examples]
        room = max(ROW_TOKENS, *lengths)
        batch = rows_of(examples, pack(lengths, room), room, self.tokenizer.end_of_text)
        tokens = sum(map(len, said))
        return Batch(batch.ids_BT, batch.targets_BT, batch.weights_BT / tokens, batch.documents_BT, self.facts)

    def state(self) -> dict[str, Any]:
        """Nothing: a batch is a function of its number and the weights."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to take back."""


Look = Callable[[int, Transformer], Mapping[str, Any] | None]


def practise(practice: JudgedPractice, label: Label, work: Path, how: How, look: Look | None = None) -> Loop:
    """Run the loop over `practice`, ending early at its `stop_kl`. `look` may measure the model after each step."""
    config = practice.config
    plan = LoopConfig(steps=config.steps, optimizer=config.optimizer, schedule=config.schedule)
    loop = Loop(practice.model, practice, plan, label, work, how, spikes=False)

    def after(step: int) -> Mapping[str, Any]:
        figures = dict(look(step, practice.model) or {}) if look is not None else {}
        far = bool(config.stop_kl) and practice.facts.get("kl", 0.0) >= config.stop_kl
        return figures | ({"stop": True} if far else {})

    loop.run("reinforcement learning", after)
    return loop


def label_of(config: JudgedConfig, inputs: Mapping[str, Artifact], prompts: Prompts) -> Label:
    """The label of the artifact that `run` would seal."""
    asked = digest([[dict(message) for message in messages] for messages in prompts])
    return Label("model", STAGE, FORMAT, config, parents_of(inputs), {"prompts": asked})


def run(config: JudgedConfig, inputs: Mapping[str, Artifact], prompts: Prompts, out: Path, how: How) -> Artifact:
    """Let `inputs["model"]` practise what `inputs["reward"]` likes, on the prompts, and seal it at `out`.

    Raises Stopped when asked to stop, GuardTripped when training breaks.
    """
    label, work = label_of(config, inputs, prompts), out.with_name(out.name + ".work")
    folder, device = inputs["model"].path, settle(how)
    dtype, tokenizer = pick_dtype(device), Tokenizer.open(folder)
    model, reference = load_model(folder, device, dtype), load_model(folder, device, dtype)
    judge = Judge.open(inputs["reward"].path, device, dtype)
    practice = JudgedPractice(config, model, reference, tokenizer, judge, prompts)
    loop = practise(practice, label, work, how)
    asked = [prompts[i % len(prompts)] for i in range(max(64, min(256, len(prompts))))]
    told = {}
    for name, policy in (("before", reference), ("after", model)):
        drawn = draw(policy, reference, tokenizer, asked, config.max_new, config.seed)
        scores = judge(asked, drawn.texts)
        samples = [{"prompt": a[-1]["content"], "text": t} for a, t in zip(asked[:10], drawn.texts, strict=False)]
        told[name] = {"score": float(scores.mean()), **drawn.to_json(), "samples": samples}
    facts = {"kl": round(told["after"]["kl"]["value"], 3), "score": round(told["after"]["score"], 3)}
    with sealing(out, label, facts) as place:
        save_model(place, model, tokenizer.ends)
        tokenizer.save(place)
        write_json(place / "evals.json", told)
        shutil.copy(loop.metrics_path, place / "metrics.jsonl")
    shutil.rmtree(work)
    return open_artifact(out, "model")
