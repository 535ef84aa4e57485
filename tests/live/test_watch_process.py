"""A watched ``kwin-live run`` as an operator has it: a process, real time, its own log."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from tests.live.real_time_rig import Terminal, terminal
from tests.live.watch_rig import Service, get, service
from tests.live_feed.rig import until

TOKEN = "chat-token-4711"
PING = "ping-token-0815"


def watch(at: Terminal, *services: Service, watcher: Service) -> None:
    """Configure it as the runbook says: addresses in a file that only we can read."""
    folder = at.config.parent
    urls = ", ".join(f'"{one.address}"' for one in services)
    secrets = folder / "watch.toml"
    secrets.write_text(
        f'heartbeat_url = "http://127.0.0.1:{watcher.port}/{PING}"\nmessage_urls = [{urls}]\n',
        encoding="utf-8",
    )
    secrets.chmod(0o600)
    more = '[watch]\nport = 0\nsecrets_file = "watch.toml"\nheartbeat_s = 0.5\n[messages]\npause_s = 0.2\n'
    more += '[housekeeping]\nlog_file = "live.jsonl"\nlog_level = "debug"\n'
    at.config.write_text(at.config.read_text(encoding="utf-8") + more, encoding="utf-8")


@pytest.mark.slow
def test_a_watched_process(tmp_path: Path) -> None:
    """Checked, tried, run and stopped in time although one of its services hangs; no secret in anything it wrote."""
    with terminal(tmp_path) as at, service() as chat, service() as hung, service() as watcher:
        watch(at, chat, hung, watcher=watcher)
        done = at.run("check", at.config)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "good  messages: to 1 (json), 2 (json)" in done.stdout
        assert "good  heartbeat: every 0.5 s" in done.stdout
        done = at.run("notify", at.config, "are you there?")
        assert (done.returncode, done.stdout) == (0, "taken  1 (json)\ntaken  2 (json)\n")
        assert chat.told("are you there?")
        hung.hanging.set()
        stderr = tmp_path / "stderr"
        with at.deployment() as process:
            address = re.compile(r"metrics at (http://127\.0\.0\.1:\d+)/metrics")
            until(lambda: bool(address.search(stderr.read_text(encoding="utf-8"))), "the endpoint is told")
            url = address.findall(stderr.read_text(encoding="utf-8"))[0]
            until(
                lambda: get(f"{url}/healthz") == (200, '{"healthy": true, "reasons": []}\n'), "it is healthy"
            )
            until(lambda: len(watcher.seen) >= 2, "it beats")
            until(lambda: chat.told("start: version"), "the start is told")
            text = get(f"{url}/metrics")[1]
            assert "process_resident_memory_bytes" in text
            assert 'kwin_link_up{link="private"} 1.0' in text
            begun_s = time.monotonic()
            process.terminate()
            assert process.wait(15.0) == 0
            assert time.monotonic() - begun_s < 7.0
        assert chat.told("stop: stopped: SIGTERM")
        beats = len(watcher.seen)
        time.sleep(0.7)
        assert len(watcher.seen) == beats
        written = stderr.read_text(encoding="utf-8") + (tmp_path / "live.jsonl").read_text(encoding="utf-8")
        done = at.run("settings", at.config)
        written += done.stdout + at.journal.read_bytes().decode("latin-1")
        for secret in (TOKEN, PING, at.environment["KWIN_BYBIT_SECRET"], at.environment["KWIN_BYBIT_KEY"]):
            assert secret not in written
        assert "undelivered to message service 2 (json)" in stderr.read_text(encoding="utf-8")
        for line in (tmp_path / "live.jsonl").read_text(encoding="utf-8").splitlines():
            json.loads(line)


@pytest.mark.slow
def test_a_message_that_is_not_taken(tmp_path: Path) -> None:
    with terminal(tmp_path) as at, service() as chat, service() as watcher:
        done = at.run("notify", at.config)
        assert done.returncode == 2
        assert "no message services: set KWIN_MESSAGE_URLS" in done.stderr
        watch(at, chat, watcher=watcher)
        chat.status = 500
        done = at.run("notify", at.config)
        assert (done.returncode, done.stdout) == (1, "NOT TAKEN  1 (json)\n")
        assert TOKEN not in done.stderr
