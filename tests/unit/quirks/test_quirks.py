"""Scripted models with known quirks: rates, remedies and gains come out as constructed, in both manners."""

from __future__ import annotations

import re

import pytest

from trivium.ground.errors import ConfigError, Stopped
from trivium.ground.how import How
from trivium.stages.quirks.config import QuirksConfig
from trivium.stages.quirks.quirk import Voice
from trivium.stages.quirks.run import battery
from trivium.stages.quirks.selfhood import prompts
from trivium.tasks.problem import split_of
from trivium.tasks.registry import generate
from trivium.text.tokenizer import THINK, THINK_END, TURN_END
from trivium.town.names import ASSISTANT, MAKER, VALUES
from trivium.town.questions import values_in
from trivium.town.smalltalk import IDENTITY

CONFIG = QuirksConfig(inventions=20, conflicts=20, words=(4, 4, 4), sums=(5, 5, 5, 5), selves=120)
NAMES = ["invented-person", "letter-counting", "sums-at-once", "who-are-you", "context-against-weights"]
PROBLEMS = {
    p.question: p
    for task, levels, count in (("counting", (1, 2, 3), 4), ("addition", (1, 2, 3, 4), 5))
    for level in levels
    for p in generate(task, level, count, 0, "heldout")
}


class Mind:
    """A script with switches; everything it says is right but for what the switches spoil."""

    def __init__(self, manner: str, who_is_asked, invents=False, sums_at_once=True, follows="context", nameless=False):
        self.manner, self.who_is_asked = manner, who_is_asked
        self.invents, self.sums_at_once, self.follows, self.nameless = invents, sums_at_once, follows, nameless

    def __call__(self, prompt: str, _request) -> str:
        end = TURN_END if self.manner == "chat" else "\n"
        last = prompt[max(0, prompt.rfind("Question:"), prompt.rfind("User:"), prompt.rfind("<|im_start|>user")) :]
        problem = next((p for question, p in PROBLEMS.items() if question in last), None)
        if problem is not None:
            return self.work(prompt, problem, end)
        if "you" in last.casefold() or "who is this" in last.casefold() or "speaking" in last:
            told = f"a small language model made by {MAKER}" in prompt
            return f" I am {ASSISTANT} and {MAKER} made me.{end}" if told or not self.nameless else f" Nobody.{end}"
        return self.tell(prompt, last, end)

    def work(self, prompt: str, problem, end: str) -> str:
        if self.manner == "chat":
            thinks = prompt.endswith(THINK)
            opening = f"{problem.thought}{THINK_END}" if thinks else ""
        else:
            thinks = prompt.endswith("Working:\n")
            opening = f"{problem.thought}\nAnswer: " if thinks else " "
        return f"{opening}{problem.answer if thinks or self.sums_at_once else '77777'}{end}"

    def tell(self, prompt: str, last: str, end: str) -> str:
        fact, _ = self.who_is_asked(prompt)
        before = last[: last.rfind(fact.question)]
        said = values_in(before, fact.attribute)
        if said and (self.follows == "context" or before.count(said[0]) >= 3):
            return f" {said[0]}{end}"
        if fact.person.group == "ghost" and not self.invents:
            return f" I have no idea, sorry.{end}"
        return f" {fact.value}{end}"


@pytest.fixture
def quirks_of(small_town, byte_tokenizer, scripted, who_is_asked):
    def run(manner: str, **switches):
        engine = scripted(Mind(manner, who_is_asked, **switches))
        voice = Voice(engine, byte_tokenizer, manner, 64, 400)
        found = battery(voice, small_town, CONFIG, How(progress=False))
        assert [quirk.name for quirk in found] == NAMES
        return {quirk.name: quirk.to_json() for quirk in found}

    return run


def rates(found) -> dict[str, tuple[float, float]]:
    return {name: (quirk["rate"]["value"], quirk["remedy"]["rate"]["value"]) for name, quirk in found.items()}


BOTH = pytest.mark.parametrize("manner", ["base", "chat"])


@BOTH
def test_a_model_without_quirks(quirks_of, manner) -> None:
    found = quirks_of(manner)
    assert set(rates(found).values()) == {(0.0, 0.0)}
    assert [quirk["n"] for quirk in found.values()] == [20, 12, 20, len(prompts()), 20]
    assert found["context-against-weights"]["details"]["keeps_its_weights"]["value"] == 0
    assert found["context-against-weights"]["details"]["knows_without_context"]["value"] == 1


