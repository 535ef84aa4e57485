"""What a live feed is told: which series, how much history, and how patient it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from feeds.bybit_payloads import interval_of
from feeds.bybit_rest import CATEGORIES
from feeds.live.assembler import KEPT_BARS
from feeds.stream import Stream
from kwin_core.bars import floor_time, parse_timeframe
from kwin_core.errors import ConfigError

_STREAM_HOSTS = {
    "mainnet": "wss://stream.bybit.com",
    "demo": "wss://stream.bybit.com",  # demo trades on mainnet's public data
    "testnet": "wss://stream-testnet.bybit.com",
}


def streams(
    *, linear: Iterable[str] = (), spot: Iterable[str] = (), timeframes: Iterable[str | int] = ("15m",)
) -> tuple[Stream, ...]:
    """Every symbol in every timeframe; add two results for a mixed choice.

    Raises
    ------
    ConfigError
        When a timeframe is not understood.
    """
    lengths = [parse_timeframe(one) for one in timeframes]
    wanted = [("linear", symbol) for symbol in linear] + [("spot", symbol) for symbol in spot]
    return tuple(Stream(category, symbol, length) for category, symbol in wanted for length in lengths)


@dataclass(frozen=True)
class LiveSettings:
    """Settings of a live feed. Times ending in ``_ms`` are on the feed's clock, ``_s`` are real seconds.

    Attributes
    ----------
    streams
        The series, see :func:`streams`.
    environment
        ``"mainnet"``, ``"testnet"``, ``"demo"``, or the REST address of another host.
    stream_url
        Address of the socket host (``"wss://stream.bybit.nl"``); needed when ``environment`` is an address.
    warmup_bars
        Closed bars of history delivered first, per series.
    resume_after
        Open time (ms) of the last bar the caller has, by series: delivery goes on from there, and the bars
        missed in between are marked as catch-up. Such a series gets no warm-up.
    confirm_grace_ms
        So long after a bar's end its confirmation may come before the bar is fetched by REST.
    settled_ms
        A REST bar that is older than this (since its close) is believed at once; a younger one, once two reads
        agree.
    audit_bars
        After so many bars of a series they are read again by REST and compared; 0 never does, 256 is
        the most.
    silence_ms
        So long after a roll without data a topic counts as silent and is subscribed anew.
    rebuild_ms
        So long after that the whole connection is rebuilt; doubled every time.
    topics_per_link
        Series on one connection.
    connect_timeout_s, rest_timeout_s
        Limits of one connection attempt and of one REST answer.
    ping_interval_s, ping_timeout_s
        Ping frames of the socket; the interval must exceed the timeout.
    rest_threads
        REST reads that may be under way at once.
    """

    streams: tuple[Stream, ...]
    environment: str = "mainnet"
    stream_url: str | None = None
    warmup_bars: int = 500
    resume_after: Mapping[Stream, int] = field(default_factory=dict)
    confirm_grace_ms: int = 3_000
    settled_ms: int = 30_000
    audit_bars: int = 16
    silence_ms: int = 10_000
    rebuild_ms: int = 90_000
    topics_per_link: int = 200
    connect_timeout_s: float = 10.0
    rest_timeout_s: float = 3.0
    ping_interval_s: float = 20.0
    ping_timeout_s: float = 10.0
    rest_threads: int = 2

    def __post_init__(self) -> None:
        if not self.streams:
            raise ConfigError('no series to follow: give streams(linear=["ETHUSDT"], timeframes=["15m"])')
        for one in self.streams:
            if one.category not in CATEGORIES:
                raise ConfigError(f"category {one.category!r} is none of {', '.join(CATEGORIES)}")
            interval_of(one.timeframe_ms)
        if len(set(self.streams)) < len(self.streams):
            raise ConfigError("a series is named twice; name each once")
        self._check_numbers()
        for stream, time_ms in self.resume_after.items():
            if stream not in self.streams or floor_time(time_ms, stream.timeframe_ms) != time_ms:
                raise ConfigError(
                    f"resume_after: {stream} at {time_ms} is not a bar of a series of this feed"
                )
        parts = urlsplit(self.socket_host)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise ConfigError(f"stream_url {self.stream_url!r} is not like wss://stream.bybit.com")

    @property
    def socket_host(self) -> str:
        """Scheme and host of the sockets.

        Raises
        ------
        ConfigError
            When the environment is an address and no ``stream_url`` goes with it.
        """
        if self.stream_url is not None:
            return self.stream_url.rstrip("/")
        if self.environment not in _STREAM_HOSTS:
            raise ConfigError(f"environment {self.environment!r} is an address: give stream_url as well")
        return _STREAM_HOSTS[self.environment]

    def _check_numbers(self) -> None:
        least = {
            "warmup_bars": 0,
            "confirm_grace_ms": 1_000,
            "settled_ms": 0,
            "audit_bars": 0,
            "silence_ms": 1_000,
            "rebuild_ms": 1_000,
            "topics_per_link": 1,
            "connect_timeout_s": 0.05,
            "rest_timeout_s": 0.05,
            "ping_timeout_s": 0.05,
            "rest_threads": 1,
        }
        for name, smallest in least.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= smallest:
                raise ConfigError(f"{name} is {value!r}; it must be a number of {smallest} or more")
        if self.audit_bars > KEPT_BARS:
            raise ConfigError(
                f"audit_bars is {self.audit_bars}; only the last {KEPT_BARS} bars can be compared"
            )
        if not self.ping_interval_s > self.ping_timeout_s:
            raise ConfigError(
                f"ping_interval_s {self.ping_interval_s} must exceed ping_timeout_s {self.ping_timeout_s}"
            )
