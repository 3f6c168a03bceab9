"""The life of a worker process: read a part, score its pages, write it. It may hang or die on any page.

Parsers written in C can loop or crash on a hostile page, and no Python timeout reaches into them. So an alarm on the
process's own CPU time (a busy machine changes nothing) ends it, and `hand` tells the parent which page it was.
"""

from __future__ import annotations

import contextlib
import signal
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from trivium.ground.errors import TriviumError
from trivium.stages.corpus.shards.parts import part_path, write_part
from trivium.stages.corpus.shards.plan import WEB, Plan, Row, Shard, Task
from trivium.stages.corpus.shards.reading import Place, Reader
from trivium.stages.corpus.sources.page import Page, without_body

NOTHING = -1
"""In `hand`: no page."""


@dataclass
class Job:
    """One part to make."""

    shard: Shard
    place: Place
    lost: dict[int, str] = field(default_factory=dict)
    """Pages of the part that are not to be tried again, with the reason."""
    deaths: dict[int, int] = field(default_factory=dict)
    """How often a process ended while it had a page in hand, or NOTHING."""


def serve(pipe: Connection, hand: Any, task: Task, plan: Plan) -> None:
    """Do the jobs that come through the pipe until it closes.

    For each, the parent hears ("read", next place), so that another process can begin there, and ("done", bytes); or
    ("failed", what) once, and the process ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # ends the process, also inside C code
    reader: Reader | None = None
    try:
        score = task.make(plan.config)
        while True:
            job: Job = pipe.recv()
            if reader is None or not reader.reaches(job.shard, job.place):
                if reader is not None:
                    reader.close()
                job.shard.check()
                reader = Reader(job.shard, plan.config, job.place)
            while reader.place is not None and reader.place.part < job.place.part:
                reader.take()
            if reader.place != job.place:
                raise RuntimeError(f"{job.shard.source.name} has no {job.place}")
            pages = reader.take()
            pipe.send(("read", reader.place))
            rows = [_row(task, plan, job, number, page, score, hand) for number, page in enumerate(pages)]
            read = max(0, reader.position - pages[0].position) if pages else 0
            pipe.send(("scored", None))  # fails where the parent is dead: then nothing more is written
            write_part(part_path(plan, job.shard, job.place.part), rows, task.schema(), reader.place, read)
            pipe.send(("done", read))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:  # noqa: BLE001 - told to the parent, which raises it
        with contextlib.suppress(BrokenPipeError):
            pipe.send(("failed", _told(error)))


def _row(task: Task, plan: Plan, job: Job, number: int, page: Page, score: Any, hand: Any) -> Row:
    if number in job.lost:
        row = task.lost(without_body(page), job.lost[number])
    else:
        hand.value = number
        signal.setitimer(signal.ITIMER_PROF, plan.config.page_seconds)
        row = score(page)
        signal.setitimer(signal.ITIMER_PROF, 0)
        hand.value = NOTHING
    return row | {
        "source": job.shard.collection,
        "licence": page.licence or plan.config.licence,
        "file": job.shard.source.name,
        "synthetic": job.shard.collection != WEB,
    }


def _told(error: Exception) -> Mapping[str, Any]:
    """What the parent needs to raise the same."""
    if isinstance(error, TriviumError):
        return {"error": type(error), "arguments": (error.what, error.mend)}
    if isinstance(error, OSError) and error.errno is not None:
        return {"error": OSError, "arguments": (error.errno, error.strerror, error.filename)}
    return {"error": RuntimeError, "arguments": (f"a corpus worker failed:\n{traceback.format_exc()}",)}
