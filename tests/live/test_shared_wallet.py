"""Many symbols on one wallet: what is under way counts, whoever it belongs to, and protection goes first."""

from __future__ import annotations

from contextlib import AbstractContextManager
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.journal import Ack, JournalReader, Outcome
from engines.live.feasibility import TooLarge
from engines.live.inbox import Control
from kwin_core.engine import Buffers, make_engine
from kwin_core.state import ENTRY, FILLED
from tests.live.fleet import BAR_MS, START_MS, WARM_UP, Fleet, fleet, series_of, setup_of

CAPITAL = 100.0


@cache
def entering_bar(profile: str = "intent") -> int:
    """The first bar of the first series on which a fresh ledger enters."""
    bars = series_of(0, WARM_UP + 300)
    for begin in range(WARM_UP, WARM_UP + 200):
        setup = setup_of(profile, CAPITAL, START_MS + BAR_MS * begin)
        engine = make_engine(setup.strategy, setup.frozen)
        states, buffers = engine.new_state(setup.settings, setup.params), Buffers(setup.strategy, 0, 4096)
        engine.run(states, bars[: begin + 2], setup.params, buffers)
        _, events = buffers.take()
        entries = events[(events["kind"] == FILLED) & (events["order_kind"] == ENTRY)]
        if entries.size and int(entries["bar"][0]) == begin + 1:
            return begin + 1
    raise AssertionError("the strategy never enters")


def burst(folder: Path, **options: Any) -> AbstractContextManager[Fleet]:
    """Thirty symbols over the same bars: all decide to enter in one instant."""
    begin = entering_bar() - 1
    return fleet(folder, symbols=30, series=1, bars=12, begin=begin, capital=CAPITAL, **options)


def to_entry(made: Fleet) -> int:
    """Started, and brought to five seconds before every symbol decides to enter; the end of that bar (ms)."""
    made.rig.start()
    close_ms = START_MS + BAR_MS * (entering_bar() + 1)
    made.rig.run_to(close_ms - 5_000)
    made.exchange.forget_requests()
    return close_ms


def bound(made: Fleet) -> Decimal:
    """Margin of all positions on the exchange."""
    return made.exchange.account.position_margin()


@pytest.mark.slow
@pytest.mark.parametrize("policy", [TooLarge.SCALE_DOWN, TooLarge.REJECT])
def test_thirty_symbols_that_decide_in_one_instant_do_not_overcommit_the_wallet(
    policy: TooLarge, tmp_path: Path
) -> None:
    """Their margins together would be 2 300; 2 000 are there. The exchange never has to refuse one for money."""
    with fleet(
        tmp_path,
        symbols=30,
        series=1,
        bars=12,
        begin=entering_bar() - 1,
        balance="2000",
        capital=CAPITAL,
        too_large=policy,
    ) as made:
        close_ms = to_entry(made)
        made.rig.run_to(close_ms + 20_000)
        creates = [one for one in made.exchange.requests if one.endpoint == "order/create"]
        assert [one.code for one in creates] == [0] * len(creates), "none was refused"
        assert 5 <= len(creates) < 30
        held = [one for one in made.exchange.account.positions.values() if one.size]
        assert len(held) == len(creates)
        assert bound(made) <= Decimal(2000)
        assert bound(made) >= Decimal(1_600 if policy is TooLarge.REJECT else 1_900), "and it is used"
        with JournalReader(made.journal) as reader:
            texts = [one.row.text for one in reader.rows(Ack) if one.row.outcome is Outcome.DENIED]
        assert len(texts) == 30 - len(creates)
        assert all("are available at leverage" in one or "below the smallest" in one for one in texts)
        made.agree()
        made.check_rates()
        made.check()


@pytest.mark.slow
@pytest.mark.parametrize(("balance", "from_wallet"), [("3000", True), ("1500", False)])
def test_no_symbol_takes_more_than_its_share_of_the_wallet(
    balance: str, from_wallet: bool, tmp_path: Path
) -> None:
    """Each has a thirtieth: all enter, sized by it, or cut to it when the book asks for more."""
    share = Decimal(balance) / 30
    with burst(tmp_path, balance=balance, equity_from_wallet=from_wallet, allocation=None) as made:
        close_ms = to_entry(made)
        made.rig.run_to(close_ms + 20_000)
        positions = [one for one in made.exchange.account.positions.values() if one.size]
        assert len(positions) == 30
        margins = [one.entry_value / 10 for one in positions]
        assert share / 2 < min(margins) <= max(margins) <= share
        made.agree()
        made.check()


@pytest.mark.slow
def test_exits_overtake_the_entries_that_wait_for_the_rate(tmp_path: Path) -> None:
    """Thirty entries need four seconds; the operator flattens after the first ones."""
    with burst(tmp_path) as made:
        close_ms = to_entry(made)
        made.rig.run_to(close_ms + 1_100)
        sent = [one for one in made.exchange.requests if one.endpoint == "order/create"]
        assert 7 <= len(sent) < 30
        made.exchange.forget_requests()
        made.rig.inbox.post(Control("flatten"))
        made.rig.run_to(close_ms + 60_000)
        creates = [one for one in made.exchange.requests if one.endpoint == "order/create"]
        assert not any(one.size for one in made.exchange.account.positions.values())
        assert all(one.parameters["reduceOnly"] for one in creates), (
            "entries that waited are not sent any more"
        )
        assert len(creates) == len(sent)
        made.check_rates()
        made.check()


@pytest.mark.slow
def test_stops_do_not_wait_behind_entries(tmp_path: Path) -> None:
    """Whatever has to be placed for the first positions is placed before the last entry has gone."""
    with burst(tmp_path) as made:
        close_ms = to_entry(made)
        made.rig.run_to(close_ms + 20_000)
        log = made.exchange.requests
        last_entry_ms = max(one.time_ms for one in log if one.endpoint == "order/create")
        assert last_entry_ms >= close_ms + 3_000, "entries queue for their rate"
        first_stop: dict[str, int] = {}
        for one in log:
            if one.endpoint == "position/trading-stop":
                first_stop.setdefault(one.parameters["symbol"], one.time_ms)
        entered = {one.parameters["symbol"]: one.time_ms for one in log if one.endpoint == "order/create"}
        assert len(entered) == 30
        waits = np.array([at_ms - entered[symbol] for symbol, at_ms in first_stop.items()])
        assert waits.size > 0
        assert waits.max() <= 1_500
        assert all("stopLoss" in one.parameters for one in log if one.endpoint == "order/create")
        made.check_rates()
        made.check()
