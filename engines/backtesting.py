"""Backtests from Python: KWIN, or any strategy written for the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.moments import Moment, moment_ms
from engines.plan import KwinOptions, Plan, check_params, execute, plan_kwin
from engines.recorder import Recorder
from engines.result import Result
from engines.source import Cut, Source, open_source
from feeds.facts import Facts
from kwin_core.bars import parse_timeframe
from kwin_core.engine import Strategy
from kwin_core.errors import ConfigError
from kwin_core.properties import PINE_V6, Instrument, Properties

if TYPE_CHECKING:
    from engines.source import BarData


def backtest(
    data: BarData,
    preset: str = "dual-sfp",
    profile: str = "tv-literal",
    params: Mapping[str, Any] | None = None,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    trade_from: Moment | None = None,
    capital: float | None = None,
    symbol: str | None = None,
    timeframe: str | int | None = None,
    tick: float | None = None,
    lot: float | None = None,
    margin: float = 0.0,
    now: Moment | None = None,
    allow_gaps: bool = False,
    keep_bars: bool = True,
) -> Result:
    """Run KWIN over bars.

    Parameters
    ----------
    data
        Path of a Parquet file, a feed, a pandas frame (open times in the index or a column), or an array of
        ``kwin_core.bars.BAR``.
    preset
        ``"dual-sfp"``, ``"classic"`` or ``"classic-quality"``.
    profile
        ``"tv-literal"`` for parity with TradingView, ``"intent"`` for what the input labels say.
    params
        Input values by project or Pine name (``kwin-backtest --inputs`` lists them); the rest are defaults.
    start, end
        Slice of bars by open time, start inclusive, end exclusive; the strategy starts cold on the first one. Not
        the strategy's own time window, which only gates entries.
    trade_from
        Bars that open earlier compute everything but cannot order.
    capital
        Account currency; ``None`` takes the preset's.
    symbol, timeframe, tick, lot
        Facts that replace those of the data: price step in quote currency, quantity step in base currency (0 for
        none).
    margin
        Percent of notional; 0 never checks (R89).
    now
        Moment from which the strategy's day window counts back; the close of the last bar by default (SP-44).
    allow_gaps
        Accept missing bars.
    keep_bars
        Keep signals and equity of every bar; ``False`` saves memory on very long runs.

    Raises
    ------
    ConfigError
        A setting that is unknown, of the wrong type or out of range.
    DataError
        Bars that cannot be read or trusted.

    Examples
    --------
    >>> result = backtest("fixtures/ethusdt_like_15m.parquet", profile="intent")
    >>> result.trades.tail()
    """
    source = _source(data, start, end, symbol, timeframe, tick, lot, allow_gaps=allow_gaps)
    options = KwinOptions(margin, capital, moment_ms(trade_from, "trade_from"), moment_ms(now, "now"))
    return _result(plan_kwin(source, preset, profile, params or {}, options), keep_bars=keep_bars)


def run_strategy(
    strategy: Strategy,
    data: BarData,
    params: np.ndarray | np.void,
    properties: Properties = PINE_V6,
    instrument: Instrument | None = None,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    trade_from: Moment | None = None,
    symbol: str | None = None,
    timeframe: str | int | None = None,
    allow_gaps: bool = False,
    rates: np.ndarray | None = None,
    keep_bars: bool = True,
) -> Result:
    """Run any strategy of the core over bars; :func:`backtest` takes the same path with KWIN.

    Parameters
    ----------
    strategy
        See `kwin_core.strategy`.
    data
        As for :func:`backtest`.
    params
        One record of ``strategy.params``.
    properties
        What TradingView's Properties dialog sets; Pine v6's defaults.
    instrument
        Tick, lot and point value; ``None`` takes tick and lot of the data.
    rates
        Account currency per quote currency, one a bar of the slice; needs ``currency_conversion``.
    start, end, trade_from, symbol, timeframe, allow_gaps, keep_bars
        As for :func:`backtest`.

    Raises
    ------
    ConfigError, DataError
        As for :func:`backtest`.
    CapacityError
        When a fixed limit of the core is reached.
    """
    if properties.currency_conversion and rates is None:
        raise ConfigError("currency_conversion needs rates: account currency per quote currency, one a bar")
    tick = None if instrument is None else instrument.tick
    lot = None if instrument is None else instrument.lot
    source = _source(data, start, end, symbol, timeframe, tick, lot, allow_gaps=allow_gaps)
    facts = instrument or Instrument(source.instrument.tick, source.instrument.lot)
    record = check_params(strategy, params)
    plan = Plan(
        source=source,
        strategy=strategy,
        frozen=properties.frozen(risk=strategy.risk),
        settings=properties.settings(facts, moment_ms(trade_from, "trade_from")),
        params=record,
        label={"strategy": strategy.name},
        values={name: record[0][name].tolist() for name in strategy.params.names or ()},
        rates=rates,
    )
    return _result(plan, keep_bars=keep_bars)


def _source(
    data: BarData,
    start: Moment | None,
    end: Moment | None,
    symbol: str | None,
    timeframe: str | int | None,
    tick: float | None,
    lot: float | None,
    *,
    allow_gaps: bool,
) -> Source:
    timeframe_ms = None if timeframe is None else parse_timeframe(timeframe)
    cut = Cut(moment_ms(start, "start"), moment_ms(end, "end"), allow_gaps)
    return open_source(data, Facts(symbol, timeframe_ms, tick, lot), cut)


def _result(plan: Plan, *, keep_bars: bool) -> Result:
    recorder = Recorder(plan.strategy, keep_bars=keep_bars)
    return Result(execute(plan, [recorder]), recorder)
