"""The broker emulator, as far as KWIN uses it: market entries, one exit order an entry, one open trade.

Prices inside are whole ticks. With pyramiding 0 there is never more than one open trade.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tests.reference.exit_leg import ExitArguments, ExitLeg
from tests.reference.margin import MarginRules
from tests.reference.records import Bar, ClosedTrade, OpenTrade
from tests.reference.ticks import floor_to_lot, round_money, snap


@dataclass
class Trade:
    """The open trade; ``best`` and ``worst`` are the extremes of its path in favour ticks."""

    favour: int
    entry_bar: int
    entry_time_ms: int
    entry: int
    qty: float
    entry_signal: str
    commission: float
    best: int
    worst: int


@dataclass
class MarketOrder:
    """A market entry not filled yet; with quantity 0 it only closes an opposite position."""

    entry_id: str
    favour: int
    qty: float


class Broker:
    """Orders, position and money of one run."""

    def __init__(
        self,
        *,
        tick: float,
        lot: float,
        margin_percent: float,
        commission_percent: float,
        initial_capital: float,
        all_na_exit: str,
    ) -> None:
        self.tick = tick
        self.lot = lot
        self.commission_rate = commission_percent / 100
        self.capital = initial_capital
        self.realised = 0.0
        self.keep_on_all_na = all_na_exit == "keep"
        self.margin = MarginRules(margin_percent / 100, lot)
        self.accepts_orders = True
        self.bar_index = -1
        self.bar = Bar(0, 0.0, 0.0, 0.0, 0.0)
        self.trade: Trade | None = None
        self.closed: list[ClosedTrade] = []
        self.entries: list[MarketOrder] = []
        self.legs: dict[str, ExitLeg] = {}

    # ---- what the script sees

    def position_size(self) -> float:
        """Signed quantity in base currency."""
        return 0.0 if self.trade is None else self.trade.favour * self.trade.qty

    def equity(self, price_ticks: int | None = None) -> float:
        """Capital, booked results, the open trade's entry commission and its profit (SP-39, R102, R155).

        The open profit is marked at the given price, otherwise at the bar's close.
        """
        total = self.capital + self.realised
        if self.trade is not None:
            mark = snap(self.bar.close, self.tick) if price_ticks is None else price_ticks
            total += self.profit(self.trade, mark) - self.trade.commission
        return total

    def profit(self, trade: Trade, price_ticks: int) -> float:
        """Profit of an open trade at a price, before commissions."""
        return trade.favour * (price_ticks * self.tick - trade.entry * self.tick) * trade.qty

    # ---- what the script commands

    def entry(self, entry_id: str, favour: int, qty: float | None) -> None:
        """A market strategy.entry with an explicit quantity, pyramiding 0."""
        if not self.accepts_orders or qty is None or qty <= 0:
            return  # R43
        if self._expected_favour() == favour:
            return  # R49, R134
        new_qty = floor_to_lot(qty, self.lot)
        if new_qty == 0:
            closes_only = self._expected_favour() == -favour  # R137
        elif self._placement_fits(new_qty):
            closes_only = False
        else:
            closes_only = (
                self.trade is not None and not self.entries
            )  # R136; never the bar's own first leg, R57
            new_qty = 0.0
        if new_qty > 0 or closes_only:
            self.entries.append(MarketOrder(entry_id, favour, new_qty))

    def exit(self, exit_id: str, entry_id: str, favour: int, args: ExitArguments) -> None:
        """A strategy.exit bound to one entry id; the same call again replaces the order (R60)."""
        if not self.accepts_orders:
            return
        bound = self.trade if self.trade is not None and self.trade.entry_signal == entry_id else None
        if bound is None and not any(order.entry_id == entry_id for order in self.entries):
            return  # E9
        old = self.legs.get(entry_id)
        if args.all_na() and (old is None or self.keep_on_all_na):
            return  # R59
        leg = ExitLeg(exit_id, args, favour, self.tick, self.bar_index)
        if bound is not None:
            leg.bind(favour * bound.entry)
            if old is None or not leg.take_over_trail(old):
                leg.seed(favour * snap(self.bar.close, self.tick))  # R83, R84
        self.legs[entry_id] = leg

    def _expected_favour(self) -> int:
        """Side of the position after the market orders already placed on this bar (R134)."""
        favour = 0 if self.trade is None else self.trade.favour
        for order in self.entries:
            favour = order.favour if order.qty > 0 else 0
        return favour

    def _placement_fits(self, qty: float) -> bool:
        """R90, for both legs when an opposite entry of this bar is waiting (R57)."""
        close = snap(self.bar.close, self.tick)
        waiting = sum(order.qty for order in self.entries)
        return self.margin.fits((waiting + qty) * close * self.tick, self.equity())

    # ---- what a bar does to the orders

    def start_bar(self, bar_index: int, bar: Bar) -> None:
        """Make ``bar`` the current one."""
        self.bar_index = bar_index
        self.bar = bar

    def match_bar(self) -> None:
        """Match what was placed on earlier bars along the path of this bar (R1, R4, R6)."""
        high, low = snap(self.bar.high, self.tick), snap(self.bar.low, self.tick)
        opening, closing = snap(self.bar.open, self.tick), snap(self.bar.close, self.tick)
        first, second = (high, low) if self._high_first(opening, high, low) else (low, high)
        self._match_open(opening)
        self._match_leg(opening, first)
        self.check_margin(first)
        self._match_leg(first, second)
        self.check_margin(second)
        self._match_leg(second, closing)

    def _high_first(self, opening: int, high: int, low: int) -> bool:
        """R4: the nearer extreme comes first; equal distances are compared again as doubles of the prices.

        Only when these are equal too does the low come first.
        """
        if high - opening != opening - low:
            return high - opening < opening - low
        o, h, lower = (float(ticks * Decimal(repr(self.tick))) for ticks in (opening, high, low))
        return h - o < o - lower

    def match_close(self) -> None:
        """Match what this bar placed at its close: market first, then exits already passed (R118)."""
        close = snap(self.bar.close, self.tick)
        self._fill_entries(close)
        if self.trade is None:
            return
        leg = self.legs.get(self.trade.entry_signal)
        if leg is None or leg.issued_bar != self.bar_index:
            return
        kind = leg.at_close(self.trade.favour * close)
        if kind is not None:
            self._close_all(close, leg.exit_id, kind)

    def check_margin(self, price: int) -> None:
        """A margin call at one point of the path (R94, R95)."""
        if self.trade is None:
            return
        cut = self.margin.call_qty(self.trade.qty, price * self.tick, self.equity(price))
        if cut > 0:
            fee = self._commission(cut, price)
            self._book(cut, price, fee, "Margin call", "margin")

    def check_margin_at_close(self) -> None:
        """The last check of a bar, after the orders that filled at its close (R1)."""
        self.check_margin(snap(self.bar.close, self.tick))

    def _match_open(self, opening: int) -> None:
        self._fill_entries(opening)  # E3: market orders first
        if self.trade is not None:
            leg = self.legs.get(self.trade.entry_signal)
            kind = None if leg is None else leg.at_open(self.trade.favour * opening)
            if leg is not None and kind is not None:
                self._close_all(opening, leg.exit_id, kind)
        if self.trade is not None:
            self._touch(self.trade.favour * opening)
        self.check_margin(opening)

    def _match_leg(self, start: int, end: int) -> None:
        if self.trade is None or start == end:
            return
        favour = self.trade.favour
        leg = self.legs.get(self.trade.entry_signal)
        fill = None if leg is None else leg.on_leg(favour * start, favour * end)
        if leg is None or fill is None:
            self._touch(favour * end)
        else:
            self._close_all(favour * fill[0], leg.exit_id, fill[1])

    def _touch(self, favour_price: int) -> None:
        """The open trade's path reached a price."""
        if self.trade is not None:
            self.trade.best = max(self.trade.best, favour_price)
            self.trade.worst = min(self.trade.worst, favour_price)

    # ---- fills

    def _commission(self, qty: float, price: int) -> float:
        return round_money(self.commission_rate * (price * self.tick) * qty)

    def _fill_entries(self, price: int) -> None:
        orders, self.entries = self.entries, []
        for number, order in enumerate(orders):
            self._fill_entry(order, price, orders[number + 1 :], first_leg_here=number > 0)

    def _fill_entry(
        self, order: MarketOrder, price: int, waiting: list[MarketOrder], first_leg_here: bool
    ) -> None:
        old_qty = 0.0 if self.trade is None else self.trade.qty
        equity_flat = self.equity(price) - (self._commission(old_qty, price) if old_qty > 0 else 0.0)
        new_qty = order.qty if self.margin.fits(order.qty * price * self.tick, equity_flat) else 0.0  # R91
        refused = order.qty > 0 and new_qty == 0
        total = old_qty + new_qty
        if total == 0 or (refused and first_leg_here):
            self.legs.pop(order.entry_id, None)  # R57, R149
            return
        fee = self._commission(total, price)
        if self.trade is not None:
            waiting_ids = {other.entry_id for other in waiting}
            self._book(old_qty, price, fee * old_qty / total, order.entry_id, "reversal", waiting_ids)
        if new_qty == 0:
            self.legs.pop(order.entry_id, None)
            return
        at = order.favour * price
        self.trade = Trade(
            favour=order.favour,
            entry_bar=self.bar_index,
            entry_time_ms=self.bar.time_ms,
            entry=price,
            qty=new_qty,
            entry_signal=order.entry_id,
            commission=fee * new_qty / total,
            best=at,
            worst=at,
        )
        leg = self.legs.get(order.entry_id)
        if leg is not None:
            leg.bind(at)
            leg.seed(at)

    def _close_all(self, price: int, signal: str, kind: str) -> None:
        assert self.trade is not None
        fee = self._commission(self.trade.qty, price)
        self._book(self.trade.qty, price, fee, signal, kind)

    def _book(
        self, qty: float, price: int, fee: float, signal: str, kind: str, waiting_ids: set[str] | None = None
    ) -> None:
        """Book the closing of ``qty``; when flat the exits die, those of a waiting entry do not (R67)."""
        trade = self.trade
        assert trade is not None
        self._touch(trade.favour * price)
        share = qty / trade.qty
        entry_fee = trade.commission * share
        best = (trade.best - trade.favour * trade.entry) * self.tick * qty - entry_fee
        worst = (trade.worst - trade.favour * trade.entry) * self.tick * qty - entry_fee
        gross = trade.favour * (price * self.tick - trade.entry * self.tick) * qty
        self.closed.append(
            ClosedTrade(
                side="long" if trade.favour > 0 else "short",
                entry_bar=trade.entry_bar,
                exit_bar=self.bar_index,
                entry_time_ms=trade.entry_time_ms,
                exit_time_ms=self.bar.time_ms,
                entry_price=trade.entry * self.tick,
                exit_price=price * self.tick,
                qty=qty,
                entry_signal=trade.entry_signal,
                exit_signal=signal,
                exit_kind=kind,
                commission=entry_fee + fee,
                net_pnl=gross - entry_fee - fee,
                runup=max(0.0, best),
                drawdown=min(0.0, worst),
            )
        )
        self.realised += self.closed[-1].net_pnl
        if qty < trade.qty:
            trade.qty -= qty
            trade.commission -= entry_fee
            return
        self.trade = None
        if trade.entry_signal not in (waiting_ids or set()):
            self.legs.pop(trade.entry_signal, None)

    # ---- at the end

    def leg_in_force(self) -> ExitLeg | None:
        """The exit order of the open trade, or of an entry still waiting."""
        if self.trade is not None:
            return self.legs.get(self.trade.entry_signal)
        return self.legs.get(self.entries[-1].entry_id) if self.entries else None

    def open_trades(self) -> list[OpenTrade]:
        """The trade left open, marked at the last close; the end of the data closes nothing."""
        trade = self.trade
        if trade is None:
            return []
        entry = trade.favour * trade.entry
        return [
            OpenTrade(
                side="long" if trade.favour > 0 else "short",
                entry_bar=trade.entry_bar,
                entry_time_ms=trade.entry_time_ms,
                entry_price=trade.entry * self.tick,
                qty=trade.qty,
                entry_signal=trade.entry_signal,
                commission=trade.commission,
                open_profit=self.profit(trade, snap(self.bar.close, self.tick)),
                runup=max(0.0, (trade.best - entry) * self.tick * trade.qty - trade.commission),
                drawdown=min(0.0, (trade.worst - entry) * self.tick * trade.qty - trade.commission),
            )
        ]
