"""Every reason of the desk's own to halt entries, provoked once: in force, in metrics, and told to people."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

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
        ("routing", 170_121, "Invalid symbol."),
        ("untradable", 110_074, "contract not live"),
        ("unknown words", 999_999, "words that no table knows"),
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


def test_a_position_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as chat, watched(tmp_path, monkeypatch, more=TOLD, messages=chat.address) as rig:
        rig.exchange.faults.eng.external_open("ETHUSDT", "Buy", "0.5")
        rig.run(10)
        halted(rig, chat, "external")
        assert chat.told(f"drift: {ETH}: external_open")
        assert chat.told(f"entry: {ETH}: long 0.5")


def test_liquidation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as chat, watched(tmp_path, monkeypatch, more=TOLD, messages=chat.address) as rig:
        rig.decide()
        rig.exchange.faults.eng.liquidate("ETHUSDT")
        rig.run(10)
        halted(rig, chat, "liquidation")
        rig.comes(lambda: chat.told("by liquidation, net"), "the exit is told")


def test_settlement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as chat, watched(tmp_path, monkeypatch, more=TOLD, messages=chat.address) as rig:
        rig.decide()
        rig.exchange.faults.eng.settle("ETHUSDT")
        rig.run(10)
        halted(rig, chat, "settlement")


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


def test_a_trail_that_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as chat, watched(tmp_path, monkeypatch, more=TOLD, messages=chat.address) as rig:
        words = "TrailingProfit:100000000 set for position should be larger"
        rig.exchange.faults.rest.ret("position/trading-stop", 10001, "trailing: " + words, n=1)
        rig.decide()
        halted(rig, chat, "trail")
        assert chat.told(f"drift: {ETH}: trail_refused")
