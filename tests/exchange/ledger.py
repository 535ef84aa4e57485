"""Bookkeeping of fills: positions, coins, fees, executions, closed results, the transaction log."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

from tests.exchange.account import Account
from tests.exchange.executions import Execution
from tests.exchange.instruments import Instrument
from tests.exchange.numbers import ZERO, money, plain
from tests.exchange.orders import Order, sign_of
from tests.exchange.positions import Position


class Ledger:
    """Applies fills to an account. Knows nothing of prices to come or messages to send.

    Parameters
    ----------
    account
        What is changed.
    """

    def __init__(self, account: Account) -> None:
        self._account = account

    def linear_fill(
        self,
        order: Order,
        instrument: Instrument,
        *,
        price: Decimal,
        qty: Decimal,
        maker: bool,
        mark: Decimal,
        now_ms: int,
        seq: int,
        exec_id: str,
        exec_type: str = "Trade",
    ) -> Execution:
        """Fill ``qty`` of an order of a perpetual at ``price``.

        The part against an open position closes it, the rest opens; both are one execution.
        """
        account = self._account
        position = account.position(instrument, order.position_idx, now_ms)
        rate = account.maker if maker else account.taker
        fee = price * qty * rate
        if account.fee_digits is not None:
            fee = Context(prec=account.fee_digits, rounding=ROUND_HALF_UP).plus(fee)
        closed = min(qty, position.size) if position.side and position.side != order.side else ZERO
        pnl = self._close(position, order, price, closed, fee * closed / qty, now_ms)
        if qty > closed:
            self._open(position, order, price, qty - closed, fee * (qty - closed) / qty, now_ms)
        position.updated_ms, position.seq = now_ms, seq
        coin = account.coin(instrument.quote)
        coin.wallet += pnl - fee
        coin.realised += pnl - fee
        _book_on_order(order, price, qty, fee, now_ms)
        order.closed_pnl += pnl
        execution = self._execution(
            order, price, qty, fee, rate, maker, mark, now_ms, seq, exec_id, exec_type, closed, pnl
        )
        self._log(execution, instrument.quote, cash=pnl, funding=ZERO, size=position.size)
        return execution

    def spot_fill(
        self,
        order: Order,
        instrument: Instrument,
        *,
        price: Decimal,
        qty: Decimal,
        maker: bool,
        now_ms: int,
        seq: int,
        exec_id: str,
    ) -> Execution:
        """Fill ``qty`` of a spot order; a buyer pays the fee in base, a seller in quote."""
        account = self._account
        base, quote = account.coin(instrument.base), account.coin(instrument.quote)
        rate = account.spot_maker if maker else account.spot_taker
        if order.side == "Buy":
            fee, order.fee_coin = qty * rate, instrument.base
            base.wallet += qty - fee
            quote.wallet -= qty * price
        else:
            fee, order.fee_coin = qty * price * rate, instrument.quote
            base.wallet -= qty
            quote.wallet += qty * price - fee
        _book_on_order(order, price, qty, fee, now_ms)
        execution = self._execution(
            order, price, qty, fee, rate, maker, price, now_ms, seq, exec_id, "Trade", ZERO, ZERO
        )
        self._log(execution, order.fee_coin, cash=ZERO, funding=ZERO, size=ZERO)
        return execution

    def funding(
        self,
        position: Position,
        instrument: Instrument,
        *,
        rate: Decimal,
        mark: Decimal,
        now_ms: int,
        seq: int,
        exec_id: str,
    ) -> Execution:
        """Settle funding of a position: longs pay a positive rate, shorts receive it."""
        fee = position.size * mark * rate * sign_of(position.side)
        coin = self._account.coin(instrument.quote)
        coin.wallet -= fee
        coin.realised -= fee
        position.realised -= fee
        position.realised_all -= fee
        position.updated_ms, position.seq = now_ms, seq
        execution = Execution(
            exec_id=exec_id,
            category="linear",
            symbol=position.symbol,
            side=position.side,
            order_id=f"{now_ms // 1000}-8-{self._account.uid}-1-{position.idx}",
            link_id="",
            order_type="UNKNOWN",
            stop_order_type="",
            create_type="",
            order_price=ZERO,
            order_qty=ZERO,
            leaves=ZERO,
            price=mark,
            qty=position.size,
            fee=fee,
            fee_rate=rate,
            fee_coin=instrument.quote,
            maker=False,
            exec_type="Funding",
            closed_qty=ZERO,
            pnl=ZERO,
            mark=mark,
            time_ms=now_ms,
            seq=seq,
        )
        self._account.executions.append(execution)
        self._log(execution, instrument.quote, cash=ZERO, funding=-fee, size=position.size)
        return execution

    def _close(
        self, position: Position, order: Order, price: Decimal, qty: Decimal, fee: Decimal, now_ms: int
    ) -> Decimal:
        """Reduce a position; returns the result before fees."""
        if not qty:
            return ZERO
        average, share = position.average, qty / position.size
        pnl = (price - average) * qty * sign_of(position.side)
        entry_fee = position.entry_fees * share
        self._closed_row(position, order, price, qty, fee, entry_fee, pnl, now_ms)
        position.entry_fees -= entry_fee
        position.entry_value -= position.entry_value * share
        position.size -= qty
        position.realised += pnl - fee
        position.realised_all += pnl - fee
        if not position.size:
            position.side, position.entry_value, position.entry_fees = "", ZERO, ZERO
        return pnl

    def _open(
        self, position: Position, order: Order, price: Decimal, qty: Decimal, fee: Decimal, now_ms: int
    ) -> None:
        if not position.size:
            position.side, position.opened_ms, position.realised = order.side, now_ms, ZERO
        position.size += qty
        position.entry_value += price * qty
        position.entry_fees += fee
        position.realised -= fee
        position.realised_all -= fee

    def _closed_row(
        self,
        position: Position,
        order: Order,
        price: Decimal,
        qty: Decimal,
        fee: Decimal,
        entry_fee: Decimal,
        pnl: Decimal,
        now_ms: int,
    ) -> None:
        """Row of ``/v5/position/closed-pnl``: values and averages include the fees."""
        side = sign_of(position.side)
        entry = position.average * qty + entry_fee * side
        leave = price * qty - fee * side
        self._account.closed_pnl.append(
            {
                "symbol": position.symbol,
                "orderType": order.order_type,
                "leverage": plain(position.leverage),
                "updatedTime": str(now_ms),
                "side": order.side,
                "orderId": order.order_id,
                "closedPnl": money(pnl - fee - entry_fee),
                "openFee": money(entry_fee),
                "closeFee": money(fee),
                "avgEntryPrice": money(entry / qty),
                "qty": plain(order.qty),
                "cumEntryValue": money(entry),
                "createdTime": str(order.created_ms),
                "orderPrice": plain(order.price),
                "closedSize": plain(qty),
                "avgExitPrice": money(leave / qty),
                "execType": "Trade",
                "fillCount": "1",
                "cumExitValue": money(leave),
            }
        )

    def _execution(
        self,
        order: Order,
        price: Decimal,
        qty: Decimal,
        fee: Decimal,
        rate: Decimal,
        maker: bool,
        mark: Decimal,
        now_ms: int,
        seq: int,
        exec_id: str,
        exec_type: str,
        closed: Decimal,
        pnl: Decimal,
    ) -> Execution:
        execution = Execution(
            exec_id=exec_id,
            category=order.category,
            symbol=order.symbol,
            side=order.side,
            order_id=order.order_id,
            link_id=order.link_id,
            order_type=order.order_type,
            stop_order_type=order.stop_order_type,
            create_type=order.create_type,
            order_price=order.price,
            order_qty=order.qty,
            leaves=order.qty - order.filled_qty,
            price=price,
            qty=qty,
            fee=fee,
            fee_rate=rate,
            fee_coin=order.fee_coin,
            maker=maker,
            exec_type=exec_type,
            closed_qty=closed,
            pnl=pnl,
            mark=mark,
            time_ms=now_ms,
            seq=seq,
        )
        self._account.executions.append(execution)
        return execution

    def _log(
        self, execution: Execution, coin: str, *, cash: Decimal, funding: Decimal, size: Decimal
    ) -> None:
        """Row of ``/v5/account/transaction-log``: change = cashFlow + funding - fee."""
        settles = execution.exec_type == "Funding"
        fee = ZERO if settles else execution.fee
        self._account.transactions.append(
            {
                "transSubType": "",
                "id": f"{self._account.uid}_{execution.symbol}_{execution.seq}",
                "symbol": execution.symbol,
                "side": execution.side,
                "funding": money(funding) if settles else "",
                "orderLinkId": execution.link_id,
                "orderId": execution.order_id,
                "fee": money(fee),
                "change": money(cash + funding - fee),
                "cashFlow": money(cash),
                "transactionTime": str(execution.time_ms),
                "type": "SETTLEMENT" if settles else "TRADE",
                "feeRate": plain(execution.fee_rate),
                "bonusChange": "",
                "size": plain(size),
                "qty": plain(execution.qty),
                "cashBalance": money(self._account.coin(coin).wallet),
                "currency": coin,
                "category": execution.category,
                "tradePrice": plain(execution.price),
                "tradeId": execution.exec_id,
                "extraFees": "",
            }
        )


def _book_on_order(order: Order, price: Decimal, qty: Decimal, fee: Decimal, now_ms: int) -> None:
    order.filled_qty += qty
    order.filled_value += price * qty
    order.fee += fee
    order.updated_ms = now_ms
