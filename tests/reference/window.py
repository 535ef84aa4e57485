"""The date window that gates entries (step 4; SP-44, SP-47)."""

from __future__ import annotations

from typing import Any

DAY_MS = 86_400_000


def in_start(params: dict[str, Any], time_ms: int) -> bool:
    """Whether the bar opened at or after the start time; true without a window."""
    return not params["use_window"] or time_ms >= params["start_time_ms"]


def in_days(params: dict[str, Any], time_ms: int) -> bool:
    """Whether the bar opened at or after midnight UTC of the pinned day minus the period in days."""
    if not params["use_window"]:
        return True
    first_day_ms = params["now_ms"] // DAY_MS * DAY_MS - int(params["period_choice"]) * DAY_MS
    return bool(time_ms >= first_day_ms)
