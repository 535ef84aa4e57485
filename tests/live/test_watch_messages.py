"""Messages, heartbeat and their secrets: services that work, refuse, hang and vanish, and a runner that never waits."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from engines.live.settings import load_settings
from engines.live.watch.happenings import Happening, What
from engines.live.watch.heartbeat import Heartbeat
from engines.live.watch.outbox import Outbox
from engines.live.watch.secrets import WatchSecrets, load_watch_secrets
from engines.live.watch.services import services_of
from kwin_core.errors import ConfigError
from tests.live.watch_rig import Service, service, watched
from tests.live_feed.rig import until

QUICK = "[watch]\n[messages]\npause_s = 0.1\n"


def outbox(chat: Service, pause_s: float = 0.1) -> Outbox:
    """An outbox to the service through apprise's JSON plugin."""
    ((name, send),) = services_of([chat.address])
    return Outbox(name, "KWIN test", send, pause_s=pause_s)


def happening(text: str, what: What = What.DRIFT) -> Happening:
    """One."""
    return Happening(what, 1_735_000_000_000, text)


def test_a_trade_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start, entry, halt, exit, resume, stop, in the order in which they happened."""
    more = QUICK + 'events = ["start", "entry", "exit", "halt", "resume", "stop", "stop_moved", "drift"]\n'
    with service() as chat:
        with watched(tmp_path, monkeypatch, more=more, messages=chat.address) as rig:
            rig.decide()
            rig.comes(lambda: chat.told("entry:"), "the entry is told")
            rig.control("flatten")
            rig.run(10)
            rig.comes(lambda: chat.told("exit:"), "the exit is told")
            rig.control("resume")
            rig.run(5)
        assert [line.split()[1] for line in chat.lines if "stop_moved" not in line] == [
            "start:",
            "entry:",
            "halt:",
            "exit:",
            "resume:",
            "stop:",
        ]
        assert chat.told("halt: all symbols: flattened by the operator, entries halted")
        assert chat.told("stop_moved: linear ETHUSDT 15m: stop 35")
        side = "short" if rig.plan.side < 0 else "long"
        assert chat.told(f"entry: linear ETHUSDT 15m: {side} {rig.plan.qty:g} at {rig.plan.price:g}, stop 35")
        assert chat.told("by manual, net -")


@pytest.mark.slow
def test_only_chosen_events_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service() as chat:
        more = QUICK + 'events = ["stop"]\n'
        with watched(tmp_path, monkeypatch, more=more, messages=chat.address, venue="paper") as rig:
            rig.decide()
        assert len(chat.lines) == 1
        assert chat.told("stop: stopped: test")


@pytest.mark.slow
def test_a_day_is_summed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a day, at the hour that was chosen."""
    more = QUICK + 'events = ["summary"]\nsummary_hour = 20\n'
    with service() as chat:
        with watched(tmp_path, monkeypatch, more=more, messages=chat.address) as rig:
            rig.decide()
            rig.pump(1.2)
            assert not chat.texts
            rig.run(900)
            rig.comes(lambda: bool(chat.texts), "the summary is told")
        (text,) = chat.texts
        assert "summary: entries 1, trades closed 0, net +0.00 (only since this process began)" in text
        assert f"linear ETHUSDT 15m: {rig.plan.side * rig.plan.qty:+g} at {rig.plan.price:g}, stop 35" in text
        assert "orders confirmed 1" in text


