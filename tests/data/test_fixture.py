"""The committed fixture is what its script makes, and holds what it promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feeds.parquet import ParquetFeed
from feeds.protocol import Instrument
from fixtures.make_ethusdt_like import BARS, GAP_BAR, HALT_BARS, PATH, make_bars

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bars() -> np.ndarray:
    return ParquetFeed(PATH).read()


def test_the_script_makes_exactly_the_committed_bars(bars: np.ndarray) -> None:
    assert make_bars().tobytes() == bars.tobytes()


def test_file_is_small_and_states_its_facts() -> None:
    assert PATH.stat().st_size < 1_000_000
    assert ParquetFeed(PATH).instrument == Instrument("ETHUSDT", 900_000, 0.01, 0.01, 0.01)


def test_bars_are_on_the_tick_grid(bars: np.ndarray) -> None:
    for name in ("open", "high", "low", "close"):
        assert (np.round(bars[name] * 100) / 100 == bars[name]).all()


def test_the_series_looks_like_the_market_it_imitates(bars: np.ndarray) -> None:
    """Size, clustering and tails of the moves near those of real 15-minute ETHUSDT bars."""
    assert bars.size == BARS >= 20_000
    moves = np.diff(np.log(bars["close"]))
    sizes = np.abs(moves)
    assert 0.003 < moves.std() < 0.004
    assert (moves**4).mean() / (moves**2).mean() ** 2 > 8  # a normal distribution has 3
    for lag in (1, 4, 96):
        assert np.corrcoef(sizes[:-lag], sizes[lag:])[0, 1] > 0.1
    assert (sizes > 0.015).sum() > 50
    assert 2_000 < bars["low"].min() < bars["high"].max() < 5_000


def test_the_special_bars_are_there(bars: np.ndarray) -> None:
    gaps = np.abs(bars["open"][1:] - bars["close"][:-1])
    assert np.flatnonzero(gaps > 0.015).tolist() == [GAP_BAR - 1]
    assert gaps[GAP_BAR - 1] / bars["close"][GAP_BAR - 1] > 0.01
    assert 0.005 < (gaps > 0.0).mean() < 0.02
    assert (np.diff(bars["close"]) == 0.0).sum() > 200
    assert (np.diff(bars["high"]) == 0.0).sum() > 200
    assert (np.diff(bars["low"]) == 0.0).sum() > 200
    assert (bars["open"] == bars["close"]).sum() > 200
    assert np.flatnonzero(bars["volume"] == 0.0).tolist() == list(HALT_BARS)
