"""Bybit's history into a Parquet file: what is missing, in an order that survives being killed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines.command_line import Progressed
from engines.data.shelf import Shelf
from feeds.bybit_history import KlineHistory
from feeds.bybit_rest import CATEGORIES, BybitMarket, Patience
from feeds.facts import Facts
from feeds.instants import iso
from kwin_core.bars import BAR, timeframe_name
from kwin_core.errors import ConfigError, DataError, VenueError

OVERLAP_BARS = 10  # stored bars that are read again before anything is appended


def _silent(done: int, total: int | None = None) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class FetchOrder:
    """What to fetch.

    Attributes
    ----------
    symbol, category, environment
        As Bybit spells them; ``environment`` also takes the address of a host.
    timeframe_ms
        Length of a bar, ms.
    from_ms, to_ms
        Open times, ms: from inclusive, to exclusive; ``None`` is the listing and now.
    out
        The file.
    """

    symbol: str
    category: str
    environment: str
    timeframe_ms: int
    from_ms: int | None
    to_ms: int | None
    out: Path
    allow_gaps: bool = False

    def __post_init__(self) -> None:
        if self.category not in CATEGORIES:
            raise ConfigError(f"category {self.category!r} is not one of {', '.join(CATEGORIES)}")
        if self.from_ms is not None and self.to_ms is not None and self.to_ms <= self.from_ms:
            raise ConfigError(f"--to {iso(self.to_ms)} is not after --from {iso(self.from_ms)}")
        if not self.out.parent.is_dir():
            raise ConfigError(f"{self.out.parent}: no such folder for the output")


class Fetch:
    """One run of a fetch; see :meth:`run`.

    Parameters
    ----------
    order
        What to fetch.
    patience
        Time limits and retries.
    on_wait
        Called as ``on_wait(reason, seconds)`` before long pauses.
    on_progress
        Called as ``on_progress(bars_done, bars_wanted)``; ``None`` while that is unknown.
    """

    def __init__(
        self,
        order: FetchOrder,
        *,
        patience: Patience | None = None,
        on_wait: Callable[[str, float], None] | None = None,
        on_progress: Progressed | None = None,
    ) -> None:
        self.order = order
        self.revised: list[int] = []
        self._progress = on_progress or _silent
        self._market = BybitMarket(order.environment, patience=patience, on_wait=on_wait)
        self._history = KlineHistory(
            self._market, order.category, order.symbol, order.timeframe_ms, allow_gaps=order.allow_gaps
        )
        listing = self._history.listing
        self._facts = Facts(
            symbol=order.symbol,
            timeframe_ms=order.timeframe_ms,
            tick=listing.tick,
            lot=listing.lot,
            min_order=listing.min_order,
            source=f"Bybit {order.category} {self._market.host}",
        )
        self._shelf = Shelf(order.out, self._facts, allow_gaps=order.allow_gaps)

    def run(self) -> dict[str, Any]:
        """Fetch what is missing, save, and report.

        Raises
        ------
        KwinError
            When the exchange fails for good; what was got until then is saved.
        """
        begun = time.monotonic()
        before = self._shelf.bars
        target_ms = self._history.newest_closed(self.order.to_ms)
        if target_ms is None or (self.order.from_ms is not None and target_ms < self.order.from_ms):
            raise ConfigError(f"{self._history.name} has no closed bar in this range")
        try:
            stored_first_ms = self._shelf.first_ms
            start_ms = self._begin(target_ms) if stored_first_ms is None else None
            self._extend_forward(start_ms, target_ms)
            if stored_first_ms is not None:
                self._extend_backward(stored_first_ms)
        except (DataError, VenueError) as error:
            raise type(error)(f"{error}; {self._keep()}") from error
        except KeyboardInterrupt:
            self._keep()
            raise
        if self._shelf.unsaved:
            self._shelf.save()
        return self._report(before, time.monotonic() - begun)

    def _begin(self, target_ms: int) -> int:
        """Open time (ms) to page forward from; bars older than that are on the shelf.

        Nothing is saved before it is certain that no older bar is wanted.
        """
        page = self._history.first_page(self.order.from_ms, target_ms)
        if page.size == 0:
            raise ConfigError(f"{self._history.name} has no closed bar in this range")
        first_ms = int(page["time_ms"][0])
        for older in self._history.backward(first_ms, self.order.from_ms):
            self._shelf.add_older(older)
        return first_ms

    def _extend_backward(self, first_ms: int) -> None:
        for page in self._history.backward(first_ms, self.order.from_ms):
            self._shelf.add_older(page)
            self._progress(self._shelf.bars)
            self._shelf.save_if_due()

    def _extend_forward(self, start_ms: int | None, target_ms: int) -> None:
        """Pages from an open time, or from the last stored bars, to the target."""
        shelf = self._shelf
        known = np.zeros(0, dtype=BAR)
        if start_ms is None:
            if shelf.last_ms is None or target_ms <= shelf.last_ms:
                return
            known = shelf.tail(OVERLAP_BARS)
            start_ms = int(known["time_ms"][0])
        first_ms = start_ms if shelf.first_ms is None else shelf.first_ms
        wanted = (target_ms - first_ms) // self.order.timeframe_ms + 1
        for page in self._history.forward(start_ms, target_ms):
            if known.size:
                self._compare(known, page)
                known = known[:0]
            shelf.add_newer(page)
            self._progress(shelf.bars, wanted)
            shelf.save_if_due()

    def _compare(self, known: np.ndarray, page: np.ndarray) -> None:
        """Note stored bars that the exchange shows differently now; refuse when none is the same."""
        again = page[np.isin(page["time_ms"], known["time_ms"])]
        same = known[np.isin(known["time_ms"], again["time_ms"])] == again
        self.revised = [int(value) for value in again["time_ms"][~same]]
        if same.size > 2 and not same.any():
            raise ConfigError(
                f"{self.order.out}: none of its newest {same.size} bars is what {self._history.name} shows; "
                "it holds another market: give another --out"
            )

    def _keep(self) -> str:
        """Save what was got before a failure, and say so."""
        if self._shelf.unsaved:
            self._shelf.save()
        if self._shelf.first_ms is None:
            return "nothing was written"
        return f"{self._shelf} (kept; the same command goes on from there)"

    def _report(self, before: int, seconds: float) -> dict[str, Any]:
        shelf, order = self._shelf, self.order
        return {
            "file": str(order.out),
            "symbol": order.symbol,
            "category": order.category,
            "source": self._facts.source,
            "timeframe": timeframe_name(order.timeframe_ms),
            "first": iso(shelf.first_ms or 0),
            "last": iso(shelf.last_ms or 0),
            "bars": shelf.bars,
            "added": shelf.bars - before,
            "revised": [iso(time_ms) for time_ms in self.revised],
            "tick": self._facts.tick,
            "lot": self._facts.lot,
            "min_order": self._facts.min_order,
            "requests": self._market.requests,
            "retries": dict(self._market.retries),
            "seconds": round(seconds, 3),
        }
