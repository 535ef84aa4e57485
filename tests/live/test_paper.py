"""Paper trading on the simulator: when a bar is acted on, what a gap or a revised bar does, and what X shows."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from engines.journal import Decision, Digest, Drift, JournalReader, Ledger
from engines.live.beginning import setups_of
from engines.live.lane import Lane
from engines.live.replay_run import ReplayRequest, replay
from engines.live.settings import load_settings
from feeds.instants import iso
from feeds.live import ClosedBar
from feeds.protocol import Instrument
from kwin_core.bars import BAR
from kwin_core.engine import Buffers, make_engine
from kwin_core.state import BY_REVERSAL, ENTRY, PLACED, TRADE
from kwin_core.view import first_difference
from tests.core.kwin_runs import BUSY, FIXTURE, fixture_bars
from tests.exchange import Exchange, Market
from tests.exchange.instruments import linear
from tests.live.desk_rig import exchange_with
from tests.live.paper_rig import BAR_MS, ETH, PaperRig, assert_backtest, bars_of, write_config
from tests.live_feed.rig import forgive_hang_ups, until

FIRST = 300
WARM_UP = 60  # for thirty lanes at once
MONEY = 1e-7
"""Relative, of at least one unit: the emulator rounds the fee of a reversal once, two fills have one each."""
EXCURSIONS = ("runup", "drawdown", "runup_base", "drawdown_base")


def open_ms(number: int) -> int:
    """Open time of a bar of the fixture."""
    return int(fixture_bars()["time_ms"][number])


@pytest.mark.parametrize("count", [1_000, pytest.param(4_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "given", [{}, BUSY, {**BUSY, "use_one_per_bar": False}], ids=["plain", "reversing", "both sides on a bar"]
)
@pytest.mark.parametrize("profile", ["intent", "tv-literal"])
def test_on_paper_the_exchange_ledger_shows_what_the_emulator_shows(
    profile: str, given: dict[str, Any], count: int, tmp_path: Path
) -> None:
    """After every bar the same view for the script; at the end the same trades."""
    path = tmp_path / "bars.parquet"
    pq.write_table(pq.read_table(FIXTURE).slice(0, count), path)
    seen = 0

    def compare(lane: Lane, bar: ClosedBar) -> None:
        nonlocal seen
        seen += 1
        difference = first_difference(lane.emulator.states, lane.exchange.states, tolerance=MONEY)
        assert difference is None, f"{iso(bar.time_ms)}: {difference}"

    request = ReplayRequest(path, tmp_path / "j.sqlite", profile, inputs={"use_window": False, **given})
    done = replay(request, on_bar=compare)
    assert seen == done.bars == count
    mine, theirs = (np.concatenate(done.lane.trades[venue]) for venue in (False, True))
    assert mine.size == theirs.size > count // 500
    for name in TRADE.names or ():
        if name not in EXCURSIONS:
            np.testing.assert_allclose(
                mine[name].astype(float), theirs[name].astype(float), rtol=MONEY, atol=MONEY, err_msg=name
            )
    if given:
        reversals = int((mine["exit_kind"] == BY_REVERSAL).sum())
        assert reversals > 0, "nothing reversed: the test shows less than it says"


def test_a_forming_bar_is_never_acted_on(tmp_path: Path) -> None:
    """Between two closes nothing is decided whatever the forming pushes say; a bar is acted on after its end only."""
    bars = fixture_bars()[: FIRST + 50]
    with exchange_with(bars, open_ms(FIRST) + 5_000) as exchange:
        told: list[tuple[int, int]] = []
        rig = PaperRig(
            exchange,
            write_config(exchange, tmp_path),
            on_bar=lambda _, bar: told.append((bar.time_ms, exchange.clock.now_ms())),
        ).start()
        frames, lane = rig.deployment.feed.frames, rig.lanes[ETH]
        for k in range(FIRST, FIRST + 10):
            before, ledgers = len(told), (lane.emulator.digest(), lane.exchange.digest())
            rig.run_to(open_ms(k) + BAR_MS - 1)
            assert len(told) == before
            assert told[-1][0] == open_ms(k - 1)
            assert (lane.emulator.digest(), lane.exchange.digest()) == ledgers
            rig.run_to(open_ms(k) + BAR_MS + 2_000)
            assert len(told) == before + 1
        assert rig.deployment.feed.frames - frames > 30, "forming pushes came all the time"
        assert rig.stop() == 0
    live = [(start, now) for start, now in told if start >= open_ms(FIRST)]
    assert all(start + BAR_MS <= now <= start + BAR_MS + 1_005 for start, now in live)
    assert assert_backtest(tmp_path / "live.sqlite", bars) >= 10


def test_a_gap_is_filled_before_the_next_bar_is_decided(tmp_path: Path) -> None:
    """Three rolls without a confirmation, then the stream alone again: REST's bars come first, in order, in time."""
    bars = fixture_bars()[: FIRST + 50]
    with exchange_with(bars, open_ms(FIRST) + 5_000) as exchange:
        rig = PaperRig(exchange, write_config(exchange, tmp_path)).start()
        rig.run_to(open_ms(FIRST + 3))
        exchange.faults.ws.skip_bar(n=3)
        exchange.faults.rest.empty("kline", n=2)
        rig.run_to(open_ms(FIRST + 10))
        assert rig.stop() == 0
    found = bars_of(tmp_path / "live.sqlite")
    assert all(later[0] - one[0] == BAR_MS for one, later in pairwise(found))
    assert all(later[2] >= one[2] for one, later in pairwise(found))
    live = [one for one in found if one[0] >= open_ms(FIRST)]
    assert [source for _, source, _ in live].count("rest") >= 3
    assert live[-1][1] == "stream"
    assert assert_backtest(tmp_path / "live.sqlite", bars) >= 10


