"""The inputs of each preset with their defaults, and the properties each preset starts from."""

from __future__ import annotations

from kwin_core.errors import ConfigError

SWITCHES: dict[str, object] = {"all_na_exit": "cancel", "conditional_history": "ring", "now_ms": None}
"""Beside the inputs of every preset; ``now_ms`` pins the day window (SP-44)."""

WINDOW: dict[str, object] = {"use_window": True, "period_choice": "30"}

SMART_TRAIL: dict[str, object] = {
    "enable_smart_trail": True,
    "trailing_perc": 0.5,
    "trailing_offset": 0.4,
    "use_arm_after_rr": True,
    "arm_rr": 0.5,
    "use_bar_trail": True,
    "trail_lookback": 50,
    "trail_buf_ticks": 40,
}

SIZE_AND_NOISE: dict[str, object] = {
    "swing_len": 2,
    "risk_pct": 3.0,
    "limit_qty_enabled": True,
    "max_qty_manual": 50.0,
    "qty_step": 0.01,
    "min_order_qty": 0.01,
    "taker_fee_rate": 0.00055,
    "use_fee_filter": True,
    "use_one_per_bar": True,
    "bar_priority": "Skip",
    "use_dir_lock": True,
}

DUAL_SFP: dict[str, object] = {
    **SWITCHES,
    **WINDOW,
    **SMART_TRAIL,
    **SIZE_AND_NOISE,
    "start_time_ms": 1_755_021_600_000,
    "min_net_profit": 2.0,
    "use_once_per_swing": True,
    "use_sfp_quality": False,
    "wick_min_ticks": 7,
    "close_back_pct": 1.0,
    "stop_source": "pivot",
    "sl_buf_ticks": 0,
    "atr_mult": 0.0,
    "atr_period": 14,
    "use_take_profit": False,
    "risk_reward": 1.3,
    "invert_signals": False,
    "cooldown_minutes": 0,
}

CLASSIC: dict[str, object] = {
    **SWITCHES,
    **WINDOW,
    "start_time_ms": 1_754_265_600_000,
    "swing_len": 2,
    "risk_reward": 10.5,
    "risk_pct": 3.0,
    "zero_commission": False,
    "use_rsi_weight": False,
    "rsi_weight_pct": 50.0,
    "rsi_period": 14,
    "rsi_overbought": 60.0,
    "rsi_oversold": 40.0,
    "enable_reentry_after_sl": False,
    "enable_smart_trail": True,
    "trailing_perc": 1.5,
    "trailing_offset": 1.0,
}

CLASSIC_QUALITY: dict[str, object] = {
    **SWITCHES,
    **WINDOW,
    **SMART_TRAIL,
    **SIZE_AND_NOISE,
    "start_time_ms": 1_755_021_600_000,
    "min_net_profit": 1.2,
    "risk_reward": 1.3,
    "use_sfp_quality": True,
    "wick_min_ticks": 7,
    "close_back_pct": 1.0,
}

PRESETS = {"dual-sfp": DUAL_SFP, "classic": CLASSIC, "classic-quality": CLASSIC_QUALITY}

PROPERTIES: dict[str, tuple[bool, float, float]] = {
    "dual-sfp": (True, 0.055, 300.0),
    "classic": (False, 0.0, 100.0),
    "classic-quality": (True, 0.055, 300.0),
}
"""Process orders on close, commission in percent, initial capital in quote currency."""

CHOICES = {
    "bar_priority": ("Skip", "Prefer Bear", "Prefer Bull"),
    "period_choice": ("30", "60", "180"),
    "stop_source": ("pivot", "previous", "signal", "min_prev_len"),
    "all_na_exit": ("cancel", "keep"),
    "conditional_history": ("ring", "per-call", "global"),
}


def complete(preset: str, params: dict[str, object]) -> dict[str, object]:
    """Lay the given parameters over the preset's defaults.

    Raises
    ------
    ConfigError
        For an unknown preset, an unknown parameter, an unknown choice, or a window without ``now_ms``.
    """
    if preset not in PRESETS:
        raise ConfigError(f"preset is {preset!r}; use one of {', '.join(PRESETS)}")
    defaults = PRESETS[preset]
    unknown = sorted(set(params) - set(defaults))
    if unknown:
        raise ConfigError(f"preset {preset} has no parameter {', '.join(unknown)}")
    merged = {**defaults, **params}
    for name, allowed in CHOICES.items():
        if name in merged and merged[name] not in allowed:
            raise ConfigError(f"{name} is {merged[name]!r}; use one of {', '.join(allowed)}")
    if merged["use_window"] and merged["now_ms"] is None:
        raise ConfigError("use_window needs now_ms, the moment the day window is counted from")
    return merged
