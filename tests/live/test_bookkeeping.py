"""Funding and fees in the books, and the wallet compared with them once a day."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from engines.journal import Drift, JournalReader
from engines.live.limits import Amount, Limits
from engines.live.tally import recorded_tally
from tests.live.scene import Scene, scene

HOUR_S = 3_600.0
DAY_MS = 86_400_000
LIMITS = Limits(wallet_tolerance=Amount(Decimal("0.000001"), percent=True))


def differences(at: Scene) -> list[str]:
    """Told so far."""
    with JournalReader(at.journal) as reader:
        return [
            one.row.body["difference"] for one in reader.rows(Drift) if one.row.kind == "wallet_difference"
        ]


def begin(at: Scene) -> None:
    """Until the first comparison has begun: the first wallet may be told before the first position."""
    for _ in range(60):
        at.run(60.0)
        with JournalReader(at.journal) as reader:
            if recorded_tally(reader).balance is not None:
                return
    raise AssertionError("no wallet has been compared within an hour")


def past_midnight(at: Scene, hours: float) -> None:
    """Go on until so long after the next midnight, UTC."""
    now_ms = at.exchange.clock.now_ms()
    at.rig.run_to(now_ms - now_ms % DAY_MS + DAY_MS + int(hours * HOUR_S * 1000))


@pytest.mark.slow
def test_funding_is_booked_from_executions_and_the_days_balance_agrees(tmp_path: Path) -> None:
    """Over a midnight, at which funding is paid, with fees and spread: no difference."""
    options = {"ideal": False, "balance": "100000"}
    with scene(tmp_path, lives=30, exchange_options=options, limits=LIMITS) as at:
        at.to_decision().decide()
        assert at.held != 0
        past_midnight(at, 1.0)
        kinds = [one.exec_type for one in at.exchange.account.executions]
        assert "Funding" in kinds
        assert differences(at) == []
        with JournalReader(at.journal) as reader:
            tally = recorded_tally(reader)
            funding = [one for _, one in reader.executions("linear", "ETHUSDT") if one.exec_type == "Funding"]
        assert len(funding) == kinds.count("Funding")
        assert tally.compared_day == at.exchange.clock.now_ms() // DAY_MS
        assert tally.booked != 0.0
        wallet = at.exchange.account.coin("USDT").wallet
        assert float(wallet - 100_000) == pytest.approx(at.lane.exchange.number("net_profit"), abs=1e-6)
        at.check()


@pytest.mark.slow
def test_what_moved_the_wallet_and_is_in_no_book_is_told_once(tmp_path: Path) -> None:
    """A withdrawal by hand: one drift row on that day, none on the next; a daily limit of drifts may halt on it."""

    limits = replace(LIMITS, drifts_per_day=1)
    with scene(tmp_path, exchange_options={"balance": "100000"}, limits=limits) as at:
        at.rig.start()
        begin(at)
        at.exchange.account.coin("USDT").wallet -= Decimal(50)
        past_midnight(at, 5.0)
        assert len(differences(at)) == 1
        assert Decimal(differences(at)[0]) == pytest.approx(Decimal(-50), abs=Decimal("0.001"))
        assert "drifts_per_day" in at.halts
        past_midnight(at, 5.0)
        assert len(differences(at)) == 1
        at.check()
