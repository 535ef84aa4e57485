"""The compiled core behind the interface of the reference: same bars in, same kind of result out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kwin_core.bars import BAR
from kwin_core.engine import Buffers, Engine, make_engine
from kwin_core.kwin.setup import PROPERTIES, Setup, build
from kwin_core.kwin.state import NO_SWING
from kwin_core.properties import Instrument
from kwin_core.state import EXIT_KIND_NAMES, REFUSED
from tests.reference.records import Bar, ClosedTrade, OpenTrade, Result, Settings

BAR_MS = 900_000

COLUMNS = {
    "ph": "ph",
    "pl": "pl",
    "swH": "swing_high",
    "swL": "swing_low",
    "bear_local": "bear_local",
    "bull_local": "bull_local",
    "bear15": "bear_classic",
    "bull15": "bull_classic",
    "bear_signal": "bear",
    "bull_signal": "bull",
    "pos_seen": "position_seen",
    "equity_seen": "equity_seen",
    "can_long": "can_long",
    "can_short": "can_short",
    "traded_bull": "traded_bull",
    "traded_bear": "traded_bear",
    "pivH_swing_bix": "bear_swing_bix",
    "pivL_swing_bix": "bull_swing_bix",
    "action": "action",
    "qty": "qty",
    "sl": "stop",
    "longEntry": "long_entry",
    "longSL": "long_stop",
    "shortEntry": "short_entry",
    "shortSL": "short_stop",
    "long_armed": "long_armed",
    "short_armed": "short_armed",
    "lookback_prev": "lookback_prev",
    "barTS": "bar_trail_stop",
    "exit_stop": "exit_stop",
    "trail_points": "trail_points",
    "trail_offset": "trail_offset",
    "htf60_close": "htf60_close",
    "htf60_close1": "htf60_close_prev",
    "rsi14": "rsi",
}
"""Column of the per-bar reference files -> field of the compiled strategy's signals."""

_BAR_NUMBERS = ("traded_bull", "traded_bear", "pivH_swing_bix", "pivL_swing_bix")


def to_array(bars: Sequence[Bar]) -> np.ndarray:
    """Reference bars as the record array every feed delivers."""
    out = np.zeros(len(bars), BAR)
    for name in ("time_ms", "open", "high", "low", "close"):
        out[name] = [getattr(bar, name) for bar in bars]
    out["volume"] = 1.0
    return out


def setup_for(
    preset: str, profile: str, params: Mapping[str, Any] | None = None, settings: Settings | None = None
) -> Setup:
    """A run of KWIN under the reference's settings; ``now_ms`` may be among the parameters, as there."""
    settings = settings or Settings()
    given = dict(params or {})
    now_ms = given.pop("now_ms", None) or 0
    made = build(
        preset,
        profile,
        given,
        tick=settings.tick,
        timeframe_ms=BAR_MS,
        now_ms=now_ms,
        lot=settings.lot,
        margin_percent=settings.margin_percent,
        capital=settings.initial_capital,
        trade_from_ms=settings.trade_from_ms,
    )
    if settings.process_orders_on_close is None and settings.commission_percent is None:
        return made
    properties = PROPERTIES[preset].with_(
        margin_long=settings.margin_percent,
        margin_short=settings.margin_percent,
        all_na_exit=str(made.values["all_na_exit"]),
    )
    if settings.initial_capital is not None:
        properties = properties.with_(initial_capital=settings.initial_capital)
    if settings.process_orders_on_close is not None:
        properties = properties.with_(process_orders_on_close=settings.process_orders_on_close)
    if settings.commission_percent is not None:
        properties = properties.with_(commission_value=settings.commission_percent)
    instrument = Instrument(settings.tick, settings.lot)
    return replace(
        made, frozen=properties.frozen(), settings=properties.settings(instrument, settings.trade_from_ms)
    )


def run_setup(setup: Setup, bars: np.ndarray) -> tuple[Engine, np.ndarray, Buffers]:
    """Run all bars in one call; returns the engine, the state after the last bar, and the full buffers."""
    engine = make_engine(setup.strategy, setup.frozen)
    states = engine.new_state(setup.settings, setup.params)
    buffers = Buffers(setup.strategy, bars.size, rows=max(1_000, 4 * bars.size))
    taken = engine.run(states, bars, setup.params, buffers)
    assert taken == bars.size, (taken, bars.size)
    return engine, states, buffers


