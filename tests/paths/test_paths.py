"""The paths of a bar: the opposite one is what it says, minutes are read in any blocks, and trades are compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engines import backtest
from engines.paths.readings import ASSUMED, OPPOSITE, REAL, Reading, along
from engines.paths.sensitivity import PathSensitivity, compare_trades
from engines.paths.sub_bars import Coverage, SubBars, chart_of, read_sub_bars
from engines.plan import execute
from feeds.facts import Facts
from feeds.write import write_bars
from kwin_core.bars import BAR, MINUTE_MS
from kwin_core.errors import ConfigError, DataError
from tests.paths.legs import legs_of

DATA = Path(__file__).resolve().parents[2] / "fixtures" / "ethusdt_like_15m.parquet"
CHART_MS = 15 * MINUTE_MS


def minutes(count: int, seed: int = 7) -> np.ndarray:
    """A random walk of one-minute bars on a grid of 0.01; every bar opens at the close before."""
    dice = np.random.default_rng(seed)
    steps = dice.integers(-40, 41, (count, 8)).cumsum(axis=1)
    closes = 300_000 + steps[:, -1].cumsum()
    opens = np.concatenate(([300_000], closes[:-1]))
    bars = np.zeros(count, BAR)
    bars["time_ms"] = MINUTE_MS * (28_928_160 + np.arange(count))  # 2025-01-01
    bars["open"], bars["close"] = opens / 100, closes / 100
    walked = opens[:, None] + steps
    bars["high"] = np.maximum(walked.max(axis=1), opens) / 100
    bars["low"] = np.minimum(walked.min(axis=1), opens) / 100
    bars["volume"] = 1.0
    return bars


@pytest.fixture(scope="module")
def minute_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("minutes") / "minutes.parquet"
    write_bars(path, minutes(15 * 2_000), Facts("ETHUSDT", MINUTE_MS, 0.01, 0.01))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["tv-literal", "intent"])
def test_the_opposite_path_is_the_one_with_the_far_extreme_first(profile: str) -> None:
    """R4: the switch equals a magnifier over three one-way bars a bar, in that order, to the last bit of the state."""
    result = backtest(DATA, profile=profile, params={"use_window": False})
    plan, bars = result._finished.plan, result._recorder.all("bars")
    core = result.states["core"].view(np.recarray)[0]
    far = legs_of(bars, core, CHART_MS, near_first=False)
    near = legs_of(bars, core, CHART_MS, near_first=True)
    opposite = execute(along(plan, OPPOSITE)).summary()
    assert opposite["digest"] == execute(along(plan, REAL, far)).summary()["digest"]
    assert result.digest == execute(along(plan, REAL, near)).summary()["digest"]
    assert opposite["digest"] != result.digest


@pytest.mark.slow
def test_the_readings_of_a_run_and_the_share_of_its_profit() -> None:
    """On bars without anything to find, the literal reading's profit hangs on the path; the figures say so."""
    found = backtest(DATA, profile="tv-literal", params={"use_window": False}).paths()
    assert [(one.profile, one.path) for one in found.readings] == [
        ("tv-literal", ASSUMED),
        ("tv-literal", OPPOSITE),
        ("intent", ASSUMED),
        ("intent", OPPOSITE),
    ]
    profit, other = found.run.net_profit, found.judge.net_profit
    assert profit > 0.0
    assert found.share == pytest.approx((profit - other) / profit)
    assert found.share > 0.9
    assert "hangs on the assumed path" in found.verdict()
    against = found.against
    assert against.same + against.elsewhere + against.only_assumed == len(found.run.trades)
    assert against.same + against.elsewhere + against.only_other == len(found.judge.trades)
    assert against.elsewhere > 0
    page = found._repr_html_()
    assert found.verdict() in page
    intent = backtest(DATA, profile="intent", params={"use_window": False})
    assert found.readings[2].summary["digest"] == intent.digest


@pytest.mark.slow
def test_minutes_from_a_file_and_a_chart_made_of_them(minute_file: Path) -> None:
    """The chart made of the minutes agrees with them on every bar; reading it in other blocks changes nothing."""
    chart, facts = chart_of(minute_file, CHART_MS)
    assert chart.size == 2_000
    result = backtest(
        chart, symbol=facts.symbol, tick=facts.tick, lot=facts.lot, params={"use_window": False}
    )
    found = result.paths(minute_file)
    real = found.judge
    assert real.path == REAL
    assert real.coverage is not None
    assert (real.coverage.bars, real.coverage.covered, real.coverage.agreeing) == (2_000, 2_000, 2_000)
    assert len({one.summary["digest"] for one in found.others}) == 2
    plan = result._finished.plan

    class InPieces:
        name, instrument, most_bars = plan.source.name, plan.source.instrument, plan.source.most_bars

        def blocks(self):
            yield from np.split(chart, [1, 40, 41, 1_234])

        def last_open_ms(self):
            return plan.source.last_open_ms()

    pieces = replace(plan, source=InPieces())
    subs = read_sub_bars(minute_file, CHART_MS)
    assert execute(along(pieces, REAL, subs)).summary()["digest"] == real.summary["digest"]


