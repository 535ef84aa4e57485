"""Hypothesis in compiled code: the first example pays for the compiler, so no deadline an example."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("compiled", deadline=None)
settings.load_profile("compiled")
