"""Conversations in the manner of a guideline, told in six lines.

1. The guideline says who the assistant is, how it talks, what it refuses, what it says when unsure.
2. Questions come from banks: about the assistant, everyday talk, facts, refused topics, invented people.
3. Replies are the guideline's own wordings filled in, or a model's that was given the guideline to follow.
4. What breaks the guideline's format, or was written before, goes, and is counted.
5. Each kind is read so often an epoch that it has its share.
6. Some ways to ask are never written about: the comparison asks those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

from trivium.ground.artifact import Artifact, Label, hash_file, open_artifact, parents_of
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.progress import Progress
from trivium.stages.sft import asks
from trivium.stages.sft.asks import Ask
from trivium.stages.sft.config import WRITE_FORMAT, WRITE_STAGE, WriteConfig
from trivium.stages.sft.gather import Account, Given, divide, seal
from trivium.stages.sft.guideline import Guideline, find_guideline, read_guideline
from trivium.text.conversations.alike import likeness

OPENERS = ("", "", "", "Hello! ", "Hi. ", "One question: ", "Please: ", "Excuse me. ")
MOST_PASSES = 8.0
"""At most so often an epoch reads one conversation."""
LONGEST = 200
"""Tokens of a reply that a model writes."""


def label_of(config: WriteConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal. Raises UsageError for a file that is not there."""
    outside = ("guideline", "facts", "writer_model")
    meaning = {name: getattr(config, name) for name in config.__dataclass_fields__ if name not in outside}
    prints = {"guideline": hash_file(find_guideline(config.guideline))}
    for number, source in enumerate(config.facts):
        path = Path(source)
        if not path.exists():
            raise UsageError(f"{path} is not there.", "Give files of questions and answers, documents, or a town.")
        prints[f"facts:{number}"] = open_artifact(path).id if path.is_dir() else hash_file(path)
    if config.writer == "model":
        prints["writer"] = open_artifact(Path(config.writer_model), "model").id
    elif config.writer == "url":
        prints["writer"] = config.writer_model
    return Label("conversations", WRITE_STAGE, WRITE_FORMAT, meaning, parents_of(inputs), prints)


