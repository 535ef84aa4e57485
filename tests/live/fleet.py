"""Many symbols on one simulated account, the exchange's rate limits on, watched by the invariants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.journal import parse_order_link_id
from engines.live.working import ENTRY
from engines.parity.live import live_parity
from feeds.stream import Stream
from kwin_core.bars import BAR
from kwin_core.kwin.setup import Setup, build
from tests.core.kwin_runs import fixture_bars
from tests.exchange import Exchange, Market
from tests.exchange.instruments import linear
from tests.live.desk_rig import DeskRig
from tests.live_feed.rig import forgive_hang_ups

BAR_MS = 900_000
WARM_UP = 200
START_MS = 1_735_689_600_000  # a midnight, UTC
MOST_NAKED_MS = 30_000
ZERO = Decimal(0)


def series_of(offset: int, count: int) -> np.ndarray:
    """Bars of the fixture from one of them on, told as from `START_MS` on."""
    bars = fixture_bars()[offset : offset + count].astype(BAR)
    bars["time_ms"] = START_MS + BAR_MS * np.arange(count)
    return bars


class Fleet:
    """One process that trades many symbols, and its exchange.

    Attributes
    ----------
    longest_naked_ms
        Of any position, as far as it was looked at.
    first_live
        Number of the first bar that may order.
    """

    def __init__(
        self, exchange: Exchange, journal: Path, setups: Mapping[Stream, Setup], profile: str, **options: Any
    ) -> None:
        self.exchange, self.journal, self.setups = exchange, journal, setups
        self.profile, self.options = profile, options
        self.longest_naked_ms = 0
        self._naked_since_ms: dict[str, int] = {}
        self._stops: dict[str, tuple[tuple[str, int], Decimal]] = {}
        self.requests: list[Any] = []
        self.rig = self._process()

    def _process(self) -> DeskRig:
        rig = DeskRig(
            self.exchange,
            self.journal,
            self.setups,
            profile=self.profile,
            given=GIVEN,
            warmup_bars=WARM_UP - 1,
            **self.options,
        )
        rig.on_settled = self._watch
        return rig

    def restart(self) -> None:
        """End the process as a kill would; another one goes on with its journal."""
        self.rig.runner.stop("killed")
        self.rig._thread.join(30.0)
        self.rig.close()
        self.rig = self._process()
        self.rig.start()

    def run_to_bar(self, number: int, seconds: float = 20.0) -> None:
        """Until that bar has closed, and some seconds more."""
        self.rig.run_to(START_MS + BAR_MS * (number + 1) + int(seconds * 1000))

    def _watch(self) -> None:
        now_ms = self.exchange.clock.now_ms()
        for (symbol, _), position in list(self.exchange.account.positions.items()):
            if not position.size:
                self._naked_since_ms.pop(symbol, None)
                self._stops.pop(symbol, None)
                continue
            if not position.stop_loss:
                since_ms = self._naked_since_ms.setdefault(symbol, now_ms)
                self.longest_naked_ms = max(self.longest_naked_ms, now_ms - since_ms)
                continue
            self._naked_since_ms.pop(symbol, None)
            identity = (position.side, position.opened_ms)
            before = self._stops.get(symbol)
            if self.profile == "intent" and before is not None and before[0] == identity:
                move = position.stop_loss - before[1]
                assert (move if position.side == "Buy" else -move) >= 0, f"(v) {symbol}: the stop loosened"
            self._stops[symbol] = (identity, position.stop_loss)

    def agree(self) -> None:
        """(ii) every ledger holds what the exchange holds."""
        for stream, seat in self.rig.desk.seats.items():
            there = self.exchange.account.positions.get((stream.symbol, 0))
            size = ZERO if there is None or not there.size else there.size
            signed = size if there is None or there.side == "Buy" else -size
            assert seat.held_qty == signed, f"(ii) {stream}: ledger {seat.held_qty}, exchange {signed}"

    def keep_requests(self) -> None:
        """Move the exchange's log here, so that it does not grow without end."""
        self.requests += [
            one for one in self.exchange.requests if one.endpoint in ("order/create", "position/trading-stop")
        ]
        self.exchange.forget_requests()

    def check_rates(self, refused_on_purpose: int = 0) -> None:
        """No rolling second holds more than the exchange allows, nor more entries than leave room for exits."""
        self.keep_requests()
        entering = [
            one.time_ms
            for one in self.requests
            if one.endpoint == "order/create" and not one.parameters.get("reduceOnly")
        ]
        assert busiest(entering) <= 7
        for endpoint in ("order/create", "position/trading-stop"):
            assert busiest([one.time_ms for one in self.requests if one.endpoint == endpoint]) <= 10
        refused = sum(one.code == 10006 for one in self.requests)
        assert refused <= refused_on_purpose, "the limit was never reached by itself"

    def check(self) -> dict[str, int]:
        """The eight invariants, at the end; what was traded."""
        entries: Counter[tuple[str, int]] = Counter()
        for order in self.exchange.account.orders.values():
            link = parse_order_link_id(order.link_id) if order.link_id else None
            if link is None:
                continue
            assert order.reduce_only == (link.action != ENTRY), f"(iv) {order.link_id}"
            if link.action == ENTRY and order.filled_qty:
                entries[(link.stream_hash, link.bar_number)] += 1
        assert all(count == 1 for count in entries.values()), "(iii)"
        assert self.longest_naked_ms <= MOST_NAKED_MS, f"(i) naked for {self.longest_naked_ms} ms"
        assert not self.rig.strange, f"(vii) {self.rig.strange}"
        self.rig.stop()
        found = live_parity(self.journal)
        for one in found:
            assert one.emulator.good, f"(viii) {one.emulator.first_difference}"
            assert one.exchange.good, one.exchange.first_difference
            assert one.sums["exchange_marked"] == pytest.approx(one.sums["executions_marked"], abs=1e-5)
        return {"entries": sum(entries.values()), "streams": len(found)}


