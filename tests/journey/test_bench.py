"""The bench walks the street with its controls and writes one section of the benchmarks, however often it is run."""

from __future__ import annotations

from pathlib import Path

from trivium.bench.nano import main, with_controls
from trivium.ground.how import How
from trivium.recipes.tiny import tiny

CONTROLS = ("shuffled", "audit-shuffled", "rl-random")


def test_a_bench_adds_its_controls_and_owns_one_section(tmp_path: Path) -> None:
    docs = tmp_path / "benchmarks.md"
    docs.write_text("# Benchmarks\n\nKept.\n", encoding="utf-8")
    for _ in range(2):  # the second finds everything done and writes the same section again
        assert main(1, tmp_path / "runs", docs, tiny, How(progress=False)) == 0
    text = docs.read_text(encoding="utf-8")
    assert "Kept." in text and text.count("<!-- nano:begin -->") == text.count("<!-- nano:end -->") == 1
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row for row in rows if row.startswith("| RL, random reward | held-out gain, points | ")]
    assert len([row for row in rows if row.startswith("| SFT, shuffled labels | ")]) == 2
    assert all(any(row.startswith(f"| {name} | ") for row in rows) for name in CONTROLS), "each node's seconds"


def test_controls_differ_from_what_they_control_in_one_choice() -> None:
    journey = with_controls(tiny(3))
    shuffled, sft = journey.node("shuffled"), journey.node("sft")
    assert (shuffled.config.refusals, sft.config.refusals) == ("shuffled", "audit")
    assert shuffled.inputs == sft.inputs
    random, practice = journey.node("rl-random"), journey.node("rl")
    assert (random.config.reward, practice.config.reward) == ("random", "verified") and random.inputs == practice.inputs
    assert journey.node("audit-shuffled").inputs["model"] == "shuffled"
