"""The timed scripts of the failure catalogue, by id, each over real sockets and ended by the eight invariants.

Times are market time. Private messages held back are held by the simulator; what REST shows is bent by its knobs.
"""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engines.journal import Journal, JournalReader, Kind
from engines.live.inbox import Control
from engines.live.reconcile import Orphans
from engines.live.working import ENTRY, FLATTEN
from tests.exchange import Market, known
from tests.live.desk_rig import ETH
from tests.live.scene import BAR_MS, scene
from tests.live_feed.rig import until

TOPICS = ("order", "execution", "position", "wallet")
ZERO = Decimal(0)
STOP_WORDS = "can not set tp/sl/ts for zero position"


def base_price(level: str, base: str, side: str = "Buy") -> str:
    """The words of a refused stop, with prices scaled as the exchange scales them."""
    way = "lower than" if side == "Buy" else "greater"
    scaled = [int(Decimal(one) * 10**8) for one in (level, base)]
    return f"StopLoss:{scaled[0]} set for {side} position should {way} base_price:{scaled[1]}??LastPrice"


def test_k01_acceptance_is_not_execution(tmp_path: Path) -> None:
    """K01, A01, A02: two executions come 2 s after the answer; nothing before them is taken for a price."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.eng.partial([0.6, 0.4])
        at.exchange.faults.eng.slippage(7)
        for topic in ("execution", "order", "position"):
            at.exchange.faults.ws.delay(topic, 2_000, n=4)
        at.exchange.faults.rest.lag("execution/list", 2_500)
        at.exchange.faults.rest.lag("position/list", 2_500)
        at.decide(3.0)
        assert not [one for one in at.calls("position/trading-stop") if at.held == 0]
        at.decide(20.0)
        assert abs(at.held) == Decimal(str(at.plan.qty))
        price = at.lane.exchange.number("position_avg_price")
        assert price == pytest.approx(at.plan.price + at.plan.side * 0.07)
        assert at.stop_there is not None
        at.exchange.faults.clear()
        at.run_to_bar(at.plan.bar + 1).check()


def test_k01b_a_market_order_that_fills_nothing_leaves_nothing(tmp_path: Path) -> None:
    """K01 b, A09: accepted, then cancelled without a fill: no position, no roll-back order, said as drift."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.eng.ioc_zero()
        at.decide()
        assert at.held == at.there == ZERO
        assert at.drifts()["rejected"] == 1
        assert len(at.calls("order/create")) == 1
        assert not at.calls("position/trading-stop")
        at.run_to_bar(at.plan.bar + 1).check()


@pytest.mark.parametrize("reason", ["EC_NoImmediateQtyToFill", "EC_ReachMarketPriceLimit"])
def test_a09_an_order_rejected_after_its_answer_is_no_position(reason: str, tmp_path: Path) -> None:
    """A09: the answer says accepted, the order topic says Rejected."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.eng.reject(reason)
        at.decide()
        assert at.held == at.there == ZERO
        assert at.drifts()["rejected"] == 1
        at.run_to_bar(at.plan.bar + 1).check()


def test_k01c_a_partial_fill_is_the_position_and_is_not_topped_up(tmp_path: Path) -> None:
    """K01 c, A10: 40 percent execute, the rest is cancelled: the stop covers what there is."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.eng.partial([0.4])
        at.decide()
        assert ZERO < abs(at.held) < Decimal(str(at.plan.qty))
        assert at.drifts()["partial"] == 1
        assert len(at.orders(ENTRY)) == 1
        at.run_to_bar(at.plan.bar + 1).check()


def position_frame(**row: Any) -> str:
    """A frame of the position topic."""
    values = {
        "category": "linear",
        "symbol": "ETHUSDT",
        "side": "",
        "size": "0",
        "positionIdx": 0,
        "entryPrice": "0",
        "leverage": "10",
        "liqPrice": "",
        "bustPrice": "",
        "stopLoss": "",
        "takeProfit": "",
        "trailingStop": "0",
        "positionStatus": "Normal",
        "createdTime": "1",
        "updatedTime": "1",
        "seq": -1,
    }
    body = {"id": "x", "topic": "position", "creationTime": 1, "data": [{**values, **row}]}
    return json.dumps(body)


