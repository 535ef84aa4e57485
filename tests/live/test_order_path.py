"""Ways in which money was, or could have been, lost in the order path: each a scene that a reader once suspected."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engines.journal import Configuration, JournalReader
from engines.live.inbox import Control
from engines.live.intents import overtaken
from engines.live.reconcile import Orphans
from engines.live.venue import MarketOrder, Protect, Side, Urgency
from engines.live.working import Working
from tests.live import scene as scenes
from tests.live.scene import BAR_MS, Scene, scene
from tests.live.test_journal_unwritable import MOVING, be_patient, fill_up, no_room
from tests.live_feed.rig import until
from tests.selection import mostly_slow

ZERO = Decimal(0)


def flatten(at: Scene) -> None:
    """The operator leaves."""
    at.rig.inbox.post(Control("flatten"))


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
        flatten(at)
        at.run(120)
        assert at.there == ZERO


def test_a_second_exit_on_the_same_bar_after_a_restart_has_a_name_of_its_own(tmp_path: Path) -> None:
    """The first flatten filled nothing; after a restart the second one must get out and be recorded."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        at.exchange.faults.eng.ioc_zero()
        flatten(at)
        at.run(1)
        assert at.there != ZERO
        at.restart()
        flatten(at)
        at.run(60)
        assert at.rig.runner.counts.journal_failures == 0
        assert at.there == ZERO


def test_an_exit_refused_before_a_kill_is_still_an_exit(tmp_path: Path) -> None:
    """Refused, to be repeated in 2 s, killed within them: the next process leaves all the same."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        at.exchange.faults.rest.ret("order/create", 10001, "something else", n=1)
        flatten(at)
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
            _without_private_stream(at)
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
            flatten(at)
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
        flatten(at)
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


REVERSING = {"trailing_perc": 30.0, "trailing_offset": 20.0, "use_dir_lock": False, "use_arm_after_rr": False}


@pytest.mark.parametrize("fault", ["none", "refused", "partial", "nothing"])
def test_a_reversal_whose_close_is_refused_or_partial(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The close before the entry of the other side is refused once, or fills in part."""
    key = tuple(sorted({"use_window": False, "use_bar_trail": False, **REVERSING}.items()))
    plan = next(one for one in scenes.planned("intent", key) if _reversed_later(one, key))
    monkeypatch.setattr(scenes, "planned", lambda *_: (plan,))
    monkeypatch.setattr("tests.live.desk_rig.PATIENCE_S", 8.0)  # a runner that has ended settles no more
    with scene(tmp_path, given=REVERSING, lives=0) as at:
        at.to_decision().decide()
        before = at.held
        assert before != ZERO
        at.rig.run_to(int(at.bars["time_ms"][plan.ends]) + BAR_MS - 5_000)
        assert at.held == before
        match fault:
            case "refused":
                at.exchange.faults.rest.ret("order/create", 10001, "something else", n=1)
            case "partial":
                at.exchange.faults.eng.partial([0.4])
            case "nothing":
                at.exchange.faults.eng.ioc_zero()
        at.run(120)
        assert at.rig.runner.counts.journal_failures == 0
        assert at.there * before <= 0, "the side that the script has left is still held"


def _reversed_later(plan: scenes.Planned, key: tuple[tuple[str, object], ...]) -> bool:
    entries = scenes._entries("intent", key, plan.bar - scenes.LEAD)
    return len(entries) > 1 and entries[1].bar == plan.ends and entries[1].side == -plan.side


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


def _without_private_stream(at: Scene) -> None:
    """Another process whose bars come while its private stream cannot be had."""
    at.rig = rig = at._process()
    rig.runner.start(rig.start_body, Configuration(hash="test", body={}))
    rig._thread.start()
    rig.feed.start()
    until(lambda: rig.clock_run() and all(rig.feed.status().links.values()), "the feed is connected")
    until(lambda: rig.inbox.idle and rig.feed.idle and rig.gateway.idle, "the bars are taken")


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
            _without_private_stream(at)
            at.kill()
        at.exchange.faults.clear()
        at.rig = at._process()
        at.rig.start()
        at.run(120)
        assert at.held == at.there != ZERO
        flatten(at)
        at.run(60)
        assert at.there == ZERO


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
            _without_private_stream(at)
        assert at.stop_there == tighter


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


