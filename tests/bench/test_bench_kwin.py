"""The measured loops do the same work: same trades, same account; and no ratio is absurd.

How fast they are is printed by ``python -m tests.bench``; nothing here passes or fails on a time.
"""

from __future__ import annotations

import numpy as np
import pytest

from kwin_core.engine import MARK, Buffers, make_engine
from kwin_core.state import TRADE
from tests.bench import processes
from tests.bench.c_loop import CLoop, has_compiler
from tests.bench.data import dual_sfp, long_series, series, write_minutes
from tests.bench.runs import one_bar_a_call, run_c, run_core, run_reference
from tests.bench.table import run_backtest

pytestmark = pytest.mark.bench
needs_compiler = pytest.mark.skipif(
    not has_compiler(), reason="no C compiler: the C loop is built on the spot"
)
CHUNK = 16_384


@pytest.fixture(scope="module")
def setup():
    return dual_sfp()


@pytest.fixture(scope="module")
def engine(setup):
    return make_engine(setup.strategy, setup.frozen)


@needs_compiler
def test_the_c_loop_gives_every_trade_of_the_core_to_the_last_bit(setup, engine):
    """All fields of all trades, the account's sums; on golden bars the published count and net profit."""
    bars = series().bars
    core = run_core(engine, setup, bars, CHUNK, keep=False)
    loop = run_c(CLoop(setup, bars, bars.size), setup, bars, CHUNK, keep=False)
    assert core.trades.size == loop.trades.size > 100
    for name in TRADE.names:
        np.testing.assert_array_equal(core.trades[name], loop.trades[name], err_msg=name)
    assert core.account == loop.account
    if series().is_golden:
        assert loop.trades.size == 3_687
        assert loop.account["net_profit"] == pytest.approx(514_374.2352, rel=1e-9)


@needs_compiler
def test_the_c_loop_writes_the_same_row_of_signals_and_equity_on_every_bar(setup, engine):
    bars = series().bars
    buffers = Buffers(setup.strategy, bars.size, rows=bars.size)
    assert (
        engine.run(engine.new_state(setup.settings, setup.params), bars, setup.params, buffers) == bars.size
    )
    signals, marks = np.zeros(bars.size, setup.strategy.signals), np.zeros(bars.size, MARK)
    CLoop(setup, bars, bars.size).run(0, bars.size, signals, marks, keep=True)
    for ours, theirs in ((buffers.signals, signals), (buffers.marks, marks)):
        for name in theirs.dtype.names or ():
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


@needs_compiler
def test_the_core_is_not_an_order_of_magnitude_behind_the_c_loop(setup, engine):
    """A million bars, in turns; an allocation or a dictionary a bar would cost far more than the limit."""
    bars = long_series()
    loop = CLoop(setup, bars, bars.size // 4)
    core, c = np.inf, np.inf
    for _ in range(3):
        mine = run_core(engine, setup, bars, CHUNK, keep=True)
        its = run_c(loop, setup, bars, CHUNK, keep=True)
        core, c = min(core, mine.seconds), min(c, its.seconds)
        assert mine.trades.size == its.trades.size
        assert mine.account == its.account
    assert core < 10.0 * c


def test_the_reference_gives_the_same_trades_many_times_slower(setup, engine):
    bars = series().bars
    trades, seconds = run_reference(bars)
    core = run_core(engine, setup, bars, CHUNK, keep=True)
    assert [trade.exit_time_ms for trade in trades] == core.trades["exit_time_ms"].tolist()
    assert sum(trade.net_pnl for trade in trades) == pytest.approx(core.account["net_profit"], rel=1e-6)
    assert seconds > 20.0 * core.seconds


@pytest.mark.parametrize("keep_bars", [False, True])
def test_backtest_gives_the_trades_of_the_core(setup, engine, keep_bars):
    bars = series().bars
    assert (
        run_backtest(bars, keep_bars=keep_bars)
        == run_core(engine, setup, bars, CHUNK, keep=False).trades.size
    )


def test_one_bar_a_call_costs_no_more_than_a_few_bars_of_the_reference(setup, engine):
    bars = series().bars[:5_000]
    one_bar_a_call(engine, setup, bars[:10])
    assert one_bar_a_call(engine, setup, bars) < 5.0 * run_reference(bars)[1] / bars.size


@pytest.mark.slow
def test_ten_years_of_minutes_stay_below_400_mb_outputs_included(tmp_path):
    """The command streams: 5.26 million bars in, a row a bar out. Peak memory is not a time and may be a limit."""
    write_minutes(tmp_path / "minutes.parquet")
    arguments = ("--no-window", "--json", "--out", tmp_path / "out")
    processes.measure(
        *processes.backtest_arguments()
    )  # compiled by then: the compiler takes memory of its own
    assert processes.measure(tmp_path / "minutes.parquet", *arguments).peak_mb < 400.0
    assert (tmp_path / "out" / "signals.parquet").stat().st_size > 0
