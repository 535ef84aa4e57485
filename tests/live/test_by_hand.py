"""What somebody does by hand beside the deployment: positions opened, closed, turned, and stops set for them."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from engines.live.reconcile import Orphans
from engines.live.venue import MarketOrder, Protect, Side, Urgency
from tests.live.scene import BAR_MS, Scene, scene
from tests.live_feed.rig import until

ZERO = Decimal(0)


@pytest.mark.parametrize("private", [True, False], ids=["private stream first", "bars first"])
def test_a_stop_tightened_by_hand_is_not_loosened_by_a_restart(private: bool, tmp_path: Path) -> None:
    """Bars of a downtime come before the first picture: what rests is unknown, and must not be overwritten."""
    with scene(tmp_path, look_ms=5_000) as at:
        at.to_decision().decide()
        side = at.plan.side
        stop = at.stop_there
        assert stop is not None
        tighter = stop + side * Decimal(5)
        stream = at.lane.stream
        at.rig.gateway.submit(Protect(key="by hand", stream=stream, urgency=Urgency.STOP, stop_loss=tighter))
        at.run(60)
        assert at.stop_there == tighter  # never_loosen: believed and kept while the process lives
        at.kill()
        at.exchange.advance(BAR_MS)
        assert at.there != ZERO
        if private:
            at.rig = at._process()
            at.rig.start()
            at.run(60)
        else:
            at.start_blind()
        assert at.stop_there == tighter


@pytest.mark.parametrize("orphans", list(Orphans))
def test_a_flip_in_one_order_inherits_nothing(orphans: Orphans, tmp_path: Path) -> None:
    """Somebody sells twice what is held: one execution closes and opens; the old stop is none of the new position."""
    with scene(tmp_path, orphans=orphans) as at:
        at.to_decision().decide()
        before = at.held
        assert before != ZERO
        side = "Sell" if before > 0 else "Buy"
        at.exchange.faults.eng.external_open("ETHUSDT", side, str(2 * abs(before)))
        at.run(60)
        at.check_outside(-before, orphans)
        at.run_to_bar(at.plan.bar + 1).check()


@pytest.mark.parametrize("same_side", [True, False], ids=["same side", "other side"])
def test_a_stop_call_that_waits_is_not_answered_for_the_next_position(
    same_side: bool, tmp_path: Path
) -> None:
    """The trail's call waits for the rate; meanwhile the position is closed by hand and another one opened."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.rest.rate("position/trading-stop", n=1, reset_in_ms=8_000)
        at.decide(2.0)
        before = at.held
        assert before != ZERO
        at.exchange.faults.eng.external_close("ETHUSDT")
        at.run(1)
        assert at.held == ZERO
        side = "Buy" if (before > 0) == same_side else "Sell"
        at.exchange.faults.eng.external_open("ETHUSDT", side, str(abs(before)))
        at.run(90)
        assert at.held == at.there != ZERO
        position = at.exchange.account.positions[("ETHUSDT", 0)]
        assert not position.trailing, "a trail that was meant for the position before"
        assert at.stop_there is not None
        assert at.drifts()["trail_refused"] == 0
        assert "trail" not in at.halts
        at.run_to_bar(at.plan.bar + 1).check()


@pytest.mark.parametrize("restarted", [False, True], ids=["one process", "restarted between"])
@pytest.mark.parametrize("opened", [True, False], ids=["opened outside", "closed outside"])
def test_a_guess_is_corrected_by_the_executions_that_are_told_after_it(
    opened: bool, restarted: bool, tmp_path: Path
) -> None:
    """J07, D08: three pictures agree, no execution tells why; later it is told: true money, the position untouched."""
    with scene(tmp_path, look_ms=5_000) as at:
        at.to_decision()
        wallet = at.exchange.account.coin("USDT").wallet
        if not opened:
            at.decide(90)
        at.exchange.faults.ws.mute("execution")
        at.exchange.faults.rest.lag("execution/list", 40_000)
        at.exchange.faults.eng.slippage(500)
        if opened:
            at.exchange.faults.eng.external_open("ETHUSDT", "Buy", "0.5")
        else:
            at.exchange.faults.eng.external_close("ETHUSDT")
        at.run(30)
        guessed = at.drifts()
        assert guessed["adopted" if opened else "phantom"] == 1
        assert at.held == at.there
        if restarted:
            at.restart()
        at.run(90)
        assert at.held == at.there
        at.exchange.faults.clear()
        assert at.drifts() - guessed <= Counter({"late": 1})
        if opened:
            at.flatten()
            at.run(30)
        assert at.held == at.there == ZERO
        change = at.exchange.account.coin("USDT").wallet - wallet
        assert at.lane.exchange.number("net_profit") == pytest.approx(float(change))
        at.run_to_bar(at.plan.bar + 1).check()


