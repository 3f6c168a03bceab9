"""Several processes of one command, started by torchrun: rank 0 walks the journey, the others follow.

A stage that says SEVERAL_RANKS is called on all of them, with the same config (they were given the same command); any
other runs on rank 0 alone while they wait. All must see the same run folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from trivium.ground.artifact import Artifact, Label, open_artifact
from trivium.ground.errors import ConfigError, GuardTripped, Stopped
from trivium.ground.how import How, Place
from trivium.ground.signals import listening
from trivium.journey.graph import Journey, load
from trivium.journey.plan import Step

AGREED = (Stopped, GuardTripped)
"""Errors that all ranks raise at the same step; rank 0 tells them."""


def join(how: How) -> How:
    """How to run, joined with the other ranks. Nothing is loaded where there are none."""
    found: How = load("trivium.train.distributed:join")(how) if how.place.ranks > 1 else how
    return found


@contextlib.contextmanager
def leading(how: How) -> Iterator[None]:
    """Around rank 0's journey: at its end the others are told how it ended."""
    if how.group is None:
        yield
        return
    code = 0
    try:
        yield
    except AGREED as error:
        code = error.exit_code
        raise
    except BaseException:
        code = -1
        raise
    finally:
        if code < 0:
            how.group.fail()
        else:
            how.group.from_first(lambda: json.dumps({"end": code}))
            how.group.leave()


def call(step: Step, inputs: Mapping[str, Artifact], how: How) -> How:
    """How rank 0 is to run a stage: with the others, who are called now, or alone."""
    if how.group is None:
        return how
    if not getattr(sys.modules[load(step.node.entry).__module__], "SEVERAL_RANKS", False):
        return dataclasses.replace(how, group=None, place=Place(), shard=False)
    paths = {name: str(artifact.path.resolve()) for name, artifact in inputs.items()}
    told = {"node": step.node.name, "id": step.entry.id, "folder": str(step.folder.resolve()), "inputs": paths}
    how.group.from_first(lambda: json.dumps(told))
    return how


def follow(journey: Journey, how: How) -> int:
    """Do what rank 0 calls for until it is done; the exit code of the run. Raises what a stage raises on this rank."""
    with listening(how.stop, how.place.rank, how.place.ranks), _telling(how):
        while True:
            told = json.loads(how.group.from_first(lambda: ""))
            if "end" in told:
                how.group.leave()
                return int(told["end"])
            node = next(node for node in journey.nodes if node.name == told["node"])
            inputs = {name: open_artifact(Path(path)) for name, path in told["inputs"].items()}
            label: Label = load(node.label_entry)(node.config, inputs)
            if label.id != told["id"]:
                raise ConfigError(
                    f"Rank {how.place.rank} has other settings than rank 0.", "Give all the same command."
                )
            with contextlib.suppress(*AGREED):
                load(node.entry)(node.config, inputs, Path(told["folder"]), how)


@contextlib.contextmanager
def _telling(how: How) -> Iterator[None]:
    try:
        yield
    except BaseException:
        how.group.fail()
        raise