@pytest.mark.parametrize("code", [None, 110043])
def test_k02_a_leverage_echo_is_no_close(code: int | None, tmp_path: Path) -> None:
    """K02, A15, A16, G15: size-0 messages around the opening close nothing and send nothing."""
    with scene(tmp_path) as at:
        if code is not None:
            at.exchange.faults.rest.ret("position/set-leverage", code)
        at.to_decision()
        at.exchange.faults.ws.raw(position_frame(), "private")
        at.decide(1.0)
        at.exchange.faults.ws.raw(position_frame(), "private")
        at.decide(10.0)
        at.exchange.faults.ws.raw(position_frame(), "private")
        at.run(30)
        assert at.held == at.there != ZERO
        assert len(at.calls("order/create")) == 1
        at.run_to_bar(at.plan.bar + 1).check()


@pytest.mark.parametrize("lag_ms", [4_000, 24_000])
@pytest.mark.parametrize("muted", [False, True], ids=["position pushed", "position muted"])
def test_k03_rest_lags_behind(lag_ms: int, muted: bool, tmp_path: Path) -> None:
    """K03, B01, C01, E15: REST still shows the account before the fill; nothing is rolled back or booked away."""
    with scene(tmp_path) as at:
        at.to_decision()
        for endpoint in ("position/list", "order/realtime"):
            at.exchange.faults.rest.lag(endpoint, lag_ms)
        if muted:
            at.exchange.faults.ws.mute("position")
        at.decide(60.0)
        assert at.held == at.there != ZERO
        assert at.stop_there is not None
        assert at.drifts()["phantom"] == 0
        assert len(at.calls("order/create")) == 1
        at.exchange.faults.clear()
        at.run_to_bar(at.plan.bar + 1).check()


def test_k03b_the_first_stops_meet_a_zero_position(tmp_path: Path) -> None:
    """K03 variant: two trading-stop calls are refused, the third is taken; the attached stop was there all the time."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.rest.ret("position/trading-stop", 10001, STOP_WORDS, n=2)
        at.decide(30.0)
        assert len(at.calls("position/trading-stop")) >= 3
        position = at.exchange.account.positions[("ETHUSDT", 0)]
        assert position.trailing
        assert at.stop_there is not None
        at.run_to_bar(at.plan.bar + 1).check()


def test_k04_a_stop_the_market_has_passed_is_a_stop_that_was_hit(tmp_path: Path) -> None:
    """K04, B04, B08, E20: refused by base_price: one reduce-only exit, no looser stop, no loop."""
    with scene(tmp_path) as at:
        at.to_decision()
        words = base_price("3400", "3390", "Buy" if at.plan.side > 0 else "Sell")
        at.exchange.faults.rest.ret("position/trading-stop", 10001, words, n=1)
        at.decide(30.0)
        assert at.held == at.there == ZERO
        assert len(at.calls("position/trading-stop")) == 1
        assert [link.action for link, _ in at.orders()] == [ENTRY, "s"]
        assert at.drifts()["stop_crossed"] == 1
        at.run_to_bar(at.plan.bar + 1).check()


def test_k05_two_exits_cross(tmp_path: Path) -> None:
    """K05, B18, C04, H05: closed elsewhere while our exit is on its way: flat, one booking, never a short."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        assert at.held != ZERO
        for topic in TOPICS:
            at.exchange.faults.ws.delay(topic, 1_000, n=10)
        at.exchange.faults.eng.external_close("ETHUSDT")
        at.flatten()
        at.run(30)
        assert at.held == at.there == ZERO
        assert len(at.rig.trades(venue=True)) == 1
        assert at.drifts()["manual_close"] == 1
        at.exchange.faults.clear()
        at.run_to_bar(at.plan.bar + 1).check()


