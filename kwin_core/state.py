"""The records of the broker: settings, orders, open trades, closed trades, events, the core state.

Everything the emulator remembers lives in one fixed-size record of type ``CORE``. Prices of orders and of the
path are whole numbers of ticks held in float64, so that two levels are equal exactly when TradingView calls
them equal (R5, R23); ``nan`` means *absent* (R31). Money is in quote currency unless a name says otherwise.
"""

from __future__ import annotations

import numpy as np

from kwin_core.records import record

MAX_ORDERS = 48  # resting orders and exit legs, spent legs included
MAX_LOTS = 48  # open trades
MAX_EVENTS = 192  # order commands and fills of one bar
MAX_CLOSED = 96  # trades closed on one bar

# -- order kinds -------------------------------------------------------------------------------------
ENTRY = 1  # strategy.entry: reverses, respects pyramiding
RAW = 2  # strategy.order: simply buys or sells its quantity (R52)
EXIT = 3  # one leg of strategy.exit, bound to one entry fill or to a pending entry (R60)
CLOSE = 4  # strategy.close of one entry id
CLOSE_ALL = 5

LONG = 1
SHORT = -1

IMMEDIATELY = 2  # ``market`` of a close that fills at the close it was asked for at (R72)

SPENT = 1  # an exit leg that filled
DUE = 2  # one whose price was met together with a reversing entry that fills first

OCA_NONE = 0
OCA_CANCEL = 1
OCA_REDUCE = 2

# -- event kinds: commands first, then what the broker did -------------------------------------------
PLACED = 1
REPLACED = 2
CANCELLED = 3
FILLED = 4
REFUSED = 5  # margin or a risk rule

# -- how an order came to fill: the `exit_kind` of a closed trade -------------------------------------
BY_MARKET = 1
BY_STOP = 2
BY_STOP_GAP = 3  # the open had passed the stop: filled at the open (R13)
BY_STOP_CLOSE = 4  # placed already passed by the close, processed on close (R118)
BY_LIMIT = 5
BY_LIMIT_GAP = 6
BY_LIMIT_CLOSE = 7
BY_TRAIL = 8
BY_TRAIL_GAP = 9
BY_REVERSAL = 10
BY_MARGIN = 11
BY_RISK = 12
BY_HAND = 13  # on the exchange only: closed there by its owner
BY_LIQUIDATION = 14  # on the exchange only: liquidation or auto-deleveraging
BY_SETTLEMENT = 15  # on the exchange only: the contract was delisted or settled

EXIT_KIND_NAMES = {
    BY_MARKET: "market",
    BY_STOP: "stop",
    BY_STOP_GAP: "stop@gap",
    BY_STOP_CLOSE: "stop@close",
    BY_LIMIT: "limit",
    BY_LIMIT_GAP: "limit@open",
    BY_LIMIT_CLOSE: "limit@close",
    BY_TRAIL: "trail",
    BY_TRAIL_GAP: "trail@open",
    BY_REVERSAL: "reversal",
    BY_MARGIN: "margin",
    BY_RISK: "risk",
    BY_HAND: "manual",
    BY_LIQUIDATION: "liquidation",
    BY_SETTLEMENT: "settlement",
}

# -- when on its bar an event happened: the `phase` of an event ----------------------------------------
ON_PATH = 0  # the broker, before the script ran
BY_SCRIPT = 1
AT_CLOSE = 2  # the broker, after the script


# -- signal texts the broker itself writes: negative codes, so that they never meet a strategy's own ---
TEXT_CLOSE_ENTRY = -1  # "Close entry(s) order X": X is the text of the comment argument (R74)
TEXT_CLOSE_ALL = -2
TEXT_MARGIN_CALL = -3
TEXT_MAX_FILLS = -4
TEXT_MAX_INTRADAY_LOSS = -5
TEXT_MAX_DRAWDOWN = -6
TEXT_MAX_LOSS_DAYS = -7
TEXT_EXCHANGE = -8  # the exchange closed, or its owner did
TEXT_ADOPTED = -9  # a position that was opened outside

BROKER_TEXTS = {
    TEXT_CLOSE_ENTRY: "Close entry(s) order {}",
    TEXT_CLOSE_ALL: "Close position order",
    TEXT_MARGIN_CALL: "Margin call",
    TEXT_MAX_FILLS: "Close Position (Max number of filled orders in one day)",
    TEXT_MAX_INTRADAY_LOSS: "Close Position (Max intraday Loss)",
    TEXT_MAX_DRAWDOWN: "Close Position (Max drawdown)",
    TEXT_MAX_LOSS_DAYS: "Close Position (Max number of consecutive loss days)",
    TEXT_EXCHANGE: "Closed on the exchange",
    TEXT_ADOPTED: "Adopted",
}

# -- sizes and commissions ---------------------------------------------------------------------------
FIXED = 0
CASH = 1
PERCENT_OF_EQUITY = 2

COMMISSION_PERCENT = 0
COMMISSION_PER_CONTRACT = 1
COMMISSION_PER_ORDER = 2

