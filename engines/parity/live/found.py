"""What a check of a ledger finds: digests that agree, and the first thing that does not."""

from __future__ import annotations

from dataclasses import dataclass

from engines.journal import Ledger
from feeds.instants import iso

_SHOWN_DIGITS = 16


@dataclass(frozen=True)
class Marked:
    """A recorded digest: number of its event, chain (16 hex digits), and the whole state's (64) where it was taken."""

    seq: int
    chain: str
    full: str | None


@dataclass(frozen=True)
class Difference:
    """The first thing that is not as recorded.

    Attributes
    ----------
    ledger
        Whose.
    what
        ``full digest``, ``chain``, or what is missing.
    bar_ms
        Open time of the bar (ms); None before the first.
    seq
        Number of the event.
    recorded, computed
        Both values; empty when there is none.
    hint
        What explains it, as far as that can be told.
    """

    ledger: Ledger
    what: str
    bar_ms: int | None
    seq: int
    recorded: str = ""
    computed: str = ""
    hint: str = ""

    def __str__(self) -> str:
        where = "before the first bar" if self.bar_ms is None else f"bar {iso(self.bar_ms)}"
        values = ""
        if self.recorded or self.computed:
            here, there = (text[:_SHOWN_DIGITS] or "none" for text in (self.computed, self.recorded))
            values = f": journal {there}, computed {here}"
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.ledger.value}, {where}, event {self.seq}: {self.what}{values}{hint}"


@dataclass(frozen=True)
class LedgerCheck:
    """How many digests were compared, how many of them differ, and the first difference of any kind."""

    compared: int
    differing: int = 0
    first: Difference | None = None

    @property
    def good(self) -> bool:
        """Nothing differs."""
        return self.first is None

    @property
    def first_difference(self) -> str:
        """It as a line; empty when there is none."""
        return "" if self.first is None else str(self.first)


class Checker:
    """Compares a ledger with its digests bar by bar and remembers the first difference.

    Parameters
    ----------
    ledger
        Whose digests.
    recorded
        By the bar's open time (ms).
    """

    def __init__(self, ledger: Ledger, recorded: dict[int, Marked]) -> None:
        self._ledger = ledger
        self._left = dict(recorded)
        self._compared = 0
        self._differing = 0
        self._first: Difference | None = None

    def wants_full(self, bar_ms: int) -> bool:
        """Whether the whole state's digest was recorded."""
        marked = self._left.get(bar_ms)
        return marked is not None and marked.full is not None

    def bar(self, bar_ms: int, seq: int, chain: str, full: str | None) -> None:
        """Compare after a bar; ``full`` when it is wanted."""
        marked = self._left.pop(bar_ms, None)
        if marked is None:
            self.differs("the bar has no digest", bar_ms, seq)
            return
        self._compared += 1
        for what, recorded, computed in (("full digest", marked.full, full), ("chain", marked.chain, chain)):
            if recorded is not None and recorded != computed:
                self._differing += 1
                self.differs(what, bar_ms, seq, recorded, computed or "")
                return

    def differs(
        self, what: str, bar_ms: int | None, seq: int, recorded: str = "", computed: str = ""
    ) -> None:
        """Something is not as recorded; only the first is kept."""
        if self._first is None:
            self._first = Difference(self._ledger, what, bar_ms, seq, recorded, computed)

    def result(self) -> LedgerCheck:
        """After the last bar: digests without a bar are differences too."""
        if self._left:
            bar_ms = min(self._left)
            self.differs("a digest whose bar is missing", bar_ms, self._left[bar_ms].seq)
        return LedgerCheck(self._compared, self._differing, self._first)
