"""Laws that hold whatever a script does: random commands on random bars, on grids coarse enough for many ties."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwin_core.errors import CapacityError
from kwin_core.state import CANCELLED, ENTRY, EXIT, FILLED, MAX_ORDERS, PLACED, RAW, REFUSED
from kwin_core.strategy import LONG, OCA_CANCEL, OCA_NONE, OCA_REDUCE, SHORT
from tests.broker.cases import FULL, FULL_ON_CLOSE, Case, Ran, run
from tests.broker.script import NAN, Command, drop, drop_all, enter, leave, raw, shut, shut_all

CAPITAL = 10_000.0
sides = st.sampled_from([LONG, SHORT])
levels = st.one_of(st.just(NAN), st.integers(92, 108).map(float))
sizes = st.integers(1, 8).map(lambda eighths: eighths / 8)
names = st.sampled_from(["A", "B", "C"])
ticks = st.one_of(st.just(NAN), st.integers(0, 8).map(float))
groups = st.sampled_from([("", OCA_NONE), ("g", OCA_CANCEL), ("g", OCA_REDUCE)])


@st.composite
def bars(draw: st.DrawFn) -> list[tuple[float, float, float, float]]:
    """Up to twelve bars of whole prices around 100."""
    made = []
    for _ in range(draw(st.integers(2, 12))):
        prices = sorted(draw(st.lists(st.integers(90, 110), min_size=4, max_size=4)))
        low, first, second, high = (float(price) for price in prices)
        o, c = (first, second) if draw(st.booleans()) else (second, first)
        made.append((o, high, low, c))
    return made


@st.composite
def commands(draw: st.DrawFn) -> Command:
    """Any command but risk rules."""
    kind = draw(st.integers(0, 9))
    if kind <= 3:
        oca, oca_kind = draw(groups)
        function = enter if kind <= 2 else raw
        qty = draw(st.one_of(st.just(NAN), sizes)) if kind == 0 else draw(sizes)
        return function(
            draw(names), draw(sides), qty, limit=draw(levels), stop=draw(levels), oca=oca, oca_kind=oca_kind
        )
    if kind <= 6:
        return leave(
            draw(st.sampled_from(["X", "Y"])),
            draw(st.sampled_from(["", "A", "B", "C"])),
            qty=draw(st.one_of(st.just(NAN), sizes)),
            limit=draw(levels),
            stop=draw(levels),
            profit=draw(ticks),
            loss=draw(ticks),
            trail_points=draw(ticks),
            trail_offset=draw(ticks),
        )
    if kind == 7:
        percent = draw(st.sampled_from([NAN, 10.0, 50.0]))
        return shut(draw(names), qty_percent=percent, immediately=draw(st.booleans()))
    if kind == 8:
        return shut_all(immediately=draw(st.booleans()))
    return drop(draw(st.sampled_from(["A", "B", "X"]))) if draw(st.booleans()) else drop_all()


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A random case under random properties."""
    made = draw(bars())
    script = {bar: draw(st.lists(commands(), max_size=4)) for bar in range(len(made))}
    margin = draw(
        st.sampled_from([0.0, 0.02, 100.0])
    )  # 0.02 % of notional binds never, 100 % of 10 000 never
    return Case(
        "random",
        bars=made,
        script=script,
        version=draw(st.sampled_from([5, 6])),
        lot=0.125,
        given={
            "initial_capital": draw(st.sampled_from([CAPITAL, 150.0])),
            "pyramiding": draw(st.integers(0, 3)),
            "slippage": draw(st.integers(0, 2)),
            "commission_type": draw(st.sampled_from(["percent", "cash_per_contract", "cash_per_order"])),
            "commission_value": draw(st.sampled_from([0.0, 0.5])),
            "default_qty_type": draw(st.sampled_from(["fixed", "cash", "percent_of_equity"])),
            "default_qty_value": draw(st.sampled_from([1.0, 50.0])),
            "close_entries_rule": draw(st.sampled_from(["FIFO", "ANY"])),
            "process_orders_on_close": draw(st.booleans()),
            "margin_long": margin,
            "margin_short": margin,
        },
    )


def run_case(case: Case) -> Ran:
    on_close = case.given["process_orders_on_close"]
    return run(case, FULL_ON_CLOSE if on_close else FULL)