# -- why a run stopped -------------------------------------------------------------------------------
OK = 0
TOO_MANY_ORDERS = 1
TOO_MANY_LOTS = 2
TOO_MANY_EVENTS = 3
TOO_MANY_CLOSED = 4
RISK_UNDECLARED = 5

SETTINGS = record(
    [
        ("tick", np.float64),  # price step, quote currency
        ("ticks_per_unit", np.float64),  # 1/tick when that is whole, else 0 (R3, R23)
        ("lot", np.float64),  # quantity step, base currency; 0 = quantities are taken as they are
        ("lots_per_unit", np.float64),  # 1/lot when that is whole, else 0
        ("point_value", np.float64),  # money per price unit and contract
        ("capital", np.float64),  # account currency
        ("commission_kind", np.int64),
        ("commission", np.float64),  # fraction of notional, or money per contract, or per order
        ("slippage_ticks", np.float64),
        ("margin_long", np.float64),  # fraction of notional; 0 = never checked (R89)
        ("margin_short", np.float64),
        ("pyramiding", np.int64),
        ("qty_kind", np.int64),
        ("qty_value", np.float64),  # contracts, cash, or fraction of equity
        ("close_any", np.int64),  # 1 = close_entries_rule ANY (R73)
        ("risk", np.int64),  # 1 = the engine watches risk rules; calling one without it is an error
        ("all_na_keep", np.int64),  # switch all_na_exit: 0 cancel, 1 keep (R59)
        ("pine_version", np.int64),  # 5 or 6: what differs is R147 and relative next to absolute exit levels
        ("trade_from_ms", np.int64),  # order commands before it are discarded
        ("day_offset_ms", np.int64),  # trading day = floor((open time + offset) / day) (R117)
    ]
)

ORDER = record(
    [
        ("kind", np.int64),
        ("id", np.int64),  # code of the order's own id
        ("entry", np.int64),  # exit: id of the entry it protects
        ("from_entry", np.int64),  # exit: the argument; 0 = not given
        ("lot", np.int64),  # exit: uid of the entry fill it is bound to; 0 = waits for a pending entry
        ("side", np.int64),  # +1 buys, -1 sells
        ("market", np.int64),  # 1 at the next open, or at this close with on_close; 2 immediately
        ("qty", np.float64),  # what it would trade; for a market entry without the position it reverses
        ("own_qty", np.float64),  # the argument, floored to the lot
        ("limit", np.float64),  # ticks, rounded to the grid by side (R24, R25, R29)
        ("stop", np.float64),  # ticks
        ("triggered", np.int64),  # stop-limit: the stop was touched, it is a limit order now (R53)
        ("default_sized", np.int64),
        ("budget", np.float64),  # default-sized: money frozen when it was placed (R41)
        ("raw_only", np.int64),  # market entry repeated on its own bar: it no longer reverses (R47)
        ("oca", np.int64),
        ("oca_kind", np.int64),
        ("text", np.int64),  # code of the signal text
        ("text_arg", np.int64),  # number shown in it, or the id a close names
        ("text_profit", np.int64),
        ("text_loss", np.int64),
        ("text_trailing", np.int64),
        ("placed_bar", np.int64),
        ("active_bar", np.int64),  # exit: first bar on whose path it works (R64)
        (
            "spent",
            np.int64,
        ),  # exit: 1 filled once for this entry, never revived (R61); 2 due with a reversal (R18)
        ("qty_arg", np.float64),  # exit: quantity argument; nan = the rest
        ("qty_fraction", np.float64),  # exit: share of the entry's original size; nan = not given (R62)
        (
            "reserved",
            np.float64,
        ),  # exit: the share it holds of its entry; close_all: what margin calls took since (R70)
        ("profit_ticks", np.float64),
        ("loss_ticks", np.float64),
        ("stop_arg", np.float64),  # exit: stop price as given; loss_ticks may tighten it at the fill
        ("limit_arg", np.float64),
        ("trail_points", np.float64),  # ticks, fractions kept (R79)
        ("trail_price", np.float64),
        ("trail_offset", np.float64),  # whole ticks (R79)
        ("activation", np.float64),  # ticks: price that arms the trail
        ("armed", np.int64),
        ("best", np.float64),  # ticks: water mark of the armed trail
    ]
)

LOT = record(
    [
        ("uid", np.int64),
        ("entry", np.int64),  # id of the entry order
        ("side", np.int64),
        ("qty", np.float64),  # what is left of the trade row, consumed first in first out (R73)
        ("bound", np.float64),  # what is left for the exits bound to this entry (R50)
        ("full_qty", np.float64),  # original size
        ("price", np.float64),
        ("bar", np.int64),
        ("time_ms", np.int64),
        ("text", np.int64),
        ("text_arg", np.int64),
        ("commission", np.float64),  # entry commission not yet booked to a closed row
        ("rate", np.float64),  # account currency per quote currency at the entry
        ("best_move", np.float64),  # per unit, account currency, >= 0 (R106)
        ("worst_move", np.float64),  # per unit, <= 0
        ("best_rate", np.float64),
        ("worst_rate", np.float64),
        ("by", np.int64),  # how the entry filled (BY_*)
    ]
)

