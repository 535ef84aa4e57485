"""Which of a test's cases run by default: the rest are of the same kind and wait for CI."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def mostly_slow(cases: Iterable[Any], *, fast: int = 1) -> list[Any]:
    """The first ``fast`` cases as they are, the others marked slow; tuples are several arguments."""
    kept = list(cases)
    others = [case if isinstance(case, tuple) else (case,) for case in kept[fast:]]
    return kept[:fast] + [pytest.param(*case, marks=pytest.mark.slow) for case in others]
