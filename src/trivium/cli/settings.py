"""`--base.steps 400` is `--set base.steps=400`: config fields as flags, whatever stages a recipe has."""

from __future__ import annotations

import re
from collections.abc import Sequence

CONFIGURED = frozenset({"run", "corpus", "tokenizer", "pretrain", "audit", "sft", "reward", "rl", "quirks", "report"})
DOTTED = re.compile(r"--([A-Za-z][\w-]*(?:\.[\w-]+)+)(?:=(.*))?", re.DOTALL)


def gather_settings(arguments: Sequence[str]) -> list[str]:
    """The arguments with each dotted flag of a command that takes configs turned into `--set path=value`.

    A dotted flag with no value after it means `true`.
    """
    given = list(arguments)
    if not given or given[0] not in CONFIGURED:
        return given
    out: list[str] = []
    while given:
        argument = given.pop(0)
        match = DOTTED.fullmatch(argument)
        if match is None:
            out.append(argument)
            continue
        value = match[2]
        if value is None:
            value = given.pop(0) if given and not given[0].startswith("--") else "true"
        out += ["--set", f"{match[1]}={value}"]
    return out
