"""Check 3: an exchange that fills market orders at the decision's close, and stops at the emulator's path price.

Over real sockets, with the real pybit, in lockstep: on every sealed bar the exchange's ledger shows the script exactly
what the emulator's shows it, and at the end both lists of trades are the same. Without this, a wrong order path would
pass every other check. E's full digest is compared with the backtest's on every bar as well.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.live.protector import StopWithdrawn
from engines.parity.live import live_parity
from kwin_core.engine import Buffers, make_engine
from kwin_core.kwin.setup import Setup
from kwin_core.snapshot import full_digest
from kwin_core.state import BY_STOP, BY_STOP_GAP, BY_TRAIL, BY_TRAIL_GAP, TRADE
from kwin_core.view import first_difference
from tests.core.kwin_runs import BUSY, fixture_bars
from tests.live.desk_rig import ETH, DeskRig, exchange_with, setup_for
from tests.selection import mostly_slow

BAR_MS = 900_000
SEALED_AFTER_MS = 20_000  # confirm, decision, fill and trading-stop are done, the next bar has not moved yet
NOT_COMPARED = ("runup", "drawdown", "runup_base", "drawdown_base", "exit_kind")
"""Excursions: the exchange's ledger sees a bar's extremes, the emulator's the whole path. Kinds: by `FAMILY`."""
MONEY = 1e-7
"""Relative, of at least one unit: the emulator rounds the fee of a reversal once, here two orders have one each."""
FAMILY = {
    **dict.fromkeys((BY_STOP, BY_STOP_GAP), "stop"),
    **dict.fromkeys((BY_TRAIL, BY_TRAIL_GAP), "trail"),
}
"""An execution does not say whether its level was met at the open or on the way."""


class Backtest:
    """The backtest's engine over the same bars, one bar at a time, for its digest after each."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._engine = make_engine(setup.strategy, setup.frozen)
        self._states = self._engine.new_state(setup.settings, setup.params)
        self._buffers = Buffers(setup.strategy, 0, 512)

    def digest_after(self, bars: np.ndarray) -> str:
        """Go on by these bars."""
        self._engine.run(self._states, bars, self._setup.params, self._buffers)
        self._buffers.take()
        return full_digest(self._states)


def ideal_run(
    bars: np.ndarray, first: int, last: int, profile: str, journal: Path, given: dict[str, Any] | None = None
) -> int:
    """Trade bars ``first`` to ``last`` on the ideal exchange, checking every one; how many trades there were."""
    setup = setup_for(profile, bars, first, given)
    backtest = Backtest(setup)
    start_ms = int(bars["time_ms"][first])
    with exchange_with(bars[: last + 2], start_ms - BAR_MS + 5_000) as exchange:
        rig = DeskRig(
            exchange,
            journal,
            {ETH: setup},
            profile=profile,
            given=given,
            warmup_bars=first - 1,
            protection_stop_withdrawn=StopWithdrawn.FOLLOW,  # V15
        )
        try:
            rig.start()
            lane = rig.lane()
            begun = int(np.searchsorted(bars["time_ms"], lane.emulator.time_ms)) + 1
            backtest.digest_after(bars[begun - lane.emulator.bar_index - 1 : begun].copy())
            for k in range(begun, last + 1):
                rig.run_to(int(bars["time_ms"][k]) + BAR_MS + SEALED_AFTER_MS)
                assert lane.emulator.time_ms == int(bars["time_ms"][k]), f"bar {k} has not come"
                assert lane.emulator.digest() == backtest.digest_after(bars[k : k + 1].copy()), f"bar {k}: E"
                difference = first_difference(lane.emulator.states, lane.exchange.states, tolerance=MONEY)
                assert difference is None, f"bar {k}: {difference}"
            mine, theirs = rig.trades(venue=False), rig.trades(venue=True)
            assert not rig.strange
        finally:
            rig.stop()
    assert rig.exit == 0
    assert mine.size == theirs.size
    for name in TRADE.names or ():
        if name not in NOT_COMPARED:
            np.testing.assert_allclose(
                mine[name].astype(float), theirs[name].astype(float), rtol=MONEY, atol=MONEY, err_msg=name
            )
    kinds = [[FAMILY.get(kind, kind) for kind in rows["exit_kind"].tolist()] for rows in (mine, theirs)]
    assert kinds[0] == kinds[1]
    return int(mine.size)


@pytest.mark.parametrize(
    ("profile", "given", "least"),
    mostly_slow(
        [("intent", {}, 5), ("tv-literal", BUSY, 3), ("intent", BUSY, 3), ("tv-literal", {}, 5)], fast=2
    ),
    ids=["intent", "tv-literal-reversing", "intent-reversing", "tv-literal"],
)
def test_an_ideal_exchange_gives_the_emulators_trades(
    profile: str, given: dict[str, Any], least: int, tmp_path: Path
) -> None:
    journal = tmp_path / "live.sqlite"
    assert ideal_run(fixture_bars(), 300, 460, profile, journal, given) >= least
    (found,) = live_parity(journal)
    assert found.good
    assert {pair.kind.value for pair in found.pairs} == {"same"}
    assert found.sums["exchange_marked"] == pytest.approx(found.sums["executions_marked"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.golden
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("profile", ["intent", "tv-literal"])
def test_the_ideal_exchange_over_every_golden_bar(profile: str, tmp_path: Path) -> None:
    """The first bars of ETHUSDT_15m.parquet, streamed; all of them with KWIN_LONG in the environment."""
    from feeds.parquet import ParquetFeed
    from tests.golden_data import golden_path

    path = golden_path("tradingview", "data", "ETHUSDT_15m.parquet")
    bars = np.concatenate(list(ParquetFeed(path, symbol="ETHUSDT", tick=0.01, lot=0.01).blocks()))
    last = bars.size - 2 if os.environ.get("KWIN_LONG") else 2_000
    assert ideal_run(bars, 300, last, profile, tmp_path / "live.sqlite") > 15