def test_a_waiting_reversal_does_not_enter_blind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The private stream goes while the close of a reversal is on its way: no entry before it is back."""
    key = tuple(sorted({"use_window": False, "use_bar_trail": False, **REVERSING}.items()))
    plan = next(one for one in scenes.planned("intent", key) if _reversed_later(one, key))
    monkeypatch.setattr(scenes, "planned", lambda *_: (plan,))
    with scene(tmp_path, given=REVERSING, lives=0) as at:
        at.to_decision().decide()
        before = at.held
        at.rig.run_to(int(at.bars["time_ms"][plan.ends]) + BAR_MS - 5_000)
        for topic in ("execution", "order", "position"):
            at.exchange.faults.ws.mute(topic)
        at.rig.run(5_500)
        assert at.there == ZERO != before == at.held
        at.exchange.faults.ws.handshake(503, n=5)
        at.exchange.faults.ws.close(1006, "private")
        until(lambda: not at.rig.private.is_up, "the private stream notices")
        at.rig.rebase()
        at.run(8)
        assert at.rig.private.is_up or [link.action for link, _ in at.orders()] == ["e", "r"]


@pytest.mark.parametrize("lag_s", mostly_slow([30, 90]))
def test_executions_that_lists_show_late_are_found_in_the_end(lag_s: int, tmp_path: Path) -> None:
    """The stream lost an exit's execution, and the list shows it after more than the overlap: it is still found."""
    with scene(tmp_path, look_ms=10_000) as at:
        at.to_decision().decide(70.0)
        at.exchange.faults.ws.mute("execution", n=1)
        at.exchange.faults.rest.lag("execution/list", lag_s * 1_000)
        flatten(at)
        at.run(lag_s + 60)
        at.exchange.faults.clear()
        at.run(300)
        assert at.held == at.there == ZERO


