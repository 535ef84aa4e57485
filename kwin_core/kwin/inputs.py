"""KWIN's inputs: names, types, defaults a preset, ranges, and what they mean.

One table serves the command line, the configuration files, the parameter record of the compiled code and the
documentation. Unknown names and values out of range are errors, never ignored (C3).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from kwin_core.errors import ConfigError
from kwin_core.records import record

PRESETS = ("dual-sfp", "classic", "classic-quality")
PROFILES = ("tv-literal", "intent")

Value = bool | int | float | str


@dataclass(frozen=True)
class Input:
    """One input of the strategy.

    Parameters
    ----------
    name
        Name in this project.
    pine
        Name in the Pine source; empty for an option the Pine does not have.
    default
        Its type is the input's type. Times are ms since the UNIX epoch, UTC.
    meaning
        Unit and effect, one line.
    low, high
        Inclusive range; ``None`` is open.
    choices
        Allowed texts; their position is the code in the parameter record.
    label
        Label on TradingView's settings dialog.
    presets
        Default by preset where it differs.
    """

    name: str
    pine: str
    default: Value
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    label: str = ""
    presets: tuple[tuple[str, Value], ...] = ()
    time: bool = False

    def default_for(self, preset: str) -> Value:
        """Default of this input under a preset."""
        return dict(self.presets).get(preset, self.default)

    @property
    def dtype(self) -> type:
        """Type in the parameter record."""
        return np.float64 if isinstance(self.default, float) else np.int64

    def check(self, value: Any) -> Value:
        """The value in the input's own type, or ``ConfigError`` that says what is allowed."""
        checked = self._convert(value)
        if self.choices:
            return checked
        if isinstance(checked, float) and not np.isfinite(checked):
            raise ConfigError(f"{self.name} = {value!r}: must be a finite number")
        if not isinstance(checked, str):
            below = self.low is not None and checked < self.low
            above = self.high is not None and checked > self.high
            if below or above:
                low = "" if self.low is None else f"at least {self.low:g}"
                high = "" if self.high is None else f"at most {self.high:g}"
                raise ConfigError(
                    f"{self.name} = {value!r}: must be {' and '.join(filter(None, (low, high)))}"
                )
        return checked

    def _convert(self, value: Any) -> Value:
        kind = type(self.default)
        if self.choices:
            text = str(value)
            for choice in self.choices:
                if text.lower() == choice.lower():
                    return choice
            raise ConfigError(f"{self.name} = {value!r}: choose one of {', '.join(self.choices)}")
        if kind is bool:
            if isinstance(value, bool):
                return value
            word = str(value).strip().lower()
            if word in ("true", "yes", "on", "1"):
                return True
            if word in ("false", "no", "off", "0"):
                return False
            raise ConfigError(f"{self.name} = {value!r}: expected true or false")
        if self.time and isinstance(value, str | datetime):
            return parse_time(value, self.name)
        if isinstance(value, bool):
            raise ConfigError(f"{self.name} = {value!r}: expected a number")
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ConfigError(f"{self.name} = {value!r}: expected a number") from None
        if kind is int:
            if not number.is_integer():
                raise ConfigError(f"{self.name} = {value!r}: expected a whole number")
            return int(number)
        return number


