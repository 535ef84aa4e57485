"""A deployment that is watched: metrics, health, and every alarm provoked once, over real sockets."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from pathlib import Path
from typing import Literal

import pytest

from engines.live.exit_codes import ExitCode
from engines.live.watch.happenings import What
from engines.live.watch.lookout import Lookout
from engines.live.watch.tail import Item, Tail
from kwin_core.errors import JournalError
from tests.live.watch_rig import Service, WatchedRig, get, service, watched

ETH = "linear ETHUSDT 15m"
LIMITS = "[watch]\nport = 0\nloop_limit_s = 1\nbar_limit_s = 30\nlink_limit_s = 20\nunknown_limit_s = 10\n"
TOLD = "[messages]\npause_s = 0.1\n"


def test_a_trade_in_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(tmp_path, monkeypatch) as rig:
        before = rig.metrics()
        assert before[f"kwin_position{{stream={ETH}}}"] == 0.0
        assert before[f"kwin_stop_present{{stream={ETH}}}"] == 0.0
        assert before["kwin_link_up{link=private}"] == before["kwin_link_up{link=public linear 1}"] == 1.0
        assert before["kwin_wallet{what=balance}"] == 100_000_000.0
        rig.decide()
        rig.comes(
            lambda: (
                {
                    "kwin_executions_total{symbol=ETHUSDT,type=Trade}",
                    "kwin_orders_total{kind=entry,outcome=confirmed}",
                }
                <= set(rig.metrics())
            ),
            "fill and order are counted",
        )
        found = rig.metrics()
        assert found[f"kwin_position{{stream={ETH}}}"] == rig.plan.side * rig.plan.qty
        assert found[f"kwin_stop_present{{stream={ETH}}}"] == 1.0
        assert found[f"kwin_naked_seconds{{stream={ETH}}}"] == 0.0
        assert found["kwin_orders_total{kind=entry,outcome=confirmed}"] == 1.0
        for to in ("decision", "intent", "fill"):
            count, total = (
                found[f"kwin_lag_seconds_{name}{{stream={ETH},to={to}}}"] for name in ("count", "sum")
            )
            assert count == (3.0 if to == "decision" else 1.0)
            assert 0.0 < total / count < 1.0
        assert found[f"kwin_bar_age_seconds{{stream={ETH}}}"] == 20.0
        assert found["kwin_queue_length"] == 0.0
        assert found["kwin_watch_failures_total"] == 0.0
        rig.control("flatten")
        rig.run(10)
        rig.comes(
            lambda: rig.metrics().get("kwin_trades_total{how=manual}", 0.0) == 1.0, "the exit is counted"
        )
        found = rig.metrics()
        assert found[f"kwin_position{{stream={ETH}}}"] == 0.0
        assert found[f"kwin_halt{{reason=operator,stream={ETH}}}"] == 1.0
        assert found["kwin_events_total"] > before["kwin_events_total"]
        assert not [name for name in found if name.startswith("kwin_alarm")]
        assert rig.health() == (200, [])


def test_a_paper_deployment_is_watched_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(tmp_path, monkeypatch, venue="paper") as rig:
        rig.decide()
        rig.comes(
            lambda: "kwin_executions_total{symbol=ETHUSDT,type=Trade}" in rig.metrics(), "the fill is counted"
        )
        found = rig.metrics()
        assert found[f"kwin_position{{stream={ETH}}}"] == rig.plan.side * rig.plan.qty
        assert not [name for name in found if name.startswith("kwin_wallet") or "private" in name]
        assert rig.health() == (200, [])


def test_nobody_watches_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(tmp_path, monkeypatch, more="[watch]\n") as rig:
        assert rig.deployment.watch is None


def test_a_port_in_use_keeps_nobody_from_trading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as chat, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        more = f"[watch]\nport = {port}\n{TOLD}"
        with watched(tmp_path, monkeypatch, more=more, messages=chat.address) as rig:
            rig.comes(lambda: chat.told(f"no metrics: watch.port: 127.0.0.1:{port} cannot be"), "it is told")
            rig.decide()
            assert rig.lanes
            assert rig.deployment.desk.holding(next(iter(rig.lanes.values()))).position != 0.0


def test_a_client_that_never_asks_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(tmp_path, monkeypatch, venue="paper") as rig:
        port = int(rig.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            begun_s = time.monotonic()
            assert rig.health() == (200, [])
            assert get(f"{rig.url}/other")[0] == 404
            assert rig.stop() is ExitCode.GOOD
            assert time.monotonic() - begun_s < 4.0


@pytest.mark.slow
def test_a_copy_that_fails_never_reaches_the_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane that the copies do not know stands for any defect of theirs."""
    with watched(tmp_path, monkeypatch, venue="paper") as rig:
        watch = rig.deployment.watch
        assert watch is not None
        copies = watch._watched.copies
        lane = next(iter(rig.lanes.values()))
        copies._closed.clear()
        rig.decide()
        assert copies.failures > 0
        assert rig.metrics()["kwin_watch_failures_total"] == copies.failures
        assert lane.exchange.position != 0.0


