"""The run as the page's own script takes it: arrays of whole ticks, packed."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from kwin_core.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from engines.result import Result

MOST_BARS = 500_000
"""More would make a page of more than 20 MB."""

NO_TICK = -(2**31)
"""Stands for an absent price among whole ticks."""

SFP_COLUMNS = ("bear_local", "bull_local", "bear_classic", "bull_classic")
"""Signals that are marked on the chart; a mark's kind is the place here."""


def chart_series(result: Result, trades: pd.DataFrame) -> dict[str, Any]:
    """Bars, account, stops, marks and trades of a run.

    Parameters
    ----------
    trades
        As :func:`engines.report.trade_figures.trade_figures` gives them.

    Raises
    ------
    ConfigError
        When there are more bars than a page can hold, or prices that are not whole numbers of 32 bits in ticks.
    """
    bars, signals, equity = result.bars, result.signals, result.equity
    if len(bars) > MOST_BARS:
        raise ConfigError(
            f"{len(bars)} bars are too many for a report of at most {MOST_BARS}: take a slice (--start, --end)"
        )
    tick = float(result.summary["tick"])
    times_ms = bars.index.to_numpy("datetime64[ms]").astype(np.int64)
    peak = np.maximum.accumulate(np.maximum(equity["equity"].to_numpy(), result.summary["capital"]))
    packed = {
        "seconds": pack((times_ms - times_ms[0]) // 1000, np.int32),
        **{
            name: pack(ticks(bars[name].to_numpy(), tick), np.int32)
            for name in ("open", "high", "low", "close")
        },
        "equity": pack(equity["equity"].to_numpy(), np.float32),
        "fall": pack(100.0 * (equity["equity"].to_numpy() / peak - 1.0), np.float32),
    }
    if "exit_stop" in signals:
        packed["stop"] = pack(ticks(signals["exit_stop"].to_numpy(float), tick), np.int32)
    return {
        "first_ms": int(times_ms[0]),
        "bar_ms": int(result.plan.source.instrument.timeframe_ms),
        "tick": tick,
        "decimals": decimals(tick),
        "packed": packed,
        "marks": _marks(signals),
        "trades": _trades(trades, tick),
    }


def ticks(prices: np.ndarray, tick: float) -> np.ndarray:
    """Prices in whole ticks, int64; absent ones are :data:`NO_TICK`.

    Raises
    ------
    ConfigError
        When they do not fit into 32 bits.
    """
    known = ~np.isnan(prices)
    whole = np.full(prices.size, NO_TICK, np.int64)
    whole[known] = np.rint(prices[known] / tick)
    if known.any() and np.abs(whole[known]).max() >= 2**31 - 1:
        raise ConfigError(
            f"tick {tick:g} is too small for prices of {prices[known].max():g}; give the right --tick"
        )
    return whole


def pack(values: np.ndarray, dtype: type[np.generic]) -> dict[str, str]:
    """An array as text: its type, and its little-endian bytes in base64."""
    kind = np.dtype(dtype).newbyteorder("<")
    return {
        "dtype": kind.str[1:],
        "data": base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode(),
    }


def decimals(tick: float) -> int:
    """Digits after the point that a price of this tick needs."""
    return next((digits for digits in range(13) if abs(round(tick, digits) - tick) < tick * 1e-6), 12)


def _marks(signals: pd.DataFrame) -> dict[str, Any]:
    """Bars with a swing failure, and of which kind."""
    places, kinds = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for kind, name in enumerate(SFP_COLUMNS):
        if name in signals:
            at = np.flatnonzero(signals[name].to_numpy())
            places.append(at)
            kinds.append(np.full(at.size, kind))
    bars, which = np.concatenate(places), np.concatenate(kinds)
    order = np.argsort(bars, kind="stable")
    return {"bar": pack(bars[order], np.int32), "kind": pack(which[order], np.int8)}


def _trades(trades: pd.DataFrame, tick: float) -> dict[str, Any]:
    open_bar = -1
    return {
        "entry": pack(trades["entry_bar"].to_numpy(), np.int32),
        "exit": pack(trades["exit_bar"].fillna(open_bar).to_numpy(np.int64), np.int32),
        "side": pack(np.where(trades["side"] == "long", 1, -1), np.int8),
        "in": pack(ticks(trades["entry_price"].to_numpy(float), tick), np.int32),
        "out": pack(ticks(trades["exit_price"].to_numpy(float), tick), np.int32),
        "net": pack(trades["net_pnl"].to_numpy(float), np.float64),
        "r": pack(trades["r"].to_numpy(float), np.float32),
        "qty": pack(trades["qty"].to_numpy(float), np.float64),
        "by": trades["exit_kind"].astype(object).where(trades["exit_kind"].notna(), "open").tolist(),
        "signal": trades["signal"].where(trades["signal"].notna(), "").tolist(),
    }