@pytest.mark.parametrize("topic", ["position", "order"])
def test_a_reversal_whose_flat_moment_is_never_told_keeps_its_new_position(
    topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old side is left, the new one is entered, and no report of a flat position comes between: nothing more."""
    key = tuple(sorted({"use_window": False, "use_bar_trail": False, **REVERSING}.items()))
    plan = next(one for one in scenes.planned("intent", key) if _reversed_later(one, key))
    monkeypatch.setattr(scenes, "planned", lambda *_: (plan,))
    with scene(tmp_path, given=REVERSING, lives=0) as at:
        at.to_decision().decide()
        before = at.held
        at.rig.run_to(int(at.bars["time_ms"][plan.ends]) + BAR_MS - 5_000)
        at.exchange.faults.ws.mute(topic, n=4)
        at.run(60)
        assert at.there * before < 0
        assert at.held == at.there
        assert [link.action for link, _ in at.orders()] == ["e", "r", "e"]


def test_a_reversal_left_in_part_before_a_kill_is_left_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The close of the old side filled 40 percent, and the process was killed before the next attempt."""
    key = tuple(sorted({"use_window": False, "use_bar_trail": False, **REVERSING}.items()))
    plan = next(one for one in scenes.planned("intent", key) if _reversed_later(one, key))
    monkeypatch.setattr(scenes, "planned", lambda *_: (plan,))
    with scene(tmp_path, given=REVERSING, lives=0) as at:
        at.to_decision().decide()
        before = at.held
        at.rig.run_to(int(at.bars["time_ms"][plan.ends]) + BAR_MS - 5_000)
        at.exchange.faults.eng.partial([0.4])
        at.run(5.5)
        assert at.there * before > 0
        at.restart()
        at.run(90)
        assert at.there * before <= 0
        at.restart()
        at.run(60)
        assert [link.action for link, _ in at.orders()] in (["e", "r", "r"], ["e", "r", "r", "e"])
        assert at.held == at.there


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
        assert "external" in at.halts
        if orphans is Orphans.CLOSE:
            assert at.held == at.there == ZERO
        else:
            assert at.held == at.there == -before
            assert at.stop_there is not None
            entry = at.lane.exchange.number("position_avg_price")
            assert (float(at.stop_there) - entry) * float(at.held) < 0
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


def test_a_position_larger_than_a_market_order_may_be_leaves_in_several(tmp_path: Path) -> None:
    """I10: added to by hand, beyond what one market order may be: it must get out all the same."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        side = "Buy" if at.held > 0 else "Sell"
        most = at.rig.checked.rules[at.lane.stream].max_market_qty
        at.exchange.faults.eng.external_open("ETHUSDT", side, str(most))
        at.run(5)
        assert abs(at.held) > most
        flatten(at)
        at.run(30)
        assert at.held == at.there == ZERO
        assert len(at.orders("f")) == 2
        at.run_to_bar(at.plan.bar + 1).check()


BOTH_SIDES = {**REVERSING, "use_one_per_bar": False, "use_bar_trail": False}
BOTH_BAR = 736
"""A bar of the fixture on which KWIN with these inputs enters long and then short (SP-35)."""


@pytest.mark.parametrize("shadow", [False, True], ids=["exchange", "shadow"])
def test_two_entries_on_one_bar_come_to_the_last_one(
    shadow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SP-35: both have names of their own, the first is denied, and both ledgers hold the second."""
    plan = scenes.Planned(BOTH_BAR, -1, 0.0, 0.0, BOTH_BAR + 1)
    monkeypatch.setattr(scenes, "planned", lambda *_: (plan,))
    monkeypatch.setattr(
        "tests.live.desk_rig.PATIENCE_S", 8.0
    )  # a runner whose journal refuses settles no more
    with scene(tmp_path, given=BOTH_SIDES, lives=0, shadow=shadow) as at:
        at.to_decision().decide()
        assert at.rig.runner.counts.journal_failures == 0
        assert float(at.held) == at.lane.emulator.position < 0.0
        assert at.held == at.there
        assert at.drifts()["denied"] == 1
        at.restart()
        at.run(30)
        assert at.held == at.there


def test_entries_of_both_sides_leave_a_position_of_the_last_side_alone() -> None:
    """Held short, then long and short on one bar: neither the close, nor the long, nor a second short is sent."""
    close, long, short = (
        Working(name, action, side, Decimal(1), 0, 5, 0, 0)
        for name, action, side in (("r1", "r", 1), ("e1", "e", 1), ("e2", "e", -1))
    )
    entries = [long, short]
    assert all(overtaken(one, entries, Decimal(-3)) for one in (close, long, short))
    assert not overtaken(short, entries, ZERO)
    assert not overtaken(short, entries, Decimal(3))
    assert not overtaken(close, [long], Decimal(-3))
    assert not overtaken(replace(close, action="c"), entries, Decimal(-3))


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
            flatten(at)
            at.run(30)
        assert at.held == at.there == ZERO
        change = at.exchange.account.coin("USDT").wallet - wallet
        assert at.lane.exchange.number("net_profit") == pytest.approx(float(change))
        at.run_to_bar(at.plan.bar + 1).check()


@pytest.mark.parametrize("what", ["side", "createdTime", "reduceOnly", "qty"])
def test_a_name_that_belongs_to_another_order(what: str, tmp_path: Path) -> None:
    """110072, and what is found under the name is not what was asked for: nothing is believed, entries are halted."""
    with scene(tmp_path) as at:
        at.to_decision()
        plan = at.plan
        ours = {
            "side": "Buy" if plan.side > 0 else "Sell",
            "qty": f"{plan.qty:g}",
            "createdTime": str(at.close_ms),
            "reduceOnly": False,
        }
        other = {
            "side": "Sell" if plan.side > 0 else "Buy",
            "qty": "0.5",
            "createdTime": str(at.close_ms - 10 * BAR_MS),
            "reduceOnly": True,
        }
        found = {**ours, what: other[what]}

        def told(answer: dict[str, Any]) -> dict[str, Any]:
            sent = at.calls("order/create")[-1].parameters
            row = {
                "symbol": "ETHUSDT",
                "orderId": "another",
                "orderLinkId": sent["orderLinkId"],
                "orderStatus": "Filled",
                "cumExecQty": found["qty"],
                "updatedTime": found["createdTime"],
                **found,
            }
            return {**answer, "list": [row]}

        at.exchange.faults.rest.ret("order/create", 110072, n=None)
        at.exchange.faults.rest.alter("order/realtime", told, n=None)
        at.decide(30)
        assert at.held == at.there == ZERO
        assert "duplicate" in at.halts
        assert len(at.calls("order/create")) == 1
        at.exchange.faults.clear()
        at.run_to_bar(at.plan.bar + 1).check()


def test_an_exit_whose_name_belongs_to_another_order_takes_the_next_one(tmp_path: Path) -> None:
    """The same for an exit: it must get out."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        other = {
            "symbol": "ETHUSDT",
            "orderId": "another",
            "side": "Buy" if at.held < 0 else "Sell",
            "qty": "1",
            "orderStatus": "Filled",
            "cumExecQty": "1",
            "reduceOnly": False,
            "createdTime": str(at.close_ms),
            "updatedTime": str(at.close_ms),
        }

        def told(answer: dict[str, Any]) -> dict[str, Any]:
            name = at.calls("order/create")[-1].parameters["orderLinkId"]
            return {**answer, "list": [{**other, "orderLinkId": name}]}

        at.exchange.faults.rest.ret("order/create", 110072, n=1)
        at.exchange.faults.rest.alter("order/realtime", told, n=1)
        flatten(at)
        at.run(30)
        assert at.held == at.there == ZERO
        assert [link.attempt for link, _ in at.orders("f")] == [2]
        at.run_to_bar(at.plan.bar + 1).check()


def test_a_waiting_entry_is_given_up_in_time_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old side cannot be left, the process is killed: the entry that waits for it does not wait for ever."""
    key = tuple(sorted({"use_window": False, "use_bar_trail": False, **REVERSING}.items()))
    plan = next(one for one in scenes.planned("intent", key) if _reversed_later(one, key))
    monkeypatch.setattr(scenes, "planned", lambda *_: (plan,))
    with scene(tmp_path, given=REVERSING, lives=0) as at:
        at.to_decision().decide()
        before = at.held
        at.rig.run_to(int(at.bars["time_ms"][plan.ends]) + BAR_MS - 5_000)
        at.exchange.faults.eng.partial([0.4])
        at.run(5.5)
        assert at.there * before > 0
        at.exchange.faults.rest.http("order/create", 502, None)
        at.restart()
        at.run(90)
        assert at.there * before > 0
        assert not any(order.enters for order in at.lane.working.values())
        assert at.drifts()["missed"] == 1
        at.exchange.faults.clear()
        at.run(120)
        assert at.held == at.there == ZERO


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


def test_an_exit_that_the_exchange_has_forgotten_takes_the_next_name(tmp_path: Path) -> None:
    """It filled nothing, the process was away for more than a day: the name is used, and no list shows it any more."""
    with scene(tmp_path, look_ms=10_000) as at:
        at.to_decision().decide()
        at.exchange.faults.eng.ioc_zero()
        at.exchange.faults.ws.mute("order")
        at.exchange.faults.rest.empty("order/realtime", None)
        at.exchange.faults.rest.empty("order/history", None)
        flatten(at)
        at.run(1)
        at.restart()
        at.run(90)
        assert at.held == at.there == ZERO
        assert [link.attempt for link, _ in at.orders("f")] == [1, 2]


@pytest.mark.parametrize("held_before", [True, False], ids=["flattened", "nothing to flatten"])
def test_a_position_opened_by_hand_after_a_flatten_survives_a_restart(
    held_before: bool, tmp_path: Path
) -> None:
    """Leaving ended when all was out: the next process must not take the flatten for a word about the new position."""
    with scene(tmp_path, lives=8) as at:
        at.to_decision()
        if held_before:
            at.decide()
        flatten(at)
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
