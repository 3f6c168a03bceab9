"""A scoring that needs no models, for tests of who does it, how often it is interrupted, and what is left.

A page whose text begins with `hang`, `die`, `bug` or `die-once PATH` does so. As a program: score SOURCE at OUT.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trivium.ground.how import How
from trivium.stages.corpus.config import ScoreConfig
from trivium.stages.corpus.executors.choose import carry_out
from trivium.stages.corpus.shards.assemble import assemble
from trivium.stages.corpus.shards.plan import WEB, Plan, Row, Task, lay_out
from trivium.stages.corpus.sources.find import find
from trivium.stages.corpus.sources.page import Page


def make(config: ScoreConfig) -> Callable[[Page], Row]:
    """Every page's text as it is; slowly, when the config's licence says so many seconds."""
    pause = float(config.licence) if config.licence.replace(".", "").isdigit() else 0.0

    def score(page: Page) -> Row:
        text = page.body.decode()
        order, _, rest = text.partition(" ")
        if order == "die-once" and not Path(rest).exists():
            Path(rest).touch()
            os._exit(9)
        if order == "die":
            os._exit(3)
        if order == "bug":
            raise ValueError("a bug")
        while order == "hang":
            pass
        time.sleep(pause)
        return {"id": page.url, "url": page.url, "text": text, "failed": page.failed, "offset": page.offset}

    return score


def schema() -> Any:
    """What the rows have."""
    import pyarrow as pa

    texts = [pa.field(name, pa.string(), nullable=False) for name in ("id", "url", "text", "failed", "file", "source")]
    return pa.schema([*texts, pa.field("offset", pa.int64(), nullable=False)])


def lost(page: Page, reason: str) -> Row:
    """The row of a page that its worker did not survive."""
    return {"id": page.url, "url": page.url, "failed": reason, "offset": page.offset}


TASK = Task(make, schema, lost)


def plan_of(folder: Path, *sources: Path, most: int = 0, pause: float = 0.0, seconds: float = 0.5) -> Plan:
    """The plan of these sources in a work folder."""
    config = ScoreConfig(page_seconds=seconds, licence=str(pause))
    return lay_out(folder, config, [(source, WEB, most) for source in find([str(path) for path in sources])])


def score(plan: Plan, workers: int = 1, executor: str = "local") -> bytes:
    """The bytes of the table that this plan comes to."""
    carry_out(TASK, plan, How(progress=False, threads=workers, executor=executor))
    to = plan.folder / "table.parquet"
    assemble(plan, schema(), to)
    return to.read_bytes()


if __name__ == "__main__":
    score(plan_of(Path(sys.argv[2]), Path(sys.argv[1]), pause=float(sys.argv[4])), int(sys.argv[3]))
