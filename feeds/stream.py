"""What closed bars belong to: one symbol of a venue's category in one timeframe."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from kwin_core.bars import timeframe_name


@dataclass(frozen=True, order=True)
class Stream:
    """One series of klines.

    Attributes
    ----------
    category
        ``"linear"`` or ``"spot"``.
    symbol
        As Bybit spells it.
    timeframe_ms
        Length of a bar in ms.
    """

    category: str
    symbol: str
    timeframe_ms: int

    @property
    def short_hash(self) -> str:
        """8 hex digits that stand for the stream in the names of its orders."""
        return sha256(f"{self.category}:{self.symbol}:{self.timeframe_ms}".encode()).hexdigest()[:8]

    def __str__(self) -> str:
        return f"{self.category} {self.symbol} {timeframe_name(self.timeframe_ms)}"