@pytest.mark.parametrize(
    "how", ["hangs", *(pytest.param(how, marks=pytest.mark.slow) for how in ("refuses", "vanished"))]
)
def test_a_broken_service_holds_up_nobody(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Bars are decided as ever, the end comes in time, and the log has what was not delivered; the other works."""
    with service() as broken, service() as chat:
        if how == "hangs":
            broken.hanging.set()
        elif how == "refuses":
            broken.status = 500
        else:
            broken.close()
        both = f"{broken.address} {chat.address}"
        with watched(tmp_path, monkeypatch, more=QUICK, messages=both) as rig:
            rig.decide()
            rig.comes(lambda: chat.told("entry:"), "the other service hears of it")
            rig.run(3 * 900)
            lane = next(iter(rig.lanes.values()))
            assert lane.exchange.time_ms + 2 * 900_000 > rig.exchange.clock.now_ms()
            begun_s = time.monotonic()
            rig.stop()
            assert time.monotonic() - begun_s < 6.0
        lost = [
            one.getMessage()
            for one in caplog.records
            if "undelivered to message service 1 (json)" in one.message
        ]
        assert any("entry: linear ETHUSDT 15m" in line for line in lost)
        assert not [one for one in caplog.records if "chat-token-4711" in one.getMessage()]


def test_the_last_words_do_not_wait_for_one_who_hangs(caplog: pytest.LogCaptureFixture) -> None:
    """All are told to end before anybody is waited for; what hung is in the log."""
    with service() as broken, service() as chat:
        broken.hanging.set()
        boxes = [outbox(broken), outbox(chat, pause_s=30.0)]
        for box in boxes:
            box.put(happening("the first"))
        until(lambda: bool(broken.seen) and len(chat.texts) == 1, "the first is under way")
        until(lambda: boxes[1].delivered == 1, "the second is in its pause")
        boxes[1].put(happening("stopped"))
        for box in boxes:
            box.end()
        assert not boxes[0].close(0.5)
        assert boxes[1].close(0.05)
        assert chat.told("stopped")
    assert any("the first" in one.getMessage() for one in caplog.records if "undelivered" in one.getMessage())


def test_a_storm_becomes_one_summary() -> None:
    with service() as chat:
        box = outbox(chat, pause_s=0.5)
        box.put(happening("the first"))
        until(lambda: len(chat.texts) == 1, "the first is delivered")
        begun_s = time.monotonic()
        for number in range(3_000):
            box.put(happening(f"number {number}", What.ERROR if number % 3 else What.DRIFT))
        assert time.monotonic() - begun_s < 1.0, "putting never waits"
        until(lambda: len(chat.texts) == 2, "the storm is delivered")
        assert box.close(5.0)
        lines = chat.texts[1].splitlines()
        assert len(lines) == 21
        assert lines[-1] == "and 2980 more: 1987 error, 993 drift"
        assert (box.delivered, box.undelivered) == (1_001, 0)


def test_a_message_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    with service() as chat:
        chat.status = 503
        box = outbox(chat)
        box.put(happening("of importance"))
        until(lambda: len(chat.seen) == 2, "it is tried again")
        chat.status = 200
        until(lambda: box.delivered == 1, "it is delivered")
        assert box.close(5.0)
        assert box.undelivered == 0
        assert "did not take a message" in caplog.text


def test_addresses_that_nobody_understands() -> None:
    with pytest.raises(ConfigError, match=r"message address 2 \(telegramm\) is not understood by apprise"):
        services_of(["json://127.0.0.1:1", "telegramm://secret-token"])


# -- the heartbeat ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_heartbeat_stops_when_the_deployment_is_ill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service() as watcher:
        url = f"http://127.0.0.1:{watcher.port}/ping/secret-4711"
        more = "[watch]\nheartbeat_s = 0.2\nlink_limit_s = 20\n"
        with watched(tmp_path, monkeypatch, more=more, heartbeat=url) as rig:
            until(lambda: len(watcher.seen) >= 3, "it beats")
            assert watcher.seen[0] == ("/ping/secret-4711", "")
            private = rig.deployment.private
            assert private is not None
            rig.exchange.faults.ws.auth_fail(n=None)
            rig.exchange.faults.ws.close(1006, "private")
            rig.comes(lambda: not private.is_up, "the link is down")
            rig.pump(0.7)
            rig.pass_time(25)
            rig.pump(0.5)
            beats = len(watcher.seen)
            rig.pump(1.0)
            assert len(watcher.seen) == beats, "silence is the alarm"
            rig.exchange.faults.clear()
            rig.comes(rig.is_up, "the link is up again", moving=True)
            until(lambda: len(watcher.seen) > beats, "it beats again")
            rig.rebase()


@pytest.mark.parametrize("how", ["hangs", "refuses", "vanished"])
def test_a_watcher_that_does_not_answer(how: str, caplog: pytest.LogCaptureFixture) -> None:
    """Said in the log, without the address."""
    with service() as watcher:
        words = {"hangs": "ReadTimeout", "refuses": "HTTP 500", "vanished": "ConnectionError"}[how]
        watcher.status = 500
        if how == "hangs":
            watcher.hanging.set()
        elif how == "vanished":
            watcher.close()
        beat = Heartbeat(f"http://127.0.0.1:{watcher.port}/ping/secret-4711", 0.1, list, timeout_s=0.5)
        until(lambda: beat.failed > 0, "it fails")
        assert not beat.taken
        watcher.released.set()
        assert beat.close(6.0)
        assert f"did not take the heartbeat: {words}" in caplog.text
        assert "4711" not in caplog.text


# -- secrets ------------------------------------------------------------------------------------------------


def test_secrets_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "watch-secrets.toml"
    file.write_text(
        'heartbeat_url = "https://hc.example/abcdef"\nmessage_urls = ["json://a", "json://b"]\n', "utf-8"
    )
    file.chmod(0o600)
    found = load_watch_secrets(file, environment={})
    assert found == WatchSecrets("https://hc.example/abcdef", ("json://a", "json://b"))
    assert "abcdef" not in repr(found)
    assert "abcdef" in found.parts()
    assert "hc.example" not in found.parts(), "hiding places would make logs unreadable"
    tokens = WatchSecrets(
        message_urls=("tgram://123456:ABC-token/-100200", "mailto://me:pass%20word@mail.example.org")
    )
    assert {"123456", "ABC-token", "-100200", "pass%20word", "pass word"} <= set(tokens.parts())
    assert "mail.example.org" not in tokens.parts()
    over = {"KWIN_HEARTBEAT_URL": "https://hc.example/other", "KWIN_MESSAGE_URLS": "json://c json://d"}
    assert load_watch_secrets(file, environment=over) == WatchSecrets(
        "https://hc.example/other", ("json://c", "json://d")
    )
    assert load_watch_secrets(None, environment={}) == WatchSecrets()


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("", 0o644, "others can read it"),
        ("heartbeat_url = 3\n", 0o600, "may have heartbeat_url"),
        ("message_url = []\n", 0o600, "may have heartbeat_url"),
        ("not toml", 0o600, "not TOML"),
        ('heartbeat_url = "ftp://there"\n', 0o600, "does not begin with http"),
        (None, 0o600, "No such file or directory; create it with mode 0600"),
    ],
)
def test_secrets_that_are_refused(text: str | None, mode: int, words: str, tmp_path: Path) -> None:
    file = tmp_path / "watch-secrets.toml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
    with pytest.raises(ConfigError, match=words):
        load_watch_secrets(file, environment={})


def test_settings_of_the_watch(tmp_path: Path) -> None:
    path = tmp_path / "live.toml"
    basis = (
        '[deployment]\njournal = "j"\nvenue = "paper"\nprofile = "intent"\n[[symbols]]\nsymbol = "ETHUSDT"\n'
    )
    path.write_text(basis + '[watch]\nport = 9100\nsecrets_file = "w.toml"\n', encoding="utf-8")
    config = load_settings(path, environment={}).config
    assert (config.watch.host, config.watch.port) == ("127.0.0.1", 9_100)
    assert config.watch.secrets_file == tmp_path / "w.toml"
    assert What.STOP_MOVED not in config.messages.events
    path.write_text(basis, encoding="utf-8")
    assert load_settings(path, environment={}).config.watch.port is None
    for wrong, words in (
        ("[watch]\nprot = 1\n", "unknown key watch.prot"),
        ("[watch]\nport = 70000\n", "watch.port = 70000"),
        ("[watch]\nheartbeat_s = 0\n", "watch.heartbeat_s"),
        ('[messages]\nurls = ["json://token"]\n', "unknown key messages.urls"),
        ('[messages]\nevents = ["entrie"]\n', r"messages.events\[0\] = 'entrie'"),
    ):
        path.write_text(basis + wrong, encoding="utf-8")
        with pytest.raises(ConfigError, match=words):
            load_settings(path, environment={})


def test_a_secret_in_a_library_s_words_is_hidden(tmp_path: Path) -> None:
    from engines.live.logs import Logs

    file = tmp_path / "log.jsonl"
    secrets = WatchSecrets("https://hc.example/ping/4711-4712", ("tgram://123456:ABC-token/-100200",)).parts()
    logs = Logs(file=file, secrets=secrets, console=False)
    try:
        logging.getLogger("apprise").warning("url: /bot123456:ABC-token/sendMessage failed")
        logging.getLogger("any").warning("GET /ping/4711-4712 refused")
    finally:
        logs.close()
    written = file.read_text(encoding="utf-8")
    assert "sendMessage" in written
    assert "ABC-token" not in written
    assert "4711-4712" not in written
