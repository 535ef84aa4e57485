"""Identity: bars streamed through real sockets into the runner give exactly the backtest's ledger, whatever happens.

Each deployment is a process of its own (paper, dual-sfp), one a profile, both on one simulator. After every bar its
full digest is in the journal; afterwards `kwin-parity live` compares each with the backtest's engine over the same
bars, and the recorded bars with the file they were streamed from.
"""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import numpy as np
import pytest

from engines.parity.live import live_parity
from feeds.instants import iso
from kwin_core.bars import BAR
from tests.core.kwin_runs import fixture_bars
from tests.exchange import Exchange, Market, known
from tests.live.paper_fleet import Fleet, PaperProcess, spoilers
from tests.live_feed.rig import forgive_hang_ups

PROFILES = ("intent", "tv-literal")
BAR_MS = 900_000
FIRST = 300
MEBIBYTE = 2**20


def golden_bars() -> np.ndarray:
    """The 53 928 bars."""
    from feeds.parquet import ParquetFeed
    from tests.golden_data import golden_path

    path = golden_path("tradingview", "data", "ETHUSDT_15m.parquet")
    return np.concatenate(list(ParquetFeed(path, symbol="ETHUSDT", tick=0.01, lot=0.01).blocks()))


class Day:
    """A fleet on an exchange that plays some bars."""

    def __init__(self, bars: np.ndarray, folder: Path, profiles: tuple[str, ...] = PROFILES) -> None:
        self.bars = bars
        self.clock = folder / "clock"
        start_ms = int(bars["time_ms"][FIRST]) - BAR_MS + 5_000
        self.exchange = Exchange(
            [Market(known("ETHUSDT"), bars.astype(BAR), "15m")],
            start_ms=start_ms,
            reply_delay_ms=1.0,
            ip_limit=10**9,
            clock_path=self.clock,
        )
        self._folder, self._profiles = folder, profiles
        self.fleet: Fleet

    def __enter__(self) -> Day:
        self.exchange.start()
        trade_from = iso(int(self.bars["time_ms"][FIRST]))
        members = [
            PaperProcess(self.exchange, self._folder, profile, trade_from, self.clock)
            for profile in self._profiles
        ]
        self.fleet = Fleet(self.exchange, members)
        self.fleet.start()
        return self

    def __exit__(self, *about: object) -> None:
        self.fleet.end()
        forgive_hang_ups(self.exchange)
        self.exchange.__exit__(None, None, None)

    def run_to_bar(self, number: int) -> None:
        """Until that bar has closed and been dealt with."""
        self.fleet.run_to(int(self.bars["time_ms"][number]) + BAR_MS + 10_000)
        self.exchange.requests.clear()

    def finish(self, last: int) -> None:
        """Run to the last bar, stop everything, and check every digest of every journal."""
        self.run_to_bar(last)
        for one in self.fleet.members:
            code, seconds = one.stop()
            assert code == 0, one.config.stem
            assert seconds < 5.0, f"{one.config.stem} took {seconds:.1f} s to stop"
        for one in self.fleet.members:
            (found,) = live_parity(one.journal, data=self.bars)
            assert found.emulator.good, found.emulator.first_difference
            assert found.exchange.good, found.exchange.first_difference
            assert found.emulator.compared == found.bars
            assert found.data["differ"] == 0
            assert found.data["missing_in_journal"] == 0
            assert found.data["compared"] == found.bars >= last - FIRST
            assert {pair.kind.value for pair in found.pairs} == {"same"}
            assert found.recorded_drifts == {}


def disturb(day: Day, last: int, *, kills: int, disturbances: int, seed: int) -> None:
    """Faults, disconnects and kills at random instants, all the way to the last bar but one day."""
    chance = Random(seed)
    spoil = spoilers(day.exchange, chance)
    ws = day.exchange.faults.ws
    end = last - 100
    places = sorted(chance.sample(range(FIRST + 5, end), kills + disturbances))
    killing = set(chance.sample(places, kills))
    for place in places:
        day.run_to_bar(place)
        day.fleet.run_to(day.exchange.clock.now_ms() + chance.randrange(BAR_MS - 20_000))
        if place in killing:
            day.fleet.kill(chance.randrange(len(day.fleet.members)), chance.choice([0, 0, 3, 20]) * BAR_MS)
        elif chance.random() < 0.15:
            day.fleet.break_links(chance.choice([ws.reset, ws.close]))
        else:
            chance.choice(spoil)()
    day.exchange.faults.clear()


@pytest.mark.slow
def test_a_killed_and_disturbed_deployment_is_the_backtest(tmp_path: Path) -> None:
    """The short form of the long run below: 200 bars, three kills, a dozen faults."""
    with Day(fixture_bars()[:600], tmp_path, ("intent",)) as day:
        disturb(day, 500, kills=3, disturbances=12, seed=5)
        day.finish(500)


@pytest.mark.slow
@pytest.mark.golden
@pytest.mark.timeout(2_400)
def test_every_golden_bar_undisturbed_and_nothing_grows(tmp_path: Path) -> None:
    """Both profiles over all bars; memory, threads and handles after a year as after a month."""
    bars = golden_bars()
    begun = time.monotonic()
    with Day(bars, tmp_path) as day:
        samples = []
        for number in range(3_000, bars.size - 1, 5_000):
            day.run_to_bar(number)
            samples.append([one.sample() for one in day.fleet.members])
        for first, last in zip(samples[1], samples[-1], strict=True):
            assert last[0] - first[0] < 24 * MEBIBYTE, f"memory: {first[0]} to {last[0]} bytes"
            assert last[1] <= first[1], "threads"
            assert last[2] <= first[2] + 2, "handles"
        day.finish(bars.size - 2)
    print(f"{bars.size} bars, two deployments: {time.monotonic() - begun:.0f} s")  # noqa: T201


@pytest.mark.slow
@pytest.mark.golden
@pytest.mark.timeout(2_400)
def test_every_golden_bar_with_faults_and_fifty_kills(tmp_path: Path) -> None:
    """Both profiles over all bars, 50 kills (-9) and 400 faults and disconnects at random instants."""
    bars = golden_bars()
    begun = time.monotonic()
    with Day(bars, tmp_path) as day:
        disturb(day, bars.size - 2, kills=50, disturbances=400, seed=11)
        assert sum(one.kills for one in day.fleet.members) == 50
        day.finish(bars.size - 2)
    print(f"{bars.size} bars, 50 kills: {time.monotonic() - begun:.0f} s")  # noqa: T201
