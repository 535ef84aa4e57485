"""Faults of the sockets: lost, late, doubled and reordered messages, dead and dying links.

Sockets are named by kind: "public", "private", "trade", or "*" for all. Topics are named whole
("tickers.BTCUSDT") or by their first word ("tickers", "execution"), or "*".
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.exchange.hub import Hub

Kind = Literal["public", "private", "trade", "*"]
TOPICS = ("order", "execution", "position", "wallet")


@dataclass
class _Count:
    """How often a fault still strikes; ``None`` is for ever."""

    left: int | None

    def take(self) -> bool:
        if self.left == 0:
            return False
        if self.left is not None:
            self.left -= 1
        return True


@dataclass
class _Knob:
    """A counted fault on a topic or kind, with a value."""

    name: str
    target: str
    symbol: str
    count: _Count
    value: int = 0
    text: str = ""


class SocketFaults:
    """The ``ws`` knobs. Thread-safe: armed by a test, consumed by the server.

    Attributes
    ----------
    order
        In which order the private topics of one step are sent.
    struck
        How often each knob has hit each topic or kind.
    before_ack
        Send private messages before the REST reply that caused them.
    """

    def __init__(self) -> None:
        self.struck: Counter[tuple[str, str]] = Counter()
        self._knobs: list[_Knob] = []
        self._lock = threading.Lock()
        self.order: tuple[str, ...] = TOPICS
        self.before_ack = False
        self.act: Callable[[Callable[[Hub], None]], None] | None = None

    def mute(self, topic: str, symbol: str = "", n: int | None = None) -> None:
        """Swallow messages of a topic, for one symbol or all."""
        self._arm("mute", topic, n, symbol=symbol)

    def delay(self, topic: str, milliseconds: int, n: int | None = None, symbol: str = "") -> None:
        """Hold messages of a topic for some market ms."""
        self._arm("delay", topic, n, symbol=symbol, value=milliseconds)

    def dup(self, topic: str, n: int | None = 1, symbol: str = "") -> None:
        """Send messages of a topic twice."""
        self._arm("dup", topic, n, symbol=symbol)

    def reorder(self, order: Sequence[str]) -> None:
        """Send the private topics of one step in this order; all four must be named."""
        if sorted(order) != sorted(TOPICS):
            raise ValueError(f"reorder needs each of {', '.join(TOPICS)} once, not {', '.join(order)}")
        self.order = tuple(order)

    def ack_no_data(self, topic: str, n: int | None = 1) -> None:
        """Acknowledge a subscription and never send anything for it."""
        self._arm("ack_no_data", topic, n)

    def ack_fail(self, text: str = "error:handler not found,topic:", n: int | None = 1) -> None:
        """Refuse a subscription."""
        self._arm("ack_fail", "*", n, text=text)

    def auth_fail(self, n: int | None = 1) -> None:
        """Refuse a login."""
        self._arm("auth_fail", "*", n)

    def half_open(self, kind: Kind = "*") -> None:
        """Answer pings, send no data, until :meth:`heal`."""
        self._arm("half_open", kind, None)

    def freeze(self, kind: Kind = "*") -> None:
        """Answer nothing at all, ping frames included, until :meth:`heal`."""
        self._arm("freeze", kind, None)

    def handshake(self, status: int = 503, n: int | None = 1) -> None:
        """Answer a connection attempt with an HTTP status."""
        self._arm("handshake", "*", n, value=status)

    def handshake_hang(self, milliseconds: int, n: int | None = 1) -> None:
        """Leave a connection attempt without an answer for some real ms, then cut it."""
        self._arm("handshake_hang", "*", n, value=milliseconds)

    def late_confirm(self, symbol: str = "", n: int | None = 1) -> None:
        """At a bar roll still show the old bar unconfirmed; confirm a second later."""
        self._arm("late_confirm", "kline", n, symbol=symbol)

    def drop_confirm(self, symbol: str = "", n: int | None = 1) -> None:
        """At a bar roll show only the new bar."""
        self._arm("drop_confirm", "kline", n, symbol=symbol)

    def dup_confirm(self, symbol: str = "", n: int | None = 1) -> None:
        """Send the roll message twice."""
        self._arm("dup_confirm", "kline", n, symbol=symbol)

    def skip_bar(self, symbol: str = "", n: int | None = 1) -> None:
        """Send nothing of a roll; the next one tells of the next bar only."""
        self._arm("skip_bar", "kline", n, symbol=symbol)

    def close(self, code: int = 1000, kind: Kind = "*") -> None:
        """Close live connections with a close frame."""
        self._do(lambda hub: hub.close_all(kind, code))

    def reset(self, kind: Kind = "*") -> None:
        """Cut live connections without a close frame."""
        self._do(lambda hub: hub.abort_all(kind))

    def forget_subs(self, kind: Kind = "*") -> None:
        """Forget the subscriptions of live connections, without a word."""
        self._do(lambda hub: hub.forget_all(kind))

    def raw(self, text: str, kind: Kind = "*") -> None:
        """Send any text to live connections."""
        self._do(lambda hub: hub.send_raw(kind, text))

    def heal(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._knobs.clear()
        self.order, self.before_ack = TOPICS, False

    def strikes(self, name: str, target: str, symbol: str = "") -> _Knob | None:
        """First armed knob of this name that hits a topic or kind; counts it."""
        with self._lock:
            for knob in self._knobs:
                if knob.name == name and _meant(knob, target, symbol) and knob.count.take():
                    self.struck[name, target] += 1
                    return knob
        return None

    def _arm(
        self,
        name: str,
        target: str,
        n: int | None,
        *,
        symbol: str = "",
        value: int = 0,
        text: str = "",
    ) -> None:
        with self._lock:
            self._knobs.append(_Knob(name, target, symbol, _Count(n), value, text))

    def _do(self, action: Callable[[Hub], None]) -> None:
        if self.act is None:
            raise RuntimeError("the exchange is not running")
        self.act(action)


def _meant(knob: _Knob, target: str, symbol: str) -> bool:
    if knob.symbol and knob.symbol != symbol and not target.endswith("." + knob.symbol):
        return False
    return knob.target in ("*", target) or target.split(".")[0] == knob.target
