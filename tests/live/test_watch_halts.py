"""Every reason to halt entries, provoked once: in force, in metrics, in status, and told to people."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from engines.journal import JournalReader
from engines.live.exit_codes import ExitCode
from engines.live.inbox import Control
from engines.live.status import status_of
from tests.live.watch_rig import Service, WatchedRig, service, watched

ETH = "linear ETHUSDT 15m"
TOLD = "[watch]\nport = 0\n[messages]\npause_s = 0.1\n"


def halted(rig: WatchedRig, chat: Service, reason: str) -> None:
    """The reason is in force, a scrape has it, people are told, and a resume ends it."""
    seat = next(iter(rig.deployment.desk.seats.values()))  # type: ignore[attr-defined]
    assert reason in seat.halts
    rig.comes(lambda: chat.told("entries halted by the"), "the halt is told")
    assert rig.metrics()[f"kwin_halt{{reason={reason},stream={ETH}}}"] == 1.0
    assert rig.health()[0] == 200, "a halt is a decision, not an illness"
    rig.control("resume")
    rig.comes(lambda: chat.told("resume: all symbols: entries go on"), "the resume is told")
    assert not [name for name in rig.metrics() if name.startswith("kwin_halt{")]


@pytest.mark.parametrize(
    ("reason", "code", "words"),
    [
        ("account", 10005, "Permission denied, please check your API key permissions."),
        pytest.param("routing", 170_121, "Invalid symbol.", marks=pytest.mark.slow),
        pytest.param("untradable", 110_074, "contract not live", marks=pytest.mark.slow),
        pytest.param("unknown words", 999_999, "words that no table knows", marks=pytest.mark.slow),
    ],
)
def test_an_entry_that_is_refused_for_a_grave_reason(
    reason: str, code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service() as chat, watched(tmp_path, monkeypatch, more=TOLD, messages=chat.address) as rig:
        rig.exchange.faults.rest.ret("order/create", code, words, n=1)
        rig.decide()
        assert not rig.exchange.account.positions or not any(
            one.size for one in rig.exchange.account.positions.values()
        )
        halted(rig, chat, reason)
        assert chat.told(f"drift: {ETH}: rejected")
        assert chat.told("error: entry, ")


@pytest.mark.slow
def test_a_position_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as chat, watched(tmp_path, monkeypatch, more=TOLD, messages=chat.address) as rig:
        rig.exchange.faults.eng.external_open("ETHUSDT", "Buy", "0.5")
        rig.run(10)
        halted(rig, chat, "external")
        assert chat.told(f"drift: {ETH}: external_open")
        assert chat.told(f"entry: {ETH}: long 0.5")


@pytest.mark.slow
def test_liquidation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as chat, watched(tmp_path, monkeypatch, more=TOLD, messages=chat.address) as rig:
        rig.decide()
        rig.exchange.faults.eng.liquidate("ETHUSDT")
        rig.run(10)
        halted(rig, chat, "liquidation")
        rig.comes(lambda: chat.told("by liquidation, net"), "the exit is told")


@pytest.mark.slow
def test_settlement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as chat, watched(tmp_path, monkeypatch, more=TOLD, messages=chat.address) as rig:
        rig.decide()
        rig.exchange.faults.eng.settle("ETHUSDT")
        rig.run(10)
        halted(rig, chat, "settlement")


@pytest.mark.slow
def test_a_difference_that_no_execution_explains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The position is closed outside and the exchange never tells the execution."""
    more = TOLD + "[policy]\nlook_s = 10\n"
    with service() as chat, watched(tmp_path, monkeypatch, more=more, messages=chat.address) as rig:
        rig.decide()
        rig.exchange.faults.ws.mute("execution", n=1)
        rig.exchange.faults.eng.external_close("ETHUSDT")
        closing = rig.exchange.account.executions.pop()
        assert closing.qty > Decimal(0)
        rig.pass_time(60)
        halted(rig, chat, "reconcile")
        assert chat.told(f"drift: {ETH}: phantom")
        rig.rebase()


@pytest.mark.slow
def test_a_trail_that_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as chat, watched(tmp_path, monkeypatch, more=TOLD, messages=chat.address) as rig:
        words = "TrailingProfit:100000000 set for position should be larger"
        rig.exchange.faults.rest.ret("position/trading-stop", 10001, "trailing: " + words, n=1)
        rig.decide()
        halted(rig, chat, "trail")
        assert chat.told(f"drift: {ETH}: trail_refused")


# -- the account's limits and the canary --------------------------------------------------------------------


