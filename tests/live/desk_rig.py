"""A whole live deployment on the exchange simulator over real sockets, with time owned by the test."""

from __future__ import annotations

import faulthandler
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from engines.journal import Configuration, Journal, JournalReader
from engines.live.bybit.gateway import BybitGateway
from engines.live.bybit.keys import Keys
from engines.live.bybit.private_stream import PrivateSettings, PrivateStream
from engines.live.bybit.session import BybitSession, use_clock
from engines.live.bybit.startup import check_account
from engines.live.desk_policy import DeskPolicy
from engines.live.entries import EntryPolicy
from engines.live.exchange_desk import ExchangeDesk
from engines.live.exit_codes import ExitCode
from engines.live.feasibility import TooLarge
from engines.live.inbox import Answered, BarClosed, Inbox, LinkChanged, Noticed, Told
from engines.live.lane import Lane
from engines.live.memory import remember
from engines.live.protector import ProtectPolicy, TrailRefused
from engines.live.reconcile import Orphans
from engines.live.restart import recover
from engines.live.runner import Runner, RunnerOptions
from feeds.live import ClosedBar, LiveFeed, LiveSettings
from feeds.stream import Stream
from kwin_core.bars import BAR
from kwin_core.kwin.setup import Setup, build
from tests.exchange import Exchange, Market
from tests.exchange.exchange import API_KEY, API_SECRET
from tests.live_feed.rig import PATIENCE_S, VirtualClock, forgive_hang_ups, until

ETH = Stream("linear", "ETHUSDT", 900_000)
DEPLOYMENT = uuid.UUID("0d3adbee-f000-4000-8000-00000000000a")
ENTRY_DELAY_MS = 60_000


def policy(profile: str, streams: Sequence[Stream], **changes: Any) -> DeskPolicy:
    """The desk's policy in the tests; ``changes`` by field, of the protection as ``protection_<field>``."""
    protection = {
        "on_trail_refused": TrailRefused.HALT,
        "never_loosen": profile == "intent",
        "naked_exit_ms": 15_000,
        "adopted_stop_percent": Decimal(2),
    }
    for name in list(changes):
        if name.startswith("protection_"):
            protection[name.removeprefix("protection_")] = changes.pop(name)
    values: dict[str, Any] = {
        "entries": EntryPolicy(ENTRY_DELAY_MS, changes.pop("too_large", TooLarge.SCALE_DOWN)),
        "protection": ProtectPolicy(**protection),
        "orphans": Orphans.ADOPT,
        "shadow": False,
        "equity_from_wallet": False,
        "allocation": {stream: Decimal(1) for stream in streams},
        "look_ms": 900_000,
    }
    return DeskPolicy(**{**values, **changes})