def run(
    bars: Sequence[Bar],
    preset: str,
    profile: str,
    params: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
) -> Result:
    """`tests.reference.run`, computed by the compiled core.

    The columns ``exit_stop``, ``trail_points`` and ``trail_offset`` are what was in force when the script
    ended; ``filled_at_close`` tells on which bars the broker ended an exit or an entry after that.
    """
    setup = setup_for(preset, profile, params, settings)
    array = to_array(bars)
    _, states, buffers = run_setup(setup, array)
    trades, events = buffers.take()
    core = states[0]["core"]
    result = Result(equity=float(core["equity"]))
    text = setup.strategy.text
    for row in trades:
        result.trades.append(
            ClosedTrade(
                side="long" if row["side"] > 0 else "short",
                entry_bar=int(row["entry_bar"]),
                exit_bar=int(row["exit_bar"]),
                entry_time_ms=int(row["entry_time_ms"]),
                exit_time_ms=int(row["exit_time_ms"]),
                entry_price=float(row["entry_price"]),
                exit_price=float(row["exit_price"]),
                qty=float(row["qty"]),
                entry_signal=text(int(row["entry_text"]), int(row["entry_text_arg"])),
                exit_signal=text(int(row["exit_text"]), int(row["exit_text_arg"])),
                exit_kind=EXIT_KIND_NAMES[int(row["exit_kind"])],
                commission=float(row["commission"]),
                net_pnl=float(row["net_pnl"]),
                runup=float(row["runup"]),
                drawdown=float(row["drawdown"]),
            )
        )
    result.open_trades = [_open_trade(core, core["lots"][n], text) for n in range(int(core["lot_count"]))]
    changed = {int(event["bar"]) for event in events if _after_the_script(event)} | _closed_only(result)
    for number in range(len(bars)):
        result.bars.append(_row(number, array, buffers.signals[number], number in changed))
    return result


def _after_the_script(event: Any) -> bool:
    """Whether an exit filled at the close, or the broker refused an entry or called a margin."""
    kind = EXIT_KIND_NAMES.get(int(event["by"]), "")
    return kind.endswith("@close") or kind == "margin" or int(event["kind"]) == REFUSED


def _closed_only(result: Result) -> set[int]:
    """Bars on which an entry below one lot closed the other side and opened nothing: its exit went with it (R149)."""
    entered = {(trade.entry_bar, trade.side) for trade in (*result.trades, *result.open_trades)}
    other = {"long": "short", "short": "long"}
    reversed_on = (
        (trade.exit_bar, other[trade.side]) for trade in result.trades if trade.exit_kind == "reversal"
    )
    return {bar for bar, side in reversed_on if (bar, side) not in entered}


def _open_trade(core: Any, lot: Any, text: Any) -> OpenTrade:
    last = float(np.floor(core["close"] / core["settings"]["tick"] + 0.5) * core["settings"]["tick"])
    contracts = float(lot["qty"])
    fee = float(lot["commission"])
    return OpenTrade(
        side="long" if lot["side"] > 0 else "short",
        entry_bar=int(lot["bar"]),
        entry_time_ms=int(lot["time_ms"]),
        entry_price=float(lot["price"]),
        qty=contracts,
        entry_signal=text(int(lot["text"]), int(lot["text_arg"])),
        commission=fee,
        open_profit=(last - float(lot["price"])) * float(lot["side"]) * contracts,
        runup=max(0.0, float(lot["best_move"]) * contracts - fee),
        drawdown=min(0.0, float(lot["worst_move"]) * contracts - fee),
    )


def _row(number: int, bars: np.ndarray, signals: Any, filled_at_close: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"bar": number, "filled_at_close": filled_at_close}
    row |= {name: bars[name][number].item() for name in ("time_ms", "open", "high", "low", "close")}
    for column, field in COLUMNS.items():
        value = signals[field].item()
        missing = value == NO_SWING if column in _BAR_NUMBERS else value != value
        row[column] = None if missing else value
    return row
