"""One journal, two symbols: each is checked by itself, and damage is told where it lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.journal import Configuration, Journal
from engines.live.inbox import BarClosed, Inbox
from engines.live.lane import Lane
from engines.live.paper import PaperDesk
from engines.live.replay import ReplayClock
from engines.live.runner import Runner
from engines.parity.live import History, StreamParity, live_parity
from feeds.live.events import ClosedBar, Origin, Phase
from feeds.stream import Stream
from kwin_core.errors import ConfigError
from kwin_core.kwin.setup import build
from tests.core.kwin_runs import BAR_MS, fixture_bars
from tests.parity.journals import CAPITAL, INPUTS, hands_on

STREAMS = (Stream("linear", "ETHUSDT", BAR_MS), Stream("linear", "SOLUSDT", BAR_MS))
BARS, WARM_UP, LATER = 600, 300, 2_000


def bars_of(stream: Stream) -> np.ndarray:
    """Other bars for the second symbol, at the same times."""
    bars = fixture_bars()[:BARS].copy()
    if stream is STREAMS[1]:
        other = fixture_bars()[LATER : LATER + BARS].copy()
        other["time_ms"] = bars["time_ms"]
        return other
    return bars


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both symbols in one runner, bar by bar in turn, on paper."""
    path = tmp_path_factory.mktemp("two") / "live.sqlite"
    trade_from_ms = int(fixture_bars()["time_ms"][WARM_UP])
    setup = build(
        "dual-sfp",
        "tv-literal",
        INPUTS,
        tick=0.01,
        lot=0.01,
        timeframe_ms=BAR_MS,
        now_ms=trade_from_ms,
        capital=CAPITAL,
        trade_from_ms=trade_from_ms,
    )
    body = {
        "preset": "dual-sfp",
        "profile": "tv-literal",
        "inputs": INPUTS,
        "capital": CAPITAL,
        "trade_from_ms": trade_from_ms,
        "instruments": {str(stream): {"tick": 0.01, "lot": 0.01} for stream in STREAMS},
    }
    inbox, clock = Inbox(), ReplayClock(0)
    with Journal(path, profile="tv-literal", venue="paper", now_ms=0) as journal:
        lanes = {stream: Lane(stream, setup) for stream in STREAMS}
        runner = Runner(lanes, journal, clock, PaperDesk(journal.identity.deployment, lanes), inbox=inbox)
        runner.start(body, Configuration(hash="two", body=body))
        series = {stream: bars_of(stream) for stream in STREAMS}
        for k in range(BARS):
            closed_ms = int(series[STREAMS[0]]["time_ms"][k]) + BAR_MS + 200
            for stream in STREAMS:
                phase = Phase.LIVE if k >= WARM_UP else Phase.WARM_UP
                bar = ClosedBar(stream, series[stream][k : k + 1].copy(), phase, Origin.STREAM, closed_ms)
                inbox.post(BarClosed(bar))
        clock.move_to(int(fixture_bars()["time_ms"][BARS]))
        runner.stop("end")
        assert runner.run() == 0
    return path


def by_symbol(found: list[StreamParity]) -> dict[str, StreamParity]:
    return {one.stream.symbol: one for one in found}


def test_each_stream_is_checked_by_itself(made: Path) -> None:
    """All digests of both, and the books of each; the decisions' latency is known, the fills' is not on paper."""
    found = by_symbol(live_parity(made))
    assert set(found) == {"ETHUSDT", "SOLUSDT"}
    for one in found.values():
        assert one.good
        assert one.emulator.compared == one.exchange.compared == BARS
        assert one.trades
        assert not one.differing
        assert one.sums_agree
    assert found["ETHUSDT"].sums["exchange_net"] != found["SOLUSDT"].sums["exchange_net"]
    entry = found["SOLUSDT"].trades[0].entry_latency
    assert entry is not None
    assert entry.decided_ms is not None
    assert entry.filled_ms is None


def test_damage_is_told_where_it_lies(made: Path, tmp_path: Path) -> None:
    """A fill of the one symbol is gone: the other one still agrees."""
    path = tmp_path / "damaged.sqlite"
    path.write_bytes(made.read_bytes())
    with hands_on(path) as journal:
        (seq,) = journal.execute("SELECT min(seq) FROM executions WHERE symbol = 'SOLUSDT'").fetchone()
        journal.execute("DELETE FROM executions WHERE seq = ?", (seq,))
    found = by_symbol(live_parity(path))
    assert found["ETHUSDT"].good
    assert found["SOLUSDT"].emulator.good
    first = found["SOLUSDT"].exchange.first
    assert first is not None
    assert (first.seq, first.what) == (seq, "its execution is missing")


def test_history_is_compared_with_its_own_symbol(made: Path) -> None:
    """SOLUSDT's bars say nothing about ETHUSDT's; those of a third symbol are refused."""
    bars = bars_of(STREAMS[1])
    found = by_symbol(live_parity(made, data=History("file", (bars,), "SOLUSDT", BAR_MS)))
    assert found["ETHUSDT"].data == {}
    assert found["SOLUSDT"].data["differ"] == 0
    wrong = by_symbol(live_parity(made, data=History("file", (bars,), "ETHUSDT", BAR_MS)))
    assert not wrong["ETHUSDT"].good
    with pytest.raises(ConfigError, match="has bars of BTCUSDT 15m"):
        live_parity(made, data=History("file", (bars,), "BTCUSDT", BAR_MS))
