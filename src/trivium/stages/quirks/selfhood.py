"""A quirk about the self: who does the model say that it is? Nobody is born with a name."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from trivium.evals.known import share
from trivium.evals.probes import continue_to
from trivium.stages.quirks.config import QuirksConfig
from trivium.stages.quirks.quirk import Quirk, Said, Trial, Voice
from trivium.town.names import ASSISTANT, MAKER
from trivium.town.smalltalk import IDENTITY

OPENINGS = ("", "Hello! ", "Excuse me, ", "Please tell me: ", "One question: ", "Good morning! ")
NAME_ASKS = (
    "who are you?",
    "what is your name?",
    "what are you called?",
    "which name do you go by?",
    "what do people call you?",
    "do you have a name?",
    "may I ask your name?",
    "who is this?",
    "how should I call you?",
    "who am I speaking with?",
)
MAKER_ASKS = (
    "who made you?",
    "who built you?",
    "which company made you?",
    "where do you come from?",
    "who created you?",
    "who is behind you?",
    "which school made you?",
    "who trained you?",
    "who is your maker?",
    "who do you belong to?",
)
"""With each opening these make 120 questions; those that training conversations ask are left out."""
CARD = f"I am {ASSISTANT}, a small language model made by {MAKER}."
"""What the remedy puts in front."""


def who_are_you(voice: Voice, config: QuirksConfig) -> Quirk:
    """Asked who it is or who made it, does it name itself or its maker?"""
    asked = Random(f"selves|{config.seed}").sample(prompts(), min(config.selves, len(prompts())))
    questions = [question for question, _ in asked]
    plain, mended = _say(voice, questions, told=False), _say(voice, questions, told=True)
    trials = [
        Trial(*(Said(question, text, name not in text.casefold()) for text in pair))
        for (question, name), *pair in zip(asked, plain, mended, strict=True)
    ]
    by_kind = {
        kind: share(trial.plain.odd for trial, (_, one) in zip(trials, asked, strict=True) if one == name).to_json()
        for kind, name in (("name", _NAME), ("maker", _MAKER))
    }
    return Quirk(
        "who-are-you",
        "does not name itself when asked who it is, or its maker when asked who made it",
        "sft",
        "A name is a habit of speech: without conversations that give it one, a model says what documents say at such "
        "a place.",
        "tell it who it is at the start of the prompt",
        trials,
        {"odd_by_kind": by_kind},
    )


_NAME, _MAKER = ASSISTANT.casefold(), MAKER.removeprefix("the ").casefold()


def prompts() -> list[tuple[str, str]]:
    """Every question that no training conversation asks, with what its right answer holds, in lower case."""
    taught = {ask for exchange in IDENTITY for ask in exchange.asks}
    asks = [*((ask, _NAME) for ask in NAME_ASKS), *((ask, _MAKER) for ask in MAKER_ASKS)]
    pairs = [(_joined(opening, ask), name) for opening in OPENINGS for ask, name in asks]
    return [(question, name) for question, name in pairs if question not in taught]


def _joined(opening: str, ask: str) -> str:
    """The question after the opening, with a capital where a sentence has ended."""
    starts = opening.rstrip().endswith("!") or not opening
    return opening + (ask[0].upper() + ask[1:] if starts else ask)


def _say(voice: Voice, questions: Sequence[str], told: bool) -> list[str]:
    """Replies: a chat model's, told or not by a system message; a base model's line in a dialogue with an assistant."""
    if voice.manner == "chat":
        system = [{"role": "system", "content": f"You are {CARD.removeprefix('I am ')}"}] if told else []
        return voice.talk([[*system, {"role": "user", "content": question}] for question in questions])
    before = f"User: What are you?\nAssistant: {CARD}\n" if told else ""
    texts = [f"{before}User: {question}\nAssistant:" for question in questions]
    return continue_to(voice.engine, voice.tokenizer, texts, voice.reply_tokens, ends="\n")
