"""What the sweep tests share: bars, spaces, and the comparison of a row with a single backtest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engines import backtest
from feeds.facts import Facts
from feeds.parquet import ParquetFeed
from feeds.write import write_bars
from fixtures.make_ethusdt_like import PATH
from kwin_core.kwin.inputs import INPUTS, Input

FIXED = {"use_window": False}
SPACE = {
    "swing_len": {"low": 2, "high": 9},
    "trailing_perc": {"low": 0.2, "high": 0.8, "step": 0.2},
    "trail_lookback": [2, 5, 30],
    "use_fee_filter": [True, False],
}
"""192 sets of dual-sfp."""

QUARTER_MS = 900_000


def fixture_bars(count: int = 3_000) -> np.ndarray:
    """The first bars of the committed fixture."""
    return ParquetFeed(PATH).read()[:count]


def bars_file(folder: Path, count: int = 3_000, symbol: str = "ETHUSDT", skip: int = 0) -> Path:
    """Some bars of the fixture as a file."""
    path = folder / f"{symbol}.parquet"
    write_bars(path, fixture_bars(skip + count)[skip:], Facts(symbol, QUARTER_MS, 0.01, 0.01))
    return path


def differences(row: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of a sweep's row that are not those of a summary, to the last bit; both values."""
    shared = [name for name in row if name in summary]
    assert {"digest", "chain", "net_profit", "sharpe", "average_range", "trades_closed"} <= set(shared)
    return {name: (row[name], summary[name]) for name in shared if row[name] != summary[name]}


def single(data: Any, row: Mapping[str, Any], names: list[str], **options: Any) -> dict[str, Any]:
    """Summary of the backtest of one row's set."""
    params = {**FIXED, **{name: row[name] for name in names}}
    return backtest(data, params=params, keep_bars=False, **options).summary


def wild_value(item: Input, preset: str, random: np.random.Generator) -> Any:
    """Any value that an input may have."""
    if item.choices:
        return item.choices[random.integers(len(item.choices))]
    if isinstance(item.default, bool):
        return bool(random.integers(2))
    low, high = item.range_for(preset)
    low = 0.0 if low is None else low
    high = max(low + 1.0, 4.0 * float(item.default)) if high is None else high
    value = random.uniform(low, high)
    return round(value) if isinstance(item.default, int) else float(value)


def wild_sets(preset: str, count: int, seed: int) -> list[dict[str, Any]]:
    """Sets in which every input of a preset is random."""
    random = np.random.default_rng(seed)
    mine = [item for item in INPUTS if not item.only or preset in item.only]
    return [{item.name: wild_value(item, preset, random) for item in mine} for _ in range(count)]