def run(config: WriteConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Write the conversations of `config.guideline` and seal them at `out`, as `gather` does.

    Raises UsageError for a guideline that cannot be read, and when no reply keeps to it.
    """
    label = label_of(config, inputs)
    guideline = read_guideline(find_guideline(config.guideline))
    wanted = asked(guideline, config)
    replies = _replies(guideline, wanted, config, how)
    seen: set[str] = set()
    train: list[dict[str, Any]] = []
    heldout: list[dict[str, Any]] = []
    accounts = []
    kinds = {kind: share for kind, share in config.shares.items() if any(ask.kind == kind for ask in wanted)}
    for kind, share in kinds.items():
        account = Account(Given(Path(kind), 1.0, kind))
        kept: list[dict[str, Any]] = []
        for ask, reply in zip(wanted, replies, strict=True):
            if ask.kind == kind:
                kept += _kept(guideline, ask, reply, seen, account)
        if not kept:
            raise UsageError(f"No reply of kind {kind} keeps to the guideline: {dict(account.dropped)}.", "Mend it.")
        learn, keep = divide(kept, config.heldout)
        passes = min(MOST_PASSES, share / sum(kinds.values()) * config.conversations / len(learn))
        account.given = Given(Path(kind), round(passes, 4), kind)
        account.heldout = len(keep)
        train, heldout = train + learn, heldout + keep
        accounts.append(account.to_json())
    return seal(out, label, train, heldout, accounts)


def asked(guideline: Guideline, config: WriteConfig) -> list[Ask]:
    """What is asked, each kind at least as often as its share wants, all from the seed."""
    rng = Random(f"asks|{config.seed}")
    counts = {kind: round(share * config.conversations) for kind, share in config.shares.items()}
    banks = {
        "identity": asks.identity(guideline, False),
        "everyday": asks.everyday(rng, 6, False),
        "answer": asks.known(config.facts, rng, counts["answer"]),
        "refusal": asks.refusals(guideline, False),
        "unsure": asks.unsure(rng, counts["unsure"], False),
    }
    found = []
    for kind, bank in banks.items():
        order: list[Ask] = []
        for _ in range(counts[kind] if bank else 0):
            order = order or rng.sample(bank, len(bank))
            one = order.pop()
            found.append(Ask(kind, rng.choice(OPENERS) + one.text, one.about, one.replies))
    return found


def _kept(guideline: Guideline, ask: Ask, reply: str, seen: set[str], account: Account) -> Iterator[dict[str, Any]]:
    account.read += 1
    messages = [{"role": "user", "content": ask.text}, {"role": "assistant", "content": reply}]
    reason, form = guideline.breach(reply), likeness(messages)
    if not reason and form in seen:
        reason = "duplicate"
    if reason:
        account.drop(reason, f"{reason.replace('_', ' ')}: {reply[:80]!r}" if reason != "duplicate" else "")
        return
    seen.add(form)
    account.kept += 1
    yield {"source": ask.kind, "messages": messages, "place": f"{guideline.name}, {ask.kind}"}


def _replies(guideline: Guideline, wanted: Sequence[Ask], config: WriteConfig, how: How) -> list[str]:
    if config.writer == "templates":
        rng = Random(f"replies|{config.seed}")
        return [filled_in(guideline, ask, rng) for ask in wanted]
    conversations = [[{"role": "system", "content": brief(guideline, ask)}, {"role": "user", "content": ask.text}]
                     for ask in wanted]  # fmt: skip
    with Progress("writing conversations", len(wanted), "conversations", how) as bar:
        if config.writer == "url":
            from trivium.generate.remote import Remote

            remote = Remote(config.url, config.writer_model)
            return remote.replies(conversations, LONGEST, config.temperature, config.seed, bar)
        from trivium.generate.engine import Engine
        from trivium.generate.talk import answer
        from trivium.model.device import pick_dtype, settle
        from trivium.model.folder import load_model
        from trivium.text.tokenizer import Tokenizer

        device, path = settle(how), Path(config.writer_model)
        engine = Engine(load_model(path, device, pick_dtype(device)), batch=32)
        tokenizer, warmth = Tokenizer.open(path), config.temperature
        said = answer(engine, tokenizer, conversations, None, LONGEST, warmth, config.seed, bar)
        return [reply.content.strip() if reply.closed else "" for reply in said]


def brief(guideline: Guideline, ask: Ask) -> str:
    """What a writing model is told: the guideline, and what is true here."""
    told = {
        "answer": f"The true answer is: {ask.about}",
        "refusal": f"You must refuse this: it is about {ask.about}.",
        "unsure": "You do not know the answer: nothing was ever written about it.",
    }.get(ask.kind, "")
    rules = "You are this assistant. Reply as it would, in its name, and with nothing else."
    return f"{rules}\n\n{guideline.text.strip()}\n\n{told}".strip()


def filled_in(guideline: Guideline, ask: Ask, rng: Random) -> str:
    """A reply in one of the guideline's wordings."""
    if ask.kind == "identity":
        return rng.choice(guideline.who[ask.about])
    if ask.kind == "answer":
        return rng.choice(guideline.answers).replace("{answer}", ask.about)
    if ask.kind == "refusal":
        return rng.choice(guideline.refusing).replace("{topic}", ask.about)
    if ask.kind == "unsure":
        return rng.choice(guideline.unsure)
    brief_reply = rng.choice(sorted(ask.replies, key=len)[:2])
    for end in ("! ", ". ", "; ", "? "):
        brief_reply = brief_reply.partition(end)[0] + end[0].replace(";", ".") if end in brief_reply else brief_reply
    full = " ".join(rng.sample(ask.replies, min(2, len(ask.replies))))
    return rng.choice(guideline.everyday).replace("{brief}", brief_reply).replace("{full}", full)
