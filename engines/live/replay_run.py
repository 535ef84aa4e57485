"""Paper trading over recorded bars: the whole runner, its journal and its paper desk, at any speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engines.journal import Configuration, Journal, JournalReader, Kind, configuration_hash
from engines.live.exit_codes import ExitCode
from engines.live.inbox import Inbox
from engines.live.lane import Lane
from engines.live.memory import halts_in
from engines.live.operation.channel import ControlChannel
from engines.live.paper import PaperDesk
from engines.live.replay import ReplayClock, ReplayFeed
from engines.live.restart import Recovered, recover
from engines.live.runner import Runner, RunnerOptions
from engines.source import Cut, open_source
from feeds.facts import Facts
from feeds.live import ClosedBar
from feeds.stream import Stream
from kwin_core.errors import ConfigError, DataError
from kwin_core.kwin.setup import build


@dataclass(frozen=True)
class ReplayRequest:
    """What to replay, and as what.

    Attributes
    ----------
    data
        Parquet file.
    journal
        File of the journal; made when missing, gone on with when it is there.
    profile, preset, inputs
        As for a backtest.
    capital
        None takes the preset's.
    warmup_bars
        Bars before the first one that may order.
    speed
        Market time per real time; None is as fast as possible.
    symbol, tick, lot
        Facts that the file does not state.
    """

    data: Path
    journal: Path
    profile: str
    preset: str = "dual-sfp"
    inputs: Mapping[str, Any] | None = None
    capital: float | None = None
    warmup_bars: int = 500
    speed: float | None = None
    symbol: str | None = None
    tick: float | None = None
    lot: float | None = None


@dataclass(frozen=True)
class Replayed:
    """How a replay ended: its lane, what was recovered before, bars taken now, and the exit code."""

    lane: Lane
    recovered: Recovered
    bars: int
    exit: ExitCode


def replay(
    request: ReplayRequest,
    *,
    on_bar: Callable[[Lane, ClosedBar], None] | None = None,
    on_ready: Callable[[Runner], None] | None = None,
) -> Replayed:
    """Run it to the end of the bars, or until the runner is stopped.

    Parameters
    ----------
    on_bar
        Called after each bar.
    on_ready
        Called with the runner before the first bar.

    Raises
    ------
    KwinError
        Whatever is wrong with data, settings or journal.
    """
    source = open_source(request.data, Facts(request.symbol, None, request.tick, request.lot), Cut())
    facts = source.instrument
    stream = Stream("linear", facts.symbol, facts.timeframe_ms)
    first_ms = _open_of_bar(source, 0)
    trade_from_ms = first_ms + request.warmup_bars * facts.timeframe_ms
    setup = build(
        request.preset,
        request.profile,
        request.inputs or {},
        tick=facts.tick,
        timeframe_ms=facts.timeframe_ms,
        now_ms=trade_from_ms,
        lot=facts.lot,
        capital=request.capital,
        trade_from_ms=trade_from_ms,
    )
    lane = Lane(stream, setup)
    clock = ReplayClock(first_ms)
    body = {
        "profile": request.profile,
        "preset": request.preset,
        "capital": request.capital,
        "inputs": dict(request.inputs or {}),
        "streams": [str(stream)],
        "version": version("kwin"),
        "trade_from_ms": trade_from_ms,
        "authority": "exchange",
        "instruments": {str(stream): {"tick": facts.tick, "lot": facts.lot}},
    }
    with Journal(request.journal, profile=request.profile, venue="replay", now_ms=first_ms) as journal:
        with JournalReader(request.journal) as reader:
            _same_start(reader, body, request.journal)
            recovered = recover(reader, {stream: lane})
            halts = halts_in(reader, (stream,))
        inbox = Inbox()
        runner = Runner(
            {stream: lane},
            journal,
            clock,
            PaperDesk(journal.identity.deployment, {stream: lane}, halts),
            RunnerOptions(),
            inbox=inbox,
            on_bar=on_bar,
        )
        runner.start(body, Configuration(hash=configuration_hash(body), body=body))
        feed = ReplayFeed(
            source.blocks(),
            stream,
            inbox,
            clock,
            live_from_ms=trade_from_ms,
            resume_after_ms=recovered.last_bar_ms.get(stream),
            speed=request.speed,
            on_end=lambda: runner.stop("end of the bars"),
        )
        if on_ready is not None:
            on_ready(runner)
        channel = ControlChannel(request.journal, inbox, (stream,))
        channel.start()
        feed.start()
        try:
            code = runner.run()
        finally:
            channel.close()
            feed.close()
        if feed.failure is not None:
            raise feed.failure
    return Replayed(lane, recovered, runner.counts.bars, code)


def _open_of_bar(source: Any, number: int) -> int:
    for block in source.blocks():
        if block.size > number:
            return int(block["time_ms"][number])
    raise DataError(f"{source.name}: no bars")


def _same_start(reader: JournalReader, body: Mapping[str, Any], path: Path) -> None:
    """A journal is gone on with only as what it began as."""
    starts = reader.events(Kind.START)
    if not starts or not isinstance(starts[0].body, Mapping):
        return
    for key in ("profile", "preset", "capital", "inputs", "streams", "trade_from_ms"):
        if starts[0].body.get(key) != body[key]:
            raise ConfigError(
                f"journal {path}: {key} was {starts[0].body.get(key)!r} when it began and is {body[key]!r} now; "
                "choose another --journal"
            )