def test_h05_the_answer_of_an_exit_comes_after_its_execution(tmp_path: Path) -> None:
    """H05: the reduce-only order is answered late, its execution is there before: booked once."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        at.exchange.faults.rest.slow("order/create", 0.6, n=1)
        at.exchange.faults.ws.dup("execution", n=3)
        at.flatten()
        at.run(30)
        assert at.held == at.there == ZERO
        assert len(at.rig.trades(venue=True)) == 1
        at.run_to_bar(at.plan.bar + 1).check()


def test_k06_an_exit_that_cannot_be_sent_stays_an_exit(tmp_path: Path) -> None:
    """K06, C03, C05, A08: three 502 on the exit, then it goes out reduce-only; the size goes to zero, never up."""
    with scene(tmp_path) as at:
        at.exchange.faults.rest.http("position/trading-stop", 502, 3)
        at.to_decision().decide(60.0)
        assert at.held == at.there != ZERO
        assert at.stop_there is not None
        at.exchange.faults.rest.http("order/create", 502, 3)
        at.flatten()
        at.run(90)
        assert at.held == at.there == ZERO
        assert {link.action for link, _ in at.orders()} == {ENTRY, FLATTEN}
        at.run_to_bar(at.plan.bar + 1).check()


ORDERS = list(itertools.permutations(TOPICS))


@pytest.mark.parametrize("late_answer", [False, True], ids=["answer first", "answer last"])
@pytest.mark.parametrize(
    "topics",
    [
        pytest.param(one, marks=[] if number in (0, 23) else pytest.mark.slow, id="-".join(t[0] for t in one))
        for number, one in enumerate(ORDERS)
    ],
)
def test_k07_every_order_of_messages(topics: tuple[str, ...], late_answer: bool, tmp_path: Path) -> None:
    """K07, C08: all 24 orders of the private topics, before and after the answer: the same end."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.ws.reorder(topics)
        if late_answer:
            at.exchange.faults.rest.slow("order/create", 0.15, n=1)
        at.decide(30.0)
        assert abs(at.held) == Decimal(str(at.plan.qty))
        assert at.lane.exchange.number("position_avg_price") == pytest.approx(at.plan.price)
        assert at.drifts() == {}
        with JournalReader(at.journal) as reader:
            assert reader.open_intents() == [], "the answer is recorded although the executions were faster"
        at.run_to_bar(at.plan.bar + 1).check()


