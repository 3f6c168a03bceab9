"""What is asked of the engine, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trivium.ground.config import check


@dataclass(frozen=True)
class ThinkBudget:
    """How long a model may think, and how long it must. Thinking goes from the open tag to the close tag."""

    most: int | None = None
    """Thinking tokens; then the close tag is put in. 0 closes at once, None lets the model decide."""
    least: int = 0
    """A close tag (of one id) that comes before so many thinking tokens is replaced by `wait` (2501.19393)."""
    wait: tuple[int, ...] = ()
    """Ids that are put in the place of an early close tag: those of "Wait", say."""
    open: tuple[int, ...] = ()
    """Ids of the open tag; () means the engine's tokenizer's."""
    close: tuple[int, ...] = ()
    """Ids of the close tag; () means the engine's tokenizer's."""

    def __post_init__(self) -> None:
        check(self.most is None or self.most >= 0, "think.most", self.most, "It is a number of tokens, or None.")
        check(self.least == 0 or bool(self.wait), "think.wait", self.wait, "Give the ids that make it go on.")
        enough = self.most is None or self.least <= self.most
        check(enough, "think.least", self.least, f"It is at most think.most, {self.most}.")


@dataclass(frozen=True)
class Request:
    """What to continue and how. Temperature 0 is greedy.

    A logit is changed in this order: bias, repetition, temperature, top-k, top-p, min-p.
    """

    ids: Sequence[int]
    max_new: int
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[int, ...] = ()
    """Token ids that end the completion (and are its last id)."""
    top_k: int = 0
    """Only so many likeliest tokens are drawn from; 0 means all."""
    top_p: float = 1.0
    """Only the likeliest tokens are drawn from, as many as it takes to hold this share."""
    min_p: float = 0.0
    """Tokens less likely than this share of the likeliest one's probability are not drawn."""
    repetition: float = 1.0
    """Logits of tokens that were there (prompt included) are divided by this where positive, else multiplied."""
    bias: Mapping[int, float] = field(default_factory=dict)
    """Token id -> added to its logit."""
    stop_strings: tuple[str, ...] = ()
    """The completion ends with the token in which its text first contains one of them."""
    think: ThinkBudget | None = None
    top_logprobs: int = 0
    """So many likeliest tokens are told beside each token."""
    prompt_logprobs: bool = False
    """Also tell how likely the prompt's own tokens were (max_new may be 0 then)."""

    @property
    def shaped(self) -> bool:
        """Whether logits are changed or told before a token is drawn: not the fast path."""
        changed = self.top_k > 0 or self.top_p < 1 or self.min_p > 0 or self.repetition != 1 or bool(self.bias)
        return changed or self.top_logprobs > 0

    @property
    def watched(self) -> bool:
        """Whether each token must be looked at before the next one can be computed."""
        return self.shaped or bool(self.stop_strings) or self.think is not None

    def check(self, vocabulary: int, tokenizer: bool) -> None:
        """Raise ConfigError or UsageError for numbers that mean nothing."""
        check(len(self.ids) > 0, "ids", "empty", "Begin an empty document with <|endoftext|>.")
        low, high = min(self.ids), max(self.ids)
        check(0 <= low and high < vocabulary, "ids", [low, high], f"The model has ids 0 to {vocabulary - 1}.")
        check(self.max_new >= 0, "max_new", self.max_new, "It is a number of tokens.")
        check(self.temperature >= 0, "temperature", self.temperature, "0 is greedy; higher is more varied.")
        check(self.top_k >= 0, "top_k", self.top_k, "0 means all tokens.")
        check(0 < self.top_p <= 1, "top_p", self.top_p, "It is a share above 0, at most 1.")
        check(0 <= self.min_p <= 1, "min_p", self.min_p, "It is a share from 0 to 1.")
        check(self.repetition > 0, "repetition", self.repetition, "1 changes nothing.")
        check(0 <= self.top_logprobs <= vocabulary, "top_logprobs", self.top_logprobs, "It is a number of tokens.")
        wrong = [index for index in self.bias if not 0 <= index < vocabulary]
        check(not wrong, "bias", wrong[:3], f"The model has ids 0 to {vocabulary - 1}.")
        check(all(self.stop_strings), "stop_strings", self.stop_strings, "An empty string ends nothing.")
        able = tokenizer or not self.stop_strings
        check(able, "stop_strings", self.stop_strings, "Make the engine with tokenizer=…")
        able = tokenizer or self.think is None or bool(self.think.open and self.think.close)
        check(able, "think", self.think, "Make the engine with tokenizer=…, or give the tags' ids.")


@dataclass
class Completion:
    """What came: ids (the stop token included), their log-probabilities in nats, and why it ended.

    A log-probability is the model's own at the request's temperature (1 where that is 0), before bias, penalties and
    cuts: what the training forward gives for the same token.
    """

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish: str = "length"
    """"stop", "length" or "cancelled"."""
    top: list[list[tuple[int, float]]] = field(default_factory=list)
    """For each token, when asked, the likeliest ids with their log-probabilities."""
    prompt_logprobs: list[float | None] = field(default_factory=list)
    """For each token of the prompt, when asked, at temperature 1; None for the first."""
    prompt_top: list[list[tuple[int, float]]] = field(default_factory=list)
    forced: list[bool] = field(default_factory=list)
    """For each token whether a budget put it in: then its log-probability is 0 and means nothing."""
    stop_string: str | None = None
    """Which stop string ended it."""


@dataclass(frozen=True)
class Event:
    """News of a request after a step."""

    ticket: int
    completion: Completion
    new: int
    """So many ids were appended to the completion since the last event."""
    done: bool
