"""The account: every row in one place, reasons with examples, and no silence when numbers do not sum."""

from __future__ import annotations

import pytest

from trivium.ground.errors import TriviumError
from trivium.stages.corpus.funnel import Funnel, counts


def rows(source: str, count: int) -> list[dict[str, object]]:
    return [{"source": source, "url": f"http://{source}/{i}", "text": f"{i}" * 400} for i in range(count)]


def test_sources_are_apart_and_sum() -> None:
    funnel = Funnel([*rows("web", 10), *rows("town", 4)])
    funnel.layer("odd", lambda row: "odd" if int(str(row["text"])[0]) % 2 else "")
    funnel.layer("none", lambda _: "")
    funnel.add(rows("lessons", 3), ["lessons"])
    funnel.layer("lessons", lambda _: "", ["lessons"])
    account = funnel.to_json()
    assert counts(account, "web") == {"odd": (10, 5), "none": (5, 5)}
    assert counts(account, "town") == {"odd": (4, 2), "none": (2, 2)}
    assert counts(account, "lessons") == {"lessons": (3, 3)}
    layer = account["sources"][0]["layers"][0]
    assert layer["dropped"] == {"odd": 5}
    assert len(layer["examples"]["odd"]) == 3
    assert all(len(example["text"]) == 300 for example in layer["examples"]["odd"])
    assert layer["bytes_in"] == 4000
    assert layer["bytes_out"] == 2000
    assert account["sources"][0]["out"] == 5


def test_a_rewriting_layer_tells_what_it_changed() -> None:
    funnel = Funnel(rows("web", 2))

    def shorten(row: dict[str, object]) -> str:
        row["text"], row["changed"] = "x", {"cut": 1}
        return ""

    funnel.layer("cut", shorten)
    layer = funnel.to_json()["sources"][0]["layers"][0]
    assert layer["changed"] == {"cut": 2}
    assert (layer["bytes_in"], layer["bytes_out"]) == (800, 2)


def test_a_lost_row_ends_the_run() -> None:
    funnel = Funnel(rows("web", 3))
    funnel.layer("one", lambda _: "")
    funnel.rows.pop()
    with pytest.raises(TriviumError, match="does not sum"):
        funnel.to_json()


def test_a_judge_that_forgets_rows_ends_the_run() -> None:
    funnel = Funnel(rows("web", 3))
    with pytest.raises(ValueError, match="zip"):
        funnel.layer_of_all("bad", lambda _: ["", ""])
