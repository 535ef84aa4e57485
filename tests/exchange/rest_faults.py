"""Faults of REST replies: what a test can make the exchange do wrong, and how often.

An endpoint is named by its path after ``/v5/`` ("market/kline", "order/create"); "position", "kline",
"order" ... are accepted for the usual one, "*" means every endpoint. Every knob takes ``n`` (how many
matching requests are hit; ``None`` means until :meth:`RestFaults.clear`), ``after`` (how many pass first)
and ``when`` (a condition on the parameters).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Condition = Callable[[Mapping[str, Any]], bool]

_SHORT = {
    "position": "position/list",
    "kline": "market/kline",
    "instruments": "market/instruments-info",
    "tickers": "market/tickers",
    "order": "order/realtime",
    "execution": "execution/list",
    "wallet": "account/wallet-balance",
    "trading-stop": "position/trading-stop",
    "set-leverage": "position/set-leverage",
}


@dataclass
class Rule:
    """One armed fault. ``kind`` says what happens; the other fields hold what that kind needs."""

    kind: str
    endpoint: str
    left: int | None
    after: int = 0
    when: Condition | None = None
    code: int = 0
    message: str | None = None
    body: str = ""
    seconds: float = 0.0
    lag_ms: int = 0
    value: Any = None
    hits: int = 0

    def matches(self, endpoint: str, parameters: Mapping[str, Any]) -> bool:
        """Whether a request is meant, whatever the counters say."""
        return self.endpoint in ("*", endpoint) and (self.when is None or self.when(parameters))

    def take(self) -> bool:
        """Count one matching request; true when the fault strikes."""
        if self.after > 0:
            self.after -= 1
            return False
        if self.left == 0:
            return False
        if self.left is not None:
            self.left -= 1
        self.hits += 1
        return True


class RestFaults:
    """The REST knobs of the fault vocabulary. Thread-safe: armed by a test, consumed by the server."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._lock = threading.Lock()
        self.endpoints: frozenset[str] = frozenset()  # known ones, set by the server: a typo must not pass

    def ret(self, endpoint: str, code: int, message: str | None = None, **options: Any) -> Rule:
        """Refuse with a retCode, without executing."""
        return self._arm("ret", endpoint, options, code=code, message=message)

    def rate(self, endpoint: str = "*", *, reset_in_ms: int | None = 1_000, **options: Any) -> Rule:
        """Refuse with 10006.

        ``reset_in_ms`` is where ``X-Bapi-Limit-Reset-Timestamp`` points, relative to the server's time:
        negative is in the past (pybit then raises ValueError), ``None`` leaves the header out.
        """
        return self._arm("rate", endpoint, options, code=10006, value=reset_in_ms)

    def http(self, endpoint: str, status: int, n: int | None = 1, body: str = "", **options: Any) -> Rule:
        """Answer with an HTTP status instead of 200, without executing."""
        return self._arm("http", endpoint, {"n": n, **options}, code=status, body=body)

    def garbage(self, endpoint: str, body: str = "<html>502</html>", **options: Any) -> Rule:
        """Answer 200 with a body that is not JSON."""
        return self._arm("http", endpoint, options, code=200, body=body)

    def timeout(self, endpoint: str, seconds: float = 30.0, **options: Any) -> Rule:
        """Never answer within ``seconds`` (real), without executing; then cut the connection."""
        return self._arm("timeout", endpoint, options, seconds=seconds)

    def drop(self, endpoint: str, **options: Any) -> Rule:
        """Cut the connection without executing."""
        return self._arm("drop", endpoint, options)

    def lost_reply(self, endpoint: str, *, seconds: float = 0.0, **options: Any) -> Rule:
        """Execute, then cut the connection after ``seconds`` (real) instead of answering."""
        return self._arm("lost_reply", endpoint, options, seconds=seconds)

    def slow(self, endpoint: str, seconds: float, **options: Any) -> Rule:
        """Execute at once, answer ``seconds`` (real) later."""
        return self._arm("slow", endpoint, options, seconds=seconds)

    def empty(self, endpoint: str, n: int | None = 1, **options: Any) -> Rule:
        """Answer retCode 0 with an empty list."""
        return self._arm("empty", endpoint, {"n": n, **options})

    def stale(self, endpoint: str, snapshot: Any, **options: Any) -> Rule:
        """Answer retCode 0 with this ``result``."""
        return self._arm("stale", endpoint, options, value=snapshot)

    def alter(self, endpoint: str, change: Callable[[Any], Any], **options: Any) -> Rule:
        """Pass the genuine ``result`` through ``change`` (awkward payloads, missing fields)."""
        return self._arm("alter", endpoint, options, value=change)

    def lag(self, endpoint: str, milliseconds: int, n: int | None = None, **options: Any) -> Rule:
        """Show the account as it was this many (market) ms ago."""
        return self._arm("lag", endpoint, {"n": n, **options}, lag_ms=milliseconds)

    def revise(self, start_ms: int, changes: Mapping[str, str], *, n: int | None = 1, **options: Any) -> Rule:
        """Show one kline with other values for ``n`` reads that contain it, then the true ones.

        ``changes`` maps open, high, low, close, volume, turnover to the text shown.
        """
        names = ["start", "open", "high", "low", "close", "volume", "turnover"]
        columns = {names.index(name): text for name, text in changes.items()}
        return self._arm("revise", "market/kline", {"n": n, **options}, value=(str(start_ms), columns))

    @property
    def longest_lag_ms(self) -> int:
        """So far back armed faults will show the past, which must be kept for them, ms; 0 without any."""
        with self._lock:
            return max(
                (rule.lag_ms for rule in self._rules if rule.kind == "lag" and rule.left != 0), default=0
            )

    def clear(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._rules.clear()

    def strike(self, endpoint: str, parameters: Mapping[str, Any]) -> Rule | None:
        """First armed fault that hits this request; revisions are taken by :meth:`revise_rows`."""
        with self._lock:
            for rule in self._rules:
                if rule.kind != "revise" and rule.matches(endpoint, parameters) and rule.take():
                    return rule
        return None

    def revise_rows(self, rows: list[list[str]], parameters: Mapping[str, Any]) -> None:
        """Apply the revisions that concern these kline rows, in place."""
        with self._lock:
            for rule in self._rules:
                if rule.kind != "revise" or not rule.matches("market/kline", parameters):
                    continue
                start, columns = rule.value
                for row in rows:
                    if row[0] == start and rule.take():
                        for column, text in columns.items():
                            row[column] = text

    def _arm(self, kind: str, endpoint: str, options: dict[str, Any], **fields: Any) -> Rule:
        name = endpoint.removeprefix("/v5/").strip("/")
        name = _SHORT.get(name, name)
        if name != "*" and name not in self.endpoints:
            raise ValueError(f"no endpoint {endpoint!r}: name it as order/create, market/kline, ...")
        rule = Rule(
            kind=kind,
            endpoint=name,
            left=options.pop("n", 1),
            after=options.pop("after", 0),
            when=options.pop("when", None),
            **fields,
        )
        if options:
            raise TypeError(f"unknown fault option {next(iter(options))!r}; have n, after, when")
        with self._lock:
            self._rules.append(rule)
        return rule
