"""A guideline becomes conversations that keep to it, by templates or by a model; what is kept apart stays apart."""

from __future__ import annotations

import dataclasses
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import pytest

from trivium.generate.remote import Remote
from trivium.generate.wire import Unanswered
from trivium.ground.errors import ConfigError, UsageError
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.stages.sft import asks, write
from trivium.stages.sft.asks import Ask, mined
from trivium.stages.sft.config import MannersConfig, WriteConfig
from trivium.stages.sft.guideline import find_guideline, has_markdown, read_guideline, said_as
from trivium.stages.sft.manners import WORDS, compare, questions

HOW = How(progress=False, threads=1, device="cpu")
BUNDLED = ("engineer", "teacher")


@pytest.mark.parametrize("name", BUNDLED)
def test_the_bundled_ones_can_be_kept_to(name: str, tmp_path: Path) -> None:
    guideline = read_guideline(find_guideline(name))
    config = WriteConfig(guideline=name, conversations=300)
    found = write.run(config, {}, tmp_path / "written", HOW)
    assert found.id == write.label_of(config, {}).id
    records = [record for part in ("train", "heldout") for record in read_jsonl(found.file(f"{part}.jsonl"))]
    accounts = found.json("account.json")["sources"]
    assert {account["source"] for account in accounts} == {"identity", "everyday", "refusal", "unsure"}
    for account in accounts:
        assert account["read"] == account["kept"] + sum(account["dropped"].values())
        assert set(account["dropped"]) <= {"duplicate"}, "its own wordings keep to its own format"
    assert not [record for record in records if guideline.breach(record["messages"][-1]["content"])]
    texts = [json.dumps(record["messages"]) for record in records]
    assert len(set(texts)) == len(texts)
    assert not [text for text in texts if "{" in json.loads(text)[-1]["content"]]


def test_the_two_differ_as_they_say() -> None:
    one, two = (read_guideline(find_guideline(name)) for name in BUNDLED)
    assert one.name != two.name and (one.markdown, two.markdown) == (False, True)
    talk = asks.everyday(Random(0), 1, False)
    short, long = ([write.filled_in(g, ask, Random(i)) for i, ask in enumerate(talk)] for g in (one, two))
    assert sum(map(len, long)) > 2 * sum(map(len, short))
    assert all(has_markdown(reply) for reply in long) and not any(has_markdown(reply) for reply in short)


@pytest.mark.parametrize("name", BUNDLED)
def test_what_is_measured_with_was_never_written_about(name: str) -> None:
    guideline = read_guideline(find_guideline(name))
    wanted = write.asked(guideline, WriteConfig(guideline=name, conversations=2000))
    taught = {ask.text for ask in wanted}
    for opener in write.OPENERS:
        taught |= {text.removeprefix(opener) for text in taught}
    measured = questions(guideline, MannersConfig(guidelines=(name,)))
    assert not {one.text for one in measured if not one.near} & taught
    assert not {one.text for one in measured} & {ask.text for ask in wanted}
    assert {one.kind for one in measured} == {"identity", "everyday", "refusal", "unsure"}
    assert len({one.text for one in measured if one.kind == "unsure"}) > 150


def test_the_same_seed_writes_the_same(tmp_path: Path) -> None:
    config = WriteConfig(guideline="engineer", conversations=100)
    ids = [write.run(config, {}, tmp_path / str(i), HOW).manifest["files"] for i in range(2)]
    assert ids[0] == ids[1]
    other = write.run(dataclasses.replace(config, seed=1), {}, tmp_path / "2", HOW)
    assert other.manifest["files"] != ids[0]


