"""What KWIN remembers and what it shows per bar."""

from __future__ import annotations

import numpy as np

from kwin_core import ta
from kwin_core.history import history_state
from kwin_core.records import record
from kwin_core.security import HTF

NO_SWING = -1  # "na" of the swing locks: bar numbers are never negative
CAPACITY = 512

SWING_FAILURE = record(
    [
        ("active", np.int64),  # false before the first local SFP of the side, true ever after (SP-4, SP-8)
        ("price", np.float64),  # the swept level
        ("swing_bix", np.int64),  # bar before the SFP bar, not the pivot's own bar (SP-7)
        ("opposite", np.float64),  # far side of the SFP bar
        ("confirmed", np.int64),  # close beyond it later: shown only (SP-10)
    ]
)

SIDE = record(
    [
        ("swing", np.float64),  # last confirmed pivot, nan before the first (SP-16)
        ("failure", SWING_FAILURE),
        ("can_enter", np.int64),
        ("traded_swing", np.int64),  # lock value, NO_SWING = none
        ("entry", np.float64),  # price at the signal close, nan when flat
        ("initial_stop", np.float64),  # stays the initial stop for the whole trade (SP-6)
        ("armed", np.int64),
        ("stop", np.float64),  # intent: the ratcheted stop
        (
            "offset_argument",
            np.float64,
        ),  # trail_offset of the last exit call that had one, before R79 cuts it
        ("lookback", ta.CONDITIONAL),  # the call of highest/lowest inside `if armed` (SP-21)
        ("lookback_value", np.float64),  # its value at the previous execution (SP-23)
        ("extreme", ta.EXTREME),  # intent: the true N-bar low (high), every bar
        ("extreme_previous", np.float64),
        ("pivot", ta.pivot_state(CAPACITY)),
        ("pivot15", ta.pivot_state(CAPACITY)),  # on charts below 15 minutes
    ]
)
"""Everything KWIN keeps for one side; ``long`` watches lows, ``short`` highs."""

STATE = record(
    [
        ("long", SIDE),
        ("short", SIDE),
        ("lows", history_state(CAPACITY)),  # low15 by chart bar, for [len] (SP-18)
        ("highs", history_state(CAPACITY)),
        ("close15", np.float64),  # of the previous chart bar
        ("htf15", HTF),
        ("pl15", np.float64),
        ("ph15", np.float64),
        ("previous_low", np.float64),
        ("previous_high", np.float64),
        ("atr", ta.ATR),
        ("last_entry_ms", np.int64),
    ]
)

SIGNALS = record(
    [
        ("ph", np.float64),
        ("pl", np.float64),
        ("swing_high", np.float64),
        ("swing_low", np.float64),
        ("position_seen", np.float64),  # what the script saw at its start, base currency
        ("equity_seen", np.float64),  # quote currency
        ("qty", np.float64),  # of the entry made on this bar, nan without one
        ("stop", np.float64),  # its initial stop
        ("long_entry", np.float64),
        ("long_stop", np.float64),
        ("short_entry", np.float64),
        ("short_stop", np.float64),
        ("lookback_prev", np.float64),  # highest/lowest(...)[1] used by the bar trail
        ("bar_trail_stop", np.float64),  # stop it passed
        ("exit_stop", np.float64),  # arguments of the exit in force when the script ended; nan without one
        ("trail_points", np.float64),  # ticks
        ("trail_offset", np.float64),  # ticks, as passed
        ("htf60_close", np.float64),
        ("htf60_close_prev", np.float64),
        ("rsi", np.float64),
        ("traded_bull", np.int64),
        ("traded_bear", np.int64),
        ("bear_swing_bix", np.int64),
        ("bull_swing_bix", np.int64),
        ("bear_local", np.int8),
        ("bull_local", np.int8),
        ("bear_classic", np.int8),
        ("bull_classic", np.int8),
        ("bear", np.int8),  # after quality, inversion and priority
        ("bull", np.int8),
        ("can_long", np.int8),
        ("can_short", np.int8),
        ("long_armed", np.int8),
        ("short_armed", np.int8),
        ("action", np.int8),  # 0 none, 1 long, 2 short, 3 both
    ]
)
"""One row a bar. State columns are values after the script ran; swing and lock bars are NO_SWING when unset."""
