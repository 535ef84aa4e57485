"""The golden lists of trades: how each case is run, and the run compared with the export."""

from __future__ import annotations

import csv
import importlib
import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from engines.parity.compare import Difference, compare_trades
from engines.parity.rows import NEW_STYLE, OLD_STYLE, RAW_STYLE, Style, open_trades, printed_trades
from engines.parity.tv_export import Export, read_export
from kwin_core.bars import BAR, DAY_MS
from kwin_core.engine import Buffers, Strategy, make_engine
from kwin_core.magnifier import sub_bar_offsets
from kwin_core.properties import PINE_V6, Instrument, Properties
from tests.golden_data import golden_path

PARAMETERS = np.zeros(1, np.dtype([("none", np.int64)]))


@dataclass(frozen=True)
class Case:
    """One export and everything needed to run its strategy again.

    Parameters
    ----------
    export, bars
        What TradingView printed, and the bars of its window.
    rates
        Account currency per quote currency, one a bar; None when they are the same.
    subs, offsets
        Bars inside the chart's, with the magnifier.
    utc_offset_ms
        Of the wall clock of an export without zone.
    open_time_ms
        Time shown on the exit row of an open trade; None takes the last bar's.
    """

    strategy: Strategy
    properties: Properties
    instrument: Instrument
    export: Export
    bars: np.ndarray
    style: Style
    rates: np.ndarray | None = None
    subs: np.ndarray | None = None
    offsets: np.ndarray | None = None
    utc_offset_ms: int = 0
    ignore: frozenset[str] = frozenset()
    ignore_open: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Outcome:
    """What a comparison found."""

    closed: int
    open: int
    differences: list[Difference]


