"""A survey of bars, good or bad: everything wrong or odd, counted, with the first cases of each kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from feeds.gate import bad_values, describe_values
from feeds.instants import iso
from kwin_core.bars import floor_time

EXAMPLES = 5
PROBLEMS = ("gap", "duplicate", "back in time", "misaligned", "impossible")
REMARKS = ("zero volume", "jump", "open differs", "off tick")


@dataclass
class Finding:
    """One kind of finding.

    Attributes
    ----------
    count
        Bars, gaps or runs found.
    total
        What they add up to: missing bars of gaps, bars of zero-volume runs; else as ``count``.
    worst
        Largest one: missing bars, bars of a run, or fraction of the price; 0 where size means nothing.
    examples
        First cases as (row, open time in ms, words).
    """

    count: int = 0
    total: int = 0
    worst: float = 0.0
    examples: list[tuple[int, int, str]] = field(default_factory=list)

    def note(self, row: int, time_ms: int, words: str, *, size: float = 0.0, total: int = 1) -> None:
        """Count one case."""
        self.count += 1
        self.total += total
        self.worst = max(self.worst, size)
        if len(self.examples) < EXAMPLES:
            self.examples.append((row, time_ms, words))


class Survey:
    """Looks at bars in order, without ever stopping.

    Parameters
    ----------
    timeframe_ms
        Length of a bar, ms.
    tick
        Price step, quote currency; ``None`` leaves out the look at the grid.
    jump
        Distance of a bar's extreme from the close before that counts as a jump, as a fraction (0.1 is 10 %).
    zero_run
        So many bars without volume in a row are a finding.

    Attributes
    ----------
    bars
        Bars seen.
    findings
        By kind; see :data:`PROBLEMS` and :data:`REMARKS`.
    """

    def __init__(
        self, timeframe_ms: int, *, tick: float | None = None, jump: float = 0.1, zero_run: int = 3
    ) -> None:
        self.timeframe_ms = timeframe_ms
        self.tick = tick
        self.jump = jump
        self.zero_run = zero_run
        self.bars = 0
        self.findings = {kind: Finding() for kind in (*PROBLEMS, *REMARKS)}
        self._last: np.ndarray | None = None  # one row
        self._run: tuple[int, int, int] | None = None  # row, time (ms) and bars of a zero-volume run going on

    def add(self, block: np.ndarray, rows: np.ndarray) -> None:
        """Look at a block of ``BAR`` with its rows (int64) in the source."""
        if block.size == 0:
            return
        self._look_at_times(block, rows)
        self._look_at_values(block, rows)
        self._look_at_volume(block, rows)
        self.bars += block.size
        self._last = block[-1:].copy()

    def finish(self) -> None:
        """End of the source: closes a zero-volume run that reaches it."""
        self._end_run()

    @property
    def good(self) -> bool:
        """Whether nothing is wrong; remarks do not count."""
        return not any(self.findings[kind].count for kind in PROBLEMS)

    def _before(self, block: np.ndarray, name: str) -> np.ndarray:
        """A column moved by one bar; the very first has itself before it."""
        first = block[name][0] if self._last is None else self._last[name][0]
        return np.concatenate([[first], block[name][:-1]])

    def _look_at_times(self, block: np.ndarray, rows: np.ndarray) -> None:
        times = block["time_ms"]
        steps = times - self._before(block, "time_ms")
        if self._last is None:
            steps[0] = self.timeframe_ms
        off = (times - floor_time(0, self.timeframe_ms)) % self.timeframe_ms
        missing = steps // self.timeframe_ms - 1
        for at in np.flatnonzero((steps <= 0) | (off != 0) | (missing > 0)).tolist():
            row, time_ms, step = int(rows[at]), int(times[at]), int(steps[at])
            if step == 0:
                self._note("duplicate", row, time_ms, "same open time as the bar before")
            elif step < 0:
                self._note("back in time", row, time_ms, f"after {iso(time_ms - step)}")
            elif missing[at] > 0:
                count = int(missing[at])
                words = f"{count} missing after {iso(time_ms - step)}"
                self.findings["gap"].note(row, time_ms, words, size=count, total=count)
            if off[at]:
                self._note("misaligned", row, time_ms, f"{int(off[at]) / 1000:g} s off the grid")

    def _look_at_values(self, block: np.ndarray, rows: np.ndarray) -> None:
        bad = bad_values(block)
        self._note_all("impossible", block, rows, bad, lambda at: describe_values(block[at]))
        before = self._before(block, "close")
        known = ~bad & (before > 0.0) & np.isfinite(before)
        if self._last is None:
            known[0] = False
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.maximum(block["high"] / before - 1.0, 1.0 - block["low"] / before)
            apart = np.abs(block["open"] / before - 1.0)
        self._note_all(
            "jump",
            block,
            rows,
            known & (reach > self.jump),
            lambda at: f"{reach[at]:.1%} from the close before ({before[at]:g})",
            sizes=reach,
        )
        self._note_all(
            "open differs",
            block,
            rows,
            known & (block["open"] != before),
            lambda at: f"open {block['open'][at]:.10g}, close before {before[at]:.10g}",
            sizes=apart,
        )
        if self.tick is not None:
            off = off_grid(block, self.tick) & ~bad
            self._note_all("off tick", block, rows, off, lambda _: f"a price is no multiple of {self.tick:g}")

    def _look_at_volume(self, block: np.ndarray, rows: np.ndarray) -> None:
        silent = block["volume"] == 0.0
        edges = np.flatnonzero(np.diff(silent.astype(np.int8), prepend=0, append=0))
        runs = edges.reshape(-1, 2).tolist()
        if self._run is not None and not silent[0]:
            self._end_run()
        for first, last in runs:
            if first == 0 and self._run is not None:
                row, time_ms, length = self._run
                self._run = (row, time_ms, length + last)
            else:
                self._run = (int(rows[first]), int(block["time_ms"][first]), last - first)
            if last < block.size:
                self._end_run()

    def _end_run(self) -> None:
        if self._run is not None and self._run[2] >= self.zero_run:
            row, time_ms, length = self._run
            words = f"{length} bars without volume"
            self.findings["zero volume"].note(row, time_ms, words, size=length, total=length)
        self._run = None

    def _note(self, kind: str, row: int, time_ms: int, words: str) -> None:
        self.findings[kind].note(row, time_ms, words)

    def _note_all(
        self,
        kind: str,
        block: np.ndarray,
        rows: np.ndarray,
        mask: np.ndarray,
        words: Callable[[int], str],
        *,
        sizes: np.ndarray | None = None,
    ) -> None:
        """Count every marked bar; only the first few are put into words."""
        hits = np.flatnonzero(mask)
        if hits.size == 0:
            return
        finding = self.findings[kind]
        wanted = EXAMPLES - len(finding.examples)
        finding.examples += [
            (int(rows[at]), int(block["time_ms"][at]), words(at)) for at in hits[:wanted].tolist()
        ]
        finding.count += hits.size
        finding.total += hits.size
        if sizes is not None:
            finding.worst = max(finding.worst, float(sizes[hits].max()))


def off_grid(block: np.ndarray, tick: float) -> np.ndarray:
    """Bars (bool mask) with a price that is not a whole number of ticks, but for the last digits of a double."""
    off = np.zeros(block.size, dtype=bool)
    for name in ("open", "high", "low", "close"):
        nearest = np.round(block[name] / tick) * tick
        off |= np.abs(block[name] - nearest) > 1e-9 * np.abs(nearest)
    return off
