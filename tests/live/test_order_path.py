"""Ways in which money was, or could have been, lost in the order path: each a scene that a reader once suspected."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from engines.journal import JournalReader
from engines.live.inbox import Control
from engines.live.reconcile import Orphans
from tests.live.scene import BAR_MS, scene
from tests.live.test_journal_unwritable import MOVING, be_patient, fill_up, no_room
from tests.selection import mostly_slow

ZERO = Decimal(0)


def test_two_bars_at_once_while_the_first_waits_for_its_position(tmp_path: Path) -> None:
    """A host that slept: two closed bars are in the socket's buffer; the second must not push the first out."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        assert at.held != ZERO
        at.exchange.advance(2 * BAR_MS)
        at.rig.settle()
        at.run(30)
        assert at.rig.failure is None


@pytest.mark.parametrize("orphans", [Orphans.ADOPT, Orphans.CLOSE])
def test_executions_read_again_without_a_journal_are_booked_once(orphans: Orphans, tmp_path: Path) -> None:
    """While the journal refuses, nothing drops duplicates: a picture's executions overlap by a minute."""
    with scene(tmp_path, look_ms=10_000, orphans=orphans) as at:
        at.to_decision().decide(5.0)
        held, orders = at.held, len(at.calls("order/create"))
        assert held != ZERO
        be_patient(at)
        with no_room(at):
            fill_up(at)
            at.run(40.0)  # no fault at all: the picture's ordinary overlap
            assert (at.there, len(at.calls("order/create"))) == (held, orders)
            assert at.held == held


def test_a_stop_that_is_refused_for_good_is_not_hammered(tmp_path: Path) -> None:
    """Words nobody knows, again and again: pauses stay, the account's rate is not burnt."""
    with scene(tmp_path, given=MOVING, lives=8) as at:
        at.to_decision().decide()
        at.run_to_bar(at.plan.bar + 1)
        before = len(at.calls("position/trading-stop"))
        at.exchange.faults.rest.ret("position/trading-stop", 10001, "params error: something else", n=300)
        at.run_to_bar(at.plan.bar + 3)
        times = [one.time_ms for one in at.calls("position/trading-stop")[before:]]
        assert len(times) < 60


@pytest.mark.parametrize("how", ["partial", "nothing", "110017"])
def test_an_exit_that_did_not_get_all_out_goes_on(how: str, tmp_path: Path) -> None:
    """A thin book fills a part of a market exit; the operator asked for all of it."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        match how:
            case "partial":
                at.exchange.faults.eng.partial([0.4])
            case "nothing":
                at.exchange.faults.eng.ioc_zero()
            case _:
                at.exchange.faults.rest.ret("order/create", 110017, "reduce-only rule not satisfied", n=1)
        at.flatten()
        at.run(120)
        assert at.there == ZERO


def test_an_exit_refused_before_a_kill_is_still_an_exit(tmp_path: Path) -> None:
    """Refused, to be repeated in 2 s, killed within them: the next process leaves all the same."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        at.exchange.faults.rest.ret("order/create", 10001, "something else", n=1)
        at.flatten()
        at.run(1)
        at.restart()
        at.run(60)
        assert at.there == ZERO


