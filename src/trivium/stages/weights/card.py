"""What a model's files say of themselves: name, licence, maker; and a card where they bring none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CARD, LICENCE = "README.md", "LICENSE"
UNKNOWN = "not named"


@dataclass(frozen=True)
class About:
    """A model's own account."""

    name: str
    licence: str
    maker: str


def about_folder(folder: Path, config: Mapping[str, Any]) -> About:
    """From the card's front matter, `config.json` and the folder's name; a licence file is named when nothing is."""
    card = folder / CARD
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    front = re.match(r"\A---\n(.*?)\n---", text, re.DOTALL)
    said = dict(re.findall(r"^([\w-]+):[ \t]*['\"]?([^\n'\"]+?)['\"]?[ \t]*$", front[1] if front else "", re.MULTILINE))
    path = str(config.get("_name_or_path") or "")
    name = said.get("model_name") or (path if path.count("/") == 1 and path[0] not in "./~" else folder.resolve().name)
    file = next((entry.name for entry in sorted(folder.iterdir()) if entry.name.upper().startswith("LICEN")), None)
    licence = said.get("license_name") or said.get("license") or (f"see {file}" if file else UNKNOWN)
    return About(name.rpartition("/")[2], licence, name.rpartition("/")[0] or UNKNOWN)


def about_gguf(metadata: Mapping[str, Any], path: Path) -> About:
    """From the metadata under `general.` and the file's name."""

    def said(key: str) -> str:
        return str(metadata.get(f"general.{key}") or "")

    licence = said("license.name") or said("license") or UNKNOWN
    return About(said("name") or path.stem, licence, said("organization") or said("author") or UNKNOWN)


def card(about: About, shape: str, parameters: int, source: str, kinds: Mapping[str, int]) -> str:
    """A model card in Markdown, with front matter that others read."""
    stored = ", ".join(f"{count} tensors in {kind}" for kind, count in Counter(kinds).most_common())
    licence = "" if about.licence == UNKNOWN else f"license: {about.licence}\n"
    return (
        f"---\n{licence}model_name: {about.name}\n---\n# {about.name}\n\n"
        f"Imported by trivium from `{source}`: {shape}, {parameters / 1e6:,.1f} M parameters; {stored} there.\n\n"
        f"- maker: {about.maker}\n- licence: {about.licence} (what the source says; the source's terms hold)\n"
    )
