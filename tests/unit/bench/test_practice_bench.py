"""The benches of practice: the line to a peer, what both sides read, and our side measured."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trivium.bench.practice import material, shapes, speed, teaching
from trivium.bench.practice.against import Turns
from trivium.bench.practice.peer import CaseFailed, Peer
from trivium.bench.training.nanochat import SOURCE
from trivium.ground.errors import UsageError

TOY = {
    "vocab_size": 1024, "hidden_size": 64, "intermediate_size": 128, "head_dim": 32, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 2, "model_type": "llama", "tie_word_embeddings": True,
}  # fmt: skip
PEER = """
import os
from trivium.bench.practice.lines import serve

def work(asked, line):
    print("a library that prints", flush=True)
    if asked["kind"] == "broken":
        raise RuntimeError("out of memory")
    if asked["kind"] == "absent":
        import no_such_package
    if asked["kind"] == "dying":
        os._exit(3)
    line.tell(settings={"n": asked["n"]})
    turn = 0
    while line.go():
        turn += 1
        line.tell(turn=turn * asked["n"])

serve(work, ("no_such_package",))
"""


@pytest.fixture
def peer(tmp_path: Path):
    (tmp_path / "stand_in.py").write_text(PEER)
    paths = os.pathsep.join([str(SOURCE), str(tmp_path)])
    with Peer("Stand-in", "stand_in", "install it", tmp_path / "log", environment={"PYTHONPATH": paths}) as child:
        yield child


def test_a_peer_takes_turns_case_after_case(peer: Peer) -> None:
    for n in (2, 5):
        assert peer.begin({"kind": "plain", "n": n})["settings"] == {"n": n}
        assert [peer.turn()["turn"] for _ in range(3)] == [n, 2 * n, 3 * n]
        peer.end()


def test_a_case_that_fails_is_told_and_the_next_one_runs(peer: Peer) -> None:
    with pytest.raises(CaseFailed, match="out of memory"):
        peer.begin({"kind": "broken"})
    assert peer.begin({"kind": "plain", "n": 1})["settings"] == {"n": 1}
    assert "a library that prints" in peer.log.read_text()


def test_an_absent_peer_and_a_dead_one_are_named_with_the_mend(peer: Peer) -> None:
    with pytest.raises(UsageError, match="Stand-in cannot be run here: No module named 'no_such_package'") as told:
        peer.begin({"kind": "absent"})
    assert told.value.mend == "install it"
    with pytest.raises(UsageError, match="ended with code 3"):
        peer.begin({"kind": "dying"})


def test_both_sides_read_the_same_ids_and_teach_the_same_tokens(tmp_path: Path) -> None:
    talks = material.conversations(40)
    tokenizer = material.tokenizer_of(tmp_path / "tokenizer", material.conversations(400, seed=1))
    examples = material.lessons(tokenizer, talks, 400)
    rows = json.loads(material.lessons_for_peer(examples, tmp_path / "lessons.json").read_text())
    assert 10 < len(rows) <= 40 and max(len(row["input_ids"]) for row in rows) > 2 * min(
        len(row["input_ids"]) for row in rows
    )
    for row, example in zip(rows, examples, strict=True):
        assert row["input_ids"] == list(example.ids)
        taught = [label != material.IGNORED for label in row["labels"]]
        assert taught == [weight > 0 for weight in example.weights] and any(taught) and not all(taught)
        assert all(label in (material.IGNORED, id) for label, id in zip(row["labels"], row["input_ids"], strict=True))
    pairs = material.pairs(tokenizer, talks, 400)
    told = json.loads(material.pairs_for_peer(pairs, tmp_path / "pairs.json").read_text())
    assert [(row["chosen_ids"], row["rejected_ids"]) for row in told] == [
        (pair.chosen.ids, pair.rejected.ids) for pair in pairs
    ]
    assert all(row["chosen_ids"] != row["rejected_ids"] for row in told)


@pytest.mark.parametrize("kind", ["sft", "reward"])
def test_our_side_is_measured_alone(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(shapes.SHAPES, "toy", TOY)
    docs = tmp_path / "docs" / "benchmarks.md"
    docs.parent.mkdir()
    sizes = {"rows": 2, "row_tokens": 256} if kind == "sft" else {"batch": 4, "row_tokens": 512}
    getattr(teaching, kind)(
        ("toy",), turns=Turns(1, 2, 3), peers=False, device="cpu", threads=1, out=tmp_path / "out", docs=docs, **sizes
    )
    (one,) = json.loads((tmp_path / "out" / f"{kind}.json").read_text())
    assert len(one["ours"]) == 3 and min(one["ours"]) > 0 and not one["theirs"]
    assert 0.3 < one["filled"] <= 1.0
    assert one["first_loss"] == pytest.approx(6.93 if kind == "sft" else 0.693, abs=0.05)
    assert f"<!-- {kind}:begin -->" in docs.read_text() and "| toy |" in docs.read_text()


def test_rollouts_are_measured_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(shapes.SHAPES, "toy", TOY)
    assert speed.main(("toy",), new=(4,), batch=6, group=3, rounds=2, device="cpu", threads=1, docs=None) == 0
    assert "| trivium |" in capsys.readouterr().out


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(UsageError, match="no size 'huge'"):
        shapes.config_of("huge")
    assert shapes.config_of("d12").num_hidden_layers == 12


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sft", "reward", "rl"])
def test_trl_reads_the_same_and_takes_turns(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("trl")
    monkeypatch.setitem(shapes.SHAPES, "toy", TOY)
    out = tmp_path / "out"
    if kind == "rl":
        speed.main(("toy",), new=(4,), batch=6, group=3, rounds=2, trl=("generate",), device="cpu", out=out, docs=None)
        (one,) = json.loads((out / "rl.json").read_text())
        (other,) = one["others"]
        assert not other["error"] and len(other["rates"]) == 2 and other["parameters"] == one["parameters"]
        return
    sizes = {"rows": 2, "row_tokens": 256} if kind == "sft" else {"batch": 4, "row_tokens": 512}
    modes = ("bfd+sdpa",) if kind == "sft" else ("sdpa",)
    getattr(teaching, kind)(("toy",), modes=modes, turns=Turns(1, 2, 3), device="cpu", out=out, docs=None, **sizes)
    (one,) = json.loads((out / f"{kind}.json").read_text())
    assert not one["error"] and len(one["theirs"]) == len(one["ours"]) == 3
    assert one["settings"]["settings"]["first_loss"] == pytest.approx(one["first_loss"], abs=0.02)
