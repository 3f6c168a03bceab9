"""The town planted as web pages: its truth, its pages as a WARC file, what each page states, and its lessons."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from trivium.ground.artifact import Artifact, Label, open_artifact, parents_of, sealing
from trivium.ground.atomic import write_json
from trivium.ground.how import How
from trivium.ground.log import write_jsonl
from trivium.ground.progress import tracked
from trivium.stages.corpus.config import PLANT_FORMAT, PLANT_STAGE, PlantConfig
from trivium.stages.corpus.sources.warc import Page, record_of
from trivium.town.lessons import lessons
from trivium.town.pages import TownPage, pages
from trivium.town.world import build

LICENCE = "synthetic"
DATE = "2000-01-01T00:00:00Z"
"""Of every record: the same town gives the same bytes."""


def run(config: PlantConfig, inputs: Mapping[str, Artifact], out: Path, how: How) -> Artifact:
    """Seal a `town` artifact: town.json, pages.warc.gz, pages.jsonl (url, kind, facts stated), lessons.jsonl."""
    facts: dict[str, int] = {}
    with sealing(out, label_of(config, inputs), facts) as folder:
        town = build(config.town)
        told = list(pages(town))
        write_json(folder / "town.json", town.to_json())
        with open(folder / "pages.warc.gz", "wb") as file:
            for page in tracked(told, "planting the town", len(told), "pages", how):
                file.write(record_of(_warc_page(page), DATE))
        write_jsonl(
            folder / "pages.jsonl",
            [
                {
                    "url": page.url,
                    "kind": page.kind,
                    "facts": [f"{person}/{attribute}" for person, attribute in page.facts],
                }
                for page in told
            ],
        )
        taught = [dataclasses.asdict(lesson) for lesson in lessons(town, config.lessons)]
        write_jsonl(folder / "lessons.jsonl", taught)
        facts |= {
            "people": len(town.people),
            "pages": len(told),
            "lessons": len(taught),
            "statements": sum(len(page.facts) for page in told),
        }
    return open_artifact(out)


def label_of(config: PlantConfig, inputs: Mapping[str, Artifact]) -> Label:
    """What `run` would seal."""
    return Label("town", PLANT_STAGE, PLANT_FORMAT, config, parents_of(inputs))


def _warc_page(page: TownPage) -> Page:
    return Page(page.url, page.html.encode(), "utf-8", LICENCE, "trivium.town", 0)
