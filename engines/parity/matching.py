"""Finds for every trade of an export its trade in a run, and compares the two field by field.

Trades belong together by entry time and side. Cumulative results are compared as printed, but a difference that
merely carries an earlier one along is not counted again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from engines.parity.compare import Difference, compare_pair, describe, same_cell
from engines.parity.facts import TradeTable, cell, table_of
from engines.parity.rows import NEW_STYLE, OLD_STYLE, RAW_STYLE, PrintedTrade, Style
from engines.parity.runs import Run
from engines.parity.tv_export import Export, ExportTrade, read_number
from engines.parity.zones import Zone
from feeds.instants import iso

LIVE_FIELDS = frozenset(
    {
        "time",
        "price",
        "net",
        "net_percent",
        "runup",
        "runup_percent",
        "drawdown",
        "drawdown_percent",
        "cumulative",
        "cumulative_percent",
    }
)
"""What the exit row of an open trade shows of the moment of the export, not of a bar (E17)."""

ORDER = (
    "type",
    "time",
    "signal",
    "price",
    "qty",
    "value",
    "net",
    "net_percent",
    "runup",
    "runup_percent",
    "drawdown",
    "drawdown_percent",
    "cumulative",
    "cumulative_percent",
)
SUMS = frozenset(ORDER[ORDER.index("value") :])
CUMULATIVE = frozenset({"cumulative", "cumulative_percent"})
Place = tuple[int | None, int | None]
"""Index in the export and index in the run; one of them may be lacking."""
STYLE_SAMPLE = 100
MISSING_COST = 5  # more than any trade that is there and differs
EXTRA_COST = 2  # less: a setting that trades nothing at all must not look good


@dataclass(frozen=True)
class Aligned:
    """An export in UTC: its trades, and their numbers as arrays whose times are UTC too."""

    export: Export
    table: TradeTable


@dataclass(frozen=True)
class Pair:
    """A trade of the export and its trade in the run; one of them may be lacking.

    Parameters
    ----------
    theirs
        Index in the export, or ``None``.
    ours
        Index in the run, or ``None``.
    differences
        Cells that differ, the most telling first; empty when the two are equal.
    cost
        How far apart they are: 0 when equal, `MISSING_COST` or `EXTRA_COST` when one is lacking, else one for
        each of entry price, quantity and exit that differs, and one more.
    """

    theirs: int | None
    ours: int | None
    differences: tuple[Difference, ...] = ()
    cost: int = 0

    @property
    def equal(self) -> bool:
        """Whether both are there and every compared cell is equal."""
        return self.theirs is not None and self.ours is not None and not self.differences


@dataclass(frozen=True)
class Comparison:
    """All pairs in order of time."""

    pairs: tuple[Pair, ...]

    @property
    def matched(self) -> int:
        """Trades equal in every compared field."""
        return sum(pair.equal for pair in self.pairs)

    @property
    def missing(self) -> int:
        """Trades of the export that the run does not have."""
        return sum(pair.ours is None for pair in self.pairs)

    @property
    def extra(self) -> int:
        """Trades of the run that the export does not have."""
        return sum(pair.theirs is None for pair in self.pairs)

    @property
    def differing(self) -> int:
        """Trades that both have and that differ."""
        return len(self.pairs) - self.matched - self.missing - self.extra

    @property
    def wrong(self) -> int:
        """Everything that is not a match."""
        return len(self.pairs) - self.matched

    @property
    def cost(self) -> int:
        """How far apart export and run are, all pairs together."""
        return sum(pair.cost for pair in self.pairs)

    @property
    def first(self) -> Pair | None:
        """The first that is not a match."""
        return next((pair for pair in self.pairs if not pair.equal), None)


def in_utc(export: Export, zone: Zone) -> Aligned:
    """The export with its times moved to UTC."""
    walls = sorted({row.wall_ms for trade in export.trades for row in (trade.entry, trade.exit)})
    utc = dict(zip(walls, zone.utc(np.array(walls, np.int64)).tolist(), strict=True))

    def moved(trade: ExportTrade) -> ExportTrade:
        entry, exit_ = (replace(row, wall_ms=utc[row.wall_ms]) for row in (trade.entry, trade.exit))
        return replace(trade, entry=entry, exit=exit_)

    shifted = replace(export, trades=tuple(moved(trade) for trade in export.trades), has_zone=True)
    return Aligned(shifted, table_of(shifted))


def align(theirs: TradeTable, run: Run) -> list[Place]:
    """Pairs of indices in order of entry time."""
    ours = run.trades
    begins, ends = ours["entry_time_ms"].tolist(), ours["exit_time_ms"].tolist()
    waiting: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, (time_ms, side) in enumerate(zip(begins, ours["side"].tolist(), strict=True)):
        waiting[time_ms, side].append(index)
    partner: dict[int, int] = {}
    entered, left = theirs.entry_wall_ms.tolist(), theirs.exit_wall_ms.tolist()
    for index, (time_ms, side) in enumerate(zip(entered, theirs.side.tolist(), strict=True)):
        found = waiting.get((time_ms, side))
        if found:
            same_exit = [i for i in found if ends[i] == left[index]]
            chosen = same_exit[0] if same_exit else found[0]
            found.remove(chosen)
            partner[index] = chosen
    rest = sorted(index for found in waiting.values() for index in found)
    alone = [index for index in range(theirs.number.size) if index not in partner]
    partner |= _relatives(theirs, alone, run.trades, rest)
    taken = set(partner.values())
    pairs: list[Place] = [(index, partner.get(index)) for index in range(theirs.number.size)]
    pairs += [(None, index) for index in rest if index not in taken]

    def when(pair: Place) -> tuple[int, int, int]:
        i, j = pair
        time_ms = entered[i] if i is not None else begins[j]
        return time_ms, -1 if i is None else i, -1 if j is None else j

    return sorted(pairs, key=when)


def compare_run(aligned: Aligned, run: Run, style: Style, *, everything: bool = True) -> Comparison:
    """Compare a run with an export.

    Parameters
    ----------
    everything
        List every differing cell; without it, trades that differ in time, side, price or quantity are only
        counted, which is much faster.
    """
    table, trades = aligned.table, aligned.export.trades
    places = align(table, run)
    apart = _apart(table, run, places)
    equal: set[Place] = {place for place, count in apart.items() if count == 0}
    wanted = [j for i, j in places if j is not None and (everything or (i, j) in equal)]
    printed = run.printed(style, np.array(sorted(wanted), np.int64))
    pairs = []
    carried = _Carried()
    for i, j in places:
        if i is None or j is None:
            carried.moved = True
            pairs.append(Pair(i, j, (_whole(aligned, run, i, j),), EXTRA_COST if i is None else MISSING_COST))
        elif not everything and (i, j) not in equal:
            carried.moved = True
            cells = (Difference(trades[i].number, "", "trade", "", ""),)
            pairs.append(Pair(i, j, cells, 1 + apart[i, j]))
        else:
            found = _cells(aligned, trades[i], printed[j], run, j, style)
            own = carried.keep(trades[i], printed[j], found)
            pairs.append(Pair(i, j, own, 1 + apart[i, j] if own else 0))
    return Comparison(tuple(pairs))


def choose_style(aligned: Aligned, run: Run) -> Style:
    """How this export prints its numbers: the style that leaves the fewest differing cells in a sample."""
    first = NEW_STYLE if aligned.export.exit_first else OLD_STYLE
    apart = _apart(aligned.table, run, align(aligned.table, run))
    places = [place for place, count in apart.items() if count == 0][:STYLE_SAMPLE]
    if not places:
        return first
    which = np.array(sorted(j for _, j in places), np.int64)
    scores = []
    for style in dict.fromkeys((first, NEW_STYLE, OLD_STYLE, RAW_STYLE)):
        printed = run.printed(style, which)
        cells = sum(
            len(_cells(aligned, aligned.export.trades[i], printed[j], run, j, style)) for i, j in places
        )
        scores.append((cells, style))
    return min(scores, key=lambda score: score[0])[1]


class _Carried:
    """Cumulative results after a difference: off by the same amount from then on."""

    def __init__(self) -> None:
        self.moved = False  # a difference since the last compared trade: any offset is now explained
        self.ever = False
        self.offset = 0.0

    def keep(
        self, theirs: ExportTrade, ours: PrintedTrade, cells: list[Difference]
    ) -> tuple[Difference, ...]:
        """The cells that are differences of this trade itself."""
        own = [difference for difference in cells if difference.field not in CUMULATIVE]
        value = cell(theirs.exit, "cumulative")
        if value is None:
            return tuple(cells)
        offset = value - float(ours.shared["cumulative"])
        slack = 0.011 + 2e-7 * abs(value)  # two roundings to a hundredth, and the digits of a float32
        follows = self.moved or bool(own) or (self.ever and abs(offset - self.offset) <= slack)
        self.ever = self.ever or self.moved or bool(own)
        self.offset, self.moved = offset, False
        return tuple(own if follows else cells)


def _cells(
    aligned: Aligned, theirs: ExportTrade, ours: PrintedTrade, run: Run, index: int, style: Style
) -> list[Difference]:
    live = LIVE_FIELDS if theirs.is_open and not _marked_alike(theirs, ours, run, index) else frozenset()
    found = compare_pair(theirs, replace(ours, number=theirs.number), ignore_open=live)
    seen: set[tuple[str, str, str]] = set()
    unique = []
    for difference in sorted(found, key=_telling):
        if not aligned.export.as_printed and _prints_alike(difference, style):
            continue
        key = (difference.field, difference.expected, difference.actual)
        if difference.field in ours.shared and key in seen:
            continue
        seen.add(key)
        unique.append(_in_words(difference))
    return unique


def _prints_alike(difference: Difference, style: Style) -> bool:
    """Whether a workbook's number, printed by TradingView's rule, is the text of the run."""
    name = difference.field
    if name not in SUMS:
        return False
    printer = style.value if name == "value" else style.percent if name.endswith("percent") else style.money
    number = read_number(difference.expected)
    return number is not None and same_cell(name, printer(number), difference.actual)


def _marked_alike(theirs: ExportTrade, ours: PrintedTrade, run: Run, index: int) -> bool:
    if index < run.trades.size - run.open_rows:
        return False
    price = cell(theirs.exit, "price")
    return theirs.exit.wall_ms == ours.exit_time_ms and price == float(ours.exit["price"])


def _telling(difference: Difference) -> tuple[int, int]:
    rank = ORDER.index(difference.field) if difference.field in ORDER else -1
    late = difference.row == "exit" and difference.field in ("time", "signal", "price")
    return (ORDER.index("value") if late else rank), 0 if difference.row == "entry" else 1


def _in_words(difference: Difference) -> Difference:
    if difference.field != "time":
        return difference
    return replace(difference, expected=iso(int(difference.expected)), actual=iso(int(difference.actual)))


def _apart(table: TradeTable, run: Run, places: Iterable[Place]) -> dict[tuple[int, int], int]:
    """How many of entry, quantity and exit differ, of the places that both have; all in one pass."""
    both = [(i, j) for i, j in places if i is not None and j is not None]
    if not both:
        return {}
    of_theirs, of_ours = (np.array(side, np.int64) for side in zip(*both, strict=True))
    ours = run.trades[of_ours]
    half = float(run.plan.settings["tick"]) / 2.0
    entry = (
        (ours["side"] != table.side[of_theirs])
        | (ours["entry_time_ms"] != table.entry_wall_ms[of_theirs])
        | (np.abs(ours["entry_price"] - table.entry_price[of_theirs]) >= half)
    )
    qty = np.abs(ours["qty"] - table.qty[of_theirs]) > 5e-9
    left = (ours["exit_time_ms"] != table.exit_wall_ms[of_theirs]) | (
        np.abs(ours["exit_price"] - table.exit_price[of_theirs]) >= half
    )
    theirs_open = table.is_open[of_theirs]
    ours_open = of_ours >= run.trades.size - run.open_rows
    left = np.where(theirs_open | ours_open, theirs_open != ours_open, left)
    apart = entry.astype(np.int64) + qty + left
    return dict(zip(both, apart.tolist(), strict=True))


def _relatives(theirs: TradeTable, alone: list[int], trades: np.ndarray, rest: list[int]) -> dict[int, int]:
    """Trades without a partner that lie at the same time: the first of each that share an end or overlap."""
    begins, ends = trades["entry_time_ms"].tolist(), trades["exit_time_ms"].tolist()
    found: dict[int, int] = {}
    first = 0
    for index in sorted(alone, key=lambda i: int(theirs.entry_wall_ms[i])):
        begin, end = int(theirs.entry_wall_ms[index]), int(theirs.exit_wall_ms[index])
        while first < len(rest) and ends[rest[first]] < begin:
            first += 1
        for at in range(first, len(rest)):
            other = rest[at]
            if begins[other] > end:
                break
            overlap = max(begin, begins[other]) < min(end, ends[other])
            if begin == begins[other] or end == ends[other] or overlap:
                found[index] = other
                del rest[at]
                break
    return found


def _whole(aligned: Aligned, run: Run, i: int | None, j: int | None) -> Difference:
    if i is not None:
        theirs = aligned.export.trades[i]
        return Difference(theirs.number, "", "missing", describe(theirs), "no trade")
    assert j is not None
    ours = run.trades[j]
    side = "long" if ours["side"] > 0 else "short"
    text = f"Entry {side} {iso(int(ours['entry_time_ms']))} at {ours['entry_price']:g}"
    return Difference(j + 1, "", "extra", "no trade", text)
