"""May this entry be sent: limits of the exchange, margin of the account, and trails that cannot earn their fees."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.live.feasibility import TooLarge, floor_step, size_entry, untradable_trail
from engines.live.venue import TradingRules, WalletReport
from kwin_core.kwin.setup import build

RULES = TradingRules(
    category="linear",
    symbol="ETHUSDT",
    tick=Decimal("0.01"),
    qty_step=Decimal("0.01"),
    min_qty=Decimal("0.01"),
    max_market_qty=Decimal(100),
    min_notional=Decimal(5),
    taker_fee=Decimal("0.00055"),
    leverage=Decimal(10),
)


def wallet(available: str) -> WalletReport:
    """An account with so much to spend."""
    return WalletReport("USDT", Decimal(available), Decimal(available), Decimal(available), {})


def test_a_feasible_entry_is_sent_as_it_is() -> None:
    sized = size_entry(Decimal("0.5"), Decimal(4000), RULES, wallet("1000"), TooLarge.REJECT)
    assert (sized.qty, sized.reason) == (Decimal("0.5"), "")


@pytest.mark.parametrize(
    ("qty", "price", "available", "words"),
    [
        ("0.001", "4000", "1000", "below the smallest order 0.01"),  # I03: rounded first, checked afterwards
        ("0.01", "400", "1000", "below the smallest order value 5"),  # I01
        ("101", "4000", "1000000", "a market order may be 100 at most"),  # I10
        ("1", "4000", "300", "300 USDT are available at leverage 10"),  # insufficient balance
        ("1", "4000", "-5", "-5 USDT are available"),
    ],
)
def test_refusals_name_the_limit(qty: str, price: str, available: str, words: str) -> None:
    sized = size_entry(Decimal(qty), Decimal(price), RULES, wallet(available), TooLarge.REJECT)
    assert sized.qty == 0
    assert words in sized.reason


def test_an_unknown_balance_is_not_a_balance() -> None:
    assert size_entry(Decimal(1), Decimal(4000), RULES, None, TooLarge.SCALE_DOWN).qty == 0


def test_scaling_down_takes_what_margin_and_limits_allow() -> None:
    sized = size_entry(Decimal(1), Decimal(4000), RULES, wallet("300"), TooLarge.SCALE_DOWN)
    assert Decimal(0) < sized.qty < 1
    assert size_entry(sized.qty, Decimal(4000), RULES, wallet("300"), TooLarge.REJECT).qty == sized.qty
    assert size_entry(Decimal(500), Decimal(1), RULES, wallet("99999"), TooLarge.SCALE_DOWN).qty == 100


@pytest.mark.parametrize("step", ["0.001", "0.5", "10", "1000"])
@given(qty=st.decimals("0.0001", 100_000, places=4))
def test_steps_are_exact(step: str, qty: Decimal) -> None:
    """I02: quantities are cut to whole steps, whatever the step."""
    cut = floor_step(qty, Decimal(step))
    assert cut <= qty < cut + Decimal(step)
    assert cut % Decimal(step) == 0


def test_a_trail_tighter_than_its_fees_is_named() -> None:
    facts = {"tick": 0.01, "timeframe_ms": 900_000, "now_ms": 0, "lot": 0.01}
    literal = build("dual-sfp", "tv-literal", {}, **facts)
    words = untradable_trail(literal, RULES, Decimal(4500))
    assert words is not None
    assert "trail of 0.18" in words
    assert "4.95" in words
    assert untradable_trail(build("dual-sfp", "intent", {}, **facts), RULES, Decimal(4500)) is None
    off = build("dual-sfp", "tv-literal", {"enable_smart_trail": False}, **facts)
    assert untradable_trail(off, RULES, Decimal(4500)) is None