def test_c13_what_a_process_that_never_connected_wrote_hides_no_execution(tmp_path: Path) -> None:
    """C13: the position ends while nothing runs; a process starts, numbers news of its own and dies; the next one reads
    the executions from where they were last read, not from where the journal ends."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        at.kill()
        at.exchange.faults.eng.external_close("ETHUSDT")
        closing = at.exchange.account.executions[-1]
        at.exchange.advance(600_000)
        with (
            Journal(
                at.journal, profile=at.profile, venue="simulator", now_ms=at.exchange.clock.now_ms()
            ) as journal,
            journal.message() as message,
        ):
            message.event(
                Kind.SIGNAL, at.exchange.clock.now_ms(), {"notice": "connected", "text": "", "bar_ms": None}
            )
        at.rig = at._process()
        at.rig.start()
        at.run(30)
        assert at.held == at.there == ZERO
        row = at.rig.trades(venue=True)[-1]
        assert float(row["exit_price"]) == float(closing.price)
        assert at.drifts()["phantom"] == 0
        at.check()


@pytest.mark.parametrize("half_open", [False, True], ids=["closed", "half-open"])
def test_k08_the_position_ends_while_the_private_socket_is_gone(half_open: bool, tmp_path: Path) -> None:
    """K08, D01, G20, B15: nothing is sent again; the executions read afterwards tell the true exit."""
    with scene(tmp_path, look_ms=60_000) as at:
        at.to_decision().decide()
        if half_open:
            at.exchange.faults.ws.half_open("private")
        else:
            at.exchange.faults.ws.close(1006, "private")
            until(lambda: not at.rig.private.is_up, "the private stream notices")
        at.rig.rebase()
        stops = len(at.calls("position/trading-stop"))
        at.exchange.faults.eng.external_close("ETHUSDT")
        closing = at.exchange.account.executions[-1]
        at.rig.rebase()
        at.run(120)
        at.exchange.faults.ws.heal()
        assert at.held == at.there == ZERO
        row = at.rig.trades(venue=True)[-1]
        assert row["exit_price"] == pytest.approx(float(closing.price))
        assert len(at.calls("position/trading-stop")) == stops
        at.check()


def test_k09_empty_lists_and_errors_destroy_nothing(tmp_path: Path) -> None:
    """K09, D03, D11, B12: empty twice, 502, then the truth: no order, no phantom, the stop untouched."""
    with scene(tmp_path, look_ms=30_000) as at:
        at.to_decision().decide()
        held, stop, orders = at.held, at.stop_there, len(at.calls("order/create"))
        at.exchange.faults.rest.empty("position/list", 4)
        at.exchange.faults.rest.http("position/list", 502, 4)
        at.exchange.faults.rest.empty("execution/list", 4)
        at.run(300)
        assert (at.held, at.there, at.stop_there) == (held, held, stop)
        assert len(at.calls("order/create")) == orders
        assert at.drifts()["phantom"] == 0
        assert not at.halts
        at.run_to_bar(at.plan.bar + 2).check()


def test_k09b_a_stale_list_invents_nothing(tmp_path: Path) -> None:
    """K09 variant, D04, D05: an old snapshot with an open position after it was closed."""
    with scene(tmp_path, look_ms=30_000) as at:
        at.to_decision().decide()
        old = at.rig.desk.seats[ETH].position
        assert old is not None
        row = {**old.raw, "avgPrice": str(old.entry_price)}
        at.flatten()
        at.run(10)
        assert at.there == ZERO
        at.exchange.faults.rest.stale("position/list", {"list": [row], "nextPageCursor": ""}, n=12)
        at.run(300)
        assert at.held == ZERO
        assert at.drifts()["adopted"] == 0
        at.exchange.faults.clear()
        at.run_to_bar(at.plan.bar + 1).check()


@pytest.mark.parametrize("how", ["refused", "lost reply", "dropped", "unchanged"])
def test_k10_a_trail_that_did_not_take_then_a_restart(how: str, tmp_path: Path) -> None:
    """K10, E03, E04, E06, B03: after a restart what is believed is what the exchange has."""
    with scene(tmp_path) as at:
        at.to_decision()
        rest = at.exchange.faults.rest
        match how:
            case "refused":
                rest.ret("position/trading-stop", 10001, "params error: trailing stop invalid")
            case "lost reply":
                rest.lost_reply("position/trading-stop", n=1)
            case "dropped":
                rest.drop("position/trading-stop", n=1)
            case "unchanged":
                rest.ret("position/trading-stop", 34040, "not modified", n=1)
        at.decide(5.0)
        at.restart()
        rest.clear()
        at.run(120)
        position = at.exchange.account.positions[("ETHUSDT", 0)]
        seat = at.rig.desk.seats[ETH]
        assert seat.there.stop == at.stop_there is not None
        assert (seat.there.trail or ZERO) == position.trailing
        assert at.held == at.there != ZERO
        if how == "refused":
            assert "trail" in at.halts
        else:
            assert position.trailing
        at.run_to_bar(at.plan.bar + 1).check()


@pytest.mark.parametrize("topic", ["execution", "position"])
@pytest.mark.parametrize("delay_ms", [7_000, 73_000])
def test_k13_closing_messages_in_any_order_and_far_apart(topic: str, delay_ms: int, tmp_path: Path) -> None:
    """K13, J02, G30, D08: one topic long before the other, the execution twice: one booking, the true price."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        at.exchange.faults.ws.delay(topic, delay_ms, n=3)
        at.exchange.faults.ws.dup("execution", n=3)
        at.exchange.faults.eng.external_close("ETHUSDT")
        closing = at.exchange.account.executions[-1]
        at.run(100)
        assert at.held == at.there == ZERO
        rows = at.rig.trades(venue=True)
        assert len(rows) == 1
        assert rows[0]["exit_price"] == pytest.approx(float(closing.price))
        at.run_to_bar(at.plan.bar + 1).check()


