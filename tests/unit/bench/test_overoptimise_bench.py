"""The experiment of over-optimisation at its smallest: every part runs, and what it says hangs together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from trivium.bench.preferences.ground import FLATTERY, Ground, OverConfig
from trivium.bench.preferences.optimised import averaged, best_of_n, preferred
from trivium.bench.preferences.overoptimise import equal_kl, main
from trivium.bench.preferences.pieces import Kept, Piece, Site, gather
from trivium.bench.preferences.plan import plan
from trivium.bench.preferences.proxies import Compared, drawn_again, planted, turned
from trivium.ground.errors import ConfigError, Stopped, UsageError
from trivium.ground.how import How

SIZE = (
    "width=32", "layers=1", "vocabulary=320", "talks=60", "talk_epochs=1", "sizes=20,40", "small_layers=1",
    "ensemble=2",
    "proxy_epochs=1", "batch=16", "train_prompts=8", "test_prompts=4", "most=8", "max_new=8", "margin=0.005",
    "rl_steps=3", "rl_seeds=2", "rl_prompts=2", "rl_samples=3", "looks=3", "looked=8",
    "betas=0.1,",
)  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("over")
    assert main(None, None, SIZE, out, How(progress=False, threads=1, device="cpu"), 0, out / "docs.md") == 0
    return json.loads((out / "overoptimise.json").read_text(encoding="utf-8")), out


def test_every_way_begins_at_the_policy(found: tuple[dict[str, Any], Path]) -> None:
    told, _ = found
    assert set(told["best_of_n"]) == {"20", "40", "small", "ensemble mean", "ensemble min", "ensemble wary"}
    for run in told["best_of_n"].values():
        assert [row["n"] for row in run["rows"]] == [1, 2, 4, 8] and run["rows"][0]["kl"] == 0
        proxies = [row["proxy"]["value"] for row in run["rows"]]
        assert proxies == sorted(proxies)
    for run in (*told["rl"].values(), *told["dpo"].values()):
        assert run["rows"][0]["step"] == 0 and abs(run["rows"][0]["kl"]) < 1e-3
        assert run["samples"] and {"start", "peak", "end"} <= set(run["samples"][0])
    assert {"price of distance", "small proxy", "ensemble min"} <= set(told["rl"])
    assert told["early"]["best"]["gold"]["value"] >= told["early"]["end"]["gold"]["value"]
    assert told["equal_kl"] and all("best of n" in one for one in told["equal_kl"])


def test_curves_are_svg_and_the_section_names_everything(found: tuple[dict[str, Any], Path]) -> None:
    _, out = found
    drawn = sorted(out.glob("*.svg"))
    assert {"best_of_n-gold.svg", "rl-gold.svg", "dpo-gold.svg"} <= {path.name for path in drawn}
    for path in drawn:
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    assert len(json.loads((out / "overoptimise" / "curves.json").read_text(encoding="utf-8"))) > 40
    text = (out / "docs.md").read_text(encoding="utf-8")
    for word in ("flattery", "length", "ensemble min", "price of distance", "start (gold)", "Stopping early"):
        assert word in text


def test_the_same_command_does_nothing_again(
    found: tuple[dict[str, Any], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    told, out = found
    work, *others = out.glob("work-*")
    assert not others and not list(work.glob("**/*.part"))
    kept = {path.name for path in (work / "pieces").iterdir()}
    gone = work / "pieces" / "rl-20.json"
    gone.unlink()
    before = {path: path.stat().st_mtime_ns for path in (work / "pieces").iterdir()}
    how = How(progress=False, threads=1, device="cpu")
    assert main(None, None, SIZE, out, how, 0, None) == 0
    assert {path.name for path in (work / "pieces").iterdir()} == kept
    assert {path: path.stat().st_mtime_ns for path in before} == before
    again = json.loads((out / "overoptimise.json").read_text(encoding="utf-8"))
    assert again["rl"] == told["rl"], "a piece that is made again is the same"


def small_plan(config: OverConfig) -> dict[str, Piece]:
    """Three pieces of which one fails, and one that needs it."""

    def broken(ground: Ground, kept: Kept) -> Any:
        raise ValueError("no luck")

    return {
        "prompts": Piece(lambda ground, kept: len(ground.test)),
        "broken": Piece(broken),
        "twice": Piece(lambda ground, kept: 2 * kept["prompts"], ("prompts",)),
        "never": Piece(lambda ground, kept: kept["broken"], ("broken",)),
    }


def test_a_stopped_bench_keeps_what_is_done(found: tuple[dict[str, Any], Path], tmp_path: Path) -> None:
    _, out = found
    how = How(threads=1, device="cpu")

    def stopping(config: OverConfig) -> dict[str, Piece]:
        def last(ground: Ground, kept: Kept) -> Any:
            ground.how.stop.request("a test")
            return 1

        return {"first": Piece(last), "second": Piece(lambda ground, kept: 2)}

    config = OverConfig(width=32, layers=1, vocabulary=320, talks=60, talk_epochs=1, train_prompts=8, test_prompts=4)
    site = Site(config, next(out.glob("work-*/policy-*")), None, tmp_path, how, stopping)
    with pytest.raises(Stopped, match="1 of 2 pieces"):
        gather(site)
    assert "first" in site.kept and "second" not in site.kept
    how.stop.requested = False
    assert gather(site)["second"] == 2


@pytest.mark.slow
def test_pieces_side_by_side_and_one_that_fails_stops_only_those_that_need_it(
    found: tuple[dict[str, Any], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, out = found
    work = next(out.glob("work-*"))
    config = OverConfig(width=32, layers=1, vocabulary=320, talks=60, talk_epochs=1, train_prompts=8, test_prompts=4)
    site = Site(config, next(work.glob("policy-*")), None, out / "small", How(threads=1, device="cpu"), small_plan)
    with pytest.raises(UsageError, match="failed: broken; not begun: never"):
        gather(site, 2)
    assert site.kept["twice"] == 8 and "never" not in site.kept
    assert "no luck" in (site.work / "errors" / "broken.txt").read_text(encoding="utf-8")
    assert "twice: done" in capsys.readouterr().out


def test_pieces_come_after_what_they_need_and_each_has_a_file_of_its_own() -> None:
    pieces, seen = plan(OverConfig()), set[str]()
    for name, piece in pieces.items():
        assert set(piece.needs) <= seen, name
        seen.add(name)
    assert len({Kept(Path()).path(name) for name in pieces}) == len(pieces)


def test_a_share_of_the_verdicts_comes_out_wrong() -> None:
    rows = [Compared(f"p{i}", "good", "bad") for i in range(1000)]
    assert 200 < sum(row.chosen == "bad" for row in turned(rows, 0.25, 0)) < 300 and turned(rows, 0, 0) == rows


def test_a_planted_flaw_is_in_its_share_of_the_comparisons() -> None:
    rows = [Compared(f"p{i}", "short", "a longer answer") for i in range(1000)]
    long = planted(rows, "length", 0.3, 0)
    assert 250 < sum(row.chosen == "a longer answer" for row in long) < 350
    flattered = planted(rows, "flattery", 0.3, 0)
    assert 250 < sum(row.chosen.startswith(FLATTERY) for row in flattered) < 350
    assert not any(row.rejected.startswith(FLATTERY) for row in flattered)
    assert planted(rows, "length", 0.3, 0) == long and drawn_again(rows, 1) != drawn_again(rows, 2)


def test_ways_are_compared_at_distances_that_they_reach() -> None:
    bon = [{"kl": k, "gold": k, "wins": k} for k in (0.0, 0.3, 1.2)]
    rl = [{"kl": k, "gold": k, "wins": k} for k in (0.0, 1.0, 9.0)]
    near, far = equal_kl({"best of n": bon, "rl": rl}, [1.2, 8.0])
    assert near["best of n"]["kl"] == 1.2 and near["rl"]["kl"] == 1.0
    assert far["rl"]["kl"] == 9.0 and "best of n" not in far, "a way that never went there is left out"


def test_runs_are_averaged_at_equal_distances_as_far_as_all_go() -> None:
    def run(bend: float, far: float) -> dict[str, Any]:
        points = [(d, d * (1 - bend * d)) for d in np.linspace(0, far, 41)]
        return {"rows": [{"kl": d * d, "gold": {"value": y}, "proxy": {"a": {"value": d}}} for d, y in points]}

    told = averaged([run(0.1, 5.0), run(0.2, 7.0)], "a", 49.0, 14)
    assert [row["kl"] for row in told["rows"]] == pytest.approx([(i / 2) ** 2 for i in range(11)])
    assert told["square_law"]["b"]["value"] == pytest.approx(0.15, abs=0.01) and told["square_law"]["r2"] > 0.99
    assert told["rows"][4]["proxy"]["a"]["value"] == pytest.approx(2.0)


def test_who_wins_is_counted_within_prompts_and_a_near_tie_is_half() -> None:
    won = preferred(np.array([[0.5, 0.9], [0.1, 0.1]]), np.array([[0.5, 0.1], [0.9, 0.1]]), 0.05)
    assert won.tolist() == [[0.75, 1.0], [0.25, 0.25]]
    rng = np.random.default_rng(0)
    gold = rng.normal(size=(50, 32))
    rows = best_of_n(gold, gold, 0.0)["rows"]
    assert [row["wins"]["value"] for row in rows] == pytest.approx(
        [0.5, 2 / 3, 4 / 5, 8 / 9, 16 / 17, 32 / 33], abs=0.02
    )


def test_sizes_that_cannot_be_meant_are_refused(tmp_path: Path) -> None:
    for size in (("most",), ("most=1",), ("nothing=1",), ("looks=1",)):
        with pytest.raises((UsageError, ConfigError)):
            main(None, None, size, tmp_path, How(progress=False, device="cpu"), 0, None)
