"""``kwin-live check``: everything that a start needs, one line each, good or bad; a bad one does not end the list."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engines.command_line import console, print_json
from engines.journal import Journal, JournalReader
from engines.live.beginning import begun_before, go_live_ms, setups_of
from engines.live.bybit.keys import Keys, load_keys
from engines.live.bybit.session import BybitSession, use_clock
from engines.live.bybit.startup import (
    AccountError,
    Check,
    account_lines,
    check_clock,
    check_symbol,
    measure_offset,
    permission_lines,
    read_wallet,
)
from engines.live.ending import exit_code_of
from engines.live.exit_codes import ExitCode
from engines.live.feasibility import untradable_trail
from engines.live.lane import Lane
from engines.live.restart import recover
from engines.live.settings import Loaded
from engines.live.venue import TradingRules, WalletReport
from engines.live.watch.build import described
from feeds.instants import iso
from feeds.live import LiveSettings, WallClock
from feeds.live.history import read_instruments
from feeds.protocol import Instrument
from feeds.stream import Stream
from kwin_core.errors import ConfigError, JournalError, KwinError, VenueError

LEAST_FREE_BYTES = 200_000_000
"""A journal of thirty symbols takes some hundred megabytes a year."""


@dataclass
class _Found:
    """What the steps have learnt so far, for the steps behind them."""

    clock: WallClock
    keys: Keys | None = None
    session: BybitSession | None = None
    wallet: WalletReport | None = None
    instruments: dict[Stream, Instrument] | None = None


class Checklist:
    """Runs the steps; each failure is a line, and the first one is the exit code.

    Parameters
    ----------
    loaded
        The configuration, which was good so far.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self._paper = loaded.config.deployment.venue == "paper"
        self.lines: list[Check] = [Check("configuration", f"{loaded.path}, hash {loaded.hash[:16]}")]
        self.code = ExitCode.GOOD

    def run(self) -> ExitCode:
        """All steps that make sense for the venue."""
        found = _Found(WallClock())
        try:
            self._step("disk", self._disk)
            self._step("watch", self._watch)
            if not self._paper:
                self._step("keys", lambda: self._keys(found))
            self._step("clock", lambda: self._clock(found))
            self._step("symbols", lambda: self._symbols(found))
            self._step("journal", lambda: self._journal(found))
            if not self._paper and found.keys is not None:
                self._account(found)
        finally:
            if found.session is not None:
                found.session.close()
            found.clock.close()
        return self.code

    def _step(self, what: str, look: Callable[[], Iterable[Check]]) -> None:
        try:
            self.lines += look()
        except KwinError as error:
            self._bad(what, str(error), exit_code_of(error))

    def _bad(self, what: str, text: str, code: ExitCode) -> None:
        self.lines.append(Check(what, text, good=False))
        if self.code is ExitCode.GOOD:
            self.code = code

    # -- this machine ------------------------------------------------------------------------------------

    def _disk(self) -> list[Check]:
        folder = self._loaded.config.deployment.journal.resolve().parent
        if not folder.is_dir():
            raise JournalError(f"the folder {folder} does not exist; create it", kind="missing")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise JournalError(f"the folder {folder} cannot be written by this user", kind="read_only")
        free = shutil.disk_usage(folder).free
        if free < LEAST_FREE_BYTES:
            raise JournalError(f"{free / 1e6:.0f} MB free in {folder}; make room", kind="full")
        return [Check("disk", f"{free / 1e9:.1f} GB free in {folder}")]

    def _watch(self) -> list[Check]:
        return [Check(what, words) for what, words in described(self._loaded.config)]

    def _keys(self, found: _Found) -> list[Check]:
        found.keys = load_keys(self._loaded.config.deployment.secrets_file)
        return [Check("keys", repr(found.keys))]

    def _clock(self, found: _Found) -> list[Check]:
        config = self._loaded.config
        venue = config.deployment.venue
        host = config.network.rest_url or ("mainnet" if self._paper else venue)
        found.session = BybitSession(host, found.keys, timeout_s=config.network.rest_timeout_s)
        offset_ms = measure_offset(found.session, found.clock.now_ms)
        found.clock.offset_ms = offset_ms
        use_clock(found.clock.now_ms)  # the account can be looked at although the clock is off
        return [check_clock(offset_ms, config.network.clock_limit_ms)]

    def _symbols(self, found: _Found) -> list[Check]:
        config = self._loaded.config
        host = config.network.rest_url or ("mainnet" if self._paper else config.deployment.venue)
        found.instruments = read_instruments(
            LiveSettings(
                config.streams,
                environment="mainnet" if host == "demo" else host,
                stream_url=config.network.stream_url,
                rest_timeout_s=config.network.rest_timeout_s,
            ),
            config.streams if config.deployment.journal.exists() else (),
        )
        return [
            Check(str(stream), f"tick {one.tick}, lot {one.lot}") for stream, one in found.instruments.items()
        ]

    def _journal(self, found: _Found) -> list[Check]:
        """Written and replayed as a start would; a new one is not made."""
        config = self._loaded.config
        path = config.deployment.journal
        if found.instruments is None:
            raise VenueError(f"{path} was not looked at: the symbols are not known")
        if not path.exists():
            trade_from_ms = go_live_ms(self._loaded, found.clock.now_ms())
            setups_of(self._loaded, found.instruments, trade_from_ms)
            return [Check("journal", f"{path} will be made"), Check("trades from", iso(trade_from_ms))]
        deployment = config.deployment
        with (
            Journal(path, profile=deployment.profile, venue=deployment.venue, now_ms=found.clock.now_ms()),
            JournalReader(path) as reader,
        ):
            begun = begun_before(reader, self._loaded)
            if begun is None:
                return [Check("journal", f"{path}, nothing recorded yet")]
            setups = setups_of(self._loaded, begun.instruments(found.instruments), begun.trade_from_ms)
            recovered = recover(reader, {stream: Lane(stream, setup) for stream, setup in setups.items()})
        return [
            Check("journal", f"{path}, {recovered.digests} digests compared"),
            Check("trades from", iso(begun.trade_from_ms)),
        ]

    # -- the account -------------------------------------------------------------------------------------

    def _account(self, found: _Found) -> None:
        session = found.session
        if session is None:
            return
        self._step("account", lambda: account_lines(session))
        self._step("permission", lambda: permission_lines(session))
        self._step("balance", lambda: self._balance(session, found))
        leverage = Decimal(str(self._loaded.config.deployment.leverage))
        for stream in self._loaded.config.streams:
            self._step(stream.symbol, lambda one=stream: self._symbol(session, one, leverage, found))  # type: ignore[misc]

    def _balance(self, session: BybitSession, found: _Found) -> list[Check]:
        found.wallet = read_wallet(session)
        return [
            Check(
                "balance",
                f"{found.wallet.wallet_balance} {found.wallet.coin}, {found.wallet.available} available",
            )
        ]

    def _symbol(self, session: BybitSession, stream: Stream, leverage: Decimal, found: _Found) -> list[Check]:
        given = self._loaded.config.deployment.taker_fee
        resumed = self._loaded.config.deployment.journal.exists()
        rules, lines = check_symbol(session, stream, leverage, given=given, resumed=resumed)
        price = self._price(session, stream)
        self.lines += lines
        return [self._margin(rules, price, found.wallet), *self._trail(stream, rules, price, found)]

    def _price(self, session: BybitSession, stream: Stream) -> Decimal:
        reply = session.call("get_tickers", category=stream.category, symbol=stream.symbol)
        rows = reply.result.get("list") or []
        if not rows:
            raise VenueError(f"{stream.symbol}: the exchange tells no price; try again")
        return Decimal(str(rows[0]["lastPrice"]))

    def _margin(self, rules: TradingRules, price: Decimal, wallet: WalletReport | None) -> Check:
        """Whether the smallest order that the exchange takes can be paid at all."""
        smallest = max(rules.min_notional, rules.min_qty * price)
        needed = smallest / rules.leverage + 2 * smallest * rules.taker_fee
        if wallet is None or wallet.available < needed:
            have = "unknown" if wallet is None else f"{wallet.available} {wallet.coin}"
            raise AccountError(
                f"the smallest order needs {needed:.2f} of margin and fees, available is {have}; deposit, or trade "
                "a smaller symbol"
            )
        return Check(f"{rules.symbol} margin", f"the smallest order needs {needed:.2f} of {wallet.available}")

    def _trail(self, stream: Stream, rules: TradingRules, price: Decimal, found: _Found) -> list[Check]:
        config = self._loaded.config
        if found.instruments is None:
            return []
        setup = setups_of(self._loaded, {stream: found.instruments[stream]}, 0)[stream]
        words = untradable_trail(setup, rules, price)
        if words is None:
            return [Check(f"{stream.symbol} trail", "wider than its fees")]
        if config.deployment.venue == "mainnet" and not config.policy.accept_untradable_trail:
            raise ConfigError(words)
        return [Check(f"{stream.symbol} trail", f"accepted here, refused on mainnet: {words}")]


def check(loaded: Loaded, *, as_json: bool) -> int:
    """Print the list; the exit code is that of the first bad line."""
    found = Checklist(loaded)
    code = found.run()
    if as_json:
        rows: list[dict[str, Any]] = [vars(one) for one in found.lines]
        print_json({"good": code is ExitCode.GOOD, "exit_code": code.value, "checks": rows})
        return code
    screen = console()
    for one in found.lines:
        screen.print(f"{'good' if one.good else 'BAD '}  {one.what}: {one.found}", markup=False)
    if code is not ExitCode.GOOD:
        bad = sum(not one.good for one in found.lines)
        screen.print(f"{bad} of {len(found.lines)} lines are bad: a start would end with code {code.value}")
    return code
