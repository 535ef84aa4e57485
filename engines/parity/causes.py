"""Names the cause of the first difference from what the export, the bars and the strategy's state say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.parity.compare import Difference
from engines.parity.facts import cell
from engines.parity.matching import Aligned, Comparison, Pair
from engines.parity.refusal import Verdict, signal_kind, why_no_entry
from engines.parity.runs import Look, Run, look_at
from engines.parity.selfcheck import commission_of, contradicts_itself, lacking_numbers, unexplained_step
from engines.parity.setting import Bars
from feeds.instants import iso
from kwin_core.state import BY_REVERSAL, BY_TRAIL, BY_TRAIL_GAP, EXIT_KIND_NAMES

CAUSES = (
    "signal",
    "lock",
    "gate",
    "size",
    "path",
    "trail",
    "rounding",
    "commission",
    "window",
    "warm-up",
    "data",
)
"""What a difference can come from."""

AROUND = 3  # bars shown before and after the one in question


@dataclass(frozen=True)
class Scene:
    """Where the first difference is.

    Parameters
    ----------
    aligned, run, bars, comparison
        What was compared and the result.
    pair
        The first pair that differs.
    looks
        Bars around it as the strategy saw them.
    events
        Order events (``EVENT``) on these bars.
    at
        Number of the bar in question, in the run; ``None`` when the data does not have it.
    time_ms
        Its open time, ms.
    """

    aligned: Aligned
    run: Run
    bars: Bars
    comparison: Comparison
    pair: Pair
    looks: list[Look]
    events: np.ndarray
    at: int | None
    time_ms: int

    @property
    def number(self) -> int:
        """Trade number: the export's, or for an extra trade the one it would have."""
        if self.pair.theirs is not None:
            return self.aligned.export.trades[self.pair.theirs].number
        return (self.pair.ours or 0) + 1

    @property
    def look(self) -> Look | None:
        """The bar in question."""
        return next((look for look in self.looks if look.number == self.at), None)

    @property
    def difference(self) -> Difference:
        """The most telling cell."""
        return self.pair.differences[0]

    @property
    def trade(self) -> Any:
        """The run's trade."""
        return self.run.trades[self.pair.ours]


def scene_of(aligned: Aligned, run: Run, bars: Bars, comparison: Comparison, pair: Pair) -> Scene:
    """Look at the bar on which a difference shows: the entry's, or the earlier of the two exits'."""
    time_ms = _time_of(aligned, run, pair)
    times = run.setting.cut(bars)["time_ms"]
    at = int(np.searchsorted(times, time_ms))
    if at < times.size and times[at] == time_ms:
        looks, events = look_at(run, max(0, at - AROUND), min(times.size - 1, at + AROUND))
        return Scene(aligned, run, bars, comparison, pair, looks, events, at, time_ms)
    return Scene(aligned, run, bars, comparison, pair, [], np.zeros(0), None, time_ms)


def diagnose(scene: Scene) -> Verdict:
    """The cause by evidence alone, before other settings are tried."""
    if scene.at is None:
        return _outside(scene)
    if scene.difference.field == "missing":
        return _missing(scene)
    if scene.difference.field == "extra":
        return _extra(scene)
    return _differs(scene)


def _time_of(aligned: Aligned, run: Run, pair: Pair) -> int:
    i, j = pair.theirs, pair.ours
    if j is None:
        assert i is not None
        return int(aligned.table.entry_wall_ms[i])
    ours = run.trades[j]
    if i is None:
        return int(ours["entry_time_ms"])
    difference = pair.differences[0]
    if difference.row == "exit" and difference.field in ("time", "signal", "price", "net"):
        return int(min(aligned.table.exit_wall_ms[i], ours["exit_time_ms"]))
    return int(min(aligned.table.entry_wall_ms[i], ours["entry_time_ms"]))


def _outside(scene: Scene) -> Verdict:
    run = scene.run
    if run.first_ms <= scene.time_ms <= run.last_ms:
        return Verdict("data", f"the bars have none that opens at {iso(scene.time_ms)}")
    return Verdict(
        "data",
        f"the run covers {iso(run.first_ms)} to {iso(run.last_ms)}, and the trade is at "
        f"{iso(scene.time_ms)}: give the bars TradingView used",
    )


def _missing(scene: Scene) -> Verdict:
    trades = scene.aligned.export.trades
    i = scene.pair.theirs
    assert i is not None
    theirs = trades[i]
    step = unexplained_step(trades[i - 1] if i else None, theirs)
    if step:
        return Verdict(
            "data",
            f"the export contradicts itself: its cumulative result does not contain trade {theirs.number} "
            f"(off by {step:+.2f}): the rows were added or changed",
        )
    look = scene.look
    assert look is not None
    entry = cell(theirs.entry, "price")
    bar = look.bar
    half = scene.run.setting.tick / 2.0
    if entry is not None and not bar["low"] - half <= entry <= bar["high"] + half:
        return Verdict(
            "data",
            f"its entry price {entry:g} lies outside the bar ({bar['low']:g} to {bar['high']:g}): the bars are "
            f"not the ones TradingView used, or the row was changed",
        )
    if not scene.run.setting.fills_on_close:
        return _missing_at_open(scene, theirs.side)
    return why_no_entry(scene.run, look, theirs.side)


