"""The exchange as broker: an exchange that fills as the emulator does gives the script exactly the same world.

Every bar, both ledgers are compared in all that the script can see (kwin_core.view), and at the end trade by trade.
Then what only an exchange does: several executions, rejections, partial fills, funding, manual trades.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from engines.live.emulated_fills import emulated_fills
from kwin_core.engine import Buffers, make_engine
from kwin_core.errors import StrategyError
from kwin_core.kwin.setup import Setup
from kwin_core.snapshot import full_digest, restore, snapshot
from kwin_core.state import (
    BY_HAND,
    BY_MARKET,
    BY_REVERSAL,
    BY_STOP,
    FILLED,
    TRADE,
)
from kwin_core.venue import ENTERED, GONE, LEFT, PAID, REBASED, REPORT
from kwin_core.view import first_difference
from kwin_core.wishes import entries_wanted, protection_wanted
from tests.core.kwin_runs import BUSY, fixture_bars, setup

EXCURSIONS = ("runup", "drawdown", "runup_base", "drawdown_base")


class Pair:
    """Both ledgers of one run; the emulator's fills are told to the other as an exchange would tell them."""

    def __init__(self, made: Setup) -> None:
        self.made = made
        self.e_engine = make_engine(made.strategy, made.frozen)
        self.x_engine = make_engine(made.strategy, made.frozen._replace(venue=True))
        self.e = self.e_engine.new_state(made.settings, made.params)
        self.x = self.x_engine.new_state(made.settings, made.params)
        self._e_rows = Buffers(made.strategy, 0, 512)
        self._x_rows = Buffers(made.strategy, 0, 512)
        self.e_trades: list[np.ndarray] = []
        self.x_trades: list[np.ndarray] = []
        self.fills = 0

    def bar(self, bar: np.ndarray) -> None:
        """Take one bar in both."""
        before = float(self.e["core"]["position_size"][0])
        self.e_engine.run(self.e, bar, self.made.params, self._e_rows)
        trades, events = self._e_rows.take()
        self.e_trades.append(trades)
        self.fills += int((events["kind"] == FILLED).sum())
        told = emulated_fills(self.e, events, before)
        self.tell(told.on_path)
        self.x_bar(bar)
        self.tell(told.at_close)

    def x_bar(self, bar: np.ndarray) -> None:
        """Take one bar in the exchange's ledger only."""
        self.x_engine.run(self.x, bar, self.made.params, self._x_rows)
        self.x_trades.append(self._x_rows.take()[0])

    def tell(self, reports: np.ndarray) -> None:
        """Book reports in the exchange's ledger."""
        if reports.size:
            self.x_engine.apply(self.x, reports, self._x_rows)
            self.x_trades.append(self._x_rows.take()[0])

    def core(self, name: str) -> Any:
        """A field of the exchange's ledger."""
        return self.x["core"][name][0].item()


def report(kind: int, **values: Any) -> np.ndarray:
    """One report."""
    made = np.zeros(1, REPORT)
    made["kind"] = kind
    for name, value in values.items():
        made[name] = value
    return made


def until_entry(given: Mapping[str, Any] | None = None, profile: str = "intent") -> tuple[Pair, int]:
    """The exchange's ledger on the first bar whose script wants to enter, nothing filled; that bar's number."""
    pair = Pair(setup("dual-sfp", profile, given))
    bars = fixture_bars()
    for k in range(bars.size):
        pair.x_bar(bars[k : k + 1].copy())
        if entries_wanted(pair.x):
            return pair, k
    raise AssertionError("no entry on these bars")


@pytest.mark.parametrize("profile", ["tv-literal", "intent"])
@pytest.mark.parametrize("given", [{}, BUSY], ids=["defaults", "reversing"])
def test_an_exchange_that_fills_like_the_emulator_shows_the_script_the_same_world(
    profile: str, given: dict[str, Any]
) -> None:
    pair = Pair(setup("dual-sfp", profile, given))
    bars = fixture_bars()[:4000]
    reversals = 0
    for k in range(bars.size):
        pair.bar(bars[k : k + 1].copy())
        assert first_difference(pair.e, pair.x) is None, f"bar {k}"
    mine, theirs = np.concatenate(pair.e_trades), np.concatenate(pair.x_trades)
    assert mine.size == theirs.size > 5
    reversals = int((mine["exit_kind"] == BY_REVERSAL).sum())
    for name in TRADE.names or ():
        if name not in EXCURSIONS:
            assert mine[name].tolist() == theirs[name].tolist(), name
    assert pair.fills >= 2 * mine.size - reversals - 1
    assert (reversals > 0) == (given is BUSY)


