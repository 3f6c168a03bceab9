"""What decides the warm start and the practice."""

from __future__ import annotations

from dataclasses import dataclass, field

from trivium.ground.config import check
from trivium.model.config import OptimizerConfig
from trivium.train.schedule import ScheduleConfig

WARM_STAGE = "warm"
WARM_FORMAT = 2
RL_STAGE = "rl"
RL_FORMAT = 3
REWARDS = ("verified", "ternary", "random", "format", "model")
ADVANTAGES = ("mean", "deviation", "loo", "max", "batch")
MEANS = ("tokens", "answers", "longest")
KINDS = ("clipped", "truncated")
KLS = ("k1", "k2", "k3")
OVERLONG = ("wrong", "masked", "penalised")


@dataclass(frozen=True, kw_only=True)
class WarmConfig:
    """A short SFT on worked traces that ends, by rule, while there is still something to learn."""

    seed: int = 0
    """Decides problems and samples."""
    task: str = "addition"
    """A task of `tasks/registry.py`."""
    level: int = 3
    """Difficulty to start at; the rule moves it."""
    highest: int = 6
    """Hardest level that the rule may move to."""
    beside: tuple[str, ...] = ()
    """Other tasks, as task:level, of which as much is taught; the rule does not look at them."""
    direct: float = 0.0
    """Share of the problems that are shown with their answer alone. At 1 nothing is thought: looks ask without, too."""
    low: float = 0.25
    """The warm start ends as soon as pass@1 (greedy, thinking) is between this ..."""
    high: float = 0.60
    """... and this."""
    check_every: int = 5
    """Steps between two looks at pass@1."""
    steps: int = 120
    """Most steps; where pass@1 is then too low, the level has been too high: it moves down."""
    patience: int = 40
    """Steps at a level below `low` before it moves down."""
    probes: int = 160
    """Problems of a look."""
    rows: int = 8
    """Packed rows of traces in a step."""
    row_tokens: int = 256
    """Tokens in a packed row."""
    max_new: int = 96
    """Longest answer to a probe, thinking included, in tokens."""
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.002, embed_lr=0.001, head_lr=0.0005)
    )
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(warmup=0.05, decay=0.0, floor=1.0))

    def __post_init__(self) -> None:
        check(0 <= self.low < self.high <= 1, "low, high", (self.low, self.high), "They are shares, low below high.")
        check(
            1 <= self.level <= self.highest, "level", self.level, f"It starts between 1 and highest ({self.highest})."
        )
        check(self.check_every > 0, "check_every", self.check_every, "Look every step or less often.")
        check(0 <= self.direct <= 1, "direct", self.direct, "It is a share.")


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """How rewards become gradients. The defaults: Dr. GRPO's advantage, DAPO's mean over tokens, no KL."""

    advantage: str = "mean"
    """mean: reward minus the group's mean (Dr. GRPO, 2503.20783). deviation: that, divided by the group's deviation
    (GRPO, 2402.03300). loo: minus the mean of the others (RLOO). max: divided by the group's mean (rare successes
    count more). batch: minus the mean of the whole step (REINFORCE)."""
    mean: str = "tokens"
    """What the loss is a mean over. tokens: all tokens of a step (DAPO, 2503.14476). answers: first the tokens of an
    answer, then answers (GRPO). longest: `max_new` tokens for each answer, however long it is (Dr. GRPO)."""
    kind: str = "clipped"
    """clipped: a token's gradient ends where its ratio leaves the bounds (PPO). truncated: the ratio is a weight, cut
    at its upper bound, and no gradient ends (truncated importance sampling, CISPO)."""
    clip_low: float = 0.2
    """How far below 1 a ratio may fall ..."""
    clip_high: float = 0.2
    """... and rise above it; 0.28 is DAPO's clip-higher. Ratios are 1 in the first update from a round of rollouts."""
    kl: float = 0.0
    """Weight of the distance to the model that practice began with; 0 loads no second model."""
    kl_form: str = "k3"
    """Its estimator: k1 = log(p/q), k2 = log(p/q)²/2, k3 = q/p - 1 - log(q/p), for a token drawn from p (practised), q
    being the first model. k1 has no gradient of its own worth having: it belongs into the reward."""
    kl_in_reward: bool = False
    """Take the distance off each token's advantage (RLHF's way) instead of adding it to the loss."""
    overlong: str = "wrong"
    """What a cut-off answer is. wrong: one without a reward. masked: nothing, it teaches neither way. penalised: as
    wrong, and answers that come near `max_new` lose up to 1 (DAPO's soft punishment)."""
    overlong_margin: int = 0
    """penalised: over how many tokens before `max_new` the penalty grows."""

    def __post_init__(self) -> None:
        for name, known in (
            ("advantage", ADVANTAGES), ("mean", MEANS), ("kind", KINDS), ("kl_form", KLS), ("overlong", OVERLONG),
        ):  # fmt: skip
            value = getattr(self, name)
            check(value in known, name, value, f"Use one of {', '.join(known)}.")
        check(0 <= self.clip_low < 1, "clip_low", self.clip_low, "A ratio stays above 0: use 0 to below 1.")
        check(self.clip_high >= 0, "clip_high", self.clip_high, "It is how far a ratio may rise above 1.")
        check(self.kl >= 0, "kl", self.kl, "It is a weight; 0 means none.")
        gradient = self.kl_form != "k1" or self.kl_in_reward or not self.kl
        check(gradient, "kl_form", self.kl_form, "As part of the loss use k2 or k3; k1 goes with kl_in_reward.")
        check(self.overlong_margin >= 0, "overlong_margin", self.overlong_margin, "It is a number of tokens.")


