"""One trade of KWIN on the exchange simulator, brought to the moment before its decision, and watched ever after.

A scene knows from a backtest which bar will enter. It stops just before that bar closes; the test arms its faults and
lets time go on. At the end the eight global invariants are checked: protection, agreement, one entry a decision, exits
reduce only, stops that never loosen, books that add up, nothing unexplained, the backtest's decisions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.journal import Configuration, Drift, Failure, JournalReader, OrderLink, parse_order_link_id
from engines.live.inbox import Control
from engines.live.reconcile import Orphans
from engines.live.working import ENTRY
from engines.parity.live import live_parity
from kwin_core.engine import Buffers, make_engine
from kwin_core.state import ENTRY as ENTRY_ORDER
from kwin_core.state import FILLED
from tests.core.kwin_runs import fixture_bars
from tests.exchange import Exchange
from tests.live.desk_rig import ETH, DeskRig, exchange_with, setup_for
from tests.live_feed.rig import until

BAR_MS = 900_000
FIRST = 300
LEAD = 2
"""A deployment goes live so many bars before the entry."""
LONG_LIVED: dict[str, Any] = {"trailing_perc": 30.0, "trailing_offset": 20.0, "use_bar_trail": False}
REVERSING: dict[str, Any] = {
    "use_dir_lock": False,
    "use_arm_after_rr": False,
}  # beside these: entries that turn
"""Inputs under which a position stays open for many bars: only its initial stop, or a far trail, ends it."""
MOST_NAKED_MS = 16_000


@dataclass(frozen=True)
class Planned:
    """An entry of the backtest: bar, side, quantity, price, the bar on which it ends, and whether that turns it."""

    bar: int
    side: int
    qty: float
    price: float
    ends: int
    turns: bool


@cache
def planned(profile: str, given: tuple[tuple[str, Any], ...]) -> tuple[Planned, ...]:
    """Entries of backtests over the fixture's first 1 200 bars, each the first one after its own go-live."""
    candidates = _entries(profile, given, FIRST)
    found = [_entries(profile, given, one.bar - LEAD)[0] for one in candidates if one.bar - LEAD > FIRST]
    return tuple(
        again for again, one in zip(found, candidates[-len(found) :], strict=True) if again.bar == one.bar
    )


def _entries(profile: str, given: tuple[tuple[str, Any], ...], first_live: int) -> list[Planned]:
    bars = fixture_bars()[:1200].copy()
    setup = setup_for(profile, bars, first_live, dict(given))
    engine = make_engine(setup.strategy, setup.frozen)
    states, buffers = engine.new_state(setup.settings, setup.params), Buffers(setup.strategy, 0)
    engine.run(states, bars, setup.params, buffers)
    _, events = buffers.take()
    fills = [event for event in events if event["kind"] == FILLED]
    found = []
    for event, following in zip(fills, [*fills[1:], None], strict=True):
        if event["order_kind"] == ENTRY_ORDER:
            side = int(event["side"])
            ends = bars.size if following is None else int(following["bar"])
            turns = (
                following is not None
                and following["order_kind"] == ENTRY_ORDER
                and int(following["side"]) == -side
            )
            found.append(
                Planned(int(event["bar"]), side, float(event["qty"]), float(event["price"]), ends, turns)
            )
    return found


