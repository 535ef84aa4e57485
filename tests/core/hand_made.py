"""KWIN through the compiled core on tiny bars: prices in, rows and fills out, as the reference's own tests do it."""

from __future__ import annotations

from typing import Any

from tests.differential.compiled import run
from tests.reference.hand_made import BAR_MS, START_MS, Prices, make_bars
from tests.reference.records import Result, Settings

__all__ = [
    "BAR_MS",
    "BOTH",
    "CLASSIC",
    "REVERSING",
    "START_MS",
    "SWEEP",
    "Prices",
    "Settings",
    "classic",
    "dual",
    "fills",
    "quiet",
    "trailing",
]

# Swings of one bar: bar 2 confirms the pivot low 98, bar 3 sweeps it: long at 100, stop 98, 9 / 2 = 4.5.
SWEEP: list[Prices] = [(100, 101, 99, 100), (100, 101, 98, 100), (100, 101, 99, 100), (100, 101, 97, 100)]
# Swings of one bar: bar 2 confirms 103 and 97, bar 3 sweeps both.
BOTH: list[Prices] = [(100, 101, 99, 100), (100, 103, 97, 100), (100, 102, 98, 100), (100, 104, 96, 100)]
# Swings of two: bar 3 confirms the pivot low 97 and takes the low of bar 1: classic long, close 101.
CLASSIC: list[Prices] = [(101, 102, 100, 101), (101, 102, 99, 100), (100, 101, 97, 100), (100, 102, 98, 101)]
# SWEEP, then bar 5 confirms the pivot high 104 and bar 6 sweeps it at 105, closing at 103.
REVERSING: list[Prices] = [*SWEEP, (100, 104, 99, 101), (101, 103, 100, 102), (102, 105, 101, 103)]


def dual(prices: list[Prices], settings: Settings | None = None, **params: Any) -> Result:
    """dual-sfp without window and fee filter, swings of one bar."""
    profile = params.pop("profile", "tv-literal")
    inputs = {"use_window": False, "use_fee_filter": False, "swing_len": 1, **params}
    return run(make_bars(prices), "dual-sfp", profile, inputs, settings)


def quiet(prices: list[Prices], **params: Any) -> Result:
    """The same with tick 1, no buffer and a trail that never activates (150 for an entry at 100)."""
    return dual(prices, Settings(tick=1.0), **{"trailing_perc": 50.0, "trail_buf_ticks": 0, **params})


def trailing(prices: list[Prices], **params: Any) -> Result:
    """The same with tick 0.01 and a trail of 2.00 up and 1.00 behind for an entry at 100, no bar trail."""
    given = {"trailing_perc": 200.0, "trailing_offset": 100.0, "use_bar_trail": False, **params}
    return dual(prices, **given)


def classic(prices: list[Prices], profile: str = "tv-literal", **params: Any) -> Result:
    """The preset classic without window."""
    return run(make_bars(prices), "classic", profile, {"use_window": False, **params})


def fills(result: Result) -> list[tuple[str, int, int, float, str]]:
    """Closed rows as (side, entry bar, exit bar, exit price, exit kind)."""
    return [(t.side, t.entry_bar, t.exit_bar, round(t.exit_price, 9), t.exit_kind) for t in result.trades]