def busiest(times_ms: Sequence[int]) -> int:
    """Most of these instants that lie within any second."""
    ordered, most, first = sorted(times_ms), 0, 0
    for number, at_ms in enumerate(ordered):
        while ordered[first] <= at_ms - 1_000:
            first += 1
        most = max(most, number - first + 1)
    return most


GIVEN: dict[str, Any] = {"use_dir_lock": False}


def setup_of(profile: str, capital: float, trade_from_ms: int) -> Setup:
    """KWIN as every symbol of a fleet trades it."""
    return build(
        "dual-sfp",
        profile,
        {"use_window": False, **GIVEN},
        tick=0.01,
        timeframe_ms=BAR_MS,
        now_ms=0,
        lot=0.01,
        capital=capital,
        trade_from_ms=trade_from_ms,
    )


@contextmanager
def fleet(
    folder: Path,
    *,
    symbols: int,
    series: int,
    bars: int,
    profile: str = "intent",
    balance: str = "100000",
    capital: float = 3_000.0,
    exchange_options: Mapping[str, Any] | None = None,
    begin: int = WARM_UP,
    **options: Any,
) -> Iterator[Fleet]:
    """So many symbols on so many different series of bars; the process is not started yet.

    An ``allocation`` of None gives every symbol the same share.
    """
    count = begin + bars + 5
    names = [f"S{number:02}USDT" for number in range(symbols)]
    markets = [
        Market(
            linear(name, tick="0.01", step="0.01", max_market_qty="2000"),
            series_of(2_000 * (number % series), count),
            "15m",
        )
        for number, name in enumerate(names)
    ]
    if options.get("allocation", 0) is None:
        options["allocation"] = {Stream("linear", name, BAR_MS): Decimal(1) / symbols for name in names}
    trade_from_ms = START_MS + BAR_MS * begin
    setups = {Stream("linear", name, BAR_MS): setup_of(profile, capital, trade_from_ms) for name in names}
    values: dict[str, Any] = {"balance": balance, "reply_delay_ms": 1.0, **(exchange_options or {})}
    with Exchange(markets, start_ms=trade_from_ms - BAR_MS + 5_000, **values) as exchange:
        made = Fleet(exchange, folder / "live.sqlite", setups, profile, capital=capital, **options)
        try:
            yield made
        finally:
            if made.rig._thread.is_alive():
                made.rig.stop()
            else:
                made.rig.close()
            forgive_hang_ups(exchange)
