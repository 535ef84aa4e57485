"""The unverified facts, one function each: what is believed, and what a record of a probe shows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engines.live.probe.record import Line, Record

_UNSET = ("", "0", "0.00", None, "UNKNOWN")


@dataclass(frozen=True)
class Fact:
    """One line of the table.

    Attributes
    ----------
    fact
        What is believed, and what the deployment relies on.
    observed
        What the record shows.
    holds
        None when the record does not say.
    evidence
        Numbers of the lines in the file.
    """

    fact: str
    observed: str
    holds: bool | None
    evidence: tuple[int, ...]


Look = Callable[[Record], tuple[str, bool | None, Iterable[Line]]]
_FACTS: list[tuple[str, Look]] = []


def settle(record: Record) -> list[Fact]:
    """All facts, in the order of the probe's steps."""
    found = []
    for words, look in _FACTS:
        observed, holds, lines = look(record)
        found.append(Fact(words, observed, holds, tuple(line.number for line in lines)))
    return found


def _fact(words: str) -> Callable[[Look], Look]:
    def keep(look: Look) -> Look:
        _FACTS.append((words, look))
        return look

    return keep


# -- what the facts look at ----------------------------------------------------------------------------


def _answers(record: Record, step: str, topic: str) -> list[Line]:
    return record.lines(step, "answer", topic)


def _confirmed(line: Line) -> bool:
    return bool(line.body["outcome"] == "confirmed")


def _words(line: Line) -> str:
    return "accepted" if _confirmed(line) else f"refused, retCode {line.body['code']}: {line.body['text']}"


def _stops(record: Record, step: str, kind: str) -> list[Line]:
    """Private order rows of a kind of stop."""
    return [one for one in record.lines(step, "private", "order") if one.body.get("stopOrderType") == kind]


def _read_orders(record: Record, step: str, kind: str) -> list[dict[str, Any]]:
    """Resting stops of a kind, as the last look of a step read them by REST."""
    answers = _answers(record, step, "ReadOpenOrders")
    rows = answers[-1].body["rows"] if answers else []
    return [row for row in rows if row and row.get("stopOrderType") == kind]


def _read_position(record: Record, step: str) -> tuple[dict[str, Any], list[Line]]:
    answers = _answers(record, step, "ReadPosition")
    rows = answers[-1].body["rows"] if answers else []
    return (rows[0] if rows else {}), answers[-1:]


def _set(value: Any) -> bool:
    return value not in _UNSET and Decimal(str(value)) != 0


_NOT_SEEN: tuple[str, bool | None, tuple[Line, ...]] = ("not seen", None, ())


# -- subscribing and the entry -------------------------------------------------------------------------