def _missing_at_open(scene: Scene, side: int) -> Verdict:
    """An entry at the open was decided on the bar before."""
    before = next((look for look in scene.looks if look.number == (scene.at or 0) - 1), None)
    if before is None:
        return Verdict("warm-up", "the entry was decided before the first bar of the data")
    return why_no_entry(scene.run, before, side)


def _extra(scene: Scene) -> Verdict:
    trades = scene.aligned.export.trades
    table = scene.aligned.table
    ours = scene.trade
    after = int(np.searchsorted(table.entry_wall_ms, ours["entry_time_ms"], side="right"))
    if after == len(trades):
        end = int(max(table.entry_wall_ms.max(), table.exit_wall_ms.max()))
        return Verdict(
            "window",
            f"the export ends at {iso(end)} and the bars go on: limit them with "
            f"--to {iso(end + scene.bars.timeframe_ms)}, or its last rows are missing",
        )
    following = trades[after]
    before = trades[after - 1] if after else None
    step = unexplained_step(before, following)
    gone = [n for n in lacking_numbers(scene.aligned.export) if n < following.number]
    net = float(ours["net_pnl"])
    if step and abs(step - net) <= 0.03 + 1e-6 * abs(step):
        return Verdict(
            "data",
            f"the rows of a trade are missing in the export: its cumulative result grows by {step:+.2f} before "
            f"trade {following.number}, which is the result of this trade",
        )
    if gone and (before is None or gone[-1] > before.number):
        return Verdict(
            "data", f"the rows of trade {gone[-1]} are missing in the export: its numbering skips it"
        )
    if step:
        return Verdict(
            "data",
            f"the export contradicts itself before trade {following.number}: its cumulative result moves by "
            f"{step:+.2f} more than the trade earned",
        )
    if before is None and 2 * scene.comparison.matched >= len(trades):
        return Verdict(
            "window",
            f"the export's first entry is at {iso(following.entry.wall_ms)}: TradingView's entries began later "
            f"than here (time window of the strategy, or bars loaded)",
        )
    if before is not None and before.exit.wall_ms > ours["entry_time_ms"]:
        return Verdict("lock", f"trade {before.number} of the export is still open there")
    look = scene.look
    if look is None:
        return Verdict("signal", "the strategy entered here and not on TradingView")
    kind = signal_kind(look.state(), int(ours["side"]))
    cause = "lock" if kind == "classic SFP" else "signal"
    return Verdict(
        cause,
        f"the strategy saw a {kind} here and entered; TradingView did not: another signal, lock or gate there",
    )


def _differs(scene: Scene) -> Verdict:
    field, row = scene.difference.field, scene.difference.row
    if field in ("type", "number"):
        return Verdict("signal", "the trade is on the other side")
    if row == "entry" and field in ("time", "signal"):
        return Verdict("signal", f"the entry {field} differs: another bar or order gave the signal")
    if field == "price":
        return _entry_price(scene) if row == "entry" else _exit_price(scene)
    if field == "qty":
        return _quantity(scene)
    if row == "exit" and field in ("time", "signal"):
        return _exit_elsewhere(scene)
    if field in ("net", "net_percent"):
        return _result(scene)
    if field.startswith(("runup", "drawdown")):
        return Verdict(
            "path",
            "the trade is the same and its excursion is not: TradingView walked finer bars (bar magnifier) or "
            "other highs and lows",
        )
    if field.startswith("cumulative"):
        return _cumulative(scene)
    return Verdict("rounding", f"the printed {field} differs and everything it is made of agrees")


def _entry_price(scene: Scene) -> Verdict:
    theirs = scene.aligned.export.trades[scene.pair.theirs or 0]
    look = scene.look
    assert look is not None
    if _edited(scene):
        return Verdict("data", _edited_words(scene, "entry"))
    price = cell(theirs.entry, "price") or 0.0
    edge = "close" if scene.run.setting.fills_on_close else "open"
    if abs(price - look.bar[edge]) < 1e-9:
        return Verdict(
            "rounding", f"the bar's {edge} {price:g} is not a multiple of the tick {scene.run.setting.tick:g}"
        )
    return Verdict(
        "data",
        f"the entry fills at the bar's {edge}, which is {look.bar[edge]:g} in these bars and {price:g} on "
        f"TradingView: the bars differ",
    )