class Scene:
    """See the module.

    Attributes
    ----------
    exchange, rig
        The simulator, and the process that trades on it (another one after :meth:`restart`).
    plan
        The entry that comes.
    """

    def __init__(
        self, exchange: Exchange, journal: Path, profile: str, plan: Planned, bars: np.ndarray, **options: Any
    ) -> None:
        self.exchange = exchange
        self.plan = plan
        self.bars = bars
        self.profile = profile
        self.journal = journal
        self._given = options.pop("given")
        self._options = options
        self._setup = setup_for(profile, bars, plan.bar - LEAD, self._given)
        self._naked_since_ms: int | None = None
        self.longest_naked_ms = 0
        self._stops: list[Decimal] = []
        self._identity: tuple[str, int] | None = None
        self.rig = self._process()

    def _process(self) -> DeskRig:
        rig = DeskRig(
            self.exchange,
            self.journal,
            {ETH: self._setup},
            profile=self.profile,
            given=self._given,
            warmup_bars=FIRST - 1,
            **self._options,
        )
        rig.on_settled = self._watch
        return rig

    def _watch(self) -> None:
        """Once whenever nothing is under way: is the position protected, and did its stop ever loosen?"""
        position = self.exchange.account.positions.get(("ETHUSDT", 0))
        now_ms = self.exchange.clock.now_ms()
        if position is None or not position.size:
            self._naked_since_ms, self._identity = None, None
            self._stops.clear()
            return
        identity = (position.side, position.opened_ms)
        if identity != self._identity:
            self._identity = identity
            self._stops.clear()
        if not position.stop_loss:
            self._naked_since_ms = now_ms if self._naked_since_ms is None else self._naked_since_ms
            self.longest_naked_ms = max(self.longest_naked_ms, now_ms - self._naked_since_ms)
        else:
            self._naked_since_ms = None
            if not self._stops or self._stops[-1] != position.stop_loss:
                self._stops.append(position.stop_loss)
                if self.profile == "intent":
                    sign = 1 if position.side == "Buy" else -1
                    moves = [sign * (b - a) for a, b in zip(self._stops, self._stops[1:], strict=False)]
                    assert all(move >= 0 for move in moves), f"the stop loosened: {self._stops}"

    # -- time --------------------------------------------------------------------------------------------

    @property
    def close_ms(self) -> int:
        """End of the bar that decides to enter (ms)."""
        return int(self.bars["time_ms"][self.plan.bar]) + BAR_MS

    def to_decision(self) -> Scene:
        """Go to 5 s before the deciding bar closes."""
        self.rig.start()
        self.rig.run_to(self.close_ms - 5_000)
        return self

    def decide(self, seconds: float = 20.0) -> Scene:
        """Let the bar close, the decision be made, and some seconds pass."""
        self.rig.run_to(self.close_ms + int(seconds * 1000))
        return self

    def run(self, seconds: float) -> Scene:
        """Let time pass."""
        self.rig.run(int(seconds * 1000))
        return self

    def start_blind(self) -> None:
        """Another process whose bars come while its private stream cannot be had."""
        self.rig = rig = self._process()
        rig.runner.start(rig.start_body, Configuration(hash="test", body={}))
        rig._thread.start()
        rig.feed.start()
        until(lambda: rig.clock_run() and all(rig.feed.status().links.values()), "the feed is connected")
        until(lambda: rig.inbox.idle and rig.feed.idle and rig.gateway.idle, "the bars are taken")

    def flatten(self) -> None:
        """The operator leaves."""
        self.rig.inbox.post(Control("flatten"))

    def check_outside(self, held: Decimal, orphans: Orphans) -> None:
        """A position of somebody else's was noticed: left by policy, or kept with a stop on its own side."""
        assert "external" in self.halts
        if orphans is Orphans.CLOSE:
            assert self.held == self.there == 0
            return
        assert self.held == self.there == held
        assert self.stop_there is not None
        entry = self.lane.exchange.number("position_avg_price")
        assert (float(self.stop_there) - entry) * float(held) < 0

    def run_to_bar(self, number: int) -> Scene:
        """Until that bar has closed and been decided."""
        self.rig.run_to(int(self.bars["time_ms"][number]) + BAR_MS + 20_000)
        return self

    def restart(self, *, away_ms: int = 0) -> Scene:
        """End the process as a kill would, nothing flushed, and start another one on its journal."""
        self.kill()
        if away_ms:
            self.exchange.advance(away_ms)
        self.rig = self._process()
        self.rig.start()
        return self

    def kill(self) -> None:
        """The runner takes nothing more; sockets and threads are gone, the journal is as it was."""
        self.rig.runner.stop("killed")
        self.rig._thread.join(10.0)
        self.rig.close()
        until(lambda: not self.exchange.hub.connections, "the exchange notices")

    # -- what there is -----------------------------------------------------------------------------------

    @property
    def lane(self) -> Any:
        """The lane of the present process."""
        return self.rig.lane()

    @property
    def held(self) -> Decimal:
        """Signed position of the ledger, base currency."""
        return self.rig.desk.seats[ETH].held_qty

    @property
    def there(self) -> Decimal:
        """Signed position on the exchange itself, base currency."""
        position = self.exchange.account.positions.get(("ETHUSDT", 0))
        if position is None or not position.size:
            return Decimal(0)
        return position.size if position.side == "Buy" else -position.size

    @property
    def stop_there(self) -> Decimal | None:
        """Stop of the position on the exchange itself."""
        position = self.exchange.account.positions.get(("ETHUSDT", 0))
        return None if position is None or not position.stop_loss else position.stop_loss

    def calls(self, endpoint: str) -> list[Any]:
        """Requests to an endpoint so far."""
        return [one for one in self.exchange.requests if one.endpoint == endpoint]

    def orders(self, action: str | None = None) -> list[tuple[OrderLink, Any]]:
        """Orders of ours that the exchange has ever accepted."""
        found = []
        for order in self.exchange.account.orders.values():
            link = parse_order_link_id(order.link_id) if order.link_id else None
            if link is not None and action in (None, link.action):
                found.append((link, order))
        return found

    def drifts(self) -> Counter[str]:
        """Drift kinds in the journal."""
        with JournalReader(self.journal) as reader:
            return Counter(one.row.kind for one in reader.rows(Drift))

    def failures(self) -> list[str]:
        """Texts of survived errors in the journal."""
        with JournalReader(self.journal) as reader:
            return [one.row.text for one in reader.rows(Failure)]

    @property
    def halts(self) -> Mapping[str, str]:
        """Halts in force."""
        return self.rig.desk.seats[ETH].halts

    # -- the end -----------------------------------------------------------------------------------------

    def check(self, *, most_naked_ms: int = MOST_NAKED_MS, same_size: bool = True) -> None:
        """The eight invariants."""
        self.rig.settle()
        assert self.longest_naked_ms <= most_naked_ms, f"(i) without a stop for {self.longest_naked_ms} ms"
        if same_size:
            assert self.held == self.there, f"(ii) ledger {self.held}, exchange {self.there}"
        entries = Counter(
            (link.stream_hash, link.bar_number) for link, order in self.orders(ENTRY) if order.filled_qty
        )
        assert all(count == 1 for count in entries.values()), f"(iii) {entries}"
        for link, order in self.orders():
            assert order.reduce_only == (link.action != ENTRY), f"(iv) {order.link_id}"
        assert not self.rig.strange, f"(vii) {self.rig.strange}"
        self.rig.stop()
        assert self.rig.exit == 0
        with JournalReader(self.journal) as reader:
            assert not reader.open_intents(), (
                f"(vii) {[one.row.order_link_id for one in reader.open_intents()]}"
            )
        (found,) = live_parity(self.journal)
        assert found.sums["exchange_marked"] == pytest.approx(found.sums["executions_marked"], abs=1e-6), (
            "(vi)"
        )
        assert found.exchange.good, found.exchange.first_difference
        assert found.emulator.good, f"(viii) {found.emulator.first_difference}"


