"""Limits of the account: the pure table at its edges, and each limit tripping on the exchange simulator."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engines.journal import Ack, Journal, JournalReader, Kind, Outcome
from engines.live.canary import Canary, Slippage
from engines.live.feasibility import TooLarge
from engines.live.inbox import Control
from engines.live.limits import Amount, Figures, Limits, tripped, value_left
from engines.live.status import status_of
from engines.live.tally import Tally, recorded_tally, tally_of
from engines.live.working import ENTRY
from kwin_core.errors import JournalError
from tests.live.desk_rig import ETH
from tests.live.scene import BAR_MS, Scene, scene

ZERO = Decimal(0)


def amount(value: str) -> Amount:
    """Money, or a percentage when it ends so."""
    return Amount(Decimal(value.removesuffix("%")), value.endswith("%"))


# -- the table -----------------------------------------------------------------------------------------------


def test_nothing_trips_without_limits() -> None:
    assert tripped(Limits(), Figures(Decimal(10**9), Decimal(1), 10**9, 10**9, 10**9)) == {}
    assert value_left(Limits(), Decimal(1), Decimal(10**9), Decimal(10**9)) == []


@pytest.mark.parametrize("name", ["consecutive_losses", "drifts_per_day", "api_errors"])
def test_counts_trip_when_they_are_reached(name: str) -> None:
    limits = Limits(**{name: 7})
    assert tripped(limits, Figures(**{name: 6})) == {}
    words = tripped(limits, Figures(**{name: 8}))[name]
    assert "8" in words
    assert "7" in words
    assert name in tripped(limits, Figures(**{name: 7}))


@pytest.mark.parametrize("limit", ["50", "5%"])
def test_the_loss_of_a_day_is_money_or_a_share_of_the_days_equity(limit: str) -> None:
    limits = Limits(daily_loss=amount(limit))
    below, edge = (Figures(Decimal(loss), Decimal(1000)) for loss in ("49.99", "50"))
    assert tripped(limits, below) == {}
    assert tripped(limits, edge) == {"daily_loss": "the loss of the day is 50.00, the limit is 50.00"}
    assert tripped(Limits(daily_loss=amount("5%")), Figures()) == {}, "an unknown equity is no loss"


def test_what_position_and_exposure_leave_for_an_entry() -> None:
    limits = Limits(position=amount("100"), exposure=amount("25%"))
    (position, _), (exposure, words) = value_left(limits, Decimal(1000), Decimal(30), Decimal(240))
    assert (position, exposure) == (Decimal(70), Decimal(10))
    assert words == "all positions together may be worth 250.00, 240.00 are taken"
    assert value_left(limits, Decimal(1000), Decimal(130), Decimal(0))[0][0] == 0


def test_the_tally_is_kept_as_it_is_and_one_of_another_version_is_refused() -> None:
    tally = Tally(
        3, -1.5, 99.25, (1, 2), 3, 4, 5, {"a": -0.1}, {"a": 2}, 0.5, {"a": 7}, 2, "1.10", 0.3, "0.2", 9
    )
    assert tally_of(tally.body()) == tally
    with pytest.raises(JournalError, match="another version"):
        tally_of({**tally.body(), "surprise": 1})


# -- on the exchange -----------------------------------------------------------------------------------------


def denied(at: Scene) -> list[str]:
    """Reasons of entries that were not sent."""
    with JournalReader(at.journal) as reader:
        return [one.row.text for one in reader.rows(Ack) if one.row.outcome is Outcome.DENIED]


def status(at: Scene) -> dict[str, Any]:
    """As the command shows it."""
    with JournalReader(at.journal) as reader:
        return status_of(reader)


def stays_tripped(at: Scene, name: str) -> None:
    """In status, through a restart, until an operator resumes; a resume of the symbol alone is not enough."""
    assert name in at.halts
    assert name in status(at)["streams"][0]["halts"]
    assert name in at.rig.desk.account().halted
    before = at.rig.desk._guard.tally
    at.restart()
    assert name in at.halts
    assert at.rig.desk._guard.tally.losses == before.losses
    at.rig.inbox.post(Control("resume", {"symbol": "ETHUSDT"}))
    at.rig.settle()
    assert name in at.halts
    at.rig.inbox.post(Control("resume"))
    at.rig.settle()
    assert not at.halts
    at.run(5.0)
    assert not at.halts, "counted from the resume on"


def test_no_position_beyond_its_limit(tmp_path: Path) -> None:
    """Made smaller, or denied when the policy says so."""
    with scene(tmp_path, limits=Limits(position=amount("500"))) as at:
        at.to_decision().decide()
        value = abs(at.held) * Decimal(str(at.plan.price))
        assert Decimal(450) < value <= Decimal(500)
        assert abs(at.held) < Decimal(str(at.plan.qty))
        at.check()


def test_no_exposure_beyond_its_limit(tmp_path: Path) -> None:
    limits = Limits(exposure=amount("0.001%"))
    with scene(tmp_path, limits=limits, too_large=TooLarge.REJECT) as at:
        at.to_decision().decide()
        assert at.held == 0
        assert not at.orders(ENTRY)
        assert "all positions together may be worth 1000.00" in denied(at)[0]
        assert not at.halts, "only this entry"
        at.check()


def test_entries_an_hour(tmp_path: Path) -> None:
    """Counted over a restart; the next hour has its own."""
    with scene(tmp_path, limits=Limits(entries_per_hour=1)) as at:
        at.to_decision()
        guard = at.rig.desk._guard
        guard.tally = replace(guard.tally, entries_ms=(at.close_ms - 3_500_000,))
        at.decide()
        assert not at.orders(ENTRY)
        assert denied(at) == ["1 entries within an hour, the limit is 1"]
        assert not at.halts
        assert at.rig.desk.account().entries_last_hour == 1
        at.check()


def loses(at: Scene) -> None:
    """Enter, and be closed outside at a loss."""
    at.to_decision().decide()
    assert at.held != 0
    at.exchange.faults.eng.external_close("ETHUSDT")
    at.run(10.0)
    assert at.held == 0


def test_daily_loss_halts_entries_and_counts_open_positions(tmp_path: Path) -> None:
    """A position that is still open counts: its entry fee is a loss already."""
    with scene(tmp_path, limits=Limits(daily_loss=amount("0.01"))) as at:
        at.to_decision().decide()
        assert at.held != 0, "only entries are halted"
        assert at.stop_there is not None
        assert at.rig.desk.account().day_loss > 0.01
        stays_tripped(at, "daily_loss")
        at.run_to_bar(at.plan.bar + 1).check()


def test_consecutive_losses_halt_entries(tmp_path: Path) -> None:
    with scene(tmp_path, limits=Limits(consecutive_losses=1)) as at:
        loses(at)
        assert at.halts["consecutive_losses"] == "1 losses in a row, the limit is 1"
        stays_tripped(at, "consecutive_losses")
        at.check()


def test_drifts_of_a_day_halt_entries(tmp_path: Path) -> None:
    with scene(tmp_path, limits=Limits(drifts_per_day=1)) as at:
        loses(at)
        assert at.drifts()["manual_close"] == 1
        stays_tripped(at, "drifts_per_day")
        at.check()


def test_requests_without_an_answer_halt_entries_and_an_answer_starts_the_count_anew(tmp_path: Path) -> None:
    with scene(tmp_path, limits=Limits(api_errors=3), look_ms=60_000) as at:
        at.to_decision().decide()
        assert at.held != 0
        at.exchange.faults.rest.http("market/tickers", 502, None)
        at.run(400.0)
        assert not at.halts, "the other reads of a picture are answered"
        for endpoint in ("position/list", "execution/list", "account/wallet-balance"):
            at.exchange.faults.rest.http(endpoint, 502, None)
        at.run(200.0)
        at.exchange.faults.clear()
        assert "api_errors" in at.halts
        assert at.rig.desk.account().api_errors >= 3
        at.run(200.0)
        assert at.rig.desk.account().api_errors == 0
        assert "api_errors" in at.halts, "an operator has to look"
        stays_tripped(at, "api_errors")
        at.check()


def test_old_data_halts_a_symbol_until_a_fresh_bar_comes(tmp_path: Path) -> None:
    """No operator is needed; a restart in between remembers the halt."""
    with scene(tmp_path, limits=Limits(stale_bars=1.5)) as at:
        at.to_decision().decide()
        held = at.held
        assert held != 0
        at.exchange.faults.ws.skip_bar(n=None)
        at.exchange.faults.rest.http("market/kline", 502, None)
        at.run(2 * BAR_MS / 1000)
        assert "stale_data" in at.halts
        assert status(at)["streams"][0]["halts"]["stale_data"].startswith(
            "no bar for more than 1.5 intervals"
        )
        assert at.stop_there is not None, "stops stay"
        at.exchange.faults.clear()
        at.exchange.faults.ws.heal()
        at.run(2 * BAR_MS / 1000)
        assert "stale_data" not in at.halts
        assert status(at)["streams"][0]["halts"] == {}
        at.check()


# -- the canary ----------------------------------------------------------------------------------------------

TENTH = Canary(fraction=Decimal("0.1"), trades=1)


def test_a_canary_sends_less_and_decides_the_same(tmp_path: Path) -> None:
    """The order is smaller, the ledger has what was executed, the next trade has its full size."""
    with scene(tmp_path, canary=TENTH) as at:
        at.to_decision()
        assert at.rig.desk.account().canary == ("ETHUSDT",)
        at.decide()
        whole = Decimal(str(at.plan.qty))
        assert ZERO < abs(at.held) <= whole / 10
        assert at.stop_there is not None
        at.exchange.faults.eng.external_close("ETHUSDT")
        at.run(10.0)
        assert at.rig.desk.account().canary == ()
        assert status(at)["account"]["trades"] == {str(ETH): 1}
        at.restart()
        assert at.rig.desk.account().canary == ()
        at.run_to_bar(at.plan.bar + 1).check()


def test_the_size_of_a_canary_is_never_below_the_smallest_order_nor_above_the_wanted() -> None:
    from tests.live.test_feasibility import RULES

    price = Decimal(4000)
    assert TENTH.size(Decimal(1), price, RULES) == Decimal("0.1")
    assert TENTH.size(Decimal("0.02"), price, RULES) == Decimal("0.01")
    assert TENTH.size(Decimal("0.2"), Decimal(100), RULES) == Decimal("0.05"), "5 USDT at least"
    assert replace(TENTH, qty=Decimal(3), fraction=None).size(Decimal(2), price, RULES) == 2
    assert TENTH.active(0, 10**15)
    assert not TENTH.active(1, 0)
    assert not replace(TENTH, trades=None, until_ms=5).active(0, 5)


@pytest.mark.parametrize(
    ("criterion", "words"),
    [
        ({"max_loss": Amount(Decimal("0.001"))}, "the canary has lost"),
        (
            {"max_slippage": Slippage(Decimal(5))},
            "an entry was 7 ticks worse than the emulator's, allowed are 5 ticks",
        ),
        ({"max_slippage": Slippage(Decimal("0.0001"), True)}, "allowed are 0.0001%"),
        ({"drifts": frozenset({"partial"})}, "a difference of kind partial"),
    ],
)
def test_a_canary_is_rolled_back(criterion: dict[str, Any], words: str, tmp_path: Path) -> None:
    with scene(tmp_path, canary=replace(TENTH, trades=5, **criterion)) as at:
        at.to_decision()
        at.exchange.faults.eng.slippage(7)
        if "drifts" in criterion:
            at.exchange.faults.clear()
            at.exchange.faults.eng.partial([0.5])
        at.decide()
        at.run_to_bar(at.plan.bar + 1)
        assert words in at.halts["canary"]
        stays_tripped(at, "canary")
        at.check()


def test_a_canary_within_its_criteria_is_left_alone(tmp_path: Path) -> None:
    canary = replace(TENTH, trades=5, max_loss=amount("50%"), max_slippage=Slippage(Decimal(8)))
    with scene(tmp_path, canary=canary) as at:
        at.to_decision()
        at.exchange.faults.eng.slippage(7)
        at.decide()
        at.run_to_bar(at.plan.bar + 1)
        assert not at.halts
        with JournalReader(at.journal) as reader:
            assert recorded_tally(reader) == at.rig.desk._guard.tally
        at.check()


def test_what_a_halted_strategy_decides_is_denied_with_the_halts_reason(tmp_path: Path) -> None:
    """The script goes on deciding for sixty bars, and nothing of it is sent."""
    with scene(tmp_path, limits=Limits(consecutive_losses=1), lives=1) as at:
        loses(at)
        assert "consecutive_losses" in at.halts
        before = len(at.orders(ENTRY))
        at.run_to_bar(at.plan.bar + 60)
        assert len(at.orders(ENTRY)) == before
        assert any("entries are halted: 1 losses in a row" in one for one in denied(at))
        at.check()


def test_an_entry_that_follows_from_the_message_that_halts_is_not_sent(tmp_path: Path) -> None:
    """The close of a reversal is one loss too many: the entry that waited for it stays here."""
    limits, given = Limits(consecutive_losses=1), {"use_dir_lock": False}
    with scene(tmp_path, limits=limits, given=given, lives=7, side=-1) as at:
        at.to_decision()
        at.exchange.faults.eng.slippage(2_000)
        at.decide()
        at.run_to_bar(at.plan.ends)
        assert at.orders("r"), "it was reversed"
        assert at.held == 0
        assert denied(at) == ["entries were halted in the same instant"]
        assert len(at.orders(ENTRY)) == 1
        at.check()


def test_the_margin_of_what_is_reversed_is_free_for_the_entry(tmp_path: Path) -> None:
    """The position binds more than half of the wallet; its reversal of the same size is not denied for that."""
    given, options = {"use_dir_lock": False}, {"balance": "10000"}
    reject = TooLarge.REJECT
    with scene(tmp_path, given=given, lives=7, side=-1, exchange_options=options, too_large=reject) as at:
        at.to_decision().decide()
        margin = at.exchange.account.position_margin()
        at.run_to_bar(at.plan.ends)
        assert margin + at.exchange.account.position_margin() > 10_000, "both together had no room"
        assert denied(at) == []
        assert len(at.orders(ENTRY)) == 2
        assert at.held > 0
        at.check()


def test_a_resume_while_nothing_runs_counts_like_any_other(tmp_path: Path) -> None:
    """Written into the journal by the command; the next process begins to count anew."""
    with scene(tmp_path, limits=Limits(consecutive_losses=1, daily_loss=amount("0.01"))) as at:
        loses(at)
        assert {"consecutive_losses", "daily_loss"} <= set(at.halts)
        at.kill()
        now_ms = at.exchange.clock.now_ms()
        with (
            Journal(at.journal, profile=at.profile, venue="simulator", now_ms=now_ms) as journal,
            journal.message() as message,
        ):
            message.event(Kind.CONTROL, now_ms, {"command": "resume", "by": "operator"})
        at.rig = at._process()
        at.rig.start()
        at.run(60.0)
        assert not at.halts
        account = at.rig.desk.account()
        assert (account.losses, account.day_loss) == (0, 0.0)
        at.restart()
        at.run(60.0)
        assert not at.halts
        at.check()
