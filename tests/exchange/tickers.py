"""Quotes and tickers of a market at an instant."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from kwin_core.bars import DAY_MS, floor_time
from tests.exchange.klines import KlineBook
from tests.exchange.market import Market
from tests.exchange.numbers import fixed, floor_to, plain, to_decimal

_HOUR_MS = 3_600_000
_BOOK_SIZE = Decimal(10)  # multiples of the smallest order shown as the size of each side
_OPEN_INTEREST = Decimal(50_000)


@dataclass(frozen=True)
class Quote:
    """Prices of one instant, quote currency. ``bid < ask``; the last price lies on the bid."""

    last: Decimal
    bid: Decimal
    ask: Decimal
    mark: Decimal


def make_quote(market: Market, last: Decimal) -> Quote:
    """Quote around a last price: bid on it, ask ``spread_ticks`` above."""
    tick = market.instrument.tick
    bid = floor_to(last, tick)
    mark = floor_to(last + to_decimal(market.mark_offset), tick)
    return Quote(last=last, bid=bid, ask=bid + tick * market.spread_ticks, mark=mark)


def quote_of(market: Market, now_ms: int) -> Quote:
    """Quote at an instant, from the script."""
    return make_quote(market, to_decimal(market.price_at(now_ms)))


def linear_ticker(market: Market, quote: Quote, book: KlineBook, now_ms: int) -> dict[str, Any]:
    """All fields of ``tickers.{symbol}`` of a perpetual, in the exchange's order."""
    one = market.instrument
    digits = one.price_decimals
    day = _window(market, book, now_ms)
    step = one.funding_interval_min * 60_000
    size = fixed(one.min_qty * _BOOK_SIZE, one.qty_decimals)
    interest = _OPEN_INTEREST * one.min_qty
    return {
        "symbol": market.symbol,
        "tickDirection": day.direction(quote.last),
        "price24hPcnt": day.change(quote.last),
        "lastPrice": fixed(quote.last, digits),
        "prevPrice24h": fixed(day.previous, digits),
        "highPrice24h": fixed(max(day.high, quote.last), digits),
        "lowPrice24h": fixed(min(day.low, quote.last), digits),
        "prevPrice1h": fixed(day.hour_ago, digits),
        "markPrice": fixed(quote.mark, digits),
        "indexPrice": fixed(quote.mark, digits),
        "openInterest": fixed(interest, one.qty_decimals),
        "openInterestValue": fixed(interest * quote.mark, 2),
        "turnover24h": fixed(day.turnover, 4),
        "volume24h": fixed(day.volume, 4),
        "fundingIntervalHour": str(one.funding_interval_min // 60),
        "fundingCap": plain(one.funding_cap),
        "singleOpenInterest": fixed(interest / 2, one.qty_decimals),
        "singleOpenInterestValue": fixed(interest / 2 * quote.mark, 2),
        "nextFundingTime": str(now_ms // step * step + step),
        "fundingRate": plain(market.funding_rate),
        "bid1Price": fixed(quote.bid, digits),
        "bid1Size": size,
        "ask1Price": fixed(quote.ask, digits),
        "ask1Size": size,
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
    }


def spot_ticker(market: Market, quote: Quote, book: KlineBook, now_ms: int) -> dict[str, Any]:
    """Fields of a spot ticker over REST (numbers trimmed, as spot writes them)."""
    day = _window(market, book, now_ms)
    size = plain(market.instrument.min_qty * _BOOK_SIZE)
    return {
        "symbol": market.symbol,
        "bid1Price": plain(quote.bid),
        "bid1Size": size,
        "ask1Price": plain(quote.ask),
        "ask1Size": size,
        "lastPrice": plain(quote.last),
        "prevPrice24h": plain(day.previous),
        "price24hPcnt": day.change(quote.last),
        "highPrice24h": plain(max(day.high, quote.last)),
        "lowPrice24h": plain(min(day.low, quote.last)),
        "turnover24h": plain(day.turnover),
        "volume24h": plain(day.volume),
        "usdIndexPrice": plain(quote.mark),
    }


@dataclass(frozen=True)
class _Day:
    previous: Decimal
    hour_ago: Decimal
    before: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    turnover: Decimal

    def change(self, last: Decimal) -> str:
        return fixed((last - self.previous) / self.previous if self.previous else Decimal(0), 6)

    def direction(self, last: Decimal) -> str:
        if last > self.before:
            return "PlusTick"
        return "MinusTick" if last < self.before else "ZeroPlusTick"


def _window(market: Market, book: KlineBook, now_ms: int) -> _Day:
    """Statistics of the last 24 hours of closed script bars."""
    end = max(0, min(market.index_at(now_ms), len(market.bars)))
    begin = max(0, market.index_at(floor_time(now_ms - DAY_MS, market.timeframe_ms)))
    bars = market.bars[min(begin, len(market.bars) - 1) : end]
    last = to_decimal(market.price_at(now_ms))
    if len(bars) == 0:
        return _Day(last, last, last, last, last, Decimal(0), Decimal(0))
    turnover = float((bars["volume"] * bars["close"]).sum())
    return _Day(
        previous=to_decimal(market.price_at(now_ms - DAY_MS)),
        hour_ago=to_decimal(market.price_at(now_ms - _HOUR_MS)),
        before=to_decimal(market.price_at(now_ms - market.timeframe_ms // 4)),
        high=to_decimal(float(bars["high"].max())),
        low=to_decimal(float(bars["low"].min())),
        volume=to_decimal(round(float(bars["volume"].sum()), 4)),
        turnover=to_decimal(round(turnover, 4)),
    )