@dataclass(frozen=True, kw_only=True)
class PoolConfig:
    """Problems that were neither always nor never solved come again."""

    share: float = 0.0
    """How many of a round's problems come from the pool, where it has so many; 0: all are new."""
    size: int = 1024
    """Most problems that are kept; the oldest go first."""
    rest: int = 2
    """Rounds before a problem comes again."""
    resample: int = 0
    """Dynamic sampling: how many more rounds of new problems may take the place of groups without signal."""

    def __post_init__(self) -> None:
        check(0 <= self.share <= 1, "pool.share", self.share, "It is a share.")
        check(self.size > 0, "pool.size", self.size, "Keep at least one.")
        check(self.rest >= 0 and self.resample >= 0, "pool.resample", self.resample, "They are numbers of rounds.")


@dataclass(frozen=True, kw_only=True)
class RlConfig:
    """GRPO-style practice: groups of samples, a verifier's reward, advantage against the group's mean."""

    seed: int = 0
    """Decides problems and samples."""
    tasks: tuple[str, ...] = ()
    """What is practised, as task:level, equally often; () means what the warm start ended with."""
    reward: str = "verified"
    """verified: 1 for a right answer in an ended turn. ternary: also 0 for saying that one does not know, and less for
    a wrong one, by `threshold`. model: a reward model's score. The controls: random (a coin), format (1 for any answer
    in an ended turn)."""
    threshold: float = 0.5
    """ternary: a wrong answer costs t/(1-t), so that answering pays for who is right more often than t."""
    reward_model: str = ""
    """model: its folder."""
    think: bool | None = True
    """true: a thought is opened for the model; false: an empty one is given; none: the model decides (foreign chat
    templates)."""
    budget: int = 0
    """Most tokens of a thought, which is then closed; 0 leaves it to the model."""
    tools: tuple[str, ...] = ()
    """Tools that may be called: calculator, python, search=FOLDER."""
    tool_rounds: int = 3
    """How often an answer may call tools before it must be given."""
    steps: int = 40
    """Updates."""
    updates: int = 1
    """Updates from one round of rollouts; from the second on the rollouts are stale, and ratios count."""
    problems: int = 16
    """Problems in a round."""
    samples: int = 16
    """Answers to each problem."""
    temperature: float = 1.0
    """Of the samples that are learned from; exams are greedy."""
    max_new: int = 96
    """Longest answer, thinking included, in tokens; what is cut off counts as wrong."""
    heldout: int = 500
    """Held-out problems for before and after."""
    quick: int = 128
    """Held-out problems for a look along the way."""
    look_every: int = 10
    """Steps between two looks."""
    enough: float = 0.0
    """Practice ends with the first look that finds this share of right answers; 0: it goes on to the last step."""
    chances: int = 0
    """Samples for each held-out problem, before and after, that pass@k is measured with; 0 leaves it out."""
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    pool: PoolConfig = field(default_factory=PoolConfig)
    optimizer: OptimizerConfig = field(
        default_factory=lambda: OptimizerConfig(muon_lr=0.001, embed_lr=0.0005, head_lr=0.00025, momentum=0.9)
    )
    schedule: ScheduleConfig = field(default_factory=lambda: ScheduleConfig(warmup=0.05, decay=0.3, floor=0.1))

    def __post_init__(self) -> None:
        check(self.reward in REWARDS, "reward", self.reward, f"Use one of {', '.join(REWARDS)}.")
        check(self.samples > 1, "samples", self.samples, "An advantage needs 2 answers or more.")
        check(self.temperature > 0, "temperature", self.temperature, "Equal answers teach nothing: above 0.")
        check(0 <= self.threshold < 1, "threshold", self.threshold, "It is a share below 1.")
        check(self.updates > 0, "updates", self.updates, "Learn at least once from a round.")
        check(self.budget >= 0, "budget", self.budget, "It is a number of tokens; 0 means none.")
        check(self.tool_rounds >= 0, "tool_rounds", self.tool_rounds, "It is a number of rounds.")
        check(
            not self.budget or self.think is not False, "budget", self.budget, "A budget is for thoughts: think=true."
        )
        check(self.chances >= 0, "chances", self.chances, "It is a number of samples.")
        check(0 <= self.enough <= 1, "enough", self.enough, "It is a share.")


