"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no deadlines", deadline=None)  # no test asserts a duration: machines can be busy
settings.load_profile("no deadlines")
