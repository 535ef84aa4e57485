"""The name of an order, made from the decision alone: the same decision always has the same name.

``k1-<deployment>-<stream>-<bar>-<action><attempt>``, such as ``k1-9f86d081-3c5e1a77-1dztw-e1``:

- deployment: first 8 hex digits of the deployment's uuid;
- stream: 8 hex digits of SHA-256 over category, symbol and timeframe;
- bar: number of the decision's bar since 1970 in units of its timeframe, base 36;
- action: 1 to 4 lower-case letters; two orders of one kind in one bar need two actions;
- attempt: from 1; rises only after the exchange has definitely refused the one before, or when it was another entry
  of the same bar, which is denied.

At most 36 characters of ``[a-z0-9-]``, which is what Bybit allows.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass

from feeds.stream import Stream
from kwin_core.bars import floor_time
from kwin_core.errors import DataError

MAX_LENGTH = 36

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PATTERN = re.compile(
    r"k1-([0-9a-f]{8})-([0-9a-f]{8})-(0|[1-9a-z][0-9a-z]*)-([a-z]{1,4})([1-9][0-9]*)", re.ASCII
)
_ACTION = re.compile(r"[a-z]{1,4}", re.ASCII)


@dataclass(frozen=True)
class OrderLink:
    """An ``orderLinkId`` taken apart; ``bar_number`` counts bars of the timeframe since 1970."""

    deployment: str
    stream_hash: str
    bar_number: int
    action: str
    attempt: int

    def start_ms(self, timeframe_ms: int) -> int:
        """Open time (ms) of the decision's bar."""
        return floor_time((self.bar_number + 1) * timeframe_ms - 1, timeframe_ms)


def order_link_id(deployment: uuid.UUID, stream: Stream, start_ms: int, action: str, attempt: int = 1) -> str:
    """Name of the order that a decision asks for.

    Parameters
    ----------
    deployment
        Of the journal.
    stream
        Whose bar was decided on.
    start_ms
        Open time of that bar, ms since the UNIX epoch, UTC; on the grid of the timeframe.
    action
        1 to 4 lower-case letters.
    attempt
        From 1.

    Raises
    ------
    DataError
        A value that cannot be part of a name, or a name that would be too long.
    """
    if start_ms < 0 or floor_time(start_ms, stream.timeframe_ms) != start_ms:
        raise DataError(f"orderLinkId: {start_ms} ms is no open time of a bar of {stream}", time_ms=start_ms)
    if not _ACTION.fullmatch(action):
        raise DataError(f"orderLinkId: action {action!r} is not 1 to 4 lower-case letters")
    if attempt < 1:
        raise DataError(f"orderLinkId: attempt {attempt} is below 1")
    bar = _base36(start_ms // stream.timeframe_ms)
    name = f"k1-{deployment.hex[:8]}-{stream.short_hash}-{bar}-{action}{attempt}"
    if len(name) > MAX_LENGTH:
        raise DataError(f"orderLinkId {name} has {len(name)} characters, Bybit allows {MAX_LENGTH}")
    return name


def parse_order_link_id(text: str) -> OrderLink | None:
    """The parts of a name; None when it was not made here (a manual order, another program)."""
    found = _PATTERN.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if found is None:
        return None
    deployment, stream_hash, bar, action, attempt = found.groups()
    return OrderLink(deployment, stream_hash, int(bar, 36), action, int(attempt))


def _base36(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
        if number == 0:
            return digits