def test_the_view_names_what_differs() -> None:
    pair = Pair(setup("dual-sfp", "intent"))
    bars = fixture_bars()[:50]
    for k in range(bars.size):
        pair.bar(bars[k : k + 1].copy())
    assert first_difference(pair.e, pair.x) is None
    held = pair.core("position_size")
    pair.x["core"]["position_size"][0] = held + 1.0
    words = f"position_size: {held!r} against {held + 1.0!r}"
    assert first_difference(pair.e, pair.x) == words
    pair.x["core"]["position_size"][0] = held
    pair.x["user"]["long"]["swing"][0] += 1.0
    assert (first_difference(pair.e, pair.x) or "").startswith("state.long.swing")


def test_an_order_rests_until_the_exchange_tells_what_became_of_it() -> None:
    pair, k = until_entry()
    assert pair.core("position_size") == 0.0
    (wish,) = entries_wanted(pair.x)
    assert wish.qty > 0
    assert wish.stop_ticks == wish.stop_ticks
    assert protection_wanted(pair.x) is None
    pair.x_bar(fixture_bars()[k + 1 : k + 2].copy())
    assert pair.core("order_count") >= 1  # still there: the emulator would have filled it at the close
    pair.tell(report(GONE, id=wish.id))
    assert pair.core("order_count") == 0
    assert pair.core("position_size") == 0.0


def entered(pair: Pair, k: int, parts: list[tuple[float, float]]) -> None:
    """The first entry fills in parts of (share, price offset)."""
    (wish,) = entries_wanted(pair.x)
    price = float(fixture_bars()["close"][k])
    time_ms = int(fixture_bars()["time_ms"][k])
    for share, offset in parts:
        qty = round(wish.qty * share, 2)
        pair.tell(
            report(
                ENTERED,
                id=wish.id,
                side=wish.side,
                qty=qty,
                price=price + offset,
                fee=0.01,
                by=BY_MARKET,
                bar=k,
                time_ms=time_ms,
            )
        )


def test_executions_of_one_order_are_one_trade_at_their_mean_price_and_its_levels_follow() -> None:
    whole, k = until_entry(BUSY)
    entered(whole, k, [(1.0, 0.15)])
    parts, _ = until_entry(BUSY)
    qty = entries_wanted(parts.x)[0].qty
    half = round(qty / 2, 2)
    entered(parts, k, [(half / qty, 0.10), ((qty - half) / qty, 0.20)])
    assert parts.core("lot_count") == 1
    assert parts.core("position_size") == whole.core("position_size")
    mean = (half * 0.10 + (qty - half) * 0.20) / qty + float(fixture_bars()["close"][k])
    assert parts.core("position_avg_price") == pytest.approx(mean)
    assert parts.core("order_count") == 1  # the exit; nothing of the entry waits
    first, second = protection_wanted(whole.x), protection_wanted(parts.x)
    assert first is not None
    assert second is not None
    assert second.qty == first.qty
    assert second.stop_ticks == first.stop_ticks
    assert abs(second.activation_ticks - first.activation_ticks) <= 1


def test_what_was_not_executed_leaves_the_book_and_the_stop_covers_the_rest() -> None:
    pair, k = until_entry()
    entered(pair, k, [(0.4, 0.0)])
    held = abs(pair.core("position_size"))
    assert pair.core("order_count") == 2
    (wish,) = entries_wanted(pair.x)
    pair.tell(report(GONE, id=wish.id))
    assert pair.core("order_count") == 1
    wanted = protection_wanted(pair.x)
    assert wanted is not None
    assert wanted.qty == held


