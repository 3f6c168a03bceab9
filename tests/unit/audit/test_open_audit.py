"""`trivium audit MODEL`, from files to a sealed folder, with a speaker whose knowledge is known; and over a URL."""

from __future__ import annotations

import json
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from trivium.cli.app import answer
from trivium.evals.knowledge.asking import Asking, Said
from trivium.evals.knowledge.mapping import made
from trivium.evals.knowledge.probe import Probe, split_of
from trivium.evals.knowledge.remote import Remote, Server
from trivium.generate.wire import Unanswered
from trivium.ground.artifact import open_artifact
from trivium.ground.errors import ConfigError, Stopped, UsageError
from trivium.ground.how import How
from trivium.ground.log import read_jsonl
from trivium.stages.audit.asked import OpenAuditConfig
from trivium.stages.audit.bank import Sources, gather
from trivium.stages.audit.lessons import PHRASINGS, lessons
from trivium.stages.audit.sitting import Audited, read_other, sit
from trivium.tasks.matching import refuses

QUIET = How(progress=False)
RELATIONS = ("capital", "currency", "religion", "language", "anthem", "continent")
CONFIG = OpenAuditConfig(asking=Asking(samples=4, draws=2, shots=2, plain=1), unanswerable=12, limit=120)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    rows = [
        {"question": f"What is the {r} of Land{i} North?", "answer": f"Value{i}{r}", "subject": f"Land{i} North",
         "relation": r, "source": "other" if i % 9 == 0 else "file"}
        for i in range(40) for r in RELATIONS
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


class Scripted:
    """Knows the lands with even numbers; of others it says one false thing again and again, or refuses."""

    def __init__(self, chat: bool = True, refuses: bool = False, stop_after: int = 10**9) -> None:
        self.chat, self.refuses, self.left, self.asked = chat, refuses, stop_after, 0

    def say(self, wishes, told) -> None:
        for wish in wishes:
            self.asked += 1
            if self.asked > self.left:
                raise Stopped("Stopped.")
            told(wish.key, Said(self.text(wish), 3, -2.0))

    def text(self, wish) -> str:
        question = str(wish.messages[-1]["content"]).rsplit("Question:", 1)[-1].split("\n")[-1]
        for i in range(40):
            for relation in RELATIONS:
                if f"the {relation} of Land{i} North?" in question and i % 2 == 0:
                    return f"It is Value{i}{relation}."
        if "\tplain\t" in wish.key and self.refuses:
            return PHRASINGS[zlib.crc32(question.encode()) % len(PHRASINGS)]
        return "Nonsense"


def test_an_audit_from_files_to_a_sealed_folder(questions, tmp_path):
    bank = gather(CONFIG, Sources(files=(questions,)), QUIET)
    whys = Counter(probe.why for probe in bank.asked)
    assert whys["invented"] == whys["premise"] == whys["future"] == 12
    audit = sit(CONFIG, Audited("m", "1"), Scripted(), bank, tmp_path / "a", QUIET)
    summary, lines = audit.json("summary.json"), list(read_jsonl(audit.file("map.jsonl")))
    assert len(lines) == len(bank.asked) == summary["probes"]
    for line in lines:
        known = line["answers"] and int(line["subject"].split()[0][4:]) % 2 == 0
        assert line["label"] == ("highly-known" if known else "confidently-wrong")
    every = summary["columns"]["all"]
    assert every["hallucination"]["value"] + every["abstained"]["value"] < 1
    assert len(summary["worst"]) == 10
    page = audit.file("audit.html").read_text(encoding="utf-8")
    assert "Most confidently wrong" in page and "Refusal Index" in page and "<script" not in page
    assert not (tmp_path / "a.work").exists()


def test_a_stopped_audit_goes_on_and_gives_the_same(questions, tmp_path):
    bank = gather(CONFIG, Sources(files=(questions,)), QUIET)
    whole = sit(CONFIG, Audited("m", "1"), Scripted(), bank, tmp_path / "whole", QUIET)
    with pytest.raises(Stopped):
        sit(CONFIG, Audited("m", "1"), Scripted(stop_after=500), bank, tmp_path / "parts", QUIET)
    again = Scripted()
    with pytest.raises(UsageError, match="another audit"):
        sit(replace(CONFIG, seed=7), Audited("m", "1"), again, bank, tmp_path / "parts", QUIET)
    parts = sit(CONFIG, Audited("m", "1"), again, bank, tmp_path / "parts", QUIET)
    assert parts.file("map.jsonl").read_bytes() == whole.file("map.jsonl").read_bytes()
    assert parts.id == whole.id and 0 < again.asked < 5000


def test_known_is_read_from_the_audit_before(questions, tmp_path):
    bank = gather(CONFIG, Sources(files=(questions,)), QUIET)
    sit(CONFIG, Audited("before", "1"), Scripted(), bank, tmp_path / "before", QUIET)
    base = read_other(tmp_path / "before")
    after = sit(CONFIG, Audited("after", "2"), Scripted(refuses=True), bank, tmp_path / "after", QUIET, base)
    summary = after.json("summary.json")
    every = summary["columns"]["all"]
    assert every["refusal_recall"]["value"] == 1 and every["over_refusal"]["value"] == 0
    assert every["refusal_index"]["value"] > 0.9 > 0.3 > every["refusal_index"]["shuffled"]["high"]
    assert [one["name"] for one in summary["stages"]] == ["before", "after"]


def test_lessons_keep_to_the_train_side(questions):
    config = replace(CONFIG, held_out=("other",), answers_per_refusal=1.0)
    bank = gather(config, Sources(files=(questions,)), QUIET)
    say = Scripted().text
    records = []
    for probe in bank.asked:
        wish = type("W", (), {"messages": ({"content": probe.question},), "key": "k"})
        said = Said(say(wish), 2)
        records.append(made(probe, [said] * 2, [said] * 4))
    taught, shuffled = lessons(records, config)
    assert taught
    for line in taught:
        probe = Probe.from_json(line["probe"])
        assert split_of(probe, config.held_out) in ("train", "unanswerable") and probe.pool != "disjoint"
        reply = line["messages"][1]["content"]
        assert refuses(reply) == (line["kind"] == "refusal")
    kinds, control = Counter(line["kind"] for line in taught), Counter(line["kind"] for line in shuffled)
    assert kinds == control
    assert kinds["fact"] <= kinds["refusal"]


def test_refusals_have_many_phrasings_that_all_read_as_one():
    assert len(set(PHRASINGS)) >= 12
    assert all(refuses(phrase) for phrase in PHRASINGS)


class Fake(BaseHTTPRequestHandler):
    """A server that is busy at first, then echoes; `/broken` never answers well."""

    seen: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        self.reply(200, {"data": [{"id": "echo"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen[self.path] += 1
        if self.path.startswith("/broken"):
            self.reply(400, {"error": "no such model"})
        elif self.seen[self.path] == 1:
            self.reply(503, {"error": "busy"})
        elif "prompt" in body:
            choice = {"text": " Paris", "logprobs": {"token_logprobs": [-0.5]}, "finish_reason": "stop"}
            self.reply(200, {"choices": [choice], "usage": {"completion_tokens": 1}})
        elif "Passage:" in body["messages"][0]["content"]:
            words = '{"question": "Where is the mill of Arden?", "answer": "Larkham", "subject": "Arden"}'
            self.reply(200, {"choices": [{"message": {"content": f"Here: {words}"}}]})
        else:
            self.reply(200, {"choices": [{"message": {"content": "Paris"}}]})

    def reply(self, code: int, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def fake() -> Iterator[str]:
    Fake.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Fake) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_audit_over_a_url(fake, questions, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for mode in ("chat", "base"):
        words = ["audit", "--url", f"{fake}/v1", "--probes", str(questions), "--limit", "5", "--samples", "2",
                 "--draws", "1", "--unanswerable", "2", "--mode", mode, "--out", f"out-{mode}",
                 "--no-progress"]  # fmt: skip
        assert answer(words) == 0
        found = open_artifact(tmp_path / f"out-{mode}", "audit").json("summary.json")
        assert (found["mode"], found["name"]) == (mode, "echo") and found["probes"] >= 10


def test_a_server_that_refuses_is_told_with_its_words(fake):
    with pytest.raises(Unanswered, match="no such model"):
        Remote(Server(url=f"{fake}/broken", model="x", pause=0.01), QUIET).complete(
            [{"role": "user", "content": "?"}], 5, 0, 0.0
        )
    with pytest.raises(Unanswered, match="does not answer"):
        Remote(Server(url="http://127.0.0.1:9/v1", model="x", tries=2, pause=0.01), QUIET).complete([], 5, 0, 0.0)
    for url in ("file:///etc/passwd", "localhost:8000", ""):
        with pytest.raises(ConfigError, match="url"):
            Server(url=url)


def test_a_writer_s_questions_must_stand_in_their_passage(fake, tmp_path):
    (tmp_path / "good.txt").write_text("The mill of Arden is in Larkham. " * 12, encoding="utf-8")
    (tmp_path / "bad.txt").write_text("Nothing is said here about any place at all. " * 12, encoding="utf-8")
    config = replace(CONFIG, written=2, unanswerable=0, limit=0)
    writer = Remote(Server(url=f"{fake}/v1", pause=0.01), QUIET)
    bank = gather(config, Sources(corpus=(tmp_path,), writer=writer), QUIET)
    written = [p for p in (*bank.asked, *bank.shots) if p.source == "written"]
    assert [p.answers for p in written] == [("Larkham",)]
    assert bank.dropped["writer: answer not in the passage"] == 1


def test_usage_errors_name_the_value(questions, tmp_path, capsys):
    assert answer(["audit", "nowhere", "--probes", str(questions)]) == 3
    assert answer(["audit", "--probes", str(questions)]) == 2
    assert "trivium audit MODEL" in capsys.readouterr().err
    with pytest.raises(UsageError, match="No question"):
        gather(CONFIG, Sources(), QUIET)
    (tmp_path / "x.txt").write_text("He was born in 1900. It is a thing.", encoding="utf-8")
    with pytest.raises(UsageError, match="pronoun"):
        gather(CONFIG, Sources(corpus=(tmp_path / "x.txt",)), QUIET)
    with pytest.raises(ConfigError, match="data_end"):
        OpenAuditConfig(data_end=12)