TRADE = record(
    [
        ("side", np.int64),
        ("entry_bar", np.int64),
        ("exit_bar", np.int64),
        ("entry_time_ms", np.int64),
        ("exit_time_ms", np.int64),
        ("entry_price", np.float64),
        ("exit_price", np.float64),
        ("qty", np.float64),
        ("entry_text", np.int64),
        ("entry_text_arg", np.int64),
        ("exit_text", np.int64),
        ("exit_text_arg", np.int64),
        ("exit_kind", np.int64),
        ("commission", np.float64),  # both sides
        ("net_pnl", np.float64),  # after both commissions, account currency
        ("runup", np.float64),  # best result along the path, entry commission deducted, >= 0
        ("drawdown", np.float64),  # worst, <= 0
        ("cumulative", np.float64),  # net profit right after this row (R103)
        ("entry_value", np.float64),  # base of the row's percent columns (R104)
        ("runup_base", np.float64),
        ("drawdown_base", np.float64),
    ]
)

EVENT = record(
    [
        ("bar", np.int64),
        ("time_ms", np.int64),
        ("kind", np.int64),
        ("order_kind", np.int64),
        ("id", np.int64),
        ("entry", np.int64),
        ("side", np.int64),
        ("qty", np.float64),
        ("price", np.float64),  # fill price; nan for commands
        ("limit", np.float64),  # price, not ticks
        ("stop", np.float64),
        ("activation", np.float64),
        ("trail_offset", np.float64),  # ticks
        ("by", np.int64),
        ("phase", np.int64),  # ON_PATH, BY_SCRIPT, AT_CLOSE
    ]
)

OUTBOX = record(
    [
        ("event_count", np.int64),
        ("closed_count", np.int64),
        ("phase", np.int64),
        ("events", EVENT, (MAX_EVENTS,)),
        ("closed", TRADE, (MAX_CLOSED,)),
    ]
)
"""What one bar produced: handed to the caller by the engine, then emptied."""

CORE = record(
    [
        # what the strategy reads --------------------------------------------------------------
        ("bar_index", np.int64),
        ("time_ms", np.int64),
        ("position_size", np.float64),  # signed, base currency
        ("position_avg_price", np.float64),  # nan when flat
        ("equity", np.float64),  # capital + net profit + open profit at this close
        ("net_profit", np.float64),
        ("open_profit", np.float64),
        ("gross_profit", np.float64),
        ("gross_loss", np.float64),  # >= 0
        ("open_commission", np.float64),  # entry commissions of open trades
        ("last_profit", np.float64),  # net result of the newest closed trade; nan before the first
        ("closed_trades", np.int64),
        ("won_trades", np.int64),
        ("lost_trades", np.int64),
        ("max_drawdown", np.float64),  # from the realised high-water mark to the worst mark (R157)
        ("max_runup", np.float64),
        ("high_water", np.float64),
        ("low_water", np.float64),
        ("commission_paid", np.float64),
        # the bar in ticks ---------------------------------------------------------------------
        ("close", np.float64),  # as delivered
        ("open_tick", np.float64),
        ("high_tick", np.float64),
        ("low_tick", np.float64),
        ("close_tick", np.float64),
        ("rate", np.float64),  # account currency per unit of quote currency today (C1)
        ("forced_text", np.int64),  # a risk rule closes the position at the next vertex of the path (E14)
        # risk rules (R111 to R117); zero or nan = off ------------------------------------------
        ("allow", np.int64),  # 0 both, +1 long only, -1 short only
        ("max_position", np.float64),
        ("max_fills", np.int64),
        ("fills_today", np.int64),
        ("max_day_loss", np.float64),
        ("max_day_loss_is_percent", np.int64),
        ("max_loss_days", np.int64),
        ("loss_days", np.int64),
        ("max_drawdown_limit", np.float64),
        ("max_drawdown_is_percent", np.int64),
        ("day", np.int64),
        ("day_open_equity", np.float64),
        ("last_day_equity", np.float64),  # when the trading day before ended
        ("blocked_day", np.int64),  # orders are refused on this trading day; -2 = none
        ("halted", np.int64),  # orders are refused for good
        # book keeping -------------------------------------------------------------------------
        ("order_count", np.int64),
        ("lot_count", np.int64),
        ("next_uid", np.int64),
        ("max_held_long", np.float64),  # largest position, not largest trade (R158)
        ("max_held_short", np.float64),
        ("chain", np.uint64),
        ("status", np.int64),
        ("keep_signals", np.int64),  # 0: the caller wants no row a bar
        ("settings", SETTINGS),
        ("orders", ORDER, (MAX_ORDERS + 2,)),  # in activation order; then a zero slot, then scratch
        ("lots", LOT, (MAX_LOTS + 1,)),  # in order of entry; the last slot stays zero
        ("outbox", OUTBOX),  # emptied after every bar; never part of a digest (the chain covers it)
    ]
)