def parse_time(value: str | datetime, name: str = "time") -> int:
    """ISO date or time to ms since the UNIX epoch; without a zone it is UTC. Whole numbers are ms already."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{10,}", value.strip()):
        number = int(value)
        if abs(number) < 10**11:
            raise ConfigError(
                f"{name} = {value!r} looks like seconds: times are ms or ISO text (2025-08-12T18:00Z)"
            )
        return number
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        except ValueError:
            raise ConfigError(f"{name} = {value!r}: write a time as 2025-08-12T18:00Z or in ms") from None
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


LAWS = ("ring", "per-call", "global")
STOP_SOURCES = ("pivot", "previous", "signal", "min_prev_len")
_QUALITY = "classic-quality"

INPUTS: tuple[Input, ...] = (
    Input("swing_len", "len", 2, "left strength of pivots and distance of the classic signal, bars", 1, 500, label="Swings"),
    Input("use_window", "useWindow", True, "entries only inside the time window", label="Use window"),
    Input(
        "start_time_ms", "start_time", 1_755_021_600_000, "first bar open that may enter, ms UTC", 0, time=True,
        label="Cycle Start Time", presets=(("classic", 1_754_265_600_000),),
    ),
    Input(
        "period_choice", "periodChoice", "30", "days before the last bar that may enter", choices=("30", "60", "180"),
        label="Backtest Period (days from today)",
    ),
    Input("risk_pct", "riskPct", 3.0, "equity risked a trade, percent", 0.1, 50, label="Risk % per trade"),
    Input("limit_qty_enabled", "limitQtyEnabled", True, "cap the quantity", label="Limit Max Position Qty"),
    Input("max_qty_manual", "maxQtyManual", 50.0, "the cap, base currency, applied after rounding", 0.001, label="Max Qty"),
    Input("qty_step", "qtyStep", 0.01, "quantity is rounded to this step, base currency", 1e-9),
    Input("min_order_qty", "minOrderQty", 0.01, "smaller quantities are skipped, base currency", 0.0),
    Input("enable_smart_trail", "enableSmartTrail", True, "place stop and trail", label="Enable Smart Trailing"),
    Input(
        "trailing_perc", "trailingPerc", 0.5, "trail activation: percent of the entry price; passed as ticks in tv-literal",
        0.05, label="Trailing %",
    ),
    Input(
        "trailing_offset", "trailingOffset", 0.4, "trail distance: percent of the entry price; passed as ticks in tv-literal",
        0.05, label="Trailing Offset %",
    ),
    Input("use_arm_after_rr", "useArmAfterRR", True, "arm the bar trail only after arm_rr", label="Arm after RR≥X"),
    Input("arm_rr", "armRR", 0.5, "arming distance in multiples of the initial risk", 0.1, label="Arm RR (R)"),
    Input("use_bar_trail", "useBarTrail", True, "trail by the low (high) of past bars", label="Use Bar-Low/High Smart Trail"),
    Input("trail_lookback", "trailLookback", 50, "bars of the bar trail", 1, 512, label="Trail lookback bars"),
    Input("trail_buf_ticks", "trailBufTicks", 40, "buffer behind the bar low (high), ticks", 0, label="Trail buffer (ticks)"),
    Input("use_fee_filter", "useFeeFilter", True, "skip entries whose target cannot pay the fees", label="Filter by net profit (1R must beat fees)"),
    Input("taker_fee_rate", "takerFeeRate", 0.00055, "fee a side for the filter, fraction", 0.0, label="Taker fee rate"),
    Input(
        "min_net_profit", "minNetProfit", 2.0, "net profit the filter asks for, quote currency", 0.0,
        label="Min expected net PnL", presets=((_QUALITY, 1.2),),
    ),
    Input(
        "use_once_per_swing", "useOncePerSwing", True, "one entry a side between two local SFPs (SP-8)",
        label="One trade per swing", presets=((_QUALITY, False),),
    ),
    Input("use_one_per_bar", "useOnePerBar", True, "at most one side a bar", label="One signal per bar"),
    Input(
        "bar_priority", "barPriority", "Skip", "which side when both signal on one bar",
        choices=("Skip", "Prefer Bear", "Prefer Bull"), label="When both on same bar",
    ),
    Input("use_dir_lock", "useDirLock", True, "no reversal: enter only when flat", label="Direction lock"),
    # classic ------------------------------------------------------------------------------------------
    Input(
        "risk_reward", "riskReward", 10.5, "target in multiples of the initial risk", 0.5, label="TP Risk/Reward Ratio",
        presets=((_QUALITY, 1.3), ("dual-sfp", 1.3)),
    ),
    Input("zero_commission", "zeroCommission", False, "classic: size without the commission term", label="Ignore Commission (Ideal Backtest Mode)"),
    Input("use_rsi_weight", "useRSIWeight", False, "classic: smaller size for weak entries", label="Use RSI Weighting for Position Size"),
    Input("rsi_weight_pct", "rsiWeightPct", 50.0, "classic: size of a weak entry, percent", 10, 100, label="Position Size % if RSI is Weak"),
    Input("rsi_period", "rsiPeriod", 14, "classic: RSI length, bars", 5, 512, label="RSI Period"),
    Input("rsi_overbought", "rsiOverbought", 60, "classic: a short is weak below it", 0, 100, label="RSI > for SHORT entry"),
    Input("rsi_oversold", "rsiOversold", 40, "classic: a long is weak above it", 0, 100, label="RSI < for LONG entry"),
    Input(
        "enable_reentry_after_sl", "enableReentryAfterSL", False,
        "classic: its gate is inverted in the source: true blocks until the close changes", label="Allow Re-entry After Stop-Loss",
    ),
    # classic-quality ----------------------------------------------------------------------------------
    Input("use_sfp_quality", "useSfpQuality", False, "require a deep wick that closes back", presets=((_QUALITY, True),)),
    Input("wick_min_ticks", "wickMinTicks", 7, "smallest wick beyond the level, ticks", 0),
    Input("close_back_pct", "closeBackPct", 1.0, "share of the wick the close must come back, fraction", 0.0, 1.0),
    # options beyond the Pine, off by default ----------------------------------------------------------
    Input("use_local_sfp", "", True, "trade local SFPs", presets=((_QUALITY, False),)),
    Input("stop_source", "", "pivot", "where the initial stop lies", choices=STOP_SOURCES, presets=((_QUALITY, "previous"),)),
    Input("sl_buf_ticks", "", 0, "buffer behind the initial stop, ticks", 0),
    Input("atr_mult", "", 0.0, "buffer behind the initial stop, multiples of ATR", 0.0),
    Input("atr_period", "", 14, "ATR length of that buffer, bars", 1, 512),
    Input("use_take_profit", "", False, "place a target at risk_reward"),
    Input("invert_signals", "", False, "swap long and short signals"),
    Input("cooldown_minutes", "", 0, "no entry for this long after an entry, minutes", 0),
    # switches for what evidence does not settle -------------------------------------------------------
    Input("all_na_exit", "", "cancel", "what an exit call with only na prices does to the running exit (R59)", choices=("cancel", "keep")),
    Input("conditional_history", "", "ring", "law of highest/lowest called inside an if (SP-22)", choices=LAWS),
)  # fmt: skip

BY_NAME = {item.name: item for item in INPUTS}
_PINE = {item.pine: item.name for item in INPUTS if item.pine} | {"sfpLen": "swing_len"}

PARAMS = record(
    [(item.name, item.dtype) for item in INPUTS]
    + [
        ("literal", np.int64),  # profile: 1 tv-literal, 0 intent
        ("fee_filter_r", np.float64),  # the filter measures the result at this multiple of the risk
        ("window_start_ms", np.int64),  # first bar open that may enter
        ("tick", np.float64),
        ("chart_ms", np.int64),
    ]
)
"""Parameter record of the compiled strategies; texts are their position in `Input.choices`, times are ms."""


def resolve_name(name: str) -> str:
    """Project name of an input given by its Pine name or its own.

    Raises
    ------
    ConfigError
        Unknown name; the message offers close ones.
    """
    if name in BY_NAME:
        return name
    if name in _PINE:
        return _PINE[name]
    import difflib

    close = difflib.get_close_matches(name, [*BY_NAME, *_PINE], n=3)
    hint = f": did you mean {' or '.join(close)}?" if close else "; `kwin-backtest --inputs` lists all"
    raise ConfigError(f"unknown input {name!r}{hint}")


def effective(preset: str, given: Mapping[str, Any] | None = None) -> dict[str, Value]:
    """Every input's value under a preset with the given ones applied, checked, in table order.

    Raises
    ------
    ConfigError
        Unknown preset or input, wrong type, out of range, or one input given twice under two names.
    """
    if preset not in PRESETS:
        raise ConfigError(f"unknown preset {preset!r}: choose one of {', '.join(PRESETS)}")
    values = {item.name: item.default_for(preset) for item in INPUTS}
    seen: dict[str, str] = {}
    for key, value in (given or {}).items():
        name = resolve_name(key)
        if name in seen:
            raise ConfigError(f"input {name} is given twice, as {seen[name]!r} and as {key!r}")
        seen[name] = key
        values[name] = BY_NAME[name].check(value)
    return values


def params_hash(preset: str, profile: str, values: Mapping[str, Value]) -> str:
    """Fingerprint of a complete setting (16 hex digits): changes when any single input value does."""
    text = json.dumps({"preset": preset, "profile": profile, **values}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
