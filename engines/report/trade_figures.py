"""What a report says of every trade beyond the list of trades: its signal, its risk, its excursions, its funding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kwin_core.bars import MINUTE_MS

if TYPE_CHECKING:
    import pandas as pd

    from engines.result import Result

FUNDING_EVERY_MS = 480 * MINUTE_MS
"""Bybit's perpetuals settle funding at 00:00, 08:00 and 16:00 UTC."""

FUNDING_RATE = 0.0001
"""The base rate of an interval, a fraction of notional: longs pay it, shorts receive it."""


def trade_figures(result: Result) -> pd.DataFrame:
    """All trades of a run, open ones last, with what the report needs.

    Returns
    -------
    pandas.DataFrame
        The columns of :attr:`Result.trades` and:

        ``signal``: ``local``, ``classic`` or ``both`` of the bar that signalled; null for other strategies.
        ``risk``: distance to the initial stop times quantity, account currency; ``r``: net result over it.
        ``return_percent``, ``runup_percent``, ``drawdown_percent``: of the entry value.
        ``bars_held``; ``funding_times``: settlements while it was held; ``funding``: what they would have cost at
        :data:`FUNDING_RATE` (negative is received), account currency.
    """
    trades = result.trades.copy()
    signals = result.signals
    entry_bar = trades["entry_bar"].to_numpy()
    at_close = result.plan.frozen.on_close is not None
    signal_bar = np.maximum(entry_bar - (0 if at_close else 1), 0)
    long = (trades["side"] == "long").to_numpy()
    trades["signal"] = _signal_kinds(signals, signal_bar, long)
    value = (trades["entry_price"] * trades["qty"] * result.plan.settings["point_value"]).to_numpy()
    for name, amount in (("return", "net_pnl"), ("runup", "runup"), ("drawdown", "drawdown")):
        trades[f"{name}_percent"] = 100.0 * trades[amount] / value
    trades["risk"] = np.nan
    if "stop" in signals and entry_bar.size:
        stop = signals["stop"].to_numpy(float)[signal_bar]
        distance = np.abs(trades["entry_price"].to_numpy() - stop)
        trades["risk"] = np.where(distance > 0.0, distance / trades["entry_price"] * value, np.nan)
    trades["r"] = trades["net_pnl"] / trades["risk"]
    last_bar = len(signals) - 1
    trades["bars_held"] = trades["exit_bar"].fillna(last_bar).astype(int) - entry_bar
    length_ms = result.plan.source.instrument.timeframe_ms
    begun_ms = _ms(trades["entry_time"]) + (length_ms if at_close else 0)
    ended_ms = _ms(trades["exit_time"].fillna(result.bars.index[-1])) + length_ms // 2
    times = np.maximum(ended_ms // FUNDING_EVERY_MS - (begun_ms - 1) // FUNDING_EVERY_MS, 0)
    trades["funding_times"] = times
    trades["funding"] = np.where(long, 1.0, -1.0) * FUNDING_RATE * value * times
    return trades


def _signal_kinds(signals: pd.DataFrame, signal_bar: np.ndarray, long: np.ndarray) -> np.ndarray:
    kinds = np.full(signal_bar.size, None, dtype=object)
    columns = ("bull_local", "bear_local", "bull_classic", "bear_classic")
    if signal_bar.size == 0 or not set(columns) <= set(signals.columns):
        return kinds
    bull_local, bear_local, bull_classic, bear_classic = (
        signals[name].to_numpy()[signal_bar] != 0 for name in columns
    )
    local = np.where(long, bull_local, bear_local)
    classic = np.where(long, bull_classic, bear_classic)
    kinds[local] = "local"
    kinds[classic] = "classic"
    kinds[local & classic] = "both"
    return kinds


def _ms(times: pd.Series) -> np.ndarray:
    return times.to_numpy("datetime64[ms]").astype(np.int64)