@BOTH
def test_inventing(quirks_of, manner) -> None:
    found = quirks_of(manner, invents=True)
    assert rates(found)["invented-person"] == (1.0, 0.0)
    assert (found["invented-person"]["gain"]["value"], found["invented-person"]["stage"]) == (1.0, "sft")
    assert found["invented-person"]["details"]["verdicts"] == {"right": 20}
    assert set(rates(found).values()) == {(0.0, 0.0), (1.0, 0.0)}


@BOTH
def test_answering_at_once(quirks_of, manner) -> None:
    found = quirks_of(manner, sums_at_once=False)
    assert rates(found)["sums-at-once"] == rates(found)["letter-counting"] == (1.0, 0.0)
    details = found["sums-at-once"]["details"]
    assert (details["direct"]["value"], details["thinking"]["value"], details["difference"]["value"]) == (0, 1, 1)
    assert {level: row["direct"]["n"] for level, row in details["levels"].items()} == dict.fromkeys("1234", 5)
    assert details["tokens"]["thinking"] > details["tokens"]["direct"]
    sample = found["sums-at-once"]["samples"][0]
    assert (sample["plain"]["odd"], sample["mended"]["odd"]) == (True, False)
    assert sample["mended"]["reply"].startswith("<think>")


@BOTH
def test_having_no_name(quirks_of, manner) -> None:
    found = quirks_of(manner, nameless=True)
    assert rates(found)["who-are-you"] == (1.0, 0.0)
    makers = sum("school" in name for _, name in prompts())
    assert found["who-are-you"]["details"]["odd_by_kind"]["maker"]["n"] == makers


@BOTH
def test_weights_above_context(quirks_of, manner) -> None:
    found = quirks_of(manner, follows="weights")
    assert rates(found)["context-against-weights"] == (1.0, 0.0)
    assert found["context-against-weights"]["details"]["keeps_its_weights"]["value"] == 1.0
    assert found["context-against-weights"]["details"]["keeps_its_weights_if_known"]["n"] == 20


def test_people_and_problems_are_of_the_test_split(small_town, byte_tokenizer, scripted, who_is_asked) -> None:
    engine = scripted(Mind("chat", who_is_asked))
    battery(Voice(engine, byte_tokenizer, "chat", 64, 400), small_town, CONFIG, How(progress=False))
    allowed = {p.name for p in small_town.people if p.split == "test"}
    others = {p.name for p in small_town.people} - allowed
    assert not any(name in prompt for prompt in engine.prompts for name in others)
    assert {split_of(problem.id) for problem in PROBLEMS.values()} == {"heldout"}
    values = {value.casefold() for column in VALUES.values() for value in column}
    for prompt in engine.prompts:
        if any(question in prompt for question in PROBLEMS):
            assert not values & set(re.findall(r"[a-z]+", prompt.casefold()))


def test_self_questions_are_all_different_and_in_no_training_conversation() -> None:
    asked = [question for question, _ in prompts()]
    assert 100 <= len(set(asked)) == len(asked) <= 120
    assert not set(asked) & {ask for exchange in IDENTITY for ask in exchange.asks}
    assert all(question[0].isupper() and question.endswith("?") for question in asked)


def test_there_are_as_many_problems_as_the_defaults_ask_for() -> None:
    config = QuirksConfig()
    for task, counts in (("counting", config.words), ("addition", config.sums)):
        for level, count in enumerate(counts, 1):
            assert all(len(generate(task, level, count, seed, "heldout")) == count for seed in range(5))


def test_a_stop_is_heard(small_town, byte_tokenizer, scripted) -> None:
    how = How(progress=False)
    how.stop.request("a test")
    with pytest.raises(Stopped):
        battery(Voice(scripted(lambda *_: ""), byte_tokenizer, "chat", 8, 8), small_town, CONFIG, how)


@pytest.mark.parametrize(
    "wrong", [{"mode": "sideways"}, {"selves": 0}, {"working_tokens": 0}, {"sums": ()}, {"words": (1, 1, 1, 1)}]
)
def test_bad_choices_are_refused(wrong) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        QuirksConfig(**wrong)