@contextmanager
def scene(
    tmp_path: Path,
    *,
    profile: str = "intent",
    given: Mapping[str, Any] | None = None,
    lives: int = 3,
    side: int = 0,
    turns: bool = False,
    plan: Planned | None = None,
    exchange_options: Mapping[str, Any] | None = None,
    **options: Any,
) -> Iterator[Scene]:
    """A scene around the first entry whose position lives for at least so many bars.

    ``side`` +1 or -1 chooses; ``turns`` asks for one that the script turns; ``plan`` names the entry itself.
    """
    inputs = {**LONG_LIVED, **(given or {})}
    if plan is None:
        plans = planned(profile, tuple(sorted({"use_window": False, **inputs}.items())))
        plan = next(
            one
            for one in plans
            if one.ends - one.bar >= lives and side in (0, one.side) and one.turns >= turns
        )
    bars = fixture_bars()[: plan.bar + 200].copy()
    start_ms = int(bars["time_ms"][plan.bar - LEAD]) + 5_000
    with exchange_with(bars, start_ms, **(exchange_options or {})) as exchange:
        made = Scene(exchange, tmp_path / "live.sqlite", profile, plan, bars, given=inputs, **options)
        try:
            yield made
        finally:
            if made.rig._thread.is_alive():
                made.rig.stop()
            else:
                made.rig.close()