def test_a_bar_revised_afterwards_is_recorded_as_drift_and_changes_nothing(tmp_path: Path) -> None:
    """REST tells another close for a bar that was decided: one row of drift; ledgers, trades and bars stand."""
    bars = fixture_bars()[: FIRST + 60]
    revised_ms = open_ms(FIRST + 4)
    with exchange_with(bars, open_ms(FIRST) + 5_000) as exchange:
        rig = PaperRig(exchange, write_config(exchange, tmp_path)).start()
        exchange.faults.rest.revise(revised_ms, {"close": "1.01", "volume": "7.5"}, n=None)
        rig.run_to(open_ms(FIRST + 40))
        assert rig.stop() == 0
    with JournalReader(tmp_path / "live.sqlite") as reader:
        drifts = [one.row for one in reader.rows(Drift)]
        kept = reader.bar(ETH, revised_ms)
    assert [(one.kind, one.start_ms) for one in drifts] == [("bar_revised", revised_ms)]
    assert "close" in drifts[0].body["text"]
    assert kept is not None
    assert kept["close"] == bars["close"][FIRST + 4]
    assert assert_backtest(tmp_path / "live.sqlite", bars) >= 40


def entry_bar(setup: Any, bars: np.ndarray, begin: int) -> int:
    """Number of the first bar from ``begin`` on whose decision places an entry."""
    engine = make_engine(setup.strategy, setup.frozen)
    states, buffers = engine.new_state(setup.settings, setup.params), Buffers(setup.strategy, 0, 512)
    for k in range(bars.size):
        engine.run(states, bars[k : k + 1].copy(), setup.params, buffers)
        _, events = buffers.take()
        if k >= begin and ((events["kind"] == PLACED) & (events["order_kind"] == ENTRY)).any():
            return k
    raise AssertionError("the strategy never enters on these bars")


@pytest.mark.slow
def test_thirty_symbols_that_close_and_enter_in_one_instant_are_decided_within_a_second(
    tmp_path: Path,
) -> None:
    """Thirty streams over the same bars: all enter on the same close. Real time from the push to the last commit."""
    bars = fixture_bars()[: FIRST + 200].astype(BAR)
    names = [f"S{number:02}USDT" for number in range(30)]
    markets = [Market(linear(name, tick="0.01", step="0.01"), bars, "15m") for name in names]
    trade_from = iso(open_ms(FIRST))
    with Exchange(markets, start_ms=open_ms(FIRST) + 5_000, reply_delay_ms=1.0, ip_limit=10**9) as exchange:
        config = write_config(exchange, tmp_path, symbols=names, trade_from=trade_from, warmup_bars=WARM_UP)
        facts = {ETH: Instrument("ETHUSDT", BAR_MS, 0.01, 0.01)}
        first, last = FIRST - WARM_UP, FIRST + 200
        setup = setups_of(load_settings(config), facts, open_ms(FIRST))[ETH]
        entering = first + entry_bar(setup, bars[first:last], FIRST - first + 1)
        rig = PaperRig(exchange, config).start()
        assert len(rig.lanes) == 30
        rig.run_to(open_ms(entering) + BAR_MS - 1)
        counts, before = rig.deployment.runner.counts, rig.deployment.runner.counts.bars
        begun = time.perf_counter()
        exchange.advance(1_005)
        until(lambda: counts.bars == before + 30 and rig.settled(), "all are decided")
        seconds = time.perf_counter() - begun
        assert rig.stop() == 0
        forgive_hang_ups(exchange)
    with JournalReader(tmp_path / "live.sqlite") as reader:
        on_it = [one.row for one in reader.rows(Digest) if one.row.start_ms == open_ms(entering)]
        decisions = [one.row for one in reader.rows(Decision) if one.row.start_ms == open_ms(entering)]
        received = [bars_of(tmp_path / "live.sqlite", stream)[-1][2] for stream in reader.streams()]
    assert len({(one.stream, one.ledger) for one in on_it}) == 60
    assert len({one.full_digest for one in on_it if one.ledger is Ledger.EMULATOR}) == 1, "the same bars"
    assert len({one.stream for one in decisions}) == 30
    assert max(received) - (open_ms(entering) + BAR_MS) <= 1_005, "market time"
    assert seconds < 1.0, f"{seconds:.3f} s for 30 symbols"
    print(f"30 symbols, all entering: {seconds * 1000:.0f} ms from the push to the last commit")  # noqa: T201
