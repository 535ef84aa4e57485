"""Every trade of both ledgers, paired: kind and cause, real executions, slippage, latency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engines.journal import Ack, Drift, Intent, Outcome, Recorded, parse_order_link_id
from engines.live.drift import Facts, Key, Kind, Note, Pair, Side, key_of, pair_trades
from engines.live.guesses import ADOPTED, ESTIMATED
from engines.live.working import ENTRY, FLATTEN
from engines.parity.live.exchange import Booked, Replayed
from feeds.instants import iso

_ESTIMATES = {ADOPTED, ESTIMATED}


@dataclass(frozen=True)
class Leg:
    """Entry or exit as it was executed.

    Attributes
    ----------
    executions
        How many.
    first_ms, last_ms
        The exchange's times (ms).
    price, qty, fees
        Mean price (quote currency), base currency, account currency.
    order_link_id
        Name of the order of ours; empty for stops and others'.
    how
        What the exchange calls it: type of the stop, or of the execution.
    late
        One of them lay inside a bar that had been decided.
    """

    executions: int
    first_ms: int
    last_ms: int
    price: float
    qty: float
    fees: float
    order_link_id: str
    how: str
    late: bool


@dataclass(frozen=True)
class Latency:
    """From the end of the bar that decided to a known fill; instants in ms, None where nothing tells.

    Attributes
    ----------
    bar_end_ms
        End of the decision's bar; None for stops and others' orders.
    decided_ms
        When the decision was dequeued, which is when the intent was written down (the runner's clock).
    sent_ms
        When the order left (the runner's clock); None on paper.
    filled_ms, known_ms
        First execution: the exchange's time, and when it was dequeued; None on paper, whose fills take no time.
    """

    bar_end_ms: int | None
    decided_ms: int | None
    sent_ms: int | None
    filled_ms: int | None
    known_ms: int | None


@dataclass(frozen=True)
class TradeDrift:
    """One pair and everything that is known about it.

    Attributes
    ----------
    pair
        Both sides and the kind.
    cause
        Why, as far as the journal tells; empty for trades that are the same.
    entry, exit
        X's executions; None without any.
    funding
        Paid while it was open, account currency.
    left_by
        How X left, in a word.
    entry_latency, exit_latency
        Of the first execution.
    notes
        Kinds of drift that the bot recorded while it was open.
    """

    pair: Pair
    cause: str
    entry: Leg | None
    exit: Leg | None
    left_by: str
    funding: float
    entry_latency: Latency | None
    exit_latency: Latency | None
    notes: tuple[str, ...]


def trades_of(
    emulator: np.ndarray,
    replayed: Replayed,
    drifts: Sequence[Recorded[Drift]],
    acks: dict[int, list[Recorded[Ack]]],
    venue: str,
) -> list[TradeDrift]:
    """Pair both ledgers' trades.

    Parameters
    ----------
    emulator
        All trades of E (``TRADE``), open ones last.
    replayed
        X's side.
    drifts
        Rows that the bot recorded about the stream.
    acks
        By the number of their intent.
    venue
        Of the journal: the clock of a replay tells no latency, fills on paper take no time.
    """
    tick = float(replayed.lane.setup.settings["tick"])
    exchange = replayed.trades()
    entries = _entries_by_key(replayed.asked)
    missed = {one.seq for one in drifts if one.row.kind == Note.MISSED}
    unfilled = {
        str(one.row.body["order_link_id"])
        for one in drifts
        if one.row.kind == Note.REJECTED
        and isinstance(one.row.body, Mapping)
        and "order_link_id" in one.row.body
    }
    spans = _spans(emulator, exchange)
    notes = {key: _notes(key, until_ms, drifts) for key, until_ms in spans.items()}
    facts = {
        key: _facts(
            replayed, entries.get(key, ()), replayed.by_trade.get(key, ()), acks, missed, unfilled, notes[key]
        )
        for key in spans
    }
    pairs = pair_trades(emulator, exchange, tick=tick, facts=facts)
    tell = _Causes(pairs, entries, acks, facts)
    return [_told(pair, replayed, tell.cause(pair), facts[pair.key], venue) for pair in pairs]


def _told(pair: Pair, replayed: Replayed, cause: str, facts: Facts, venue: str) -> TradeDrift:
    parts = replayed.by_trade.get(pair.key, [])
    entry = [one for one in parts if one.entry]
    exit_ = [one for one in parts if not one.entry and not one.is_funding]
    return TradeDrift(
        pair=pair,
        cause=cause,
        entry=_leg(entry),
        exit=_leg(exit_),
        left_by="" if pair.exchange is None else pair.exchange.exit_words(facts.exit_action),
        funding=float(sum(one.fee for one in parts if one.is_funding)),
        entry_latency=_latency(entry, replayed, venue),
        exit_latency=_latency(exit_, replayed, venue),
        notes=tuple(sorted(facts.notes)),
    )


def _leg(parts: Sequence[Booked]) -> Leg | None:
    if not parts:
        return None
    qty = float(sum(one.qty for one in parts))
    first = parts[0].execution
    times = [one.execution.exec_time_ms for one in parts]
    return Leg(
        executions=len(parts),
        first_ms=min(times),
        last_ms=max(times),
        price=float(sum(float(one.execution.price) * one.qty for one in parts)) / qty,
        qty=qty,
        fees=float(sum(one.fee for one in parts)),
        order_link_id=first.order_link_id,
        how=first.stop_order_type or first.exec_type,
        late=any(one.execution.late for one in parts),
    )


def _latency(parts: Sequence[Booked], replayed: Replayed, venue: str) -> Latency | None:
    """Of the execution that came first."""
    if venue == "replay" or not parts:
        return None
    first = min(parts, key=lambda part: part.execution.exec_time_ms)
    name = first.execution.order_link_id
    link = parse_order_link_id(name)
    timeframe_ms = replayed.lane.stream.timeframe_ms
    asked = next((row for row in replayed.asked if row.row.order_link_id == name), None)
    return Latency(
        bar_end_ms=None if link is None else link.start_ms(timeframe_ms) + timeframe_ms,
        decided_ms=None if asked is None else replayed.decided_ms.get(asked.seq),
        sent_ms=replayed.sent_ms.get(name),
        filled_ms=None if venue == "paper" else first.execution.exec_time_ms,
        known_ms=None if venue == "paper" else first.received_ms,
    )


def _entries_by_key(asked: Iterable[Recorded[Intent]]) -> dict[Key, list[Recorded[Intent]]]:
    """Entry orders by the trade that they would open."""
    found: dict[Key, list[Recorded[Intent]]] = defaultdict(list)
    for one in asked:
        if one.row.action == ENTRY and isinstance(one.row.body, dict):
            found[int(one.row.body["bar_ms"]), int(one.row.body["side"])].append(one)
    return dict(found)


def _spans(*ledgers: np.ndarray) -> dict[Key, int | None]:
    """Every trade, and the bar on which its last side left (ms); None while one is open."""
    found: dict[Key, int | None] = {}
    for row in np.concatenate(ledgers):
        key, until = key_of(row), None if row["exit_bar"] < 0 else int(row["exit_time_ms"])
        known = found.get(key, 0)
        found[key] = None if until is None or known is None else max(known, until)
    return found


def _notes(key: Key, until_ms: int | None, drifts: Sequence[Recorded[Drift]]) -> frozenset[str]:
    """A row belongs to the trade that was open when it was recorded, or whose entry was decided then."""
    begun_ms = key[0]
    return frozenset(
        one.row.kind
        for one in drifts
        if one.row.start_ms == begun_ms
        or (one.row.start_ms > begun_ms and (until_ms is None or one.row.start_ms < until_ms))
    )


def _facts(
    replayed: Replayed,
    asked: Sequence[Recorded[Intent]],
    parts: Sequence[Booked],
    acks: dict[int, list[Recorded[Ack]]],
    missed: set[int],
    unfilled: set[str],
    notes: frozenset[str],
) -> Facts:
    answers = [ack for one in asked for ack in acks.get(one.id, ())]
    entry = [one for one in parts if one.entry]
    exit_ = [one for one in parts if not one.entry and not one.is_funding]
    link = parse_order_link_id(exit_[-1].execution.order_link_id) if exit_ else None
    return Facts(
        outcome=answers[-1].row.outcome if answers else (Outcome.UNKNOWN if asked else None),
        ended_unfilled=any(one.row.order_link_id in unfilled for one in asked),
        too_late=any(one.seq in missed for one in answers),
        under_way=any(one.row.order_link_id in replayed.lane.working for one in asked),
        asked_qty=float(asked[-1].row.body["qty"])
        if asked and isinstance(asked[-1].row.body, dict)
        else None,
        opened_outside=any(parse_order_link_id(one.execution.order_link_id) is None for one in entry),
        estimated_entry=any(one.execution.exec_type in _ESTIMATES for one in entry),
        estimated_exit=any(one.execution.exec_type in _ESTIMATES for one in exit_),
        exit_action="" if link is None else link.action,
        notes=notes,
    )


class _Causes:
    """Says why a trade went as it did."""

    def __init__(
        self,
        pairs: Sequence[Pair],
        entries: dict[Key, list[Recorded[Intent]]],
        acks: dict[int, list[Recorded[Ack]]],
        facts: dict[Key, Facts],
    ) -> None:
        self._pairs = pairs
        self._entries = entries
        self._acks = acks
        self._facts = facts

    def cause(self, pair: Pair) -> str:
        """In a few words; empty when the numbers say it all."""
        facts = self._facts[pair.key]
        match pair.kind:
            case Kind.MISSED | Kind.REJECTED | Kind.DENIED:
                return self._not_entered(pair, facts)
            case Kind.EXTRA:
                return self._holding(pair, "E", [one.emulator for one in self._pairs]) or "X alone decided so"
            case Kind.MANUAL:
                if facts.opened_outside:
                    return "opened outside"
                return "flattened by us" if facts.exit_action == FLATTEN else "closed outside"
            case Kind.OTHER_EXIT:
                return self._exits(pair, facts)
            case (
                Kind.EXIT_X_ONLY
                | Kind.EXIT_E_ONLY
                | Kind.TRAIL_REFUSED
                | Kind.STOP_KEPT
                | Kind.STOP_CROSSED
                | Kind.LATE_EXIT
            ):
                return self._exits(pair, facts)
            case Kind.ADOPTED:
                return "no execution explains it: taken over at the exchange's entry price"
            case Kind.PHANTOM:
                return "no execution explains it: booked at the last known price"
            case Kind.LIQUIDATION | Kind.SETTLEMENT | Kind.UNPROTECTED:
                return self._exits(pair, facts)
            case Kind.PARTIAL if facts.asked_qty is not None and pair.exchange is not None:
                return f"{pair.exchange.qty:g} of {facts.asked_qty:g} executed"
        return ""

    def _exits(self, pair: Pair, facts: Facts) -> str:
        return f"E {_left(pair.emulator, '')}, X {_left(pair.exchange, facts.exit_action)}"

    def _not_entered(self, pair: Pair, facts: Facts) -> str:
        asked = self._entries.get(pair.key, [])
        if facts.under_way:
            return "the order is still under way"
        if facts.ended_unfilled:
            return "the exchange ended it without a fill"
        answers = [ack.row for one in asked for ack in self._acks.get(one.id, ())]
        if answers:
            last = answers[-1]
            if last.outcome is Outcome.CONFIRMED:
                return "the exchange accepted it and no fill is known"
            code = "" if last.code is None else f"{last.code}: "
            return f"{code}{last.text}"
        if asked:
            return "its outcome was never known"
        return self._holding(pair, "X", [one.exchange for one in self._pairs]) or "X did not ask for it"

    def _holding(self, pair: Pair, name: str, sides: Sequence[Side | None]) -> str:
        """The trade that was in the way, when there was one."""
        at_ms = pair.key[0]
        for other, side in zip(self._pairs, sides, strict=True):
            if side is None or other.key == pair.key or side.entry_time_ms > at_ms:
                continue
            if side.exit_time_ms is None or side.exit_time_ms > at_ms:
                return f"{name} still held the trade of {iso(side.entry_time_ms)}"
        return ""


def _left(side: Side | None, action: str) -> str:
    if side is None:
        return "none"
    if side.exit_time_ms is None:
        return "is still open"
    return f"{side.exit_words(action)} at {iso(side.exit_time_ms)}"


STEPS = {
    "bar_end_to_decision": ("bar_end_ms", "decided_ms"),
    "decision_to_sent": ("decided_ms", "sent_ms"),
    "sent_to_fill": ("sent_ms", "filled_ms"),
    "bar_end_to_fill": ("bar_end_ms", "filled_ms"),
    "fill_to_known": ("filled_ms", "known_ms"),
}
"""Steps of `Latency`: name, from, to."""


def steps_of(latency: Latency) -> dict[str, int]:
    """Milliseconds of every step that is known."""
    return {
        name: getattr(latency, until) - getattr(latency, since)
        for name, (since, until) in STEPS.items()
        if getattr(latency, since) is not None and getattr(latency, until) is not None
    }


def latencies(trades: Iterable[TradeDrift]) -> dict[str, list[int]]:
    """Of all trades, entries and exits together, by step."""
    found: dict[str, list[int]] = {name: [] for name in STEPS}
    for trade in trades:
        for one in (trade.entry_latency, trade.exit_latency):
            for name, value in () if one is None else steps_of(one).items():
                found[name].append(value)
    return found