def _exit_price(scene: Scene) -> Verdict:
    theirs = scene.aligned.export.trades[scene.pair.theirs or 0]
    tick = scene.run.setting.tick
    price, own = cell(theirs.exit, "price") or 0.0, float(scene.trade["exit_price"])
    look = scene.look
    if _edited(scene):
        return Verdict("data", _edited_words(scene, "exit"))
    kind = EXIT_KIND_NAMES.get(int(scene.trade["exit_kind"]), "open")
    if abs(price - own) < 1.5 * tick:
        return Verdict("rounding", f"one tick from the level of the {kind}: a level rounded the other way")
    if look is not None and not look.bar["low"] - tick / 2 <= price <= look.bar["high"] + tick / 2:
        return Verdict(
            "data",
            f"its price {price:g} lies outside the bar ({look.bar['low']:g} to {look.bar['high']:g}): the bars differ",
        )
    if scene.trade["exit_kind"] in (BY_TRAIL, BY_TRAIL_GAP):
        return Verdict("trail", f"both leave on this bar; here by {kind} at {own:g}, there at {price:g}")
    return Verdict("path", f"both leave on this bar; here by {kind} at {own:g}, there at {price:g}")


def _edited(scene: Scene) -> bool:
    """Whether the export's result belongs to the run's prices and not to its own."""
    theirs = scene.aligned.export.trades[scene.pair.theirs or 0]
    same_net = all(difference.field != "net" for difference in scene.pair.differences)
    return (
        not theirs.is_open and same_net and contradicts_itself(theirs, scene.run.setting.commission_percent)
    )


def _edited_words(scene: Scene, row: str) -> str:
    difference = scene.difference
    off = abs(float(difference.expected) - float(difference.actual)) / scene.run.setting.tick
    ticks = f" ({off:.0f} tick{'s' if round(off) != 1 else ''} away)"
    return (
        f"the export contradicts itself: its result belongs to the {row} price {difference.actual}, not to "
        f"{difference.expected}{ticks}: the row was changed"
    )


def _quantity(scene: Scene) -> Verdict:
    look = scene.look
    state = {} if look is None else look.state()
    seen = state.get("equity_seen")
    words = "" if seen is None else f"; equity seen {seen:.2f}, stop {state.get('stop')}"
    return Verdict(
        "size",
        f"the same entry with another quantity: capital, risk, lot, commission or an earlier result differ{words}",
    )


def _exit_elsewhere(scene: Scene) -> Verdict:
    theirs = scene.aligned.export.trades[scene.pair.theirs or 0]
    ours = scene.trade
    signal = theirs.exit.cells["signal"]
    kind = EXIT_KIND_NAMES.get(int(ours["exit_kind"]), "open")
    entries = {scene.run.plan.strategy.text(code) for code in (1, 2)}
    if theirs.is_open:
        return Verdict(
            "window",
            f"the export ends with the trade open; here it is closed at {iso(int(ours['exit_time_ms']))}: the "
            f"export was made earlier, limit the bars with --to",
        )
    if signal.lower().startswith("margin call"):
        return Verdict("size", "TradingView made a margin call: its margin is not 0")
    if (signal in entries) != (ours["exit_kind"] == BY_REVERSAL):
        return Verdict("lock", f"the export leaves by {signal!r}, here by {kind}: the direction lock differs")
    return Verdict(
        "trail",
        f"the export leaves at {iso(theirs.exit.wall_ms)} by {signal!r}, here at "
        f"{iso(int(ours['exit_time_ms']))} by {kind}: another stop or trail was in force",
    )


def _result(scene: Scene) -> Verdict:
    theirs = scene.aligned.export.trades[scene.pair.theirs or 0]
    net, own = cell(theirs.exit, "net"), float(scene.trade["net_pnl"])
    qty = float(scene.trade["qty"])
    value = (float(scene.trade["entry_price"]) + float(scene.trade["exit_price"])) * qty
    if net is None or value <= 0.0:
        return Verdict("commission", "the same prices and quantity give another result: the fees differ")
    usual, here = commission_of(scene.aligned.export), scene.run.setting.commission_percent
    if usual is not None and abs(usual - here) <= 0.02 * max(here, 0.001):
        return Verdict(
            "data",
            f"the export contradicts itself: {net:g} is not the result of this row's prices and quantity at the "
            f"{here:g} % that its other trades paid: the row was changed",
        )
    rate = here + 100.0 * (own - net) / value
    return Verdict(
        "commission",
        f"the same prices and quantity with another result: the export's fees are about {rate:.4g} % a side, "
        f"here {here:g} %",
    )


def _cumulative(scene: Scene) -> Verdict:
    trades = scene.aligned.export.trades
    i = scene.pair.theirs or 0
    step = unexplained_step(trades[i - 1] if i else None, trades[i])
    if step:
        return Verdict(
            "data",
            f"the export contradicts itself: its cumulative result moves by {step:+.2f} more than trade "
            f"{trades[i].number} earned: a row is missing or was changed",
        )
    return Verdict("size", "the results agree and their percentage does not: the initial capital differs")