CONTROLS = ("sft", "prompt", "vote")
"""The controls that `controls` makes itself; random and format are runs of practice of their own."""


@dataclass(frozen=True, kw_only=True)
class StartConfig:
    """A chat model that exists, taken into a run as its beginning."""

    model: str = ""
    """Its folder."""


@dataclass(frozen=True, kw_only=True)
class ControlsConfig:
    """What stands beside the result of practice."""

    names: tuple[str, ...] = CONTROLS
    """sft: the start, taught as many tokens of worked traces. prompt: the start as it is, asked to think. vote: the
    majority of several answers of the start, at the tokens that the practised model spends."""
    rows: int = 32
    """sft: problems in a step."""

    def __post_init__(self) -> None:
        for name in self.names:
            check(name in CONTROLS, "names", name, f"Use {', '.join(CONTROLS)}.")


@dataclass(frozen=True, kw_only=True)
class ThinkingConfig:
    """What is asked about a practised model's thinking."""

    problems: int = 200
    """Held-out problems of each question."""
    budgets: tuple[int, ...] = (0, 16, 64, 256, 1024)
    """Most tokens of a thought, each a way to answer."""
    wait: int = 0
    """Make thoughts at least so long, by "Wait"; 0 leaves that out."""
    corrupted: float = 0.3
    """Share of a thought's tokens that are changed, to see whether the answer follows."""
    transfer: tuple[str, ...] = ()
    """Tasks that were never rewarded, as task:level."""
    twin: bool = False
    """Also train a twin on direct answers, from the same start, with as many tokens."""
    rows: int = 32
    """twin: problems in a step."""

    def __post_init__(self) -> None:
        check(self.problems > 1, "problems", self.problems, "Intervals need some.")
        check(0 < self.corrupted <= 1, "corrupted", self.corrupted, "It is a share above 0.")
        check(all(b >= 0 for b in self.budgets), "budgets", self.budgets, "They are numbers of tokens.")
