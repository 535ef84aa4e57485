"""Gateway, private stream and start-up checks over real sockets, with the real pybit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from engines.journal import Outcome
from engines.live.bybit.gateway import BybitGateway
from engines.live.bybit.keys import Keys
from engines.live.bybit.private_stream import PrivateSettings, PrivateStream
from engines.live.bybit.session import BybitSession, use_clock
from engines.live.bybit.startup import AccountError, ClockError, check_account, check_clock, measure_offset
from engines.live.bybit.time_keeper import TimeKeeper
from engines.live.venue import (
    Answer,
    LinkState,
    MarketOrder,
    Protect,
    ReadPosition,
    Refusal,
    Report,
    Side,
    Urgency,
)
from feeds.live.clock import WallClock
from feeds.stream import Stream
from tests.core.kwin_runs import fixture_bars
from tests.exchange import Exchange
from tests.exchange.exchange import API_KEY, API_SECRET
from tests.live.desk_rig import ETH, exchange_with
from tests.live_feed.rig import VirtualClock, until

KEYS = Keys(API_KEY, API_SECRET)
TEXT_ZERO = '{"retCode":"0","retMsg":"OK","result":{"orderId":"x"},"retExtInfo":{},"time":1}'


@contextmanager
def venue(**options: Any) -> Iterator[Exchange]:
    """An exchange whose market stands still."""
    bars = fixture_bars()[:400].copy()
    with exchange_with(bars, int(bars["time_ms"][350]) + 5_000, **options) as exchange:
        yield exchange


class _LedClock(VirtualClock):
    """Market time as a machine sees it that is led by an offset."""

    offset_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.offset_ms


class Desk:
    """A gateway and its answers."""

    def __init__(self, exchange: Exchange, *, keeps_time: bool = False, **options: Any) -> None:
        self.clock = _LedClock(exchange)
        self.said: list[str] = []
        if keeps_time:
            options["set_clock"] = TimeKeeper(self.clock, self.said.append).measure
        use_clock(self.clock.now_ms)
        self.answers: list[Answer] = []
        self.wired: list[float] = []

        def session() -> BybitSession:
            return BybitSession(
                exchange.url, KEYS, timeout_s=1.0, on_wire=lambda: self.wired.append(time.perf_counter())
            )

        self.gateway = BybitGateway(session, self.answers.append, self.clock, **options)

    def ask(self, *requests: Any) -> list[Answer]:
        """Submit, and wait for as many answers."""
        before = len(self.answers)
        for one in requests:
            self.gateway.submit(one)
        until(
            lambda: (self.clock.run_due() or True) and len(self.answers) >= before + len(requests), "answers"
        )
        return self.answers[before:]


def order(
    link: str, qty: str = "0.10", *, side: Side = Side.BUY, reduce_only: bool = False, **more: Any
) -> MarketOrder:
    """A market order."""
    urgency = Urgency.EXIT if reduce_only else Urgency.ENTRY
    return MarketOrder(
        key=f"key-{link}",
        stream=more.pop("stream", ETH),
        urgency=urgency,
        order_link_id=link,
        side=side,
        qty=Decimal(qty),
        reduce_only=reduce_only,
        **more,
    )


@pytest.mark.parametrize(
    ("fault", "outcome", "kind"),
    [
        (lambda rest: rest.http("order/create", 502), Outcome.UNKNOWN, ""),
        (lambda rest: rest.drop("order/create"), Outcome.UNKNOWN, ""),
        (lambda rest: rest.lost_reply("order/create"), Outcome.UNKNOWN, ""),
        (lambda rest: rest.garbage("order/create"), Outcome.UNKNOWN, ""),
        (lambda rest: rest.timeout("order/create", 3.0), Outcome.UNKNOWN, ""),
        (lambda rest: rest.ret("order/create", 10000), Outcome.UNKNOWN, ""),
        (lambda rest: rest.garbage("order/create", TEXT_ZERO), Outcome.UNKNOWN, ""),
        (lambda rest: rest.ret("order/create", 110007), Outcome.REJECTED, Refusal.MONEY),
        (lambda rest: rest.ret("order/create", 10010), Outcome.REJECTED, Refusal.ACCOUNT),
        (lambda rest: rest.http("order/create", 401), Outcome.REJECTED, Refusal.ACCOUNT),
        (lambda rest: rest.http("order/create", 404), Outcome.REJECTED, Refusal.ROUTING),
    ],
)
def test_every_way_to_fail_is_one_of_four_outcomes(
    fault: Callable[[Any], Any], outcome: Outcome, kind: str
) -> None:
    """A write is sent once, whatever happens to it."""
    with venue() as exchange:
        desk = Desk(exchange)
        fault(exchange.faults.rest)
        (answer,) = desk.ask(order("a"))
        assert (answer.outcome, answer.kind) == (outcome, kind)
        assert len([one for one in exchange.requests if one.endpoint == "order/create"]) == 1
        assert API_SECRET not in answer.text
        exchange.forgive()
        desk.gateway.close(5.0)


@pytest.mark.parametrize("reset_in_ms", [500, -500, None])
def test_a_rate_refusal_is_sent_again_when_its_time_has_come(reset_in_ms: int | None) -> None:
    """I09: refused, so not executed: the same name goes out again, and is there once."""
    with venue() as exchange:
        desk = Desk(exchange)
        exchange.faults.rest.rate("order/create", reset_in_ms=reset_in_ms, n=1)
        desk.gateway.submit(order("a"))

        def answered() -> bool:
            desk.clock.run_due()
            if not desk.answers:
                exchange.clock.move_to(exchange.clock.now_ms() + 20)
            return bool(desk.answers)

        until(answered, "the answer")
        assert desk.answers[0].outcome is Outcome.CONFIRMED
        assert len(exchange.account.orders) == 1
        desk.gateway.close(5.0)


@pytest.mark.parametrize("skew_ms", [10_000, -10_000], ids=["ours is behind", "ours is ahead"])
def test_a_clock_that_is_set_under_a_running_deployment_is_followed(skew_ms: int) -> None:
    """10002 to everything from then on: measured again, sent again, executed once; also when several are refused."""
    with venue() as exchange:
        desk = Desk(exchange, keeps_time=True)
        exchange.faults.clock.skew(skew_ms)
        reads = [ReadPosition(key=f"read-{n}", stream=ETH) for n in range(3)]
        answers = desk.ask(order("a"), *reads)
        assert {one.outcome for one in answers} == {Outcome.CONFIRMED}
        assert len(exchange.account.orders) == 1
        assert abs(desk.clock.offset_ms - skew_ms) < 50
        assert len(desk.said) == 1
        exchange.faults.clock.skew(0)
        exchange.forgive()
        desk.gateway.close(5.0)


def test_the_same_name_twice_is_a_duplicate_and_one_order() -> None:
    with venue() as exchange:
        desk = Desk(exchange)
        desk.ask(order("a"))
        (answer,) = desk.ask(order("a"))
        assert answer.kind == Refusal.DUPLICATE
        assert len(exchange.account.orders) == 1
        desk.gateway.close(5.0)


def test_too_late_or_not_linear_is_denied_here() -> None:
    with venue() as exchange:
        desk = Desk(exchange)
        late, spot = desk.ask(
            order("late", expires_ms=desk.clock.now_ms() - 1),
            order("spot", stream=Stream("spot", "ETHUSDT", 900_000)),
        )
        assert {late.kind, spot.kind} == {Refusal.EXPIRED, Refusal.ROUTING}
        assert {late.outcome, spot.outcome} == {Outcome.DENIED}
        assert not exchange.account.orders
        desk.gateway.close(5.0)


def test_a_hanging_entry_holds_up_no_stop() -> None:
    """The stop of the same symbol goes out while the entry waits for its answer."""
    with venue() as exchange:
        desk = Desk(exchange)
        exchange.faults.rest.timeout("order/create", 3.0)
        desk.gateway.submit(order("a"))
        time.sleep(0.2)
        begun = time.perf_counter()
        desk.gateway.submit(Protect(key="s", stream=ETH, urgency=Urgency.STOP, stop_loss=Decimal(1)))
        until(lambda: any(one.request.key == "s" for one in desk.answers), "the stop's answer")
        assert time.perf_counter() - begun < 0.8
        exchange.forgive()
        desk.gateway.close(5.0)


def test_reads_that_hang_hold_up_no_order_and_entries_no_exit() -> None:
    """However many reads and entries wait for their answers, an exit finds a thread."""
    with venue() as exchange:
        desk = Desk(exchange)
        exchange.faults.rest.timeout("position/list", 3.0, n=None)
        exchange.faults.rest.timeout("order/create", 3.0, n=None, when=lambda one: not one.get("reduceOnly"))
        for number in range(12):
            desk.gateway.submit(ReadPosition(key=f"r{number}", stream=ETH, urgency=Urgency.EXIT))
            stream = Stream("linear", f"N{number}USDT", 900_000)
            desk.gateway.submit(order(f"e{number}", stream=stream))
        time.sleep(0.2)
        begun = time.perf_counter()
        desk.gateway.submit(order("x", reduce_only=True))
        until(lambda: any(one.request.key == "key-x" for one in desk.answers), "the exit's answer")
        assert time.perf_counter() - begun < 0.8
        exchange.forgive()
        desk.gateway.close(5.0)


@pytest.mark.parametrize("rows", [["a word"], [None], {"no": "list"}, [[1, 2]]])
def test_rows_that_are_none_are_no_answer_and_cost_no_thread(rows: Any) -> None:
    """G26: whatever stands in a list, the outcome is unknown, and the gateway goes on."""
    with venue() as exchange:
        desk = Desk(exchange)
        exchange.faults.rest.alter("position/list", lambda result: {**result, "list": rows}, n=6)
        answers = desk.ask(*(ReadPosition(key=f"r{number}", stream=ETH) for number in range(3)))
        assert {one.outcome for one in answers} == {Outcome.UNKNOWN}
        (answer,) = desk.ask(ReadPosition(key="good", stream=ETH))
        assert answer.outcome is Outcome.CONFIRMED
        desk.gateway.close(5.0)


def test_a_defect_inside_is_an_unknown_outcome_and_costs_no_thread() -> None:
    """A failure that nobody foresaw: here, a quantity that cannot be written."""
    with venue() as exchange:
        desk = Desk(exchange, threads=3)
        broken = [replace(order(f"b{number}"), qty=None) for number in range(6)]  # type: ignore[arg-type]
        answers = desk.ask(*broken)
        assert {one.outcome for one in answers} == {Outcome.UNKNOWN}
        (answer,) = desk.ask(order("a"))
        assert answer.outcome is Outcome.CONFIRMED
        desk.gateway.close(5.0)


def test_twenty_orders_at_once_respect_the_rate() -> None:
    """Ten a second, the reserve kept: never a refusal for the rate."""
    with venue() as exchange:
        desk = Desk(exchange)
        for number in range(20):
            desk.gateway.submit(order(f"n{number}", "0.01"))

        def answered() -> bool:
            desk.clock.run_due()
            if desk.gateway.idle:
                exchange.clock.move_to(exchange.clock.now_ms() + 10)
            return len(desk.answers) >= 20

        until(answered, "all answers")
        assert {one.outcome for one in desk.answers} == {Outcome.CONFIRMED}
        desk.gateway.close(5.0)


class Stream_:  # noqa: N801  # a private stream and what it told
    """A private stream on the wall clock."""

    def __init__(self, exchange: Exchange, keys: Keys = KEYS, **settings: Any) -> None:
        self.clock = WallClock()
        use_clock(exchange.clock.now_ms)
        self.states: list[LinkState] = []
        self.reports: list[Report] = []
        self.strange: list[str] = []
        self.stream = PrivateStream(
            PrivateSettings(exchange.ws_url, **{"connect_timeout_s": 2.0, **settings}),
            keys,
            on_report=self.reports.append,
            on_link=self.states.append,
            on_strange=self.strange.append,
            clock=self.clock,
            random=Random(1),
        )
        self.stream.start()

    def close(self) -> None:
        """End it."""
        assert self.stream.close(5.0)
        self.clock.close()


def test_a_private_stream_logs_in_and_tells_everything() -> None:
    with venue() as exchange:
        private = Stream_(exchange)
        until(lambda: private.stream.is_up, "it is up")
        exchange.faults.eng.external_open("ETHUSDT", "Buy", "0.5")
        until(
            lambda: {type(one).__name__ for one in private.reports} >= {"ExecutionReport", "PositionReport"},
            "it tells",
        )
        assert private.states == [LinkState(True, "logged in and subscribed")]
        assert not private.strange
        private.close()


def test_a_refused_login_is_noticed_and_tried_again() -> None:
    """G21: no subscription before the login is accepted, no "up" without it, and it comes back by itself."""
    with venue() as exchange:
        exchange.faults.ws.auth_fail(n=2)
        private = Stream_(exchange, connect_timeout_s=10.0)  # only refusals end an attempt
        until(lambda: len(private.states) >= 2, "two refusals")
        assert all(not one.up and "login refused" in one.reason for one in private.states[:2])
        until(lambda: private.stream.is_up, "it is up at last")
        assert private.stream.attempts == 3
        private.close()


def test_a_wrong_key_never_comes_up() -> None:
    with venue() as exchange:
        private = Stream_(exchange, Keys("nobody", "nothing"))
        until(lambda: len(private.states) >= 1, "a refusal")
        assert not private.stream.is_up
        assert "nothing" not in private.states[0].reason
        private.close()


def test_a_frozen_private_link_is_dropped_by_missing_pongs_and_leaks_nothing() -> None:
    """G08, G19, K12: idle is healthy, no pong is not; the old threads end."""
    before = threading.active_count()
    with venue() as exchange:
        private = Stream_(exchange, ping_interval_s=0.5, ping_timeout_s=0.3)
        until(lambda: private.stream.is_up, "it is up")
        time.sleep(1.5)
        assert private.stream.attempts == 1, "an idle link is healthy"
        exchange.faults.ws.freeze("private")
        until(lambda: any(not one.up for one in private.states), "it is dropped")
        exchange.faults.ws.heal()
        until(lambda: private.stream.is_up, "it is back")
        private.close()
    until(lambda: threading.active_count() <= before, "threads have ended")


def test_start_up_checks() -> None:
    """A15, A14, I06: everything that could make the first order fail is looked at, each with its line."""
    with venue() as exchange:
        use_clock(exchange.clock.now_ms)
        session = BybitSession(exchange.url, KEYS)
        checked = check_account(session, (ETH,), Decimal(7))
        assert checked.rules[ETH].tick == Decimal("0.01")
        assert {"account", "balance", "ETHUSDT leverage", "ETHUSDT position"} <= {
            one.what for one in checked.list
        }
        check_account(session, (ETH,), Decimal(7))  # 110043 is success
        assert abs(measure_offset(session, exchange.clock.now_ms)) <= 1
        exchange.faults.clock.skew(10_000)
        offset_ms = measure_offset(session, exchange.clock.now_ms)
        with pytest.raises(ClockError, match=r"10000 ms behind the exchange's, 2000 ms are allowed"):
            check_clock(offset_ms, 2_000)
        exchange.faults.clear()
        exchange.faults.clock.skew(0)
        with pytest.raises(AccountError, match="API key is invalid"):
            check_account(BybitSession(exchange.url, Keys("nobody", "nothing")), (ETH,), Decimal(7))
        with pytest.raises(AccountError, match="NONEUSDT"):
            check_account(session, (Stream("linear", "NONEUSDT", 900_000),), Decimal(7))
        exchange.account.hedged.add("ETHUSDT")
        with pytest.raises(AccountError, match="hedge mode"):
            check_account(session, (ETH,), Decimal(7))
        exchange.account.hedged.clear()
        exchange.faults.eng.delist("ETHUSDT")
        with pytest.raises(AccountError, match="not open for trading"):
            check_account(session, (ETH,), Decimal(7))


def test_a_fee_rate_that_is_not_told_is_never_guessed() -> None:
    """The demo account tells none: the owner has to say what is charged there."""
    with venue(per_second={"account/fee-rate": 50}) as exchange:
        use_clock(exchange.clock.now_ms)
        session = BybitSession(exchange.url, KEYS)
        for spoil in (
            lambda: exchange.faults.rest.empty("account/fee-rate", 9),
            lambda: exchange.faults.rest.http("account/fee-rate", 404, 9),
        ):
            exchange.faults.clear()
            exchange.account.taker = Decimal("0.0004")
            assert check_account(session, (ETH,), Decimal(7)).rules[ETH].taker_fee == Decimal("0.0004")
            spoil()
            with pytest.raises(
                AccountError, match=r"ETHUSDT: the account's fee rate cannot be read .*set deploy"
            ):
                check_account(session, (ETH,), Decimal(7))
            checked = check_account(session, (ETH,), Decimal(7), taker_fee=Decimal("0.00055"))
            assert checked.rules[ETH].taker_fee == Decimal("0.00055")


@pytest.mark.bench
def test_latency_from_submit_to_the_wire() -> None:
    """Printed, never judged: a thousand requests, one after the other."""
    with venue() as exchange:
        desk = Desk(exchange)
        desk.ask(ReadPosition(key="warm", stream=ETH))
        took = []
        for number in range(1_000):
            desk.wired.clear()
            begun = time.perf_counter()
            desk.ask(ReadPosition(key=f"n{number}", stream=ETH))
            took.append((desk.wired[0] - begun) * 1e3)
            exchange.clock.move_to(exchange.clock.now_ms() + 50)
        took.sort()
        print(f"submit to wire: median {took[500]:.2f} ms, p99 {took[990]:.2f} ms")  # noqa: T201
        desk.gateway.close(5.0)