@pytest.mark.parametrize("twice", [False, True], ids=["one restart", "two restarts"])
def test_fills_of_a_downtime_survive_a_second_restart(twice: bool, tmp_path: Path) -> None:
    """Closed while away; the next process has bars but no private stream; the one after it must read the true exit."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        at.kill()
        at.exchange.faults.eng.external_close("ETHUSDT")
        closing = at.exchange.account.executions[-1]
        at.exchange.advance(3 * BAR_MS)
        if twice:
            at.start_blind()
            at.kill()
        at.rig = at._process()
        at.rig.start()
        at.run(60)
        assert at.held == at.there == ZERO
        assert at.drifts()["phantom"] == 0
        assert at.rig.trades(venue=True)[-1]["exit_price"] == pytest.approx(float(closing.price))


@pytest.mark.parametrize("fault", ["drop", "lost_reply"])
def test_an_exit_whose_reply_is_lost_gets_out_without_a_journal(fault: str, tmp_path: Path) -> None:
    """While the journal refuses, an exit of unknown outcome is looked up and sent again as ever."""
    with scene(tmp_path) as at:
        at.to_decision().decide(90.0)
        be_patient(at)
        with no_room(at):
            fill_up(at)
            getattr(at.exchange.faults.rest, fault)("order/create", n=1)
            at.flatten()
            at.run(60.0)
            assert at.there == ZERO


def test_flatten_catches_an_entry_on_its_way(tmp_path: Path) -> None:
    """The operator flattens while the entry's fill is not known yet: nothing may be open afterwards."""
    with scene(tmp_path) as at:
        at.to_decision()
        for topic in ("execution", "order", "position"):
            at.exchange.faults.ws.delay(topic, 3_000, n=4)
        at.decide(1.0)
        assert at.held == ZERO != at.there
        at.flatten()
        at.run(60)
        assert at.there == ZERO


def test_a_kept_stop_is_not_moved_by_a_restart(tmp_path: Path) -> None:
    """Catch-up bars come before the first picture: what rests must not be replaced by what is guessed."""
    with scene(tmp_path, given=MOVING, lives=8) as at:
        at.to_decision().decide()
        at.run_to_bar(at.plan.bar + 2)
        stop = at.stop_there
        calls = len(at.calls("position/trading-stop"))
        at.restart(away_ms=0)
        at.run(60)
        assert at.stop_there == stop
        assert len(at.calls("position/trading-stop")) == calls


def test_a_naked_position_whose_exit_fills_in_part_is_left_all_the_same(tmp_path: Path) -> None:
    """No stop can be placed, the time is over, the market exit fills 40 percent: the rest may not stay naked."""
    with scene(tmp_path, look_ms=5_000) as at:
        at.exchange.faults.eng.external_open("ETHUSDT", "Buy", "0.5")
        at.exchange.advance(120_000)
        at.rig.rebase()
        at.exchange.faults.rest.ret("position/trading-stop", 10001, "something else", n=3_000)
        at.exchange.faults.eng.partial([0.4])
        at.rig.start()
        at.run(300)
        assert at.there == ZERO or at.stop_there is not None, f"{at.there} without a stop"


def test_a_restart_with_catch_up_bars_leaves_what_rests_alone(tmp_path: Path) -> None:
    """Bars of a downtime are decided before the first picture: an adopted position's moved stop must not move back."""
    with scene(tmp_path, look_ms=5_000) as at:
        at.to_decision().decide()
        position = at.exchange.account.positions[("ETHUSDT", 0)]
        before = (position.stop_loss, position.trailing)
        at.kill()
        calls = len(at.calls("position/trading-stop"))
        at.exchange.advance(BAR_MS)
        at.rig = at._process()
        at.rig.start()
        at.run(60)
        assert at.there != ZERO
        assert (position.stop_loss, position.trailing) == before
        assert len(at.calls("position/trading-stop")) == calls


@pytest.mark.parametrize("twice", [False, True], ids=["one restart", "two restarts"])
def test_an_entry_filled_before_a_kill_is_known_after_two_restarts(twice: bool, tmp_path: Path) -> None:
    """Killed between the fill and its message, then once more before the private stream came up."""
    with scene(tmp_path) as at:
        at.to_decision()
        for topic in ("execution", "order", "position"):
            at.exchange.faults.ws.delay(topic, 3_000, n=4)
        at.decide(1.0)
        assert at.held == ZERO != at.there
        at.kill()
        at.exchange.advance(BAR_MS)
        if twice:
            at.start_blind()
            at.kill()
        at.exchange.faults.clear()
        at.rig = at._process()
        at.rig.start()
        at.run(120)
        assert at.held == at.there != ZERO
        at.flatten()
        at.run(60)
        assert at.there == ZERO


