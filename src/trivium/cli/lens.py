"""`trivium lens`: what a model would say next if it stopped after each block, as a table, a page, or JSON."""

from __future__ import annotations

import json as json_module
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from trivium.ground.artifact import MANIFEST
from trivium.ground.errors import UsageError
from trivium.journey.record import resolve
from trivium.text.visible import width

WIDEST = 14
"""Columns of the terminal for a token."""
FLAG = Parameter(negative=())


def lens(
    model: Path,
    text: str,
    /,
    *,
    stage: str | None = None,
    top: int = 5,
    position: int | None = None,
    out: Path | None = None,
    json: Annotated[bool, FLAG] = False,
    device: str = "auto",
) -> int:
    """Show what a model would say next if it stopped after each of its blocks; the last row is its output.

    Parameters
    ----------
    model
        A run folder, or a sealed model folder.
    text
        The document that it reads.
    stage
        Which of a run's models: base, sft, rl, …; base by default.
    top
        How many of the likeliest tokens, for --position, the page and JSON.
    position
        Show this token's predictions alone, with probabilities; 0 is the document's beginning, -1 the last token.
    out
        Write a page with the table, each position, and every head's attention.
    json
        Print JSON.
    device
        auto, cpu, cuda or mps.
    """
    if top < 1:
        raise UsageError(f"--top {top} shows nothing.", "Give 1 or more.")
    artifact = resolve(model, stage or (None if (model / MANIFEST).is_file() else "base"))
    view = _look(artifact.path, text, top, device)
    count = len(view["tokens"])
    if position is not None and not -count <= position < count:
        raise UsageError(f"--position {position} is outside the text.", f"It has positions 0 to {count - 1}.")
    if out is not None:
        from trivium.ground.atomic import write_atomic
        from trivium.pages.lens import lens_page

        page = lens_page(view, artifact.path.name, text, artifact.path.name, position)
        write_atomic(out, page.encode("utf-8", errors="replace"))
    if json:
        print(json_module.dumps({"model": artifact.path.name, "text": text, **view}))
        return 0
    room = shutil.get_terminal_size((100, 0)).columns
    lines = overview(view, room) if position is None else ranking(view, position % count)
    print("\n".join(lines))
    if out is not None:
        print(f"\nPage: {out}")
    return 0


def _look(folder: Path, text: str, top: int, device: str) -> dict[str, Any]:
    """The lens in fp32, whatever the device multiplies fastest: probabilities with all their digits."""
    from trivium.generate.talk import document
    from trivium.ground.how import How
    from trivium.model.device import settle
    from trivium.model.folder import load_model
    from trivium.model.inside.lens import view
    from trivium.text.tokenizer import Tokenizer

    tokenizer = Tokenizer.open(folder)
    model = load_model(folder, settle(How(device=device, progress=False)))
    return view(model, tokenizer, document(tokenizer, text), top)


def overview(view: Mapping[str, Any], room: int) -> list[str]:
    """Rows of the lens by positions, the likeliest token each, in as many panels as the room (columns) asks for."""
    spelling = view["spelling"]
    names = ["position", "reads", *_names(view)]
    lines: list[str] = []
    panel = [names]
    for place, index in enumerate(view["tokens"]):
        said = [spelling[str(row["top"][place][0][0])] for row in view["rows"]]
        column = [_cut(cell) for cell in (str(place), spelling[str(index)], *said)]
        if len(panel) > 1 and sum(2 + max(map(width, each)) for each in [*panel, column]) - 2 > room:
            lines += [*_grid(panel, 2), ""]
            panel = [names]
        panel.append(column)
    return lines + _grid(panel, 2)


def ranking(view: Mapping[str, Any], position: int) -> list[str]:
    """The likeliest tokens of each row at one position, with probabilities, and the bits from the output."""
    tokens, spelling = view["tokens"], view["spelling"]
    head = f"After {spelling[str(tokens[position])]}, position {position}"
    if position + 1 < len(tokens):
        head += f"; the text goes on with {spelling[str(tokens[position + 1])]}"
    columns = [["", *_names(view)]]
    for rank in range(len(view["rows"][0]["top"][position])):
        best = [row["top"][position][rank] for row in view["rows"]]
        columns.append([str(rank + 1), *(f"{_cut(spelling[str(index)])} {100 * share:.1f} %" for index, share in best)])
    columns.append(["bits from the output", *(f"{row['distance'][position]:.2f}" for row in view["rows"])])
    return [head, "", *_grid(columns, 1)]


def _names(view: Mapping[str, Any]) -> list[str]:
    names = [row["name"] for row in view["rows"]]
    return [*names[:-1], f"{names[-1]} = output"]


def _grid(columns: Sequence[Sequence[str]], head: int) -> list[str]:
    """Lines of a table from its columns, with a rule under its `head` first lines; wide letters keep the columns."""
    wide = [max(map(width, column)) for column in columns]
    lines = [
        "  ".join(cell + " " * (wide[j] - width(cell)) for j, cell in enumerate(row)).rstrip()
        for row in zip(*columns, strict=True)
    ]
    return [*lines[:head], "  ".join("─" * each for each in wide), *lines[head:]]


def _cut(token: str) -> str:
    """The token, cut to the widest that a column may be."""
    if width(token) <= WIDEST:
        return token
    kept = ""
    for letter in token:
        if width(kept + letter) > WIDEST - 1:
            break
        kept += letter
    return kept + "…"
