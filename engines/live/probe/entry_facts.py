"""Facts of subscribing and of an entry."""

from __future__ import annotations

from engines.live.probe.evidence import (
    NOT_SEEN,
    Facts,
    Found,
    answers_to,
    is_set,
    position_read,
    stop_rows,
    words_of,
)
from engines.live.probe.record import Record

ENTRY = Facts()


@ENTRY.fact("A private subscription sends no snapshot: the first picture has to be read by REST")
def _snapshot(record: Record) -> Found:
    rows = record.lines("subscribe", "private")
    return (f"{len(rows)} rows came" if rows else "nothing came"), not rows, rows


@ENTRY.fact("The order of order, execution, position and wallet rows is not promised: nothing may rely on it")
def _order_of_topics(record: Record) -> Found:
    rows = record.lines("entry", "private")
    return (" > ".join(one.topic for one in rows), True, rows) if rows else NOT_SEEN


@ENTRY.fact("The acknowledgement of an order and its first private row race: either may be first")
def _race(record: Record) -> Found:
    rows, answers = record.lines("entry", "private")[:1], answers_to(record, "entry", "MarketOrder")[:1]
    if not rows or not answers:
        return NOT_SEEN
    lead_ms = rows[0].at_ms - answers[0].at_ms
    who = "row first" if rows[0].number < answers[0].number else "acknowledgement first"
    return f"{who}, {abs(lead_ms)} ms between them", True, (*rows, *answers)


@ENTRY.fact("From an execution to its row here it takes less than a second")
def _latency(record: Record) -> Found:
    rows = [one for one in record.lines("", "private", "execution") if one.body.get("execTime")]
    if not rows:
        return NOT_SEEN
    delays = sorted(one.at_ms - int(one.body["execTime"]) for one in rows)
    return f"{delays[0]} to {delays[-1]} ms over {len(rows)}", delays[-1] < 1_000, rows


@ENTRY.fact(
    "A stop attached to an entry is an order of its own: StopLoss, Untriggered, reduceOnly, closeOnTrigger"
)
def _attached(record: Record) -> Found:
    rows = stop_rows(record, "entry", "StopLoss")
    if not rows:
        return "no such order row", None, ()
    names = ("orderStatus", "createType", "reduceOnly", "closeOnTrigger", "triggerBy")
    words = ", ".join(f"{name} {rows[0].body.get(name)}" for name in names)
    good = bool(rows[0].body.get("reduceOnly")) and rows[0].body.get("orderStatus") == "Untriggered"
    return words, good, rows


@ENTRY.fact("The first position row after the fill carries the attached stop: the position is never naked")
def _never_naked(record: Record) -> Found:
    rows = [one for one in record.lines("entry", "private", "position") if is_set(one.body.get("size"))]
    if not rows:
        return NOT_SEEN
    stops = [str(one.body.get("stopLoss")) for one in rows]
    return f"stopLoss {' > '.join(stops)}", is_set(rows[0].body.get("stopLoss")), rows


@ENTRY.fact("A position row calls its price entryPrice; by REST it is avgPrice")
def _entry_price(record: Record) -> Found:
    rows = record.lines("entry", "private", "position")
    read, lines = position_read(record, "entry")
    if not rows or not read:
        return NOT_SEEN
    good = "entryPrice" in rows[-1].body and "avgPrice" in read
    return (
        f"row has entryPrice: {'entryPrice' in rows[-1].body}; REST has avgPrice: {'avgPrice' in read}",
        good,
        lines,
    )


@ENTRY.fact("An execution and the position it leads to share one sequence number")
def _sequence(record: Record) -> Found:
    fills = record.lines("entry", "private", "execution")
    positions = record.lines("entry", "private", "position")
    if not fills or not positions:
        return NOT_SEEN
    of_fill, of_position = ([str(one.body.get("seq")) for one in rows] for rows in (fills, positions))
    shared = set(of_fill) & set(of_position)
    return (
        f"executions {', '.join(of_fill)}; positions {', '.join(of_position)}",
        bool(shared),
        (*fills, *positions),
    )


@ENTRY.fact("The price of a market order is a limit of the exchange's, not its fill")
def _protective_price(record: Record) -> Found:
    rows = [
        one for one in record.lines("entry", "private", "order") if one.body.get("orderStatus") == "Filled"
    ]
    if not rows:
        return NOT_SEEN
    price, average = str(rows[-1].body.get("price")), str(rows[-1].body.get("avgPrice"))
    return f"price {price}, average {average}", price != average, rows


@ENTRY.fact("A second order under the same name is refused with 110072")
def _same_name(record: Record) -> Found:
    answers = answers_to(record, "same name", "MarketOrder")
    if not answers:
        return NOT_SEEN
    return words_of(answers[0]), answers[0].body["code"] == 110072, answers


@ENTRY.fact("Setting the stop that rests already is refused with 34040 and changes nothing")
def _same_stop(record: Record) -> Found:
    answers = answers_to(record, "same stop", "Protect")
    if not answers:
        return NOT_SEEN
    return words_of(answers[0]), answers[0].body["code"] == 34040, answers