def test_documents_become_questions_and_files_of_answers_are_taken(tmp_path: Path) -> None:
    text = "A tarn is a small lake in the mountains. It was cold.\nThis is a long line that says nothing at all."
    assert mined(text) == [("What is a tarn?", "A tarn is a small lake in the mountains.")]
    path = tmp_path / "facts.jsonl"
    rows = [{"question": "Where is Oslo?", "answer": "In Norway"}, {"text": text}, {"other": 1}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = asks.known((str(path),), Random(0), 9)
    assert {(one.text, one.about) for one in found} == {("Where is Oslo?", "In Norway."), mined(text)[0]}
    config = WriteConfig(guideline="teacher", conversations=60, facts=(str(path),))
    sealed = write.run(config, {}, tmp_path / "written", HOW)
    assert any("In Norway." in str(record) for record in read_jsonl(sealed.file("train.jsonl")))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("# Bolt", "Bolt"), "no title"),
        (("## Tone", "## Mood"), "section 'mood'"),
        (("- {answer}", "- Yes."), "Slots of this section: {answer}"),
        (("Declined: {topic}.", "Declined: {question}."), "Slots of this section: {topic}"),
        (("- person: No. Software.", "- shoes: Brown."), "no topic"),
        (("- person: No. Software.", "- No. Software."), "`- topic: text`"),
    ],
)
def test_a_guideline_that_cannot_be_read_names_its_section(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.md"
    path.write_text(find_guideline("engineer").read_text().replace(*change))
    with pytest.raises(UsageError) as caught:
        read_guideline(path)
    assert said in str(caught.value)
    with pytest.raises(UsageError, match="engineer, teacher"):
        find_guideline("nobody")
    with pytest.raises(ConfigError, match="server's address"):
        WriteConfig(writer="url", writer_model="x")


def test_refusing_is_told_by_the_guidelines_own_words() -> None:
    wordings = ("Declined: {topic}.", "With **{topic}** I must not help.")
    assert said_as("declined: betting", wordings)
    assert said_as("With magic I must not help", wordings)
    assert not said_as("I will gladly help.", wordings)


def test_the_table_counts_what_was_said() -> None:
    one, two = (read_guideline(find_guideline(name)) for name in BUNDLED)
    talk, people = Ask("everyday", "Hi"), Ask("unsure", "Where?")
    name = Ask("identity", "Who?", "name", near=True)
    said = [
        [(talk, "Hi."), (talk, "Yes."), (name, "Bolt."), (people, "No data.")],
        [(talk, "**Hello** my friend"), (talk, "Declined: x."), (name, "Bolt."), (people, "In Oslo.")],
    ]
    table = compare([one, two], said)
    assert table[WORDS]["Bolt"]["value"] == 1.0
    assert table[WORDS]["difference"]["value"] == -1.5
    assert (table["says its name"]["Bolt"]["value"], table["says its name"]["Willow"]["value"]) == (1.0, 0.0)
    assert table["Markdown in everyday replies"]["Willow"]["value"] == 0.5
    assert table["unsure about invented people"]["difference"]["value"] == 1.0
    assert table["- refuses everyday talk"]["Willow"]["value"] == 0.0, "those are not its own words"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as the guideline wants, but for every third, which is wordy; busy at first."""

    asked: ClassVar[list[dict[str, Any]]] = []
    busy = 2

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind = type(self)
        if kind.busy:
            kind.busy -= 1
            self.send_error(503)
            return
        kind.asked.append(body)
        wordy = body["seed"] % 3 == 0
        said = "word " * 40 if wordy else f"Noted {body['seed']}."
        text = json.dumps(
            {"choices": [{"message": {"content": said}}]} if self.path.endswith("/v1/chat/completions") else {}
        )
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    Handler.asked, Handler.busy = [], 2
    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{found.server_address[1]}"
    found.shutdown()
    found.server_close()
    thread.join()


def test_a_model_behind_a_url_writes_and_is_held_to_the_format(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trivium.generate.wire.time.sleep", lambda _seconds: None)
    config = WriteConfig(
        guideline="engineer", conversations=60, writer="url", url=f"{server}/v1", writer_model="some-model"
    )
    found = write.run(config, {}, tmp_path / "written", HOW)
    dropped = sum((account["dropped"].get("too_wordy", 0) for account in found.json("account.json")["sources"]), 0)
    assert dropped == sum(body["seed"] % 3 == 0 for body in Handler.asked) > 5
    assert all("# Bolt" in body["messages"][0]["content"] for body in Handler.asked)
    assert any("must refuse" in body["messages"][0]["content"] for body in Handler.asked)
    assert all(body["model"] == "some-model" for body in Handler.asked)


def test_a_server_that_cannot_answer_is_named(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivium.generate.wire.time.sleep", lambda _seconds: None)
    with pytest.raises(Unanswered, match="without a choice"):
        Remote(f"{server}/v2", "m").replies([[{"role": "user", "content": "Hi"}]], 8, 0.0, 0)
    Handler.busy = 99
    with pytest.raises(Unanswered, match="503"):
        Remote(f"{server}/v1", "m").replies([[{"role": "user", "content": "Hi"}]], 8, 0.0, 0)
    with pytest.raises(UsageError, match="no web address"):
        Remote("localhost", "m")