@pytest.mark.slow
def test_an_unreadable_journal_silences_no_alarm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading along fails; looking around goes on, and people are told."""
    with (
        service() as chat,
        watched(tmp_path, monkeypatch, more=TOLD, venue="paper", messages=chat.address) as rig,
    ):

        def fails(tail: Tail) -> list[Item]:
            raise JournalError(f"{tail.last_seq}: cannot be read", kind="damaged")

        monkeypatch.setattr(Tail, "read", fails)
        monkeypatch.setattr(Lookout, "alarms", lambda _: {(What.NAKED, "ETHUSDT"): "no stop since noon"})
        rig.comes(lambda: chat.told("naked: no stop since noon"), "people are told")


# -- every alarm, provoked once -----------------------------------------------------------------------------


def begins(rig: WatchedRig, chat: Service, words: str, alarm: str, *, healthy: bool = False) -> None:
    """The alarm is in force everywhere: health, metrics, messages."""
    rig.comes(lambda: chat.told(words), f"people are told: {words}")
    assert rig.metrics()[f"kwin_alarm{{{alarm}}}"] == 1.0
    status, reasons = rig.health()
    if healthy:
        assert (status, reasons) == (200, [])
    else:
        assert status == 503
        assert any(words in reason for reason in reasons)


def ends(rig: WatchedRig, chat: Service, words: str) -> None:
    """It is over, and people are told."""
    rig.comes(lambda: chat.told(f"over: {words}"), f"over: {words}", moving=True)
    assert rig.health() == (200, [])
    assert not [name for name in rig.metrics() if name.startswith("kwin_alarm{")]


@pytest.mark.slow
@pytest.mark.parametrize("link", ["private", "public"])
def test_alarm_disconnect(
    link: Literal["private", "public"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream goes down and cannot be had again for longer than the limit."""
    with service() as chat, watched(tmp_path, monkeypatch, more=LIMITS + TOLD, messages=chat.address) as rig:
        about = "private" if link == "private" else "public linear 1"
        faults = rig.exchange.faults.ws
        if link == "private":
            faults.auth_fail(n=None)
        else:
            faults.handshake(n=None)
        faults.close(1006, link)
        rig.comes(lambda: rig.metrics()[f"kwin_link_up{{link={about}}}"] == 0.0, "the link is down")
        rig.pump(1.2)
        assert rig.health() == (200, []), "a short disconnect is no alarm"
        rig.pass_time(30)
        begins(rig, chat, f"{about} stream down for", f"about={about},alarm=disconnect")
        assert rig.metrics()[f"kwin_connections_total{{link={link}}}"] > 1.0
        faults.heal()
        rig.exchange.faults.clear()
        ends(rig, chat, f"{about} stream down")
        assert rig.metrics()[f"kwin_disconnects_total{{link={link}}}"] >= 1.0
        rig.rebase()


