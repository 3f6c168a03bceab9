"""The error family. Each error names the value that is wrong and the mend, and knows its exit code.

Exit codes: 0 done · 2 usage · 3 bad input artifact · 4 stopped on purpose, resumable · 5 a guard tripped · 1 a bug.
"""

from __future__ import annotations


class TriviumError(Exception):
    """Base of all errors that trivium raises on purpose: `what` is wrong, and the `mend`."""

    exit_code = 1

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(f"{what} {mend}".strip())
        self.what = what
        self.mend = mend


class UsageError(TriviumError):
    """A command, flag or config value that cannot be meant."""

    exit_code = 2


class ConfigError(UsageError):
    """A config field with a value outside its meaning, or a key that no field has."""


class ArtifactError(TriviumError):
    """An input artifact that is missing, unsealed, damaged or of the wrong kind."""

    exit_code = 3


class Stopped(TriviumError):
    """The run was asked to stop, saved its state, and continues when the same command is given again."""

    exit_code = 4


class GuardTripped(TriviumError):
    """A guard found training itself broken (non-finite loss, a spike) before the update was applied."""

    exit_code = 5


class RankLost(TriviumError):
    """Another process of this run has died, or has not answered for too long."""