def seen_everywhere(rig: WatchedRig, chat: Service, journal: Path, *reasons: str) -> None:
    """In metrics, in status and in messages."""
    found = rig.metrics()
    with JournalReader(journal) as reader:
        halts = status_of(reader)["streams"][0]["halts"]
    for reason in reasons:
        assert found[f"kwin_halt{{reason={reason},stream={ETH}}}"] == 1.0
        assert reason in halts
        rig.comes(lambda reason=reason: chat.told(f"halted by the limits ({reason})"), f"{reason} is told")


def test_losses_and_differences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One trade that is closed outside at a loss trips three limits at once."""
    more = TOLD + '[limits]\nmax_daily_loss = "0.01"\nmax_consecutive_losses = 1\nmax_drifts_per_day = 1\n'
    with service() as chat, watched(tmp_path, monkeypatch, more=more, messages=chat.address) as rig:
        rig.decide()
        rig.exchange.faults.eng.external_close("ETHUSDT")
        rig.run(10)
        names = ("daily_loss", "consecutive_losses", "drifts_per_day")
        seen_everywhere(rig, chat, tmp_path / "live.sqlite", *names)
        found = rig.metrics()
        assert found["kwin_account{what=day_loss}"] > 0.01
        assert found["kwin_account{what=losses_in_a_row}"] == 1.0
        assert found["kwin_account{what=drifts_of_the_day}"] == 1.0
        assert found["kwin_account{what=entries_of_the_last_hour}"] == 1.0
        rig.control("resume")
        rig.comes(lambda: chat.told("resume: all symbols: entries go on"), "the resume is told")
        assert not [name for name in rig.metrics() if name.startswith("kwin_halt{")]


@pytest.mark.slow
def test_requests_without_an_answer_and_old_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """REST is down: first the reads of a picture fail, then no bar comes; the second ends by itself."""
    more = TOLD + "[limits]\nmax_api_errors = 3\nstale_bars = 1.5\n[policy]\nlook_s = 60\n"
    with service() as chat, watched(tmp_path, monkeypatch, more=more, messages=chat.address) as rig:
        rig.decide()
        rig.exchange.faults.ws.skip_bar(n=None)
        for endpoint in (
            "market/kline",
            "market/tickers",
            "position/list",
            "execution/list",
            "account/wallet-balance",
        ):
            rig.exchange.faults.rest.http(endpoint, 502, None)
        rig.run(2 * 900)
        seen_everywhere(rig, chat, tmp_path / "live.sqlite", "api_errors")
        assert rig.metrics()["kwin_account{what=requests_without_answer}"] >= 3.0
        assert rig.metrics()[f"kwin_halt{{reason=stale_data,stream={ETH}}}"] == 1.0
        rig.exchange.faults.clear()
        rig.exchange.faults.ws.heal()
        rig.run(2 * 900)
        rig.comes(lambda: chat.told("stale_data is over: a fresh bar has come"), "the end is told")
        reasons = [name for name in rig.metrics() if name.startswith("kwin_halt{")]
        assert reasons == [f"kwin_halt{{reason=api_errors,stream={ETH}}}"], "that one needs an operator"


def test_a_canary_that_trips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = TOLD + '[canary]\nfraction = 0.1\ntrades = 5\nmax_loss = "0.001"\n'
    with service() as chat, watched(tmp_path, monkeypatch, more=more, messages=chat.address) as rig:
        assert rig.metrics()["kwin_canary{symbol=ETHUSDT}"] == 1.0
        rig.decide()
        rig.run(900)
        seen_everywhere(rig, chat, tmp_path / "live.sqlite", "canary")
        assert 0.0 < abs(rig.metrics()[f"kwin_position{{stream={ETH}}}"]) <= rig.plan.qty / 10


def test_a_symbol_that_is_being_delisted_is_looked_after_by_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds a position, so it cannot be left out: the next process starts, keeps the stop, and can leave."""
    with watched(tmp_path, monkeypatch, more="[watch]\n") as rig:
        rig.decide()
        rig.stop()
        position = rig.exchange.account.positions[("ETHUSDT", 0)]
        assert position.size
        rig.exchange.faults.eng.delist("ETHUSDT")
        again = WatchedRig(rig.exchange, tmp_path / "live.toml", rig.plan).start()
        again.run(30)
        assert position.size
        assert position.stop_loss
        again.deployment.inbox.post(Control("flatten"))
        again.run(30)
        assert not position.size
        assert again.stop() is ExitCode.GOOD
