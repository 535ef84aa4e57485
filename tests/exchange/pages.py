"""Lists in pages: newest first, with the exchange's opaque cursor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tests.exchange.parameters import Parameters
from tests.exchange.replies import RefusedError

WEEK_MS = 7 * 86_400_000


def page(
    rows: Sequence[Any], parameters: Parameters, *, default: int, most: int
) -> tuple[Sequence[Any], str]:
    """Rows the cursor points at and the cursor of the next page ("" at the end).

    The cursor arrives percent-encoded once, twice or not at all, as clients differ; only its number counts.
    """
    digits = re.search(r"\d+", re.sub(r"%25|%3D|%26", " ", parameters.text("cursor")))
    first = int(digits.group()) if digits else 0
    limit = parameters.limit(default=default, most=most)
    following = first + limit
    cursor = f"page_token%3D{following}%26" if following < len(rows) else ""
    return rows[first:following], cursor


def time_range(parameters: Parameters, now_ms: int) -> tuple[int, int]:
    """``startTime`` and ``endTime`` (ms, inclusive), at most seven days apart.

    Neither given: the last seven days. One given: seven days from or up to it.
    """
    start, end = parameters.whole("startTime"), parameters.whole("endTime")
    if start is None and end is None:
        return now_ms - WEEK_MS, now_ms
    if start is None:
        assert end is not None
        return end - WEEK_MS, end
    if end is None:
        return start, start + WEEK_MS
    if end - start > WEEK_MS:
        raise RefusedError(10001, "The time range between startTime and endTime cannot exceed 7 days")
    return start, end
