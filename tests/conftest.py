"""No assertion is timed: a property that meets the compiler for the first time takes as long as it takes."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
