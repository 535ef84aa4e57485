"""What was committed, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engines.journal import Ack, Drift, Event, Failure, Kind, Outcome, StopMoved
from engines.live.watch.copies import Closed, Grown, LaneCopy
from engines.live.watch.happenings import Happening, What
from engines.live.watch.tail import Item
from engines.live.watch.tally import Tally
from feeds.stream import Stream


def told(item: Item, at_ms: int) -> Iterator[Happening]:
    """Happenings of an event or a row of the journal; ``at_ms`` is when it was dealt with."""
    if isinstance(item, Event):
        yield from _of_event(item)
        return
    match item.row:
        case StopMoved() as row:
            trail = f", trail {row.trailing_stop}" if row.trailing_stop else ""
            yield Happening(What.STOP_MOVED, at_ms, f"{row.stream}: stop {row.stop_loss or 'none'}{trail}")
        case Drift() as row:
            yield Happening(What.DRIFT, at_ms, f"{row.stream}: {row.kind}{_details(row.body)}")
        case Failure(kind="halt"):
            return  # the halt itself is an event
        case Failure() as row:
            yield Happening(What.ERROR, at_ms, f"{row.place}, {row.kind}: {row.text}")
        case Ack(outcome=Outcome.UNKNOWN) as row:
            yield Happening(What.ERROR, at_ms, f"outcome of an order unknown, it is looked up: {row.text}")


def changed(change: Grown | Closed) -> Happening:
    """A position that grew or a trade that closed."""
    if isinstance(change, Closed):
        side = "long" if change.side > 0 else "short"
        return Happening(
            What.EXIT,
            change.time_ms,
            f"{change.stream}: {side} {change.qty:g} from {change.entry_price:g} to {change.exit_price:g} by "
            f"{change.how}, net {change.net:+.2f}, equity {change.equity:.2f}",
        )
    side = "long" if change.after > 0 else "short"
    grown = f" (was {change.before:g})" if change.before else ""
    stop = f", stop {change.stop}" if change.stop is not None else ""
    return Happening(
        What.ENTRY,
        change.time_ms,
        f"{change.stream}: {side} {abs(change.after):g} at {change.entry_price:g}{grown}{stop}",
    )


def summary(tally: Tally, lanes: Mapping[Stream, LaneCopy], now_ms: int) -> Happening:
    """The day in a few lines."""
    day = tally.day
    since = "" if tally.whole_day else " (only since this process began)"
    lines = [f"entries {day['entries']}, trades closed {day['trades']}, net {tally.day_net:+.2f}{since}"]
    for stream, lane in lanes.items():
        holding = lane.holding
        words = f"flat, equity {lane.equity:.2f}"
        if holding.position:
            words = f"{holding.position:+g} at {lane.entry_price:g}, stop {holding.stop}, equity {lane.equity:.2f}"
        halts = f"; halted: {', '.join(holding.halts)}" if holding.halts else ""
        lines.append(f"{stream}: {words}{halts}")
    others = [f"{name} {count}" for name, count in sorted(day.items()) if name not in ("entries", "trades")]
    lines.append(", ".join(others) or "nothing else happened")
    return Happening(What.SUMMARY, now_ms, "\n  ".join(lines))


def _of_event(event: Event) -> Iterator[Happening]:
    body: Mapping[str, Any] = event.body if isinstance(event.body, Mapping) else {}
    at_ms = event.received_ms
    if event.kind is Kind.START:
        streams = ", ".join(body.get("streams", ()))
        yield Happening(What.START, at_ms, f"version {body.get('version')}, {body.get('profile')}, {streams}")
    elif event.kind is Kind.STOP:
        yield Happening(What.STOP, at_ms, f"stopped: {body.get('reason', '')}; stops on the exchange stay")
    elif event.kind is Kind.CONTROL:
        about = event.symbol or str(body.get("symbol") or "all symbols")
        by = body.get("by", "operator")
        match body.get("command"):
            case "halt":
                name = body.get("name", "operator")
                words = f"{about}: entries halted by the {by} ({name}): {body.get('reason', '')}"
                yield Happening(What.HALT, at_ms, words)
            case "flatten":
                yield Happening(What.HALT, at_ms, f"{about}: flattened by the {by}, entries halted")
            case "release":
                yield Happening(
                    What.RESUME, at_ms, f"{about}: {body.get('name')} is over: {body.get('reason', '')}"
                )
            case "resume":
                only = f", as far as {body['name']} held them up" if body.get("name") else ""
                yield Happening(What.RESUME, at_ms, f"{about}: entries go on{only}, by the {by}")


def _details(body: Any) -> str:
    if not isinstance(body, Mapping) or not body:
        return ""
    return " (" + ", ".join(f"{name} {value}" for name, value in body.items()) + ")"