@pytest.mark.parametrize("orphans", list(Orphans))
def test_k14_a_flip_while_blind(orphans: Orphans, tmp_path: Path) -> None:
    """K14, D10, E07, B09: closed and opened the other way: two identities, protected or left by policy."""
    with scene(tmp_path, orphans=orphans) as at:
        at.to_decision().decide()
        before = at.held
        at.exchange.faults.ws.close(1006, "private")
        until(lambda: not at.rig.private.is_up, "the private stream notices")
        at.exchange.faults.eng.external_flip("ETHUSDT")
        at.rig.rebase()
        at.run(60)
        assert len(at.rig.trades(venue=True)) >= 1
        at.check_outside(-before, orphans)
        at.run_to_bar(at.plan.bar + 1).check()


@pytest.mark.parametrize("executed", [True, False], ids=["executed", "not executed"])
@pytest.mark.parametrize("hidden", [False, True], ids=["found at once", "found after 3 s"])
def test_k15_the_reply_of_an_entry_is_lost(executed: bool, hidden: bool, tmp_path: Path) -> None:
    """K15, A11, H01: looked up by its name; one fill in both cases, never two."""
    with scene(tmp_path) as at:
        at.to_decision()
        if executed:
            at.exchange.faults.rest.lost_reply("order/create", n=1)
        else:
            at.exchange.faults.rest.drop("order/create", n=1)
        if hidden:
            at.exchange.faults.ws.delay("order", 3_000, n=3)
            at.exchange.faults.ws.delay("execution", 3_000, n=3)
            at.exchange.faults.rest.empty("order/realtime", 3)
            at.exchange.faults.rest.empty("order/history", 3)
        at.decide(40.0)
        assert abs(at.held) == Decimal(str(at.plan.qty)) == abs(at.there)
        assert len(at.orders(ENTRY)) == 1
        at.run_to_bar(at.plan.bar + 1).check()


def test_k15b_an_entry_that_never_got_through_is_given_up_in_time(tmp_path: Path) -> None:
    """A11, I08: no answer at all for longer than the entry may wait: missed, and not sent later."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.rest.drop("order/create", n=50)
        at.decide(120.0)
        at.exchange.faults.clear()
        at.run(120)
        assert at.held == at.there == ZERO
        assert at.drifts()["missed"] >= 1
        assert not at.orders(ENTRY)
        at.run_to_bar(at.plan.bar + 1).check()


def test_k17_awkward_payloads(tmp_path: Path) -> None:
    """K17, G23 to G26: empty texts, doubled and older messages: no exception, no reconnect, nothing moves."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        held, stop, attempts = at.held, at.stop_there, at.rig.private.attempts
        order = {
            "category": "linear",
            "symbol": "ETHUSDT",
            "orderId": "foreign",
            "orderLinkId": "",
            "side": "Buy",
            "orderStatus": "New",
            "qty": "1",
            "cumExecQty": "",
            "avgPrice": "",
            "price": "",
            "triggerPrice": "",
            "createdTime": "1",
            "updatedTime": "1",
        }
        frame = {"id": "x", "topic": "order", "creationTime": 1, "data": [order]}
        at.exchange.faults.ws.raw(json.dumps(frame), "private")
        at.exchange.faults.ws.raw(position_frame(seq=1, updatedTime="2"), "private")
        at.exchange.faults.ws.raw(position_frame(seq=1, updatedTime="2"), "private")
        at.exchange.faults.ws.dup("position", n=4)
        at.exchange.faults.ws.dup("order", n=4)
        at.run(60)
        assert (at.held, at.there, at.stop_there) == (held, held, stop)
        assert at.rig.private.attempts == attempts
        at.run_to_bar(at.plan.bar + 1).check()