@pytest.mark.slow
def test_minutes_of_another_market_are_refused(minute_file: Path, tmp_path: Path) -> None:
    chart, _ = chart_of(minute_file, CHART_MS)
    other = tmp_path / "other.parquet"
    write_bars(other, minutes(15 * 2_000, seed=8), Facts("ETHUSDT", MINUTE_MS, 0.01, 0.01))
    result = backtest(chart, tick=0.01, params={"use_window": False})
    with pytest.raises(DataError, match=r"other.parquet: only \d+ of 2000 chart bars have the prices"):
        result.paths(other)


def test_sub_bars_are_found_around_gaps_and_edges() -> None:
    """Those before, after and in a gap of the chart belong to none of its bars; a bar without any has none."""
    one_minute = minutes(75)
    chart = np.zeros(3, BAR)
    chart["time_ms"] = one_minute["time_ms"][0] + CHART_MS * np.array([1, 3, 5])
    kept, offsets = SubBars(one_minute, MINUTE_MS, CHART_MS).inside(chart)
    assert offsets.tolist() == [0, 15, 30, 30]
    assert kept["time_ms"].tolist() == [*one_minute["time_ms"][15:30], *one_minute["time_ms"][45:60]]


def test_sub_bars_must_fit_and_overlap() -> None:
    with pytest.raises(ConfigError, match="15m bars do not fit into the chart's 15m bars"):
        SubBars(minutes(3), CHART_MS, CHART_MS)
    with pytest.raises(ConfigError, match="10m bars do not fit"):
        SubBars(minutes(3), 10 * MINUTE_MS, CHART_MS)
    with pytest.raises(DataError, match="no part of the run's bars"):
        Coverage(SubBars(minutes(3), MINUTE_MS, CHART_MS)).check()


def reading(rows: list[tuple[str, int, int, float, float]], path: str, profit: float) -> Reading:
    """A reading with trades of side, entry bar, exit bar, exit price and net result."""
    trades = pd.DataFrame(rows, columns=["side", "entry_bar", "exit_bar", "exit_price", "net_pnl"])
    trades["entry_signal"], trades["return_percent"] = "in", trades["net_pnl"] / 10.0
    summary = {"net_profit": profit, "tick": 0.01}
    return Reading(None, path, summary, trades)


def test_trades_are_compared_by_entry() -> None:
    run = reading(
        [
            ("long", 1, 2, 10.0, 5.0),
            ("long", 5, 6, 11.0, 1.0),
            ("long", 5, 7, 11.0, 2.0),
            ("short", 9, 9, 9.0, 4.0),
        ],
        ASSUMED,
        12.0,
    )
    other = reading(
        [
            ("long", 1, 2, 10.004, 5.0),
            ("long", 5, 6, 11.0, 1.0),
            ("long", 5, 8, 10.0, -3.0),
            ("short", 12, 13, 9.0, 1.0),
        ],
        OPPOSITE,
        4.0,
    )
    against = compare_trades(run, other)
    assert (against.same, against.elsewhere, against.turned) == (2, 1, 1)
    assert (against.only_assumed, against.only_other) == (1, 1)
    assert against.profit_elsewhere == 6.0


def test_readings_without_trades_are_compared() -> None:
    """As a run gives them: a frame of no rows with arrow's own text columns."""
    idle = backtest(DATA, profile="intent", end="2025-01-02")
    nothing = Reading("intent", ASSUMED, idle.summary, idle.trades)
    against = compare_trades(nothing, replace(nothing, path=OPPOSITE))
    assert (against.same, against.elsewhere, against.only_assumed, against.only_other) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("profit", "other", "share", "says"),
    [
        (12.0, 4.0, 2 / 3, "67 % of the profit of +12.00 hangs"),
        (12.0, -4.0, 4 / 3, "ALL of the profit"),
        (12.0, 13.0, -1 / 12, "None of the profit"),
        (-1.0, 5.0, None, "no profit that could hang"),
    ],
)
def test_share_of_profit(profit: float, other: float, share: float | None, says: str) -> None:
    found = PathSensitivity((reading([], ASSUMED, profit), reading([], OPPOSITE, other)))
    assert found.share == (None if share is None else pytest.approx(share))
    assert says in found.verdict()