def test_an_outage_of_ten_seconds_is_no_refused_trail(tmp_path: Path) -> None:
    """The trading-stop call answers 502 for a while: nobody refused the trail; it is placed once that is over."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.rest.http("position/trading-stop", 502, 7)
        at.decide(120.0)
        position = at.exchange.account.positions[("ETHUSDT", 0)]
        assert position.trailing
        assert not at.halts


@pytest.mark.parametrize("command", ["halt", "flatten"])
def test_an_entry_waiting_for_the_rate_is_not_sent_after_a_halt(command: str, tmp_path: Path) -> None:
    """Refused for the account's rate and sent again seconds later: not when entries were halted in between."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.rest.rate("order/create", n=1, reset_in_ms=8_000)
        at.decide(1.0)
        at.rig.inbox.post(Control(command))
        at.run(60)
        assert at.there == ZERO


def test_a_bar_does_not_wait_for_a_position_that_waits_for_the_rate(tmp_path: Path) -> None:
    """The read that confirms it is refused for the rate: after settle_ms the bar is decided, and says so."""
    with scene(tmp_path, given=MOVING, lives=8) as at:
        at.to_decision().decide(5.0)
        bar = at.plan.bar + 1
        close_ms = int(at.bars["time_ms"][bar]) + BAR_MS
        at.rig.run_to(close_ms - 1_000)
        at.exchange.faults.rest.rate("position/list", reset_in_ms=6_000)
        at.rig.run_to(close_ms + 4_000)
        with JournalReader(at.rig.journal.path) as reader:
            decided = [one.bar for one in reader.replay() if one.bar is not None][-1]
        assert (int(decided.bar["time_ms"]), decided.unsettled) == (close_ms - BAR_MS, True)
        at.run(30)
        assert at.held == at.there != ZERO


@pytest.mark.parametrize("lag_s", mostly_slow([30, 90]))
def test_executions_that_lists_show_late_are_found_in_the_end(lag_s: int, tmp_path: Path) -> None:
    """The stream lost an exit's execution, and the list shows it after more than the overlap: it is still found."""
    with scene(tmp_path, look_ms=10_000) as at:
        at.to_decision().decide(70.0)
        at.exchange.faults.ws.mute("execution", n=1)
        at.exchange.faults.rest.lag("execution/list", lag_s * 1_000)
        at.flatten()
        at.run(lag_s + 60)
        at.exchange.faults.clear()
        at.run(300)
        assert at.held == at.there == ZERO


def test_a_position_larger_than_a_market_order_may_be_leaves_in_several(tmp_path: Path) -> None:
    """I10: added to by hand, beyond what one market order may be: it must get out all the same."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        side = "Buy" if at.held > 0 else "Sell"
        most = at.rig.checked.rules[at.lane.stream].max_market_qty
        at.exchange.faults.eng.external_open("ETHUSDT", side, str(most))
        at.run(5)
        assert abs(at.held) > most
        at.flatten()
        at.run(30)
        assert at.held == at.there == ZERO
        assert len(at.orders("f")) == 2
        at.run_to_bar(at.plan.bar + 1).check()


@pytest.mark.parametrize("open_already", [False, True], ids=["before an entry", "with a position"])
@pytest.mark.parametrize("tick", ["0.001", "0.1"])
def test_a_tick_that_the_exchange_has_changed_moves_no_stop(
    tick: str, open_already: bool, tmp_path: Path
) -> None:
    """The ledger counts levels in the tick it began with; after a restart they are still the same prices."""
    with scene(tmp_path) as at:
        at.to_decision()
        if open_already:
            at.decide()
        before = at.stop_there
        at.kill()
        market = at.exchange.venue.markets[("linear", "ETHUSDT")]
        market.instrument = replace(market.instrument, tick=Decimal(tick))
        at.rig = at._process()
        at.rig.start()
        at.decide(60)
        stop = at.stop_there
        assert at.held == at.there != ZERO
        assert stop is not None
        assert float(stop) == pytest.approx(at.plan.price, rel=0.05)
        assert before is None or abs(stop - before) <= Decimal(tick)
        assert stop == before or not stop % Decimal(tick)
        assert at.exchange.account.positions[("ETHUSDT", 0)].trailing
        at.run_to_bar(at.plan.bar + 1).check()