class DeskRig:
    """One process of a deployment: started on a running exchange, stopped, another one started on its journal."""

    def __init__(
        self,
        exchange: Exchange,
        journal_path: Path,
        setups: Mapping[Stream, Setup],
        *,
        profile: str,
        capital: float = 3_000.0,
        given: Mapping[str, Any] | None = None,
        warmup_bars: int = 50,
        keys: Keys = Keys(API_KEY, API_SECRET),  # noqa: B008
        clock: Any = None,
        on_bar: Callable[[Lane, ClosedBar], None] | None = None,
        private_ping_s: tuple[float, float] = (20.0, 10.0),
        rest_timeout_s: float = 30.0,
        on_wire: Callable[[], None] = lambda: None,
        **policy_changes: Any,
    ) -> None:
        self.exchange = exchange
        self.clock = clock or VirtualClock(exchange)
        use_clock(self.clock.now_ms)
        self.inbox = Inbox()
        self.lanes = {stream: Lane(stream, setup) for stream, setup in setups.items()}
        self.journal = Journal(
            journal_path,
            profile=profile,
            venue="simulator",
            now_ms=self.clock.now_ms(),
            deployment=DEPLOYMENT,
            verify=False,
        )
        with JournalReader(journal_path) as reader:
            self.recovered = recover(reader, self.lanes)
            memory = remember(reader, self.lanes)

        def session() -> BybitSession:
            return BybitSession(exchange.url, keys, timeout_s=rest_timeout_s, on_wire=on_wire)

        self.checked = check_account(session(), tuple(self.lanes), Decimal(10))
        self.gateway = BybitGateway(session, lambda answer: self.inbox.post(Answered(answer)), self.clock)
        self.strange: list[str] = []
        self.private = PrivateStream(
            PrivateSettings(
                exchange.ws_url, ping_interval_s=private_ping_s[0], ping_timeout_s=private_ping_s[1]
            ),
            keys,
            on_report=lambda report: self.inbox.post(Told(report)),
            on_link=lambda state: self.inbox.post(LinkChanged(state)),
            on_strange=self.strange.append,
            clock=self.clock,
            random=Random(2),
        )
        self.desk = ExchangeDesk(
            self.lanes,
            self.checked.rules,
            self.gateway,
            self.inbox,
            self.clock,
            DEPLOYMENT,
            policy(profile, tuple(self.lanes), **policy_changes),
            memory=memory,
            connect=self.private.start,
        )
        self.desk.wallet = self.checked.wallet
        self.runner = Runner(
            self.lanes, self.journal, self.clock, self.desk, RunnerOptions(), inbox=self.inbox, on_bar=on_bar
        )
        self.feed = LiveFeed(
            LiveSettings(
                tuple(self.lanes),
                environment=exchange.url,
                stream_url=exchange.ws_url,
                warmup_bars=warmup_bars,
                resume_after=self.recovered.last_bar_ms,
                rest_timeout_s=30.0,
                audit_bars=0,
            ),
            on_bar=lambda bar: self.inbox.post(BarClosed(bar)),
            on_notice=lambda notice: self.inbox.post(Noticed(notice)),
            clock=self.clock,
            random=Random(1),
        )
        self.start_body = {
            "profile": profile,
            "preset": "dual-sfp",
            "capital": capital,
            "inputs": {"use_window": False, **(given or {})},
            "trade_from_ms": next(iter(setups.values())).settings["trade_from_ms"],
            "instruments": {str(stream): {"tick": 0.01, "lot": 0.01} for stream in setups},
        }
        self.on_settled: Callable[[], None] = lambda: None  # whenever nothing is under way
        self.exit: ExitCode | None = None
        self.failure: BaseException | None = None
        self._lost = exchange.data_frames
        self._thread = threading.Thread(target=self._run, name="kwin-runner", daemon=True)

    def _run(self) -> None:
        try:
            self.exit = self.runner.run()
        except BaseException as error:  # noqa: BLE001  # shown by the test
            self.failure = error

    def start(self) -> DeskRig:
        """Number the start, begin everything, wait until both sides are connected and quiet."""
        self.runner.start(self.start_body, Configuration(hash="test", body={}))
        self._thread.start()
        self.desk.start()
        until(lambda: self.private.is_up, "the private stream is up")
        self.feed.start()
        until(lambda: self.clock_run() and all(self.feed.status().links.values()), "the feed is connected")
        self.settle()
        return self

    def clock_run(self) -> bool:
        """Run what is due; always true."""
        self.clock.run_due()
        return True

    @property
    def frames(self) -> int:
        """Data frames dealt with."""
        return self.feed.frames + self.private.frames

    def settled(self, frames: int = 0) -> bool:
        """Whether everything is dealt with and nothing is under way."""
        if self.failure is not None:
            raise AssertionError("the runner has failed") from self.failure
        self.clock.run_due()
        done = (
            self.feed.idle
            and self.private.idle
            and self.frames + self._lost >= max(frames, self.exchange.data_frames)
            and self.runner.idle
            and self.feed.idle
        )
        if done:
            self.on_settled()
        return done

    def settle(self) -> None:
        """Wait for that."""
        until(self.settled, "the deployment settles")

    def run(self, milliseconds: int) -> None:
        """Let market and deployment go on together."""
        self.run_to(self.exchange.clock.now_ms() + milliseconds)

    def run_to(self, time_ms: int) -> None:
        """Let market and deployment go on together to an instant (ms)."""
        try:
            self.exchange.lockstep(
                time_ms, settled=self.settled, next_timer_ms=self.clock.next_ms, patience_seconds=PATIENCE_S
            )
        except TimeoutError as error:
            faulthandler.dump_traceback(all_threads=True)
            raise TimeoutError(f"{error}: {self.what_is_under_way()}") from error
        self.settle()

    def what_is_under_way(self) -> str:
        """Every part's own answer, for a run that does not settle."""
        inbox, seats = self.inbox, self.desk.seats.values()
        return (
            f"exchange quiet {self.exchange.quiet()}, feed idle {self.feed.idle}, private idle {self.private.idle}, "
            f"frames {self.feed.frames} + {self.private.frames} + {self._lost} lost of {self.exchange.data_frames}, "
            f"messages {inbox.taken} of {inbox.posted}, gateway idle {self.gateway.idle}, "
            f"bars held {[str(seat.lane.stream) for seat in seats if seat.held is not None]}, "
            f"links {self.feed.status().links}, private {self.private.is_up}"
        )

    def rebase(self) -> None:
        """Frames that were sent and not seen so far are lost."""
        self._lost = self.exchange.data_frames - self.frames

    def stop(self, reason: str = "test") -> None:
        """As an operator would."""
        if self._thread.is_alive():
            self.runner.stop(reason)
            self._thread.join(10.0)
        self.close()

    def close(self) -> None:
        """End every thread."""
        self.feed.close()
        self.private.close(5.0)
        self.gateway.close(5.0)
        self.journal.close()

    def lane(self, stream: Stream = ETH) -> Lane:
        """A lane."""
        return self.lanes[stream]

    def trades(self, *, venue: bool, stream: Stream = ETH) -> np.ndarray:
        """Closed trades of a ledger since this process began."""
        rows = self.lanes[stream].trades[venue]
        return np.concatenate(rows) if rows else np.zeros(0)


def setup_for(
    profile: str,
    bars: np.ndarray,
    first_live: int,
    given: Mapping[str, Any] | None = None,
    *,
    capital: float = 3_000.0,
) -> Setup:
    """KWIN dual-sfp on these bars, live from one of them on."""
    return build(
        "dual-sfp",
        profile,
        {"use_window": False, **(given or {})},
        tick=0.01,
        timeframe_ms=900_000,
        now_ms=0,
        lot=0.01,
        capital=capital,
        trade_from_ms=int(bars["time_ms"][first_live]),
    )


@contextmanager
def exchange_with(
    bars: np.ndarray, start_ms: int, *, ideal: bool = True, symbol: str = "ETHUSDT", **options: Any
) -> Iterator[Exchange]:
    """A simulator that plays these bars; ideal: no spread, no funding, fills at the last price."""
    from tests.exchange import known

    market = Market(known(symbol), bars.astype(BAR), "15m", funding_rate=0.0 if ideal else 0.0001)
    values = {
        "start_ms": start_ms,
        "balance": "100000000",
        "reply_delay_ms": 1.0,
        "per_second": {},
        "ip_limit": 10**9,
        "fill_price": "last" if ideal else "book",
    }
    with Exchange([market], **{**values, **options}) as exchange:
        exchange.account.fee_digits = 10 if ideal else None
        try:
            yield exchange
        finally:
            forgive_hang_ups(exchange)