def test_k18_nothing_is_ever_routed_to_spot(tmp_path: Path) -> None:
    """K18, A05, D12, D13: the id exists on spot too; every request of a whole trade names linear."""
    spot = known("ETHUSDT", "spot")
    with scene(tmp_path) as at:
        market = at.exchange.venue.markets[("linear", "ETHUSDT")]
        at.exchange.venue.markets.setdefault(("spot", "ETHUSDT"), Market(spot, market.bars, "15m"))
        at.to_decision().decide()
        at.flatten()
        at.run(30)
        named = [
            one.parameters.get("category") for one in at.exchange.requests if "category" in one.parameters
        ]
        assert named
        assert set(named) == {"linear"}
        at.run_to_bar(at.plan.bar + 1).check()


def test_liquidation_halts_entries_until_resumed(tmp_path: Path) -> None:
    """Liquidation: X is flat with that kind, entries wait for an operator, also after a restart."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        at.exchange.faults.eng.liquidate("ETHUSDT")
        at.run(10)
        assert at.held == at.there == ZERO
        assert "liquidation" in at.halts
        assert at.drifts()["liquidation"] == 1
        at.restart()
        assert "liquidation" in at.halts
        at.rig.inbox.post(Control("resume"))
        at.run(5)
        assert not at.halts
        at.run_to_bar(at.plan.bar + 1).check()


@pytest.mark.parametrize("orphans", list(Orphans))
def test_d02_a_position_from_before_the_start(orphans: Orphans, tmp_path: Path) -> None:
    """D02: held there before the first process starts, unknown to the ledger: adopted, left, or protected and told."""
    with scene(tmp_path, orphans=orphans, look_ms=5_000) as at:
        at.exchange.faults.eng.external_open("ETHUSDT", "Buy", "0.5")
        at.exchange.advance(120_000)
        at.rig.rebase()
        at.rig.start()
        at.run(60)
        if orphans is Orphans.CLOSE:
            assert at.held == at.there == ZERO
        else:
            assert at.held == at.there == Decimal("0.5")
            assert at.stop_there is not None
        assert at.halts
        at.check(most_naked_ms=40_000)


def test_the_bar_after_a_decision_never_decides_again(tmp_path: Path) -> None:
    """H04: the confirming message twice, and again after a restart: one order."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.ws.dup_confirm()
        at.exchange.faults.ws.dup("kline", n=6)
        at.decide()
        at.restart()
        at.run(30)
        assert len(at.orders(ENTRY)) == 1
        at.run_to_bar(at.plan.bar + 1).check()


def test_a_position_that_ended_while_the_process_was_away(tmp_path: Path) -> None:
    """C12, D01: stopped, the position is closed, hours pass, started: the true exit is in the books."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        at.kill()
        at.exchange.faults.eng.external_close("ETHUSDT")
        closing = at.exchange.account.executions[-1]
        at.exchange.advance(3 * BAR_MS)
        at.rig = at._process()
        at.rig.start()
        at.run(60)
        assert at.held == at.there == ZERO
        assert at.rig.trades(venue=True)[-1]["exit_price"] == pytest.approx(float(closing.price))
        at.check(same_size=True)


def test_bars_of_a_filled_gap_wait_for_each_other(tmp_path: Path) -> None:
    """V17: three bars come at once while a position is open; each is confirmed and decided, in order."""
    with scene(tmp_path, lives=8) as at:
        at.to_decision().decide()
        assert at.held != 0
        at.exchange.faults.ws.skip_bar(n=None)
        at.exchange.faults.rest.http("market/kline", 502, None)
        at.run(3 * BAR_MS / 1000)
        decided = at.lane.exchange.bar_index
        at.exchange.faults.clear()
        at.exchange.faults.ws.heal()
        at.run(BAR_MS / 1000)
        assert at.lane.exchange.bar_index >= decided + 3
        assert at.stop_there is not None or at.held == 0
        at.check()
