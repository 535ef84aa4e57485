"""Everything a strategy file needs, in one import: orders, indicators, the context it reads, and its declaration.

The context ``ctx`` is the broker's record; a strategy reads these fields and changes none: ``bar_index``,
``time_ms``, ``position_size`` (signed, base currency), ``position_avg_price`` (nan when flat), ``equity``,
``net_profit``, ``open_profit``, ``closed_trades``, ``last_profit`` (net result of the newest closed trade).
"""

from kwin_core import ta
from kwin_core.commands import cancel, cancel_all, close, close_all, entry, order
from kwin_core.engine import Buffers, Engine, Strategy, make_engine
from kwin_core.exits import exit
from kwin_core.jit import compiled
from kwin_core.properties import PINE_V5, PINE_V6, Instrument, Properties
from kwin_core.queries import (
    capital_held,
    default_entry_qty,
    margin_liquidation_price,
    open_trade_size,
)
from kwin_core.records import record
from kwin_core.risk import (
    allow_entry_in,
    max_cons_loss_days,
    max_drawdown,
    max_intraday_filled_orders,
    max_intraday_loss,
    max_position_size,
)
from kwin_core.state import CASH, LONG, OCA_CANCEL, OCA_NONE, OCA_REDUCE, PERCENT_OF_EQUITY, SHORT

__all__ = [
    "CASH",
    "LONG",
    "OCA_CANCEL",
    "OCA_NONE",
    "OCA_REDUCE",
    "PERCENT_OF_EQUITY",
    "PINE_V5",
    "PINE_V6",
    "SHORT",
    "Buffers",
    "Engine",
    "Instrument",
    "Properties",
    "Strategy",
    "allow_entry_in",
    "cancel",
    "cancel_all",
    "capital_held",
    "close",
    "close_all",
    "compiled",
    "default_entry_qty",
    "entry",
    "exit",
    "make_engine",
    "margin_liquidation_price",
    "max_cons_loss_days",
    "max_drawdown",
    "max_intraday_filled_orders",
    "max_intraday_loss",
    "max_position_size",
    "open_trade_size",
    "order",
    "record",
    "ta",
]
