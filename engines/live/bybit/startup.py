"""Before the first order: is this the account, and is this the symbol, that the deployment thinks it trades?

Every check is one line of a list: what was looked at, what was found, and what to do when it is not good.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engines.journal import Outcome
from engines.live.bybit.bucket import Bucket
from engines.live.bybit.fees import fees_told
from engines.live.bybit.payloads import PayloadError, position_report, wallet_report
from engines.live.bybit.refusals import NO_OP
from engines.live.bybit.session import BybitSession, Reply
from engines.live.venue import Refusal, TradingRules, Urgency, WalletReport
from feeds.stream import Stream
from kwin_core.errors import ConfigError, VenueError

_CLOCK_TRIES = 5
_LEVERAGES_PER_SECOND = 9
_UNIFIED = (3, 4, 5, 6)


class AccountError(VenueError):
    """The exchange refuses this account, or it is set up otherwise than the deployment needs."""


class ClockError(VenueError):
    """This machine's clock is too far from the exchange's."""


@dataclass(frozen=True)
class Check:
    """One line: what, what was found, whether it is good."""

    what: str
    found: str
    good: bool = True


@dataclass(frozen=True)
class Checked:
    """The account as it was found, ready to trade.

    Attributes
    ----------
    rules
        By stream.
    wallet
        Of the account.
    margin_mode
        As the exchange calls it.
    list
        The lines, for people.
    """

    rules: dict[Stream, TradingRules]
    wallet: WalletReport
    margin_mode: str
    list: tuple[Check, ...]


def measure_offset(session: BybitSession, now_ms: Callable[[], int]) -> int:
    """How far the exchange's clock leads ours (ms): the answer with the shortest way, half of the way deducted.

    Raises
    ------
    VenueError
        No answer.
    """
    best: tuple[int, int] | None = None
    text = ""
    for _ in range(_CLOCK_TRIES):
        begun_ms = now_ms()
        reply = session.call("get_server_time")
        way_ms = now_ms() - begun_ms
        nano = str(reply.result.get("timeNano", ""))
        if reply.outcome is not Outcome.CONFIRMED or not nano.isdigit():
            text = reply.text
            continue
        offset_ms = int(nano) // 1_000_000 - (begun_ms + way_ms // 2)
        if best is None or way_ms < best[0]:
            best = (way_ms, offset_ms)
    if best is None:
        raise VenueError(f"the exchange's time cannot be read: {text}; check network and address")
    return best[1]


def check_clock(offset_ms: int, limit_ms: int) -> Check:
    """Refuse a clock that is off.

    Raises
    ------
    ClockError
        It is off by more than the limit.
    """
    if abs(offset_ms) > limit_ms:
        way = "behind" if offset_ms > 0 else "ahead of"
        raise ClockError(
            f"this machine's clock is {abs(offset_ms)} ms {way} the exchange's, {limit_ms} ms are allowed: "
            "let NTP set it, then start again"
        )
    return Check("clock", f"{offset_ms:+d} ms")


def check_account(
    session: BybitSession,
    streams: tuple[Stream, ...],
    leverage: Decimal,
    *,
    taker_fee: Decimal | None = None,
    resumed: bool = False,
) -> Checked:
    """Look at everything that could make the first order fail, or succeed in a way nobody meant.

    Parameters
    ----------
    session
        With keys.
    streams
        What will be traded; linear.
    leverage
        Set for every symbol and read back.
    taker_fee
        Fraction of the notional, for an exchange that does not tell the account's (demo); what is told wins.
    resumed
        A deployment goes on: a symbol that has been closed for trading since is looked after, and not entered.

    Raises
    ------
    AccountError
        Key, account type, position mode, leverage or instrument are not as needed.
    VenueError
        No answer.
    """
    lines = account_lines(session)
    margin_mode = lines[-1].found
    wallet = read_wallet(session)
    lines.append(Check("balance", f"{wallet.wallet_balance} {wallet.coin}, {wallet.available} available"))
    rules = {}
    fees, _ = fees_told(session, category="linear")  # at once: by symbol only five a second are allowed
    pace = Bucket(_LEVERAGES_PER_SECOND, lambda: int(time.monotonic() * 1000), reserve=0)
    for stream in streams:
        time.sleep(pace.wait_ms(Urgency.STOP) / 1000)
        pace.take()
        one, found = check_symbol(
            session, stream, leverage, fees.get(stream.symbol), taker_fee, resumed=resumed
        )
        pace.answered()
        rules[stream] = one
        lines += found
    return Checked(rules, wallet, margin_mode, tuple(lines))


def account_lines(session: BybitSession) -> list[Check]:
    """Type of the account, then its margin mode.

    Raises
    ------
    AccountError
        It is no unified one, or the key is refused.
    VenueError
        No answer.
    """
    info = _ask(session, "account", "get_account_info")
    status, margin_mode = info.get("unifiedMarginStatus"), str(info.get("marginMode", ""))
    if status not in _UNIFIED:
        raise AccountError(f"account type {status}: only unified trading accounts can be traded; upgrade it")
    return [Check("account", f"unified ({status})"), Check("margin mode", margin_mode)]


def permission_lines(session: BybitSession) -> list[Check]:
    """What the key may do: it must be able to trade contracts, and should not be able to do more.

    Raises
    ------
    AccountError
        It may not trade, or it may withdraw.
    VenueError
        No answer.
    """
    info = _ask(session, "permission", "get_api_key_information")
    allowed = info.get("permissions") or {}
    contracts = set(allowed.get("ContractTrade") or ())
    if info.get("readOnly") or not {"Order", "Position"} <= contracts:
        raise AccountError("the key may only read: give it the permissions Orders and Positions of contracts")
    if "Withdraw" in (allowed.get("Wallet") or ()):
        raise AccountError("the key may withdraw: make one that can trade and nothing else")
    bound = [address for address in info.get("ips") or () if address != "*"]
    where = f"bound to {', '.join(bound)}" if bound else "not bound to an address: bind it"
    lasts = f", expires {info['expiredAt']}" if info.get("expiredAt") else ""
    return [Check("permission", f"orders and positions, no withdrawals; {where}{lasts}")]


def read_rules(
    session: BybitSession,
    stream: Stream,
    leverage: Decimal,
    *,
    told: Decimal | None = None,
    given: Decimal | None = None,
) -> TradingRules:
    """Filters and fee of a symbol.

    Parameters
    ----------
    told
        Taker fee that the exchange has named already; it is asked for it otherwise.
    given
        Used when the exchange names none.

    Raises
    ------
    AccountError
        The exchange does not list it, or does not tell its fee and none is given.
    VenueError
        No answer, or one that makes no sense.
    """
    where = {"category": stream.category, "symbol": stream.symbol}
    rows = _ask(session, stream.symbol, "get_instruments_info", **where).get("list") or []
    if len(rows) != 1 or rows[0].get("symbol") != stream.symbol:
        raise AccountError(
            f"{stream.symbol}: the exchange lists no such {stream.category} symbol; check its name"
        )
    row = rows[0]
    lot, price = row["lotSizeFilter"], row["priceFilter"]
    return TradingRules(
        category=stream.category,
        symbol=stream.symbol,
        tick=_positive(price, "tickSize", stream),
        qty_step=_positive(lot, "qtyStep", stream),
        min_qty=_positive(lot, "minOrderQty", stream),
        max_market_qty=_positive(lot, "maxMktOrderQty", stream),
        min_notional=Decimal(str(lot.get("minNotionalValue") or 0)),
        taker_fee=_taker_fee(session, stream, given) if told is None else told,
        leverage=leverage,
        trading=row.get("status") == "Trading",
    )


def check_symbol(
    session: BybitSession,
    stream: Stream,
    leverage: Decimal,
    told: Decimal | None = None,
    given: Decimal | None = None,
    *,
    resumed: bool = False,
) -> tuple[TradingRules, list[Check]]:
    """Filters, leverage, position mode of one symbol; what was found in lines.

    Parameters
    ----------
    told, given
        Taker fee that the exchange has named already, and the one to use when it names none.
    resumed
        A symbol that is not open for trading is taken all the same: what it holds needs its stop and its exit.

    Raises
    ------
    AccountError
        Not listed, not open, hedge mode, or the leverage cannot be set.
    VenueError
        No answer.
    """
    if stream.category != "linear":
        raise ConfigError(f"{stream}: only linear perpetuals can be traded; spot can be followed on paper")
    rules = read_rules(session, stream, leverage, told=told, given=given)
    if not rules.trading and not resumed:
        raise AccountError(f"{stream.symbol}: not open for trading now; take it out of the configuration")
    if rules.trading:
        _set_leverage(session, stream, leverage)
    position = _position(session, stream)
    if rules.trading and position.leverage is not None and position.leverage != leverage:
        raise AccountError(
            f"{stream.symbol}: leverage is {position.leverage} after {leverage} was set; set it by hand"
        )
    held = (
        "flat" if position.side is None else f"{position.side.value} {position.qty} at {position.entry_price}"
    )
    closed = [] if rules.trading else [Check(f"{stream.symbol} status", "closed for trading: no entries")]
    return rules, [
        *closed,
        Check(
            f"{stream.symbol} filters",
            f"tick {rules.tick}, step {rules.qty_step}, least {rules.min_notional}",
        ),
        Check(f"{stream.symbol} fee", f"taker {rules.taker_fee * 100:f} percent"),
        Check(f"{stream.symbol} leverage", str(leverage)),
        Check(f"{stream.symbol} position mode", "one-way"),
        Check(f"{stream.symbol} position", held),
    ]


def _position(session: BybitSession, stream: Stream) -> Any:
    rows = _ask(session, stream.symbol, "get_positions", category=stream.category, symbol=stream.symbol).get(
        "list"
    )
    if not rows:
        raise VenueError(f"{stream.symbol}: the exchange tells no position, not even an empty one; try again")
    if len(rows) > 1 or int(rows[0].get("positionIdx", 0)) != 0:
        raise AccountError(
            f"{stream.symbol}: the account is in hedge mode; switch it to one-way mode (no position may be open)"
        )
    try:
        return position_report(rows[0], stream.category)
    except PayloadError as error:
        raise VenueError(f"{stream.symbol}: {error}") from None


def _set_leverage(session: BybitSession, stream: Stream, leverage: Decimal) -> None:
    text = format(leverage, "f")
    reply = session.call(
        "set_leverage", category=stream.category, symbol=stream.symbol, buyLeverage=text, sellLeverage=text
    )
    if reply.outcome is not Outcome.CONFIRMED and reply.code not in NO_OP:
        raise _problem(f"{stream.symbol} leverage {leverage}", reply)


def _taker_fee(session: BybitSession, stream: Stream, given: Decimal | None) -> Decimal:
    found, words = fees_told(session, category=stream.category, symbol=stream.symbol)
    fee = found.get(stream.symbol, given)
    if fee is None:
        raise AccountError(
            f"{stream.symbol}: the account's fee rate cannot be read ({words}); where the exchange tells none "
            "(demo), set deployment.taker_fee_percent to what is charged there"
        )
    return fee


def read_wallet(session: BybitSession) -> WalletReport:
    """The account's balance.

    Raises
    ------
    VenueError
        No answer, or one that makes no sense.
    """
    rows = _ask(session, "balance", "get_wallet_balance", accountType="UNIFIED", coin="USDT").get("list")
    if not rows:
        raise VenueError("the exchange tells no balance; try again")
    try:
        return wallet_report(rows[0])
    except PayloadError as error:
        raise VenueError(f"balance: {error}") from None


def _ask(session: BybitSession, what: str, method: str, **fields: Any) -> Any:
    reply = session.call(method, **fields)
    if reply.outcome is not Outcome.CONFIRMED:
        raise _problem(what, reply)
    return reply.result


def _problem(what: str, reply: Reply) -> VenueError:
    text = f"{what}: {reply.text} (retCode {reply.code})"
    if reply.kind == Refusal.ACCOUNT:
        return AccountError(f"{text}; check key, its permissions and its address list")
    if reply.kind == Refusal.CLOCK:
        return ClockError(f"{text}; let NTP set this machine's clock")
    return AccountError(text) if reply.outcome is Outcome.REJECTED else VenueError(text)


def _positive(row: Any, name: str, stream: Stream) -> Decimal:
    value = Decimal(str(row.get(name) or 0))
    if value <= 0:
        raise VenueError(f"{stream.symbol}: {name} is {row.get(name)!r}; without it no order can be made")
    return value
