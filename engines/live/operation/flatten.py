"""``kwin-live flatten``: out of every position at market, whether the deployment runs or not, and proof of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import typer

from engines.command_line import console, fail, print_json
from engines.journal import JournalReader, parse_order_link_id
from engines.live.bybit.keys import load_keys
from engines.live.ending import exit_code_of
from engines.live.exit_codes import ExitCode
from engines.live.logs import Logs
from engines.live.operation.account import Account, unrealised
from engines.live.operation.caller import ChannelError
from engines.live.operation.voice import Say, voice
from engines.live.settings import Loaded, load_settings
from engines.live.watch.secrets import load_watch_secrets
from engines.live.working import FLATTEN
from feeds.instants import iso
from feeds.stream import Stream
from kwin_core.errors import ConfigError, JournalError, KwinError, VenueError

FLAT_S = 60.0
"""So long the exchange may take until it says flat."""
_AGAIN_S = 5.0  # a position that came to light after the word was given needs another one
_LOOK_S = 0.5
_BOOKED_S = 5.0
_log = logging.getLogger("kwin.live")


class UnprovenError(KwinError):
    """The word was given, and whether anything is still held cannot be read."""


@dataclass(frozen=True)
class Held:
    """A position as it is shown: quantity signed, base currency; prices and result in quote currency."""

    symbol: str
    qty: Decimal
    entry: Decimal | None
    price: Decimal | None
    result: Decimal | None
    stop: Decimal | None

    def words(self) -> str:
        """One line."""
        parts = [f"{'long' if self.qty > 0 else 'short'} {abs(self.qty)}"]
        for name, value in (("entered at", self.entry), ("now", self.price), ("stop", self.stop)):
            if value is not None:
                parts.append(f"{name} {value}")
        if self.result is not None:
            parts.append(f"unrealised {self.result:+.2f}")
        return f"{self.symbol}: {', '.join(parts)}"


def flatten(path: Path, assignments: Sequence[str], symbol: str | None, *, yes: bool, as_json: bool) -> int:
    """Ask, leave every position (or that of one symbol), wait until the exchange says flat; the exit code."""
    try:
        loaded = load_settings(path, assignments=assignments)
        logs = Logs(level="warning", file=None, secrets=_secrets_of(loaded))
        try:
            return _flatten(loaded, symbol, yes=yes, as_json=as_json)
        finally:
            logs.close()
    except (ChannelError, UnprovenError) as error:
        fail(str(error))
        return ExitCode.NOT_FLAT
    except KwinError as error:
        fail(str(error))
        return exit_code_of(error)


def _secrets_of(loaded: Loaded) -> list[str]:
    """What a log must never show; what cannot be read is no reason not to leave."""
    config = loaded.config
    found: list[str] = []
    with suppress(ConfigError):
        found += load_watch_secrets(config.watch.secrets_file).parts()
    with suppress(ConfigError):
        keys = load_keys(config.deployment.secrets_file)
        found += [keys.key, keys.secret]
    return found


def _flatten(loaded: Loaded, symbol: str | None, *, yes: bool, as_json: bool) -> int:
    streams = _concerned(loaded, symbol)
    journal = loaded.config.deployment.journal
    if not journal.exists():
        raise JournalError(
            f"journal {journal}: does not exist, so this deployment never ran; close positions at the exchange",
            kind="missing",
        )
    with _eyes(loaded) as look:
        before = look(streams)
        if not yes and not _agreed(before, streams):
            console().print("nothing done")
            return ExitCode.BAD_RESULT
        with JournalReader(journal) as reader:
            behind = reader.last_seq()
        with voice(loaded, symbol, streams) as say:
            left = _until_flat(say, lambda: look(streams))
            resting = look.clean(streams) if not left else []
            closed = _closed_soon(journal, behind, streams, before)
    if as_json:
        rows = [{name: str(value) for name, value in vars(one).items()} for one in left]
        print_json({"flat": not left, "closed": closed, "cancelled": resting, "left": rows, "halted": True})
    else:
        _print(closed, resting, left)
    return ExitCode.NOT_FLAT if left else ExitCode.GOOD


def _concerned(loaded: Loaded, symbol: str | None) -> list[Stream]:
    found = [one for one in loaded.config.streams if symbol in (None, one.symbol)]
    if not found:
        traded = ", ".join(one.symbol for one in loaded.config.streams)
        raise ConfigError(f"{loaded.path}: {symbol} is not traded here; traded are {traded}")
    return found


def _agreed(before: Sequence[Held], streams: Sequence[Stream]) -> bool:
    screen = console()
    for one in before:
        screen.print(one.words())
    if not before:
        screen.print(f"flat already: {', '.join(one.symbol for one in streams)}")
    return typer.confirm("Leave at market now and halt entries?", default=False)


# -- looking -------------------------------------------------------------------------------------------


class _AtExchange:
    def __init__(self, account: Account) -> None:
        self._account = account

    def __call__(self, streams: Sequence[Stream]) -> list[Held]:
        found = []
        for stream in streams:
            report = self._account.position(stream)
            if report.side is None:
                continue
            mark = self._account.price(stream).mark
            qty = report.qty * report.side.sign
            found.append(
                Held(
                    stream.symbol,
                    qty,
                    report.entry_price,
                    mark,
                    unrealised(report, mark),
                    report.stop_loss,
                )
            )
        return found

    def clean(self, streams: Sequence[Stream]) -> list[str]:
        """Cancel what still rests; in words. A stop that vanishes with its position needs a moment for that."""
        found = []
        for stream in streams:
            if self._account.resting(stream):
                time.sleep(_LOOK_S)
            resting = self._account.resting(stream)
            for order in resting:
                kind = order.stop_order_type or "order"
                found.append(f"{stream.symbol} {kind} {order.side.value} {order.qty} {order.order_id}")
            if resting:
                self._account.cancel_all(stream)
        return found


class _OnPaper:
    def __init__(self, journal: Path) -> None:
        self._journal = journal

    def __call__(self, streams: Sequence[Stream]) -> list[Held]:
        found = []
        with JournalReader(self._journal) as reader:
            for stream in streams:
                qty = Decimal(0)
                for _, one in reader.executions(stream.category, stream.symbol):
                    qty += Decimal(one.quantity) * (1 if one.side == "Buy" else -1)
                if abs(qty) > Decimal("1e-9"):
                    found.append(Held(stream.symbol, qty, None, None, None, None))
        return found

    def clean(self, streams: Sequence[Stream]) -> list[str]:  # noqa: ARG002
        """On paper nothing rests."""
        return []


@contextmanager
def _eyes(loaded: Loaded) -> Iterator[_AtExchange | _OnPaper]:
    if loaded.config.deployment.venue == "paper":
        yield _OnPaper(loaded.config.deployment.journal)
        return
    with Account(loaded) as account:
        yield _AtExchange(account)


def _until_flat(say: Say, look: Callable[[], list[Held]]) -> list[Held]:
    """Give the word until nothing is held, or time is up; what is held then.

    A read without an answer is one look less: the word has been given, and only a look that works ends this early.

    Raises
    ------
    UnprovenError
        The last look had no answer either.
    """
    end, again = time.monotonic() + FLAT_S, 0.0
    left: list[Held] | None = None
    words = ""
    while True:
        try:
            if time.monotonic() >= again:
                again = time.monotonic() + _AGAIN_S
                say()
            left = look()
        except VenueError as error:
            left, words = None, str(error)
            _log.warning("no look at the positions, it is tried again: %s", words)
        if left is not None and (not left or time.monotonic() >= end):
            return left
        if time.monotonic() >= end:
            raise UnprovenError(f"NOT KNOWN whether it is flat: {words}; look at the exchange now")
        time.sleep(_LOOK_S)


# -- telling -------------------------------------------------------------------------------------------


def _closed_soon(
    journal: Path, behind: int, streams: Sequence[Stream], before: Sequence[Held]
) -> list[dict[str, str]]:
    """What was closed, once the journal has it: its executions may come after the exchange says flat."""
    end = time.monotonic() + _BOOKED_S
    wanted = {one.symbol for one in before}
    while True:
        closed = _closed(journal, behind, streams)
        if wanted <= {one["symbol"] for one in closed} or time.monotonic() >= end:
            return closed
        time.sleep(_LOOK_S)


def _closed(journal: Path, behind: int, streams: Sequence[Stream]) -> list[dict[str, str]]:
    """Executions of our flatten orders behind an event, oldest first."""
    found = []
    with JournalReader(journal) as reader:
        for stream in streams:
            for seq, one in reader.executions(stream.category, stream.symbol):
                link = parse_order_link_id(one.order_link_id) if one.order_link_id else None
                if seq > behind and link is not None and link.action == FLATTEN:
                    found.append(
                        {
                            "symbol": one.symbol,
                            "side": one.side,
                            "quantity": one.quantity,
                            "price": one.price,
                            "fee": one.fee,
                            "time": iso(one.exec_time_ms),
                        }
                    )
    return found


def _print(closed: Sequence[dict[str, str]], resting: Sequence[str], left: Sequence[Held]) -> None:
    screen = console()
    for one in closed:
        screen.print(
            f"{one['time']}  {one['symbol']}: {one['side']} {one['quantity']} at {one['price']}, fee {one['fee']}"
        )
    for text in resting:
        screen.print(f"cancelled {text}")
    if left:
        for held in left:
            fail(f"NOT FLAT: {held.words()}; close it at the exchange, then look at kwin-live status")
    else:
        screen.print("flat; entries stay halted until kwin-live resume")
