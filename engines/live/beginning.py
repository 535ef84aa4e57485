"""What a deployment fixes when it goes live, so that every later process goes on with the same ledgers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from engines.journal import JournalReader, Kind
from engines.live.settings import Loaded
from engines.moments import moment_ms
from feeds.protocol import Instrument
from feeds.stream import Stream
from kwin_core.bars import floor_time
from kwin_core.errors import ConfigError
from kwin_core.kwin.setup import Setup, build


@dataclass(frozen=True)
class Begun:
    """What was fixed when the deployment went live, and holds for every later process.

    Attributes
    ----------
    trade_from_ms
        Bars that open earlier never order (ms).
    body
        The START event's body.
    """

    trade_from_ms: int
    body: Mapping[str, Any]

    def instruments(self, now: Mapping[Stream, Instrument]) -> dict[Stream, Instrument]:
        """Facts of the instruments as they were: the ledgers go on with the tick and lot they began with."""
        then = self.body["instruments"]
        return {
            stream: replace(one, tick=then[str(stream)]["tick"], lot=then[str(stream)]["lot"])
            for stream, one in now.items()
        }


def go_live_ms(loaded: Loaded, now_ms: int) -> int:
    """``trade_from`` as an instant: of "now" the open of the next bar of the longest timeframe."""
    text = loaded.config.deployment.trade_from
    if text != "now":
        return int(moment_ms(text, "deployment.trade_from") or 0)
    longest_ms = max(stream.timeframe_ms for stream in loaded.config.streams)
    return floor_time(now_ms, longest_ms) + longest_ms


def begun_before(reader: JournalReader, loaded: Loaded) -> Begun | None:
    """What an earlier process fixed; None for a new journal.

    Raises
    ------
    ConfigError
        The configuration would change what its ledgers compute.
    """
    starts = reader.events(Kind.START)
    if not starts or not isinstance(starts[0].body, Mapping):
        return None
    first = starts[0].body
    for key, now in _fixed(loaded).items():
        if first.get(key) != now:
            raise ConfigError(
                f"{loaded.path}: {key} was {first.get(key)!r} when journal {reader.path} began and is {now!r} now: "
                "that would change the past; give the new setting a new journal"
            )
    return Begun(int(first["trade_from_ms"]), first)


def _fixed(loaded: Loaded) -> dict[str, Any]:
    """What may not change in the life of a journal."""
    config = loaded.config
    deployment = config.deployment
    return {
        "profile": deployment.profile,
        "preset": deployment.preset,
        "capital": deployment.capital,
        "inputs": config.inputs,
        "streams": sorted(str(stream) for stream in config.streams),
    }


def setups_of(
    loaded: Loaded, instruments: Mapping[Stream, Instrument], trade_from_ms: int
) -> dict[Stream, Setup]:
    """One run of KWIN a stream: what `kwin-backtest --trade-from --capital` builds for the same bars."""
    deployment = loaded.config.deployment
    return {
        stream: build(
            deployment.preset,
            deployment.profile,
            loaded.config.inputs,
            tick=one.tick,
            timeframe_ms=stream.timeframe_ms,
            now_ms=trade_from_ms,
            lot=one.lot,
            capital=deployment.capital,
            trade_from_ms=trade_from_ms,
        )
        for stream, one in instruments.items()
    }


def start_body(
    loaded: Loaded, instruments: Mapping[Stream, Instrument], trade_from_ms: int
) -> dict[str, Any]:
    """Everything that is needed to build the same setups again, for the journal."""
    return {
        **_fixed(loaded),
        "version": version("kwin"),
        "trade_from_ms": trade_from_ms,
        "authority": loaded.config.deployment.authority,
        "instruments": {
            str(stream): {"tick": one.tick, "lot": one.lot} for stream, one in instruments.items()
        },
    }
