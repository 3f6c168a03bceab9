"""What all tests share: a run folder in which four toy stages have been run; property tests without deadlines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings
from toy_stages import toy

from trivium.ground.how import How
from trivium.journey.run import run

settings.register_profile("no deadlines", deadline=None)  # no test asserts a duration: machines can be busy
settings.load_profile("no deadlines")


@pytest.fixture
def quiet() -> How:
    """A run without bars."""
    return How(progress=False)


@pytest.fixture
def toy_run(tmp_path: Path, quiet: How) -> Path:
    """A finished run of the toy journey."""
    out = tmp_path / "run"
    run(toy(), out, quiet, about={"recipe": "toy", "seed": 0, "settings": []}, say=lambda _line: None)
    return out