def test_a_position_of_the_same_size_is_another_one_before_a_bar(tmp_path: Path) -> None:
    """Closed and opened again by hand, and the stream told neither: its sequence tells before the bar is decided."""
    with scene(tmp_path, lives=8) as at:
        at.to_decision().decide()
        held = at.held
        at.run_to_bar(at.plan.bar + 1)
        at.rig.run_to(at.close_ms + 2 * BAR_MS - 3_000)
        for topic in ("execution", "order", "position"):
            at.exchange.faults.ws.mute(topic)
        at.exchange.faults.eng.slippage(50)
        at.exchange.faults.eng.external_close("ETHUSDT")
        at.exchange.faults.eng.external_open("ETHUSDT", "Buy" if held > 0 else "Sell", str(abs(held)))
        opening = at.exchange.account.executions[-1]
        at.run(4)
        assert at.held == at.there == held
        assert len(at.rig.trades(venue=True)) == 1
        assert at.lane.exchange.number("position_avg_price") == pytest.approx(float(opening.price))
        assert at.drifts()["unsettled"] == 0
        assert at.drifts()["late"] == 0
        at.exchange.faults.clear()
        at.run_to_bar(at.plan.bar + 4).check()


@pytest.mark.parametrize("held_before", [True, False], ids=["flattened", "nothing to flatten"])
def test_a_position_opened_by_hand_after_a_flatten_survives_a_restart(
    held_before: bool, tmp_path: Path
) -> None:
    """Leaving ended when all was out: the next process must not take the flatten for a word about the new position."""
    with scene(tmp_path, lives=8) as at:
        at.to_decision()
        if held_before:
            at.decide()
        at.flatten()
        at.run(5)
        assert at.held == at.there == ZERO
        side = "Buy" if at.plan.side > 0 else "Sell"
        at.exchange.faults.eng.external_open("ETHUSDT", side, "1")
        at.run(10)
        at.restart()
        at.run(60)
        assert at.held == at.there == at.plan.side
        assert at.stop_there is not None
        at.run_to_bar(at.plan.bar + 2).check()


def by_hand(at: Scene, side: Side, qty: str, stop: Decimal) -> None:
    """Somebody opens a position with its stop."""
    order = MarketOrder(
        key="by hand",
        stream=at.lane.stream,
        urgency=Urgency.EXIT,
        order_link_id="by-hand",
        side=side,
        qty=Decimal(qty),
        reduce_only=False,
        stop_loss=stop,
    )
    at.rig.gateway.submit(order)


@pytest.mark.parametrize("delayed", ["nothing", "position", "execution"])
@pytest.mark.parametrize("orphans", [Orphans.ADOPT, Orphans.ALERT])
def test_a_position_opened_by_hand_keeps_the_stop_it_came_with(
    orphans: Orphans, delayed: str, tmp_path: Path
) -> None:
    """V11: the desk's own stop is for a position that has none; it never replaces one that is nearer."""
    with scene(tmp_path, orphans=orphans) as at:
        at.to_decision()
        price = at.exchange.venue.last[("linear", "ETHUSDT")]
        stop = (price * Decimal("0.995")).quantize(Decimal("0.01"))
        if delayed != "nothing":
            at.exchange.faults.ws.delay(delayed, 3_000, n=4)
        by_hand(at, Side.BUY, "0.5", stop)
        at.run(60)
        assert at.held == at.there == Decimal("0.5")
        assert at.stop_there == stop
        assert not at.calls("position/trading-stop")
        at.run_to_bar(at.plan.bar + 1).check()


def test_a_position_from_before_the_start_keeps_what_was_set_for_it(tmp_path: Path) -> None:
    """Opened by hand with a stop, a target and a trail, before the first process: adopted with all of them."""
    with scene(tmp_path, look_ms=5_000) as at:
        at.exchange.faults.eng.external_open("ETHUSDT", "Buy", "0.5")
        price = at.exchange.venue.last[("linear", "ETHUSDT")]
        stop, target = (
            (price * share).quantize(Decimal("0.01")) for share in (Decimal("0.99"), Decimal("1.05"))
        )
        stream = at.lane.stream
        at.rig.gateway.submit(
            Protect(
                key="by hand",
                stream=stream,
                urgency=Urgency.STOP,
                stop_loss=stop,
                take_profit=target,
                trailing_stop=Decimal(100),
            )
        )
        until(lambda: at.rig.gateway.idle and at.calls("position/trading-stop"), "it is set")
        at.exchange.advance(120_000)
        at.rig.rebase()
        at.rig.start()
        at.run(60)
        position = at.exchange.account.positions[("ETHUSDT", 0)]
        assert at.held == at.there == Decimal("0.5")
        assert (position.stop_loss, position.take_profit, position.trailing) == (stop, target, 100)
        assert len(at.calls("position/trading-stop")) == 1
        at.check()