@cache
def load_bars(path: Path) -> np.ndarray:
    """Bars of a Parquet file with a ``time`` column, as an array of BAR."""
    table = pq.read_table(path, columns=["time", "open", "high", "low", "close", "volume"])
    bars = np.zeros(table.num_rows, BAR)
    bars["time_ms"] = table["time"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    for name in ("open", "high", "low", "close", "volume"):
        bars[name] = table[name].to_numpy()
    return bars


def load_strategy(name: str) -> Strategy:
    """Strategy of a case by the case's name."""
    strategy = importlib.import_module(f"tests.golden.strategies.{name.replace('-', '_')}").STRATEGY
    assert isinstance(strategy, Strategy)
    return strategy


@cache
def daily_rates() -> dict[int, float]:
    """USD per USDT by UTC day number since the UNIX epoch (C1)."""
    path = golden_path("tradingview", "data", "usdt_usd_daily.csv")
    with path.open(encoding="utf-8") as file:
        return {
            epoch_ms(row["date_utc"] + "T00:00:00Z") // DAY_MS: float(row["usd_per_usdt"])
            for row in csv.DictReader(file)
        }


def epoch_ms(text: str) -> int:
    """ISO time as ms since the UNIX epoch."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def rate_per_bar(time_ms: np.ndarray) -> np.ndarray:
    """Rate of every bar's UTC day; 1 on the first day of the window, which no daily value precedes (C1)."""
    days = time_ms // DAY_MS
    table = daily_rates()
    return np.array([1.0 if day == days[0] else table[int(day)] for day in days])


def tradingview_case(name: str) -> Case:
    """A folder of golden/tradingview."""
    folder = golden_path("tradingview", name)
    meta = tomllib.loads((folder / "meta.toml").read_text(encoding="utf-8"))
    bars = load_bars(golden_path("tradingview", "data", "ETHUSDT_15m.parquet"))
    window = meta["window"]
    first, last = epoch_ms(window["first_bar"]), epoch_ms(window["last_bar"])
    bars = bars[(bars["time_ms"] >= first) & (bars["time_ms"] <= last)]
    assert bars.size == window["bars"]
    market = meta["market"]
    magnified = window["id"] == "C"  # excursions of these come from one-minute bars
    return Case(
        strategy=load_strategy(name),
        properties=tradingview_properties(meta["properties"]),
        instrument=Instrument(market["mintick"], market["qty_step"], market["point_value"]),
        export=read_export(folder / "trades.csv"),
        bars=bars,
        style=NEW_STYLE,
        rates=rate_per_bar(bars["time_ms"]),
        utc_offset_ms=meta["trades"]["export_utc_offset_hours"] * 3_600_000,
        ignore=EXCURSIONS if magnified else frozenset(),
        ignore_open=frozenset() if window["last_bar_complete"] else LIVE_PRICE,
    )


EURUSD_BARS = {
    "slippage-direction": "EURUSD_60m_b.parquet",
    "slippage-pyramiding": "EURUSD_60m_c.parquet",
}

_SLIPPED = {"initial_capital": 10_000.0, "commission_value": 0.1}

EURUSD_PROPERTIES: dict[str, dict[str, Any]] = {
    "barupdn": {"default_qty_type": "percent_of_equity", "default_qty_value": 10.0},
    "bollinger": {},
    "channelbreakout": {},
    "keltnerchannel": {},
    "macd": {},
    "slippage-basic": {**_SLIPPED, "slippage": 10},
    "slippage-direction": {**_SLIPPED, "slippage": 15},
    "slippage-pyramiding": {
        **_SLIPPED,
        "slippage": 5,
        "pyramiding": 3,
        "default_qty_type": "percent_of_equity",
        "default_qty_value": 10.0,
    },
}
"""What each EURUSD case sets; the rest are Pine v6 defaults with a lot of 0.1."""


def eurusd_case(name: str) -> Case:
    """One of the EURUSD exports."""
    file = name.replace("-", "_") + "_trades.csv"
    return Case(
        strategy=load_strategy(f"eurusd-{name}"),
        properties=PINE_V6.with_(**EURUSD_PROPERTIES[name]),
        instrument=Instrument(0.00001, 0.1),
        export=read_export(golden_path("eurusd", file)),
        bars=load_bars(golden_path("eurusd", EURUSD_BARS.get(name, "EURUSD_60m.parquet"))),
        style=OLD_STYLE,
        ignore_open=frozenset({"time"}),  # it shows the live moment of the export, not a bar's open
    )


def magnifier_case() -> Case:
    """Daily bars of BTCUSDT, magnified to 60 minutes."""
    subs = load_bars(golden_path("btcusdt_magnifier", "BTCUSDT_60m.parquet"))
    bars = daily_bars(subs)
    return Case(
        strategy=load_strategy("btcusdt-magnifier"),
        properties=PINE_V6.with_(initial_capital=10_000.0, default_qty_value=0.01, magnifier=True),
        instrument=Instrument(0.01, 0.01),
        export=read_export(golden_path("btcusdt_magnifier", "trades.csv")),
        bars=bars,
        style=RAW_STYLE,
        subs=subs,
        offsets=sub_bar_offsets(bars, DAY_MS, subs),
    )


def daily_bars(subs: np.ndarray) -> np.ndarray:
    """UTC days of bars inside them."""
    days, first = np.unique(subs["time_ms"] // DAY_MS, return_index=True)
    last = np.append(first[1:], subs.size) - 1
    bars = np.zeros(days.size, BAR)
    bars["time_ms"] = days * DAY_MS
    bars["open"] = subs["open"][first]
    bars["high"] = np.maximum.reduceat(subs["high"], first)
    bars["low"] = np.minimum.reduceat(subs["low"], first)
    bars["close"] = subs["close"][last]
    bars["volume"] = np.add.reduceat(subs["volume"], first)
    return bars


EXCURSIONS = frozenset({"runup", "runup_percent", "drawdown", "drawdown_percent"})
LIVE_PRICE = EXCURSIONS | {"price", "net", "net_percent", "cumulative", "cumulative_percent"}
"""Columns of an open trade that hang on a price inside a bar that was still forming (E17)."""

_TAKEN = (
    "initial_capital",
    "default_qty_type",
    "default_qty_value",
    "pyramiding",
    "commission_type",
    "commission_value",
    "slippage",
    "process_orders_on_close",
    "margin_long",
    "margin_short",
    "close_entries_rule",
)


def tradingview_properties(stated: dict[str, Any]) -> Properties:
    """Properties of a case: its stated ones; the account is in USD and the symbol in USDT."""
    return Properties(currency_conversion=True, **{name: stated[name] for name in _TAKEN})


def run_case(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Closed trades of the run, and the state after its last bar."""
    engine = make_engine(case.strategy, case.properties.frozen(risk=case.strategy.risk))
    states = engine.new_state(case.properties.settings(case.instrument), PARAMETERS)
    buffers = Buffers(case.strategy, 0)
    parts = []
    done = 0
    while done < case.bars.size:
        rates = None if case.rates is None else case.rates[done:]
        offsets = None if case.offsets is None else case.offsets[done:]
        done += engine.run(
            states, case.bars[done:], PARAMETERS, buffers, rates=rates, subs=case.subs, offsets=offsets
        )
        parts.append(buffers.take()[0])
    return np.concatenate(parts), states


def compare_case(case: Case) -> Outcome:
    """Run a case and compare everything that was printed, the open trades included."""
    closed, states = run_case(case)
    last = case.bars[-1]
    live = open_trades(states, int(last["time_ms"]), float(last["close"]))
    printed = printed_trades(
        np.concatenate([closed, live]),
        case.strategy,
        tick=case.instrument.tick,
        capital=case.properties.initial_capital,
        style=case.style,
        open_rows=live.size,
    )
    differences = compare_trades(
        case.export,
        printed,
        utc_offset_ms=case.utc_offset_ms,
        ignore=case.ignore,
        ignore_open=case.ignore_open,
    )
    return Outcome(closed.size, live.size, differences)
