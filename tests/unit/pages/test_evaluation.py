"""The page of an evaluation: what a file says of itself is shown as text, and empty parts are left out."""

from __future__ import annotations

from typing import Any

from trivium.pages.evaluation import curve_chart, page

FIGURE = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10}
EMPTY: dict[str, Any] = {
    "model": "<b>m</b>",
    "tasks": {},
    "mean_centred": None,
    "bits_per_byte": {},
    "in_context": {},
    "skipped": [],
    "contexts_cut": 0,
    "against": None,
}


def test_an_empty_evaluation_is_a_page_without_sections() -> None:
    html = page(EMPTY)
    assert "&lt;b&gt;m&lt;/b&gt;" in html
    assert "<b>m</b>" not in html
    assert "<section" not in html


def test_names_from_files_are_text() -> None:
    hostile = "<script>x</script>"
    task = {"items": 10, "shots": 0, "acc": FIGURE, "acc_norm": None, "chance": 0.25, "centred": FIGURE}
    row = {"name": hostile, "before": 0.5, "after": 0.4, "difference": FIGURE, "verdict": "lost"}
    html = page(
        EMPTY
        | {
            "tasks": {hostile: task},
            "bits_per_byte": {hostile: {"bits_per_byte": FIGURE, "bytes": 9}},
            "skipped": [{"of": hostile, "reason": "unknown task", "rows": 3}],
            "against": {"model": hostile, "tasks": [row], "bits_per_byte": [row]},
            "contexts_cut": 2,
        }
    )
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 5
    assert "cut from the left" in html


def test_the_curve_names_its_numbers_of_shots() -> None:
    rows = [
        {"shots": shots, **{key: FIGURE for key in ("accuracy", "shuffled", "gain", "over_shuffled")}}
        for shots in (0, 1, 2, 4, 8, 16, 32)
    ]
    chart = str(curve_chart("mapping", {"chance": 0.25, "rows": rows}))
    for shots in ("0", "1", "2", "4", "8", "16", "32"):
        assert f">{shots}</text>" in chart
    assert ">3</text>" not in chart
    assert "chance" in chart
    assert curve_chart("mapping", {"chance": 0.25, "rows": []}) == ""
