"""From checked settings to a running deployment, and from its end to one exit code."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from functools import partial

from engines.journal import Configuration, Journal, JournalReader
from engines.live.beginning import begun_before, go_live_ms, setups_of, start_body
from engines.live.bybit.gateway import BybitGateway
from engines.live.bybit.keys import Keys, load_keys
from engines.live.bybit.private_stream import PRIVATE_HOSTS, PrivateSettings, PrivateStream
from engines.live.bybit.session import BybitSession, use_clock
from engines.live.bybit.startup import (
    Checked,
    check_account,
    check_clock,
    measure_offset,
)
from engines.live.bybit.time_keeper import TimeKeeper
from engines.live.desk import Desk
from engines.live.desk_policy import desk_policy
from engines.live.exchange_desk import ExchangeDesk
from engines.live.exit_codes import ExitCode
from engines.live.feasibility import untradable_trail
from engines.live.inbox import Answered, BarClosed, Inbox, LinkChanged, Noticed, Told
from engines.live.lane import Lane
from engines.live.memory import Memory, remember
from engines.live.operation.channel import ControlChannel
from engines.live.paper import PaperDesk
from engines.live.restart import Recovered, recover
from engines.live.runner import Runner, RunnerOptions
from engines.live.settings import Loaded
from engines.live.watch.build import is_watched, watch_of
from engines.live.watch.copies import Copies
from engines.live.watch.happenings import What
from engines.live.watch.secrets import load_watch_secrets
from feeds.instants import iso
from feeds.live import ClosedBar, LiveFeed, LiveSettings, Notice, WallClock
from feeds.live.clock import Clock
from feeds.live.events import NoticeKind
from feeds.live.history import read_instruments
from feeds.protocol import Instrument
from feeds.stream import Stream
from kwin_core.errors import ConfigError, VenueError

CLOSE_S = 5.0
_LAST_WORDS_S = 2.0  # for messages that wait
_DAY_MS = 86_400_000
_log = logging.getLogger("kwin.live")


class Deployment:
    """One process of a deployment on an exchange's data; use it as a context.

    Parameters
    ----------
    loaded
        The configuration.
    clock
        Time; by default the machine's, led by the measured offset.
    on_bar
        Called after each bar, for screens.

    Raises
    ------
    KwinError
        Whatever is wrong before the first bar; `exit_code_of` has its code.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        clock: Clock | None = None,
        on_bar: Callable[[Lane, ClosedBar], None] | None = None,
        keys: Keys | None = None,
    ) -> None:
        self.loaded = loaded
        config = loaded.config
        self._paper = config.deployment.venue == "paper"
        self._wall = WallClock() if clock is None else None
        self.clock: Clock = clock or self._wall  # type: ignore[assignment]
        with ExitStack() as undo:
            if self._wall is not None:
                undo.callback(self._wall.close)
            self._keys = None if self._paper else keys or load_keys(config.deployment.secrets_file)
            self._measure_clock()
            self.journal = undo.enter_context(
                Journal(
                    config.deployment.journal,
                    profile=config.deployment.profile,
                    venue=config.deployment.venue,
                    now_ms=self.clock.now_ms(),
                )
            )
            with JournalReader(config.deployment.journal) as reader:
                begun = begun_before(reader, loaded)
                self._resumed = begun is not None
                self.instruments = self._read_instruments()
                now_ms = self.clock.now_ms()
                self.trade_from_ms = go_live_ms(loaded, now_ms) if begun is None else begun.trade_from_ms
                if begun is not None:
                    self.instruments = begun.instruments(self.instruments)
                setups = setups_of(loaded, self.instruments, self.trade_from_ms)
                self.lanes = {stream: Lane(stream, setup) for stream, setup in setups.items()}
                self.recovered: Recovered = recover(reader, self.lanes)
                memory = remember(reader, self.lanes)
            self.inbox = Inbox()
            self.desk: Desk = PaperDesk(self.journal.identity.deployment, self.lanes, memory.halts)
            self.private: PrivateStream | None = None
            if not self._paper:
                self.desk = self._exchange_desk(memory)
            house = config.housekeeping
            secrets = load_watch_secrets(config.watch.secrets_file)
            copies = Copies(self.lanes, self.desk, self.clock) if is_watched(config.watch, secrets) else None
            self.runner = Runner(
                self.lanes,
                self.journal,
                self.clock,
                self.desk,
                RunnerOptions(
                    snapshot_bars=house.snapshot_bars,
                    keep_events_ms=None if house.keep_days is None else house.keep_days * _DAY_MS,
                ),
                inbox=self.inbox,
                on_bar=on_bar,
                on_dealt=None if copies is None else copies.take,
            )
            self.feed = LiveFeed(
                self._feed_settings(),
                on_bar=self._post_bar,
                on_notice=self._post_notice,
                clock=self.clock,
            )
            self.watch = None if copies is None else watch_of(self, copies, secrets)
            self.channel = ControlChannel(config.deployment.journal, self.inbox, self.lanes)
            undo.pop_all()

    def run(self, *, bars: bool = True) -> ExitCode:
        """Trade until told to stop; returns how it ended. Without ``bars`` it only follows the exchange, and acts."""
        if self.watch is None:
            return self._run(bars=bars)
        self.watch.start()
        try:
            code = self._run(bars=bars)
        except Exception as error:
            self.watch.tell(What.STOP, f"ended by an error, stops on the exchange stay: {error}")
            raise
        if code is not ExitCode.GOOD:
            self.watch.tell(What.STOP, f"ended with code {code.value} ({code.name.lower()})")
        return code

    def _run(self, *, bars: bool) -> ExitCode:
        body = start_body(self.loaded, self.instruments, self.trade_from_ms)
        self.runner.start(body, Configuration(hash=self.loaded.hash, body=self.loaded.body))
        _log.info(
            "going live",
            extra={
                "venue": self.loaded.config.deployment.venue,
                "profile": self.loaded.config.deployment.profile,
                "trade_from": iso(self.trade_from_ms),
                "replayed_events": self.recovered.events,
                "from_snapshot": self.recovered.from_snapshot,
            },
        )
        self.channel.start()
        self.desk.start()
        if bars:
            self.feed.start()
        return self.runner.run()

    def close(self) -> bool:
        """Hang up and close the journal, within 5 seconds; stops on the exchange stay. False: a thread was busy."""
        deadline = time.monotonic() + CLOSE_S

        def left_s() -> float:
            return max(0.1, deadline - time.monotonic())

        self.channel.close()
        done = self.feed.close()
        if self.private is not None:
            done = self.private.close(left_s()) and done
        done = self.desk.close(left_s()) and done
        if self.watch is not None:
            self.watch.close(min(_LAST_WORDS_S, left_s()))
        self.journal.close()
        if self._wall is not None:
            self._wall.close()
        return done

    def __enter__(self) -> Deployment:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def _post_bar(self, bar: ClosedBar) -> None:
        self.inbox.post(BarClosed(bar))

    def _post_notice(self, notice: Notice) -> None:
        self.inbox.post(Noticed(notice))

    def _post_strange(self, text: str) -> None:
        self._post_notice(Notice(NoticeKind.STRANGE, self.clock.now_ms(), text))

    def _rest_host(self) -> str:
        config = self.loaded.config
        venue = config.deployment.venue
        if config.network.rest_url is not None:
            return config.network.rest_url
        return "mainnet" if venue == "paper" else venue

    def _session(self, *, private: bool) -> BybitSession:
        return BybitSession(
            self._rest_host(),
            self._keys if private else None,
            timeout_s=self.loaded.config.network.rest_timeout_s,
        )

    def _measure_clock(self) -> None:
        """Our clock follows the exchange's from here on; one that is far off is refused."""
        session = self._session(private=False)
        try:
            offset_ms = measure_offset(session, self.clock.now_ms)
        finally:
            session.close()
        check_clock(offset_ms, self.loaded.config.network.clock_limit_ms)
        if self._wall is not None:
            self._wall.offset_ms = offset_ms
        use_clock(self.clock.now_ms)

    def _feed_settings(self, *, resume: bool = True) -> LiveSettings:
        config = self.loaded.config
        network = config.network
        environment = self._rest_host()
        return LiveSettings(
            config.streams,
            environment="mainnet" if environment == "demo" else environment,
            stream_url=network.stream_url,
            warmup_bars=config.deployment.warmup_bars,
            resume_after=self.recovered.last_bar_ms if resume else {},
            rest_timeout_s=network.rest_timeout_s,
            connect_timeout_s=network.connect_timeout_s,
            ping_interval_s=network.ping_interval_s,
            ping_timeout_s=network.ping_timeout_s,
        )

    def _read_instruments(self) -> dict[Stream, Instrument]:
        resumed = self.loaded.config.streams if self._resumed else ()
        return read_instruments(self._feed_settings(resume=False), resumed)

    def _exchange_desk(self, memory: Memory) -> ExchangeDesk:
        config = self.loaded.config
        checked = self.check()
        assert self._keys is not None
        keeper = None if self._wall is None else TimeKeeper(self._wall, self._post_strange)
        gateway = BybitGateway(
            partial(self._session, private=True),
            lambda answer: self.inbox.post(Answered(answer)),
            self.clock,
            set_clock=None if keeper is None else keeper.measure,
        )
        host = config.network.private_stream_url or config.network.stream_url
        network = config.network
        self.private = PrivateStream(
            PrivateSettings(
                host or PRIVATE_HOSTS[config.deployment.venue],
                connect_timeout_s=network.connect_timeout_s,
                ping_interval_s=network.ping_interval_s,
                ping_timeout_s=network.ping_timeout_s,
            ),
            self._keys,
            on_report=lambda report: self.inbox.post(Told(report)),
            on_link=lambda state: self.inbox.post(LinkChanged(state)),
            on_strange=self._post_strange,
            clock=self.clock,
        )
        desk = ExchangeDesk(
            self.lanes,
            checked.rules,
            gateway,
            self.inbox,
            self.clock,
            self.journal.identity.deployment,
            desk_policy(self.loaded),
            memory=memory,
            connect=self.private.start,
        )
        desk.wallet = checked.wallet
        return desk

    def check(self) -> Checked:
        """Look at account and symbols; refuse what would go wrong at the first order.

        Raises
        ------
        AccountError
            See `engines.live.bybit.startup`.
        ConfigError
            The trail cannot earn its fees, on mainnet.
        """
        config = self.loaded.config
        session = self._session(private=True)
        try:
            checked = check_account(
                session,
                config.streams,
                Decimal(str(config.deployment.leverage)),
                taker_fee=config.deployment.taker_fee,
                resumed=self._resumed,
            )
            if config.deployment.venue == "mainnet" and not config.policy.accept_untradable_trail:
                self._check_trails(session, checked)
        finally:
            session.close()
        return checked

    def _check_trails(self, session: BybitSession, checked: Checked) -> None:
        for stream, rules in checked.rules.items():
            reply = session.call("get_tickers", category=stream.category, symbol=stream.symbol)
            rows = reply.result.get("list") or []
            if not rows:
                raise VenueError(f"{stream.symbol}: the exchange tells no price; try again")
            words = untradable_trail(self.lanes[stream].setup, rules, Decimal(str(rows[0]["lastPrice"])))
            if words is not None:
                raise ConfigError(f"{stream.symbol}: {words}")
