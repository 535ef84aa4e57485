"""Long runs in virtual time: everything delivered, and nothing that grows."""

from __future__ import annotations

import gc
import threading

import psutil
import pytest

from feeds.live import ClosedBar, Origin, Phase, Stream
from tests.exchange import Market, known
from tests.exchange.sample import walk
from tests.live_feed.rig import running

BAR_MS = 900_000
BARS_A_YEAR = 365 * 96


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_a_year_of_quarter_hours_is_complete_and_flat() -> None:
    """35 040 bars through real sockets: all from the stream; memory, threads and handles as after a month."""
    bars = walk(BARS_A_YEAR + 100, timeframe="15m", seed=11)
    stream = Stream("linear", "BTCUSDT", BAR_MS)
    start_ms = int(bars["time_ms"][50]) + 10_000
    process = psutil.Process()
    times: list[int] = []
    origins: set[Origin] = set()

    def count(bar: ClosedBar) -> None:
        times.append(bar.time_ms)
        if bar.phase is Phase.LIVE:
            origins.add(bar.origin)

    def sample() -> tuple[int, int, int]:
        gc.collect()
        return threading.active_count(), process.num_fds(), process.memory_info().rss

    with running([Market(known("BTCUSDT"), bars, "15m")], start_ms, [stream], audit_bars=96) as rig:
        rig.on_bar = count
        rig.wait_subscribed()
        samples = []
        for _ in range(12):
            rig.run(BARS_A_YEAR // 12 * BAR_MS)
            rig.exchange.requests.clear()
            samples.append(sample())
        first_ms = times[0]
        assert times == list(range(first_ms, first_ms + len(times) * BAR_MS, BAR_MS))
        assert len(times) >= BARS_A_YEAR
        assert origins == {Origin.STREAM}
        assert [one.kind.value for one in rig.notices] == ["connected"]
        threads, handles, _ = samples[0]
        assert max(one[0] for one in samples) <= threads
        assert max(one[1] for one in samples) <= handles + 2
        grown = samples[-1][2] - samples[1][2]
        assert grown < 24 * 1024 * 1024, f"memory grew by {grown / 2**20:.1f} MiB in ten months"