@_fact("A private subscription sends no snapshot: the first picture has to be read by REST")
def _snapshot(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    rows = record.lines("subscribe", "private")
    return (f"{len(rows)} rows came" if rows else "nothing came"), not rows, rows


@_fact("The order of order, execution, position and wallet rows is not promised: nothing may rely on it")
def _order_of_topics(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    rows = record.lines("entry", "private")
    return (" > ".join(one.topic for one in rows), True, rows) if rows else _NOT_SEEN


@_fact("The acknowledgement of an order and its first private row race: either may be first")
def _race(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    rows, answers = record.lines("entry", "private")[:1], _answers(record, "entry", "MarketOrder")[:1]
    if not rows or not answers:
        return _NOT_SEEN
    lead_ms = rows[0].at_ms - answers[0].at_ms
    who = "row first" if rows[0].number < answers[0].number else "acknowledgement first"
    return f"{who}, {abs(lead_ms)} ms between them", True, (*rows, *answers)


@_fact("From an execution to its row here it takes less than a second")
def _latency(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    rows = [one for one in record.lines("", "private", "execution") if one.body.get("execTime")]
    if not rows:
        return _NOT_SEEN
    delays = sorted(one.at_ms - int(one.body["execTime"]) for one in rows)
    return f"{delays[0]} to {delays[-1]} ms over {len(rows)}", delays[-1] < 1_000, rows


@_fact(
    "A stop attached to an entry is an order of its own: StopLoss, Untriggered, reduceOnly, closeOnTrigger"
)
def _attached(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    rows = _stops(record, "entry", "StopLoss")
    if not rows:
        return "no such order row", None, ()
    names = ("orderStatus", "createType", "reduceOnly", "closeOnTrigger", "triggerBy")
    words = ", ".join(f"{name} {rows[0].body.get(name)}" for name in names)
    good = bool(rows[0].body.get("reduceOnly")) and rows[0].body.get("orderStatus") == "Untriggered"
    return words, good, rows


@_fact("The first position row after the fill carries the attached stop: the position is never naked")
def _never_naked(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    rows = [one for one in record.lines("entry", "private", "position") if _set(one.body.get("size"))]
    if not rows:
        return _NOT_SEEN
    stops = [str(one.body.get("stopLoss")) for one in rows]
    return f"stopLoss {' > '.join(stops)}", _set(rows[0].body.get("stopLoss")), rows


@_fact("A position row calls its price entryPrice; by REST it is avgPrice")
def _entry_price(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    rows = record.lines("entry", "private", "position")
    read, lines = _read_position(record, "entry")
    if not rows or not read:
        return _NOT_SEEN
    good = "entryPrice" in rows[-1].body and "avgPrice" in read
    return (
        f"row has entryPrice: {'entryPrice' in rows[-1].body}; REST has avgPrice: {'avgPrice' in read}",
        good,
        lines,
    )


@_fact("An execution and the position it leads to share one sequence number")
def _sequence(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    fills = record.lines("entry", "private", "execution")
    positions = record.lines("entry", "private", "position")
    if not fills or not positions:
        return _NOT_SEEN
    of_fill, of_position = ([str(one.body.get("seq")) for one in rows] for rows in (fills, positions))
    shared = set(of_fill) & set(of_position)
    return (
        f"executions {', '.join(of_fill)}; positions {', '.join(of_position)}",
        bool(shared),
        (*fills, *positions),
    )


@_fact("The price of a market order is a limit of the exchange's, not its fill")
def _protective_price(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    rows = [
        one for one in record.lines("entry", "private", "order") if one.body.get("orderStatus") == "Filled"
    ]
    if not rows:
        return _NOT_SEEN
    price, average = str(rows[-1].body.get("price")), str(rows[-1].body.get("avgPrice"))
    return f"price {price}, average {average}", price != average, rows


@_fact("A second order under the same name is refused with 110072")
def _same_name(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    answers = _answers(record, "same name", "MarketOrder")
    if not answers:
        return _NOT_SEEN
    return _words(answers[0]), answers[0].body["code"] == 110072, answers


@_fact("Setting the stop that rests already is refused with 34040 and changes nothing")
def _same_stop(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    answers = _answers(record, "same stop", "Protect")
    if not answers:
        return _NOT_SEEN
    return _words(answers[0]), answers[0].body["code"] == 34040, answers


# -- the native trail ----------------------------------------------------------------------------------


@_fact("One call sets a native trail beside the stop; the stop stays")
def _trail(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    answers = _answers(record, "trail", "Protect")
    position, lines = _read_position(record, "trail")
    if not answers:
        return _NOT_SEEN
    words = f"{_words(answers[0])}; trailingStop {position.get('trailingStop')}, stopLoss {position.get('stopLoss')}"
    good = _confirmed(answers[0]) and _set(position.get("trailingStop")) and _set(position.get("stopLoss"))
    return words, good, (*answers, *lines)


@_fact("A native trail is an order TrailingStop triggered by the last price, its triggerPrice the activation")
def _trail_order(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    rows = _stops(record, "trail", "TrailingStop")
    found = [dict(one.body) for one in rows] or _read_orders(record, "trail", "TrailingStop")
    if not found:
        return "no such order", None, ()
    last = found[-1]
    words = f"triggerBy {last.get('triggerBy')}, triggerPrice {last.get('triggerPrice')}, {last.get('orderStatus')}"
    return words, last.get("triggerBy") == "LastPrice", rows or _answers(record, "trail", "ReadOpenOrders")


@_fact("A stop moved under a native trail leaves the trail as it is: the same order, the same trigger")
def _stop_under_trail(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    answers = _answers(record, "stop under trail", "Protect")
    before = _read_orders(record, "trail", "TrailingStop")
    after = _read_orders(record, "stop under trail", "TrailingStop")
    position, lines = _read_position(record, "stop under trail")
    if not answers or not before or not after:
        return _NOT_SEEN
    names = ("orderId", "triggerPrice", "updatedTime")
    same = [name for name in names if before[-1].get(name) == after[-1].get(name)]
    trail = position.get("trailingStop")
    words = f"{_words(answers[0])}; unchanged: {', '.join(same) or 'nothing'}; trailingStop {trail}"
    evidence = (*answers, *_answers(record, "stop under trail", "ReadOpenOrders"), *lines)
    return words, {"orderId", "triggerPrice"} <= set(same) and _set(trail), evidence


@_fact('trailingStop "0" removes the trail and leaves the stop')
def _trail_removed(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    answers = _answers(record, "trail removed", "Protect")
    position, lines = _read_position(record, "trail removed")
    if not answers:
        return _NOT_SEEN
    words = f"{_words(answers[0])}; trailingStop {position.get('trailingStop')}, stopLoss {position.get('stopLoss')}"
    return (
        words,
        not _set(position.get("trailingStop")) and _set(position.get("stopLoss")),
        (*answers, *lines),
    )


@_fact("An activation that the price has passed already is refused: it has to be left out then")
def _activation_passed(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    answers = _answers(record, "activation passed", "Protect")[:1]
    return (_words(answers[0]), not _confirmed(answers[0]), answers) if answers else _NOT_SEEN


@_fact("A native trail may be as tight as one tick (the script's defaults trail by eighteen)")
def _least_distance(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    asked = record.lines("least distance", "request", "Protect")
    answers = _answers(record, "least distance", "Protect")
    taken = next((one for one in answers if _confirmed(one)), None)
    if not answers:
        return _NOT_SEEN
    if taken is None:
        return f"none of {len(answers)} was taken: {_words(answers[-1])}", False, answers
    distance = next(one.body["trailing_stop"] for one in asked if one.body["key"] == taken.body["key"])
    return f"{distance} is taken, {len(answers) - 1} tighter ones were refused", len(answers) == 1, answers


@_fact("Of two orders with a stop each, the later one's stop holds for the whole position")
def _second_stop(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    orders = record.lines("second stop", "request", "MarketOrder")
    position, lines = _read_position(record, "second stop")
    if not orders or not _set(position.get("stopLoss")):
        return _NOT_SEEN
    wanted, there = Decimal(str(orders[0].body["stop_loss"])), Decimal(str(position["stopLoss"]))
    rests = len(_read_orders(record, "second stop", "StopLoss"))
    return f"asked {wanted}, there is {there}, {rests} stop orders rest", wanted == there, (*orders, *lines)


# -- the exits -----------------------------------------------------------------------------------------


@_fact("When the position is closed its stops end by themselves (CancelByTpSlTsClear)")
def _stops_cleared(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    rows = [
        one for one in record.lines("exit", "private", "order") if one.body.get("stopOrderType") not in _UNSET
    ]
    rests = _read_orders(record, "exit", "StopLoss") + _read_orders(record, "exit", "TrailingStop")
    looks = _answers(record, "exit", "ReadOpenOrders")[-1:]
    words = (
        ", ".join(f"{one.body['orderStatus']} {one.body.get('cancelType')}" for one in rows) or "no order row"
    )
    return f"{words}; {len(rests)} rest", not rests if looks else None, (*rows, *looks)


@_fact("A stop for a flat position is refused (10001, zero position)")
def _stop_when_flat(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    answers = _answers(record, "flat", "Protect")
    return (_words(answers[0]), answers[0].body["kind"] == "already flat", answers) if answers else _NOT_SEEN


@_fact("A reduce-only order for a flat position is refused (110017)")
def _exit_when_flat(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    answers = _answers(record, "flat", "MarketOrder")
    return (_words(answers[0]), answers[0].body["kind"] == "already flat", answers) if answers else _NOT_SEEN


@_fact("A stop that is hit is told as an execution with stopOrderType StopLoss and no name of ours")
def _stop_hit(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    return _hit(record, "stop exit", "StopLoss")


@_fact(
    "A native trail that is hit is told as an execution with stopOrderType TrailingStop and no name of ours"
)
def _trail_hit(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    return _hit(record, "trail exit", "TrailingStop")


@_fact("The order of a stop that is hit goes through Triggered to Filled")
def _stop_life(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    rows = _stops(record, "stop exit", "StopLoss")
    states = [str(one.body["orderStatus"]) for one in rows]
    return (" > ".join(states), states[-1] == "Filled", rows) if "Filled" in states else _NOT_SEEN


def _hit(record: Record, step: str, kind: str) -> tuple[str, bool | None, Iterable[Line]]:
    rows = [one for one in record.lines(step, "private", "execution") if one.body.get("side") == "Sell"]
    stopped = [one for one in rows if one.body.get("stopOrderType") not in _UNSET]
    if not stopped:
        return "it was not hit in time", None, rows
    names = ("stopOrderType", "createType", "orderLinkId", "execType")
    words = ", ".join(f"{name} {stopped[0].body.get(name) or 'none'}" for name in names)
    return words, stopped[0].body["stopOrderType"] == kind and not stopped[0].body.get("orderLinkId"), stopped


@_fact("Every private row was understood")
def _understood(record: Record) -> tuple[str, bool | None, Iterable[Line]]:
    strange = record.lines(what="strange")
    return (f"{len(strange)} were not" if strange else "all were"), not strange, strange