@pytest.mark.slow
def test_alarm_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bar comes, by stream or by read, although one is due."""
    with service() as chat, watched(tmp_path, monkeypatch, more=LIMITS + TOLD, messages=chat.address) as rig:
        rig.run(880)
        rig.exchange.faults.ws.mute("kline")
        rig.exchange.faults.rest.drop("kline", n=None)
        rig.rebase()
        rig.pass_time(80)
        begins(rig, chat, "a bar is overdue by", f"about={ETH},alarm=stale")
        rig.exchange.faults.clear()
        ends(rig, chat, f"{ETH}: a bar is overdue")
        rig.comes(rig.is_up, "everything is dealt with", moving=True)
        rig.rebase()


def test_alarm_naked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A position from outside, and the exchange refuses every stop for it."""
    more = LIMITS + TOLD + '[policy]\norphans = "adopt"\nnaked_exit_s = 120\n'
    with service() as chat, watched(tmp_path, monkeypatch, more=more, messages=chat.address) as rig:
        rig.exchange.faults.rest.ret("position/trading-stop", 10001, "something nobody has read yet", n=None)
        rig.exchange.faults.eng.external_open("ETHUSDT", "Buy", "0.5")
        rig.run(10)
        begins(rig, chat, "position 0.5 has had no stop for", f"about={ETH},alarm=naked")
        assert rig.metrics()[f"kwin_naked_seconds{{stream={ETH}}}"] > 5.0
        assert rig.metrics()[f"kwin_stop_present{{stream={ETH}}}"] == 0.0
        assert chat.told("halt:")
        rig.exchange.faults.clear()
        rig.run(60)
        ends(rig, chat, f"{ETH}: position 0.5")
        assert rig.metrics()[f"kwin_stop_present{{stream={ETH}}}"] == 1.0


@pytest.mark.slow
def test_alarm_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reply to an entry is lost and the exchange does not say what became of it."""
    with service() as chat, watched(tmp_path, monkeypatch, more=LIMITS + TOLD, messages=chat.address) as rig:
        rig.run_to(rig.plan_close_ms - 1_000)
        rig.exchange.faults.rest.lost_reply("order/create", n=1)
        for topic in ("order", "execution", "position"):
            rig.exchange.faults.ws.mute(topic, n=3)
        for endpoint in ("order/realtime", "order/history", "execution/list"):
            rig.exchange.faults.rest.http(endpoint, 500, n=None)
        rig.pass_time(30)
        begins(rig, chat, "outcome of an order unknown for", f"about={ETH},alarm=unknown", healthy=True)
        assert rig.metrics()[f"kwin_unknown_orders{{stream={ETH}}}"] == 1.0
        assert rig.metrics()["kwin_orders_total{kind=entry,outcome=unknown}"] == 1.0
        rig.exchange.faults.clear()
        ends(rig, chat, f"{ETH}: outcome")
        rig.comes(rig.is_up, "everything is dealt with", moving=True)
        rig.rebase()


@pytest.mark.slow
def test_alarm_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal's file is moved away under an open position: no entries, stops stay; put back, it goes on."""
    with service() as chat, watched(tmp_path, monkeypatch, more=LIMITS + TOLD, messages=chat.address) as rig:
        rig.decide()
        journal, away = tmp_path / "live.sqlite", tmp_path / "away.sqlite"
        journal.rename(away)
        rig.control("halt", reason="to have something to record")
        rig.pass_time(10)
        begins(rig, chat, "the journal cannot be written since", "about=,alarm=journal")
        assert rig.metrics()["kwin_journal_failures_total"] >= 1.0
        away.rename(journal)
        ends(rig, chat, "the journal cannot be written")
        rig.comes(rig.is_up, "everything is dealt with", moving=True)
        rig.rebase()


def test_alarm_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program holds the journal's lock: the runner is at one message for longer than the limit."""
    with service() as chat, watched(tmp_path, monkeypatch, more=LIMITS + TOLD, messages=chat.address) as rig:
        other = sqlite3.connect(tmp_path / "live.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        rig.control("halt", reason="to have something to record")
        begins(rig, chat, "the runner has been at one message for", "about=,alarm=stuck")
        other.execute("ROLLBACK")
        other.close()
        ends(rig, chat, "the runner has been")
        rig.comes(
            lambda: chat.told("entries halted by the operator (operator): to have something"),
            "the halt is told",
        )


def test_an_end_that_nobody_asked_for_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is gone while nothing is at stake: the process ends, and says so before it does."""
    with service() as chat:
        with watched(tmp_path, monkeypatch, more=LIMITS + TOLD, messages=chat.address) as rig:
            (tmp_path / "live.sqlite").rename(tmp_path / "away.sqlite")
            rig.control("halt", reason="to have something to record")
            rig.comes(lambda: rig.ended, "it ends")
            assert rig.exit is ExitCode.JOURNAL
            status, text = get(f"{rig.url}/healthz")
            assert status == 503
            assert "the runner does not run" in json.loads(text)["reasons"]
        assert chat.told("stop: ended with code 3 (journal)")
