"""Facts of the native trail and of the exits."""

from __future__ import annotations

from decimal import Decimal

from engines.live.probe.evidence import (
    NOT_SEEN,
    UNSET,
    Facts,
    Found,
    answers_to,
    is_confirmed,
    is_set,
    position_read,
    resting,
    stop_rows,
    words_of,
)
from engines.live.probe.record import Record

EXIT = Facts()


# -- the native trail ----------------------------------------------------------------------------------


@EXIT.fact("One call sets a native trail beside the stop; the stop stays")
def _trail(record: Record) -> Found:
    answers = answers_to(record, "trail", "Protect")
    position, lines = position_read(record, "trail")
    if not answers:
        return NOT_SEEN
    words = f"{words_of(answers[0])}; trailingStop {position.get('trailingStop')}, stopLoss {position.get('stopLoss')}"
    good = (
        is_confirmed(answers[0]) and is_set(position.get("trailingStop")) and is_set(position.get("stopLoss"))
    )
    return words, good, (*answers, *lines)


@EXIT.fact(
    "A native trail is an order TrailingStop triggered by the last price, its triggerPrice the activation"
)
def _trail_order(record: Record) -> Found:
    rows = stop_rows(record, "trail", "TrailingStop")
    found = [dict(one.body) for one in rows] or resting(record, "trail", "TrailingStop")
    if not found:
        return "no such order", None, ()
    last = found[-1]
    words = f"triggerBy {last.get('triggerBy')}, triggerPrice {last.get('triggerPrice')}, {last.get('orderStatus')}"
    return words, last.get("triggerBy") == "LastPrice", rows or answers_to(record, "trail", "ReadOpenOrders")


@EXIT.fact("A stop moved under a native trail leaves the trail as it is: the same order, the same trigger")
def _stop_under_trail(record: Record) -> Found:
    answers = answers_to(record, "stop under trail", "Protect")
    before = resting(record, "trail", "TrailingStop")
    after = resting(record, "stop under trail", "TrailingStop")
    position, lines = position_read(record, "stop under trail")
    if not answers or not before or not after:
        return NOT_SEEN
    names = ("orderId", "triggerPrice", "updatedTime")
    same = [name for name in names if before[-1].get(name) == after[-1].get(name)]
    trail = position.get("trailingStop")
    words = f"{words_of(answers[0])}; unchanged: {', '.join(same) or 'nothing'}; trailingStop {trail}"
    evidence = (*answers, *answers_to(record, "stop under trail", "ReadOpenOrders"), *lines)
    return words, {"orderId", "triggerPrice"} <= set(same) and is_set(trail), evidence


@EXIT.fact('trailingStop "0" removes the trail and leaves the stop')
def _trail_removed(record: Record) -> Found:
    answers = answers_to(record, "trail removed", "Protect")
    position, lines = position_read(record, "trail removed")
    if not answers:
        return NOT_SEEN
    words = f"{words_of(answers[0])}; trailingStop {position.get('trailingStop')}, stopLoss {position.get('stopLoss')}"
    return (
        words,
        not is_set(position.get("trailingStop")) and is_set(position.get("stopLoss")),
        (*answers, *lines),
    )


@EXIT.fact("An activation that the price has passed already is refused: it has to be left out then")
def _activation_passed(record: Record) -> Found:
    answers = answers_to(record, "activation passed", "Protect")[:1]
    return (words_of(answers[0]), not is_confirmed(answers[0]), answers) if answers else NOT_SEEN


@EXIT.fact("A native trail may be as tight as one tick (the script's defaults trail by eighteen)")
def _least_distance(record: Record) -> Found:
    asked = record.lines("least distance", "request", "Protect")
    answers = answers_to(record, "least distance", "Protect")
    taken = next((one for one in answers if is_confirmed(one)), None)
    if not answers:
        return NOT_SEEN
    if taken is None:
        return f"none of {len(answers)} was taken: {words_of(answers[-1])}", False, answers
    distance = next(one.body["trailing_stop"] for one in asked if one.body["key"] == taken.body["key"])
    return f"{distance} is taken, {len(answers) - 1} tighter ones were refused", len(answers) == 1, answers


@EXIT.fact("Of two orders with a stop each, the later one's stop holds for the whole position")
def _second_stop(record: Record) -> Found:
    orders = record.lines("second stop", "request", "MarketOrder")
    position, lines = position_read(record, "second stop")
    if not orders or not is_set(position.get("stopLoss")):
        return NOT_SEEN
    wanted, there = Decimal(str(orders[0].body["stop_loss"])), Decimal(str(position["stopLoss"]))
    rests = len(resting(record, "second stop", "StopLoss"))
    return f"asked {wanted}, there is {there}, {rests} stop orders rest", wanted == there, (*orders, *lines)


# -- the exits -----------------------------------------------------------------------------------------


@EXIT.fact("When the position is closed its stops end by themselves (CancelByTpSlTsClear)")
def _stops_cleared(record: Record) -> Found:
    rows = [
        one for one in record.lines("exit", "private", "order") if one.body.get("stopOrderType") not in UNSET
    ]
    rests = resting(record, "exit", "StopLoss") + resting(record, "exit", "TrailingStop")
    looks = answers_to(record, "exit", "ReadOpenOrders")[-1:]
    words = (
        ", ".join(f"{one.body['orderStatus']} {one.body.get('cancelType')}" for one in rows) or "no order row"
    )
    return f"{words}; {len(rests)} rest", not rests if looks else None, (*rows, *looks)


@EXIT.fact("A stop for a flat position is refused (10001, zero position)")
def _stop_when_flat(record: Record) -> Found:
    answers = answers_to(record, "flat", "Protect")
    return (words_of(answers[0]), answers[0].body["kind"] == "already flat", answers) if answers else NOT_SEEN


@EXIT.fact("A reduce-only order for a flat position is refused (110017)")
def _exit_when_flat(record: Record) -> Found:
    answers = answers_to(record, "flat", "MarketOrder")
    return (words_of(answers[0]), answers[0].body["kind"] == "already flat", answers) if answers else NOT_SEEN


@EXIT.fact("A stop that is hit is told as an execution with stopOrderType StopLoss and no name of ours")
def _stop_hit(record: Record) -> Found:
    return _hit(record, "stop exit", "StopLoss")


@EXIT.fact(
    "A native trail that is hit is told as an execution with stopOrderType TrailingStop and no name of ours"
)
def _trail_hit(record: Record) -> Found:
    return _hit(record, "trail exit", "TrailingStop")


@EXIT.fact("The order of a stop that is hit goes through Triggered to Filled")
def _stop_life(record: Record) -> Found:
    rows = stop_rows(record, "stop exit", "StopLoss")
    states = [str(one.body["orderStatus"]) for one in rows]
    return (" > ".join(states), states[-1] == "Filled", rows) if "Filled" in states else NOT_SEEN


def _hit(record: Record, step: str, kind: str) -> Found:
    rows = [one for one in record.lines(step, "private", "execution") if one.body.get("side") == "Sell"]
    stopped = [one for one in rows if one.body.get("stopOrderType") not in UNSET]
    if not stopped:
        return "it was not hit in time", None, rows
    names = ("stopOrderType", "createType", "orderLinkId", "execType")
    words = ", ".join(f"{name} {stopped[0].body.get(name) or 'none'}" for name in names)
    return words, stopped[0].body["stopOrderType"] == kind and not stopped[0].body.get("orderLinkId"), stopped


@EXIT.fact("Every private row was understood")
def _understood(record: Record) -> Found:
    strange = record.lines(what="strange")
    return (f"{len(strange)} were not" if strange else "all were"), not strange, strange
