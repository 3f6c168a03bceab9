"""Conversations of one's own, told in six lines.

1. Each file is read row by row; what is no conversation is named by file and line, with the mend, and counted.
2. Conversations of the same words as an earlier one go.
3. Those that share a run of words with a test set that was named go.
4. A share of each file, by the hash of its first questions, is held out: equal questions fall on the same side.
5. What is left is sealed with the account: read = kept + every reason.
6. Which model will learn them does not matter here; their lengths are looked at when it is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.errors import UsageError
from trivium.ground.how import How
from trivium.ground.log import write_jsonl
from trivium.ground.progress import Progress
from trivium.stages.sft.config import GATHER_FORMAT, GATHER_STAGE, GatherConfig
from trivium.text.conversations.alike import likeness, place, texts_of
from trivium.text.conversations.forms import REASONS, Conversation, NoConversation, conversation_of
from trivium.text.conversations.rows import rows_of
from trivium.text.decontamination.records import fingerprints

EXAMPLES = 5
"""Bad rows of a file that are named."""


@dataclass(frozen=True)
class Given:
    """A file, how many times an epoch reads it, and what it is called."""

    path: Path
    weight: float
    name: str


@dataclass
class Account:
    """What became of a file's rows."""

    given: Given
    read: int = 0
    kept: int = 0
    heldout: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)
    """The first bad rows: `file:line: what is wrong. The mend.`"""

    def drop(self, reason: str, said: str = "") -> None:
        """Count a row that goes, and name it while few have been named."""
        self.dropped[reason] += 1
        if said and len(self.named) < EXAMPLES:
            self.named.append(said)

    def to_json(self) -> dict[str, Any]:
        """For the file `account.json`."""
        return {
            "source": self.given.name, "weight": self.given.weight, "read": self.read, "kept": self.kept,
            "heldout": self.heldout, "dropped": dict(sorted(self.dropped.items())), "named": self.named,
        }  # fmt: skip


def label_of(config: GatherConfig, inputs: Mapping[str, Artifact]) -> Label:
    """The label of the artifact that `run` would seal. Raises UsageError for a file that cannot be read."""
    given = files_of(config.data)
    meaning = {
        "data": [[one.name, one.weight] for one in given], "test_ngram": config.test_ngram,
        "duplicates": config.duplicates, "heldout": config.heldout,
    }  # fmt: skip
    prints = {f"data:{one.name}": next(iter(fingerprints([str(one.path)]).values())) for one in given}
    prints |= {f"test:{name}": value for name, value in fingerprints(config.test_sets).items()}
    return Label("conversations", GATHER_STAGE, GATHER_FORMAT, meaning, parents_of(inputs), prints)


def files_of(data: tuple[str, ...]) -> list[Given]:
    """The files that were named, with their weights. Raises UsageError for none, or for a weight that is no number."""
    found: list[Given] = []
    for text in data:
        head, colon, tail = text.rpartition(":")
        path, weight = Path(text), 1.0
        if colon and not path.is_file():
            try:
                path, weight = Path(head), float(tail)
            except ValueError:
                path = Path(text)
        if not 0 < weight <= 100:
            raise UsageError(f"{text}: a weight of {weight:g}.", "Passes an epoch: above 0, at most 100.")
        stem = path.name.split(".")[0] or "data"
        taken = sum(one.name.partition("#")[0] == stem for one in found)
        found.append(Given(path, weight, f"{stem}#{taken + 1}" if taken else stem))
    if not found:
        raise UsageError("No conversations are named.", "Give files of them: --data FILE.jsonl.")
    return found


def run(config: GatherConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Read `config.data` and seal `train.jsonl`, `heldout.jsonl` and `account.json` at `out`.

    Raises UsageError when a file cannot be read, when nothing is left of it, or at a bad row where those stop.
    """
    label = label_of(config, inputs)
    sieve = Sieve(config)
    train: list[dict[str, Any]] = []
    heldout: list[dict[str, Any]] = []
    accounts = []
    files = files_of(config.data)
    with Progress("reading conversations", len(files), "files", how) as bar:
        for given in files:
            account = Account(given)
            kept = list(sieve.through(given, account))
            bar.advance(1)
            learn, keep = divide(kept, config.heldout)
            account.heldout = len(keep)
            train += learn
            heldout += keep
            accounts.append(account)
            if not kept:
                why = account.named[0] if account.named else f"{given.path} holds no rows."
                raise UsageError(f"Nothing is left of {given.path.name}: {_told(account)}", why)
    return seal(out, label, train, heldout, [account.to_json() for account in accounts])


def seal(
    out: Path, label: Label, train: list[dict[str, Any]], heldout: list[dict[str, Any]], accounts: list[dict[str, Any]]
) -> Artifact:
    """Seal conversations and their account at `out`."""
    facts = {
        "read": sum(account["read"] for account in accounts),
        "train": len(train),
        "heldout": len(heldout),
        "dropped": sum(sum(account["dropped"].values()) for account in accounts),
    }
    with sealing(out, label, facts) as folder:
        write_jsonl(folder / "train.jsonl", train)
        write_jsonl(folder / "heldout.jsonl", heldout)
        write_json(folder / "account.json", {"sources": accounts})
    return open_artifact(out, "conversations")


class Sieve:
    """What conversations go through, file after file: it remembers what it has seen."""

    def __init__(self, config: GatherConfig) -> None:
        self.config = config
        self.seen: set[str] = set()
        self.tests: Any = None
        if config.test_sets:
            from trivium.text.decontamination.index import TestSets

            self.tests = TestSets(config.test_sets, config.test_ngram)

    def through(self, given: Given, account: Account) -> Iterator[dict[str, Any]]:
        """The records of a file that stay: source, messages, place. The others are in the account."""
        for row in rows_of(given.path):
            account.read += 1
            where = f"{given.path.name}:{row.number}"
            try:
                if row.damage:
                    raise NoConversation("bad_json", row.damage, "Write one JSON object a line.")
                messages = conversation_of(row.value)
            except NoConversation as error:
                said = f"{where}: {error.what}. {error.mend}"
                if self.config.bad == "stop":
                    raise UsageError(
                        f"{where}: {error.what}.", f"{error.mend} Or leave such rows out: bad=drop."
                    ) from None
                account.drop(error.reason, said)
                continue
            reason = self.reason(messages)
            if reason:
                account.drop(reason)
                continue
            account.kept += 1
            yield {"source": given.name, "messages": messages, "place": where}

    def reason(self, messages: Conversation) -> str:
        """Why a conversation goes: "duplicate", "in_<test set>", or "" when it stays."""
        if not self.config.duplicates:
            form = likeness(messages)
            if form in self.seen:
                return "duplicate"
            self.seen.add(form)
        for text in texts_of(messages) if self.tests is not None else ():
            if found := self.tests.find(text):
                return f"in_{found}"
        return ""


def divide(records: list[dict[str, Any]], share: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Records to learn from, and a share by hash to measure on: one at least where there are two questions."""
    places = [place(record["messages"]) for record in records]
    limit = share
    if share and len(set(places)) > 1:
        limit = min(max(share, min(places) + 1e-12), max(places))
    learn = [record for record, at in zip(records, places, strict=True) if at >= limit]
    keep = [record for record, at in zip(records, places, strict=True) if at < limit]
    return (learn, keep) if len(set(places)) > 1 else (records, [])


def _told(account: Account) -> str:
    counts = ", ".join(f"{count} × {REASONS.get(reason, reason)}" for reason, count in account.dropped.most_common(3))
    return f"{account.read} rows; {counts or 'none dropped'}."
