"""What a refusal means: Bybit's code and words to an outcome and a kind, in one table.

A code alone does not say enough: 10001 stands for a dozen different things. What no row knows is *unknown words*: the
asker raises an alarm, and nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from engines.journal import Outcome
from engines.live.venue import Refusal, Side

NO_OP = frozenset({110025, 110026, 110027, 110043})
"""Already as asked: position mode, margin mode, leverage."""

_CODES: dict[int, Refusal] = {
    **dict.fromkeys(
        (10003, 10004, 10005, 10007, 10008, 10009, 10010, 10024, 10027, 10028, 10029), Refusal.ACCOUNT
    ),
    **dict.fromkeys((33004, 100028, 110066, 110123, 110125, 110132), Refusal.ACCOUNT),
    **dict.fromkeys((10006, 429, 10429), Refusal.RATE),
    **dict.fromkeys((10002, -1), Refusal.CLOCK),
    **dict.fromkeys((110001, 110008, 110010, 110019), Refusal.GONE),
    110017: Refusal.ALREADY_FLAT,
    **dict.fromkeys((110072, 10014), Refusal.DUPLICATE),
    34040: Refusal.UNCHANGED,
    **dict.fromkeys((110003, 110120, 110121, 30208, 30209, 110118), Refusal.PRICE),
    **dict.fromkeys((110092, 110093), Refusal.STOP_CROSSED),
    **dict.fromkeys((110009, 110020, 110021, 110022, 110061, 110090, 110094), Refusal.SIZE),
    **dict.fromkeys(
        (
            110004,
            110006,
            110007,
            110012,
            110013,
            110014,
            110040,
            110044,
            110045,
            110046,
            110051,
            110052,
            110053,
        ),
        Refusal.MONEY,
    ),
    **dict.fromkeys((110011, 110086), Refusal.MONEY),
    **dict.fromkeys((110005, 110023, 110042, 110063, 110074, 30228), Refusal.UNTRADABLE),
    **dict.fromkeys((110024, 110028, 110029, 110036, 110073), Refusal.ACCOUNT),
    181001: Refusal.ROUTING,
}
_WORDS: tuple[tuple[str, Refusal], ...] = (  # of 10001 and of codes that no table knows; the first that fits
    ("zero position", Refusal.ALREADY_FLAT),
    ("current position is zero", Refusal.ALREADY_FLAT),
    ("trailing", Refusal.TRAIL),
    ("activeprice", Refusal.TRAIL),
    ("active price", Refusal.TRAIL),
    ("base_price", Refusal.STOP_CROSSED),
    ("position idx not match", Refusal.ACCOUNT),
    ("accounttype only support", Refusal.ACCOUNT),
    ("number of contracts exceeds", Refusal.SIZE),
    ("qty invalid", Refusal.SIZE),
    ("price invalid", Refusal.PRICE),
    ("not modified", Refusal.UNCHANGED),
    ("not supported symbols", Refusal.UNTRADABLE),
    ("symbol is invalid", Refusal.UNTRADABLE),
    ("order link id is longer", Refusal.ROUTING),
    ("duplicate", Refusal.DUPLICATE),
)
_MAYBE_DONE = frozenset({10000, 10016, 10019, 110079, 40004})
"""Server errors and time-outs: the order may be there all the same."""

_BASE_PRICE = re.compile(
    r"(?P<what>StopLoss|TakeProfit):(?P<level>\d+) set for (?P<side>Buy|Sell) position should "
    r"(?:be )?(?:lower|greater|higher)(?: than)? base_price:(?P<base>\d+)\?\?(?P<source>\w+)"
)
_SCALE = Decimal(10) ** 8


@dataclass(frozen=True)
class BasePrice:
    """What a refused stop says: the position's side as the exchange sees it, the level, and the price it met.

    Prices in quote currency; ``source`` is the trigger's price type.
    """

    what: str
    side: Side
    level: Decimal
    base: Decimal
    source: str


def parse_base_price(text: str, scale: Decimal = _SCALE) -> BasePrice | None:
    """The numbers of a "base_price" refusal, which are scaled integers; None for other words."""
    found = _BASE_PRICE.search(text)
    if found is None:
        return None
    level, base = (Decimal(found[name]) / scale for name in ("level", "base"))
    return BasePrice(found["what"], Side(found["side"]), level, base, found["source"])


def judge(code: int, text: str) -> tuple[Outcome, str]:
    """Outcome and kind of a reply that is not zero.

    Parameters
    ----------
    code
        ``retCode`` as a number, whatever type it came in.
    text
        ``retMsg``.
    """
    if code in _MAYBE_DONE:
        return Outcome.UNKNOWN, ""
    if 170_000 <= code < 180_000:
        return Outcome.REJECTED, Refusal.ROUTING  # the spot engine answered
    kind = _CODES.get(code)
    if kind is None:
        lower = text.lower()
        kind = next((refusal for words, refusal in _WORDS if words in lower), Refusal.UNKNOWN_WORDS)
    return Outcome.REJECTED, kind
