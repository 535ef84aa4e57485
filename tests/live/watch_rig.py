"""A watched deployment, as `kwin-live run` makes it, on the exchange simulator; and services that listen to it."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from engines.live.inbox import Control
from feeds.instants import iso
from tests.core.kwin_runs import fixture_bars
from tests.exchange import Exchange
from tests.exchange.exchange import API_KEY, API_SECRET
from tests.live.desk_rig import exchange_with
from tests.live.paper_rig import PaperRig
from tests.live.scene import BAR_MS, LEAD, LONG_LIVED, Planned, planned
from tests.live_feed.rig import until

PROFILE = "intent"


class Service:
    """A real HTTP server on loopback that remembers what it was sent; ``hang`` it, or let it refuse.

    Attributes
    ----------
    seen
        Path and body of each request so far.
    status
        Of its answers.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.status = 200
        self.hanging = threading.Event()
        self.released = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def _take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                service.seen.append((self.path, body))
                if service.hanging.is_set():
                    service.released.wait(60.0)
                    return
                self.send_response(service.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST = _take  # noqa: N815  # the library's names

            def log_message(self, *about: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    @property
    def address(self) -> str:
        """As apprise's JSON plugin is told it; the path stands for a token."""
        return f"json://127.0.0.1:{self.port}/chat-token-4711?rto=2&cto=2"

    @property
    def texts(self) -> list[str]:
        """Messages of the JSON plugin so far."""
        return [json.loads(body)["message"] for _, body in self.seen if body]

    @property
    def lines(self) -> list[str]:
        """Their lines."""
        return [line for text in self.texts for line in text.splitlines()]

    def told(self, words: str) -> bool:
        """Whether a line so far has these words."""
        return any(words in line for line in self.lines)

    def close(self) -> None:
        """Answer everybody and stop."""
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def service() -> Iterator[Service]:
    """A service."""
    made = Service()
    try:
        yield made
    finally:
        made.close()


def get(url: str) -> tuple[int, str]:
    """Status and body."""
    try:
        with urllib.request.urlopen(url, timeout=10.0) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class WatchedRig(PaperRig):
    """A deployment with keys on the simulator, its watch on a free port."""

    def __init__(self, exchange: Exchange, config: Path, plan: Planned) -> None:
        super().__init__(exchange, config)
        self.plan = plan

    def settled(self, frames: int = 0) -> bool:
        """As for paper, and the private stream has nothing under way."""
        private = self.deployment.private
        if private is not None and not private.idle:
            self.check()
            self.clock.run_due()
            return False
        frames = frames - (0 if private is None else private.frames)
        return super().settled(frames)

    def start(self) -> WatchedRig:
        """Begin, until both links are up and everything is dealt with."""
        self._thread.start()
        until(self.is_up, "the deployment follows the exchange")
        self.rebase()
        return self

    def is_up(self) -> bool:
        """Whether both links are up and everything is dealt with."""
        private = self.deployment.private
        return self._up() and (private is None or private.is_up)

    def _up(self) -> bool:
        self.check()
        self.clock.run_due()
        links = self.deployment.feed.status().links
        return (
            bool(links) and all(links.values()) and self.deployment.runner.idle and self.deployment.feed.idle
        )

    def decide(self, seconds: float = 20.0) -> WatchedRig:
        """Let the bar that enters close, and some seconds pass."""
        self.run_to(self.plan_close_ms + int(seconds * 1000))
        return self

    @property
    def plan_close_ms(self) -> int:
        """End of the bar that decides to enter (ms)."""
        return int(fixture_bars()["time_ms"][self.plan.bar]) + BAR_MS

    def run(self, seconds: float) -> WatchedRig:
        """Let market time pass."""
        self.run_to(self.exchange.clock.now_ms() + int(seconds * 1000))
        return self

    def pass_time(self, seconds: float) -> WatchedRig:
        """Let market time pass although not everything is dealt with: a link is dead, the journal refuses."""
        for _ in range(int(seconds)):
            self.exchange.advance(1_000)
            self.pump(0.01)
        return self

    def pump(self, seconds: float) -> None:
        """Let the deployment go on for some real time while the market stands still."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.clock.run_due()
            time.sleep(0.002)

    def comes(self, true: Callable[[], bool], what: str, *, moving: bool = False) -> None:
        """Wait for what must come, while the market stands still or, ``moving``, goes on."""

        def now() -> bool:
            self.clock.run_due()
            if true():
                return True
            if moving:
                self.pass_time(1)
            return False

        until(now, what)

    def rebase(self) -> None:
        """Frames that were sent and not seen so far are lost."""
        private = self.deployment.private
        told = 0 if private is None else private.frames
        self._lost = self.exchange.data_frames - self.deployment.feed.frames - told

    def control(self, command: str, **detail: Any) -> None:
        """An operator's word."""
        self.deployment.inbox.post(Control(command, detail))

    @property
    def url(self) -> str:
        """Of the endpoint."""
        watch = self.deployment.watch
        assert watch is not None
        assert watch.endpoint is not None
        return f"http://127.0.0.1:{watch.endpoint.port}"

    def metrics(self) -> dict[str, float]:
        """All samples of a scrape, as ``name{label=value,...}`` without the quotes."""
        status, text = get(f"{self.url}/metrics")
        assert status == 200
        found = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
                found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
        return found

    def health(self) -> tuple[int, list[str]]:
        """Status and reasons."""
        status, text = get(f"{self.url}/healthz")
        return status, json.loads(text)["reasons"]


def write_watched_config(
    exchange: Exchange, folder: Path, plan: Planned, more: str = "", *, venue: str | None = None
) -> Path:
    """A ``live.toml`` for a watched deployment that goes live shortly before an entry."""
    given = {"useWindow": False, **LONG_LIVED}
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
    trade_from = iso(int(fixture_bars()["time_ms"][plan.bar - LEAD]))
    folder.mkdir(exist_ok=True)
    path = folder / "live.toml"
    text = f"""
[deployment]
journal = "live.sqlite"
venue = "{venue or exchange.url}"
profile = "{PROFILE}"
trade_from = "{trade_from}"
capital = 3000.0
warmup_bars = 298

[inputs]
{lines}

[[symbols]]
symbol = "ETHUSDT"

[network]
rest_url = "{exchange.url}"
stream_url = "{exchange.ws_url}"
rest_timeout_s = 30.0
"""
    path.write_text(text + (more or "[watch]\nport = 0\n"), encoding="utf-8")
    return path


@contextmanager
def watched(
    folder: Path,
    monkeypatch: Any,
    *,
    more: str = "",
    venue: str | None = None,
    heartbeat: str = "",
    messages: str = "",
    options: Mapping[str, Any] | None = None,
) -> Iterator[WatchedRig]:
    """A started deployment, some bars before the first entry that lives for three bars."""
    for name, value in (
        ("KWIN_BYBIT_KEY", API_KEY),
        ("KWIN_BYBIT_SECRET", API_SECRET),
        ("KWIN_HEARTBEAT_URL", heartbeat),
        ("KWIN_MESSAGE_URLS", messages),
    ):
        monkeypatch.setenv(name, value)
    inputs = {"use_window": False, **LONG_LIVED}
    plan = next(one for one in planned(PROFILE, tuple(sorted(inputs.items()))) if one.ends - one.bar >= 3)
    bars = fixture_bars()[: plan.bar + 200].copy()
    start_ms = int(bars["time_ms"][plan.bar - LEAD]) + 5_000
    with exchange_with(bars, start_ms, **(options or {})) as exchange:
        rig = WatchedRig(exchange, write_watched_config(exchange, folder, plan, more, venue=venue), plan)
        try:
            yield rig.start()
        finally:
            if rig.ended:
                rig.deployment.close()
            else:
                rig.stop()