def check_books(case: Case, ran: Ran) -> None:
    """Position, equity, commissions and profits agree with the trades and fills."""
    core = ran.core
    lots = core["lots"][: core["lot_count"]]
    size = float((lots["qty"] * lots["side"]).sum())
    assert core["position_size"] == pytest.approx(size, abs=1e-12)
    assert len(set(lots["side"])) <= 1
    assert lots["bound"].sum() == pytest.approx(lots["qty"].sum(), abs=1e-12)
    assert not (np.isnan(core["position_avg_price"]) and size)
    if size:
        average = (lots["qty"] * lots["price"]).sum() / abs(size)
        assert core["position_avg_price"] == pytest.approx(average)
    open_profit = float((lots["qty"] * lots["side"] * (case.bars[-1][3] - lots["price"])).sum())
    assert core["open_profit"] == pytest.approx(open_profit, abs=1e-9)
    capital = case.given["initial_capital"]
    assert core["equity"] == pytest.approx(capital + core["net_profit"] + open_profit)
    fees = lots["commission"].sum()
    assert core["open_commission"] == pytest.approx(fees, abs=1e-9)
    assert core["net_profit"] == pytest.approx(ran.trades["net_pnl"].sum() - fees, abs=1e-9)
    assert core["commission_paid"] == pytest.approx(ran.trades["commission"].sum() + fees, abs=1e-9)
    assert core["closed_trades"] == ran.trades.size
    assert (ran.trades["qty"] > 0).all()
    assert (ran.trades["runup"] >= 0).all()
    assert (ran.trades["drawdown"] <= 0).all()


def check_fills(case: Case, ran: Ran) -> None:
    """Fills lie inside their bar, give or take the slippage, add up to the position, and exits never reverse."""
    slip = case.given["slippage"]
    position = 0.0
    before: Any = None
    for event in ran.events[ran.events["kind"] == FILLED]:
        _, high, low, _ = case.bars[event["bar"]]
        assert low - slip <= event["price"] <= high + slip
        assert event["qty"] > 0
        after = position + event["qty"] * event["side"]
        if event["order_kind"] == EXIT and after * event["side"] > 1e-12:
            # R18: only together with an entry that reversed the position at this very price
            together = before["bar"] == event["bar"] and before["side"] == event["side"]
            assert together, "an exit reversed the position"
            assert before["order_kind"] in (ENTRY, RAW, EXIT)
        position = after
        before = event
    assert position == pytest.approx(float(ran.core["position_size"]), abs=1e-9)


def check_nothing_lost(ran: Ran) -> None:
    """Every entry and raw order that was placed was filled, cancelled, refused at its fill, or still rests."""
    for kind in (ENTRY, RAW):
        balance: Counter[int] = Counter()
        for event in ran.events[ran.events["order_kind"] == kind]:
            if event["kind"] == PLACED:
                balance[int(event["id"])] += 1
            elif event["kind"] in (FILLED, CANCELLED) or (event["kind"] == REFUSED and event["by"] != 0):
                balance[int(event["id"])] -= 1
        resting = Counter(
            int(order["id"])
            for order in ran.core["orders"][: ran.core["order_count"]]
            if order["kind"] == kind
        )
        assert +balance == +resting
        assert min(balance.values(), default=0) >= 0


@settings(max_examples=400)
@given(case=cases())
def test_random_scripts_keep_the_books(case: Case) -> None:
    ran = run_case(case)
    check_books(case, ran)
    check_fills(case, ran)
    check_nothing_lost(ran)


@pytest.mark.slow
@settings(max_examples=10_000)
@given(case=cases())
def test_very_many_random_scripts_keep_the_books(case: Case) -> None:
    ran = run_case(case)
    check_books(case, ran)
    check_fills(case, ran)
    check_nothing_lost(ran)


@settings(max_examples=60)
@given(case=cases())
def test_a_run_can_be_repeated_to_the_bit(case: Case) -> None:
    first, second = run_case(case), run_case(case)
    assert first.core["chain"] == second.core["chain"]
    assert first.trades.tobytes() == second.trades.tobytes()


@settings(max_examples=30)
@given(count=st.integers(MAX_ORDERS - 3, MAX_ORDERS + 6))
def test_a_full_book_stops_the_run_and_never_loses_an_order(count: int) -> None:
    """Resting orders up to the limit all fill; one more is an error that names the limit."""
    entries = [{**raw("A", LONG, 1, limit=95), "id": n + 1} for n in range(count)]
    case = Case("full", bars=[(100, 101, 99, 100), (100, 101, 94, 95)], script={0: entries})
    if count > MAX_ORDERS:
        with pytest.raises(CapacityError, match="MAX_ORDERS") as caught:
            run(case)
        assert caught.value.bar_index == 0
        return
    ran = run(case)
    assert sorted(ran.events["id"][ran.events["kind"] == FILLED]) == list(range(1, count + 1))