def test_an_exit_in_two_executions_closes_row_by_row() -> None:
    pair, k = until_entry()
    entered(pair, k, [(1.0, 0.0)])
    held = pair.core("position_size")
    side = -1 if held > 0 else 1
    price = float(fixture_bars()["close"][k]) + 1.0
    half = round(abs(held) / 2, 2)
    for qty in (half, round(abs(held) - half, 2)):
        assert protection_wanted(pair.x) is not None
        pair.tell(
            report(
                LEFT,
                side=side,
                qty=qty,
                price=price,
                fee=0.02,
                by=BY_STOP,
                bar=k + 1,
                time_ms=int(fixture_bars()["time_ms"][k + 1]),
            )
        )
    rows = np.concatenate(pair.x_trades)
    assert rows["qty"].sum() == pytest.approx(abs(held))
    assert set(rows["exit_kind"]) == {BY_STOP}
    assert set(rows["exit_bar"]) == {k + 1}
    assert pair.core("position_size") == 0.0
    assert pair.core("order_count") == 0
    profit = abs(held) * (1.0 if held > 0 else -1.0) - 0.01 - 0.04
    assert pair.core("net_profit") == pytest.approx(profit)


def test_a_position_opened_outside_is_booked_and_more_than_is_held_cannot_leave() -> None:
    pair, k = until_entry()
    pair.tell(report(GONE, id=entries_wanted(pair.x)[0].id))
    price, time_ms = float(fixture_bars()["close"][k]), int(fixture_bars()["time_ms"][k])
    pair.tell(report(ENTERED, side=1, qty=0.5, price=price, by=BY_HAND, bar=k, time_ms=time_ms))
    assert pair.core("position_size") == 0.5
    wanted = protection_wanted(pair.x)
    assert wanted is not None
    assert wanted.stop_ticks != wanted.stop_ticks  # no exit of the script covers it
    pair.tell(report(LEFT, side=-1, qty=2.0, price=price, by=BY_HAND, bar=k, time_ms=time_ms))
    assert pair.core("position_size") == 0.0
    chain = pair.core("chain")
    pair.tell(report(LEFT, side=-1, qty=2.0, price=price, by=BY_HAND, bar=k, time_ms=time_ms))
    assert pair.core("position_size") == 0.0
    assert pair.core("chain") == chain


def test_funding_is_money_and_not_a_trade_and_a_new_base_moves_the_capital() -> None:
    pair, _ = until_entry()
    before = pair.core("equity")
    pair.tell(report(PAID, fee=1.25))
    pair.tell(report(PAID, fee=-0.25))
    assert pair.core("equity") == pytest.approx(before - 1.0)
    assert pair.core("closed_trades") == 0
    pair.tell(report(REBASED, price=5_000.0))
    assert pair.core("equity") == pytest.approx(5_000.0)
    assert pair.core("net_profit") == pytest.approx(-1.0)


def test_every_report_moves_the_chain_and_survives_a_snapshot() -> None:
    pair, k = until_entry()
    seen = {pair.core("chain")}
    entered(pair, k, [(0.5, 0.0), (0.5, 0.01)])
    seen.add(pair.core("chain"))
    pair.tell(report(PAID, fee=0.5))
    seen.add(pair.core("chain"))
    data = snapshot(pair.x_engine, pair.x, pair.made.params, pair.made.params_hash)
    back = restore(pair.x_engine, data, pair.made.params)
    assert full_digest(back) == full_digest(pair.x)
    pair.tell(report(REBASED, price=999.0))
    seen.add(pair.core("chain"))
    assert len(seen) == 4


def test_reports_need_an_engine_whose_broker_is_the_exchange() -> None:
    pair, _ = until_entry()
    with pytest.raises(StrategyError, match="venue=True"):
        pair.e_engine.apply(pair.e, report(PAID, fee=1.0), Buffers(pair.made.strategy, 0))


@pytest.mark.golden
@pytest.mark.parametrize("profile", ["tv-literal", "intent"])
def test_the_same_world_on_every_bar_of_the_golden_data(profile: str) -> None:
    from feeds.parquet import ParquetFeed
    from tests.golden_data import golden_path

    path = golden_path("tradingview", "data", "ETHUSDT_15m.parquet")
    bars = np.concatenate(list(ParquetFeed(path, symbol="ETHUSDT", tick=0.01, lot=0.01).blocks()))
    pair = Pair(setup("dual-sfp", profile, capital=3_000.0))
    for k in range(bars.size):
        pair.bar(bars[k : k + 1])
        assert first_difference(pair.e, pair.x) is None, f"bar {k}"
    assert np.concatenate(pair.x_trades).size > 300
