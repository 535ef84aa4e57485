"""``kwin-live probe``: from its refusals to a flat account, whatever happens in between."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from pathlib import Path

import typer

from engines.command_line import console, fail, print_json
from engines.journal.instance_lock import InstanceLock
from engines.live.bybit.gateway import BybitGateway
from engines.live.bybit.keys import load_keys
from engines.live.bybit.private_stream import PRIVATE_HOSTS, PrivateSettings, PrivateStream
from engines.live.bybit.session import BybitSession
from engines.live.bybit.startup import check_account
from engines.live.ending import exit_code_of, stops_on_signals
from engines.live.exit_codes import ExitCode
from engines.live.operation.account import Account
from engines.live.operation.leave import leave
from engines.live.probe.evidence import Fact
from engines.live.probe.facts import settle
from engines.live.probe.record import Record
from engines.live.probe.steps import Pace, Steps
from engines.live.settings import Loaded, load_settings
from engines.live.venue import TradingRules
from feeds.instants import iso
from feeds.stream import Stream
from kwin_core.errors import ConfigError, KwinError, VenueError

_CONNECT_S = 30.0
_FLAT_S = 30.0
_REAL_MONEY = ("api.bybit.com", "api.bytick.com", "stream.bybit.com")


def probe(
    path: Path,
    assignments: Sequence[str],
    symbol: str | None,
    *,
    yes: bool,
    patience_s: float,
    pause_s: float,
    as_json: bool,
) -> int:
    """Trade the smallest amounts on a demo account, keep everything, print what each fact came to."""
    try:
        loaded = load_settings(path, assignments=assignments)
        stream = _stream(loaded, symbol)
        _refuse_real_money(loaded)
        if not yes and not typer.confirm(
            f"Trade the smallest amounts of {stream.symbol} on {loaded.config.deployment.venue} for some minutes?",
            default=False,
        ):
            console().print("nothing done")
            return ExitCode.BAD_RESULT
        return _probe(loaded, stream, Pace(patience_s, pause_s), as_json=as_json)
    except KwinError as error:
        fail(str(error))
        return exit_code_of(error)


def _stream(loaded: Loaded, symbol: str | None) -> Stream:
    for stream in loaded.config.streams:
        if symbol in (None, stream.symbol):
            return stream
    traded = ", ".join(one.symbol for one in loaded.config.streams)
    raise ConfigError(f"{loaded.path}: {symbol} is not traded here; traded are {traded}")


def _refuse_real_money(loaded: Loaded) -> None:
    """A probe is for demo and test accounts, however the address was given."""
    config = loaded.config
    venue = config.deployment.venue
    if venue == "paper":
        raise ConfigError('the probe needs an exchange: venue = "demo"')
    named = [venue, config.network.rest_url, config.network.private_stream_url, config.network.stream_url]
    if venue == "mainnet" or any(host in str(name) for name in named for host in _REAL_MONEY):
        raise ConfigError('the probe trades on purpose: never with real money; set venue = "demo"')


def _probe(loaded: Loaded, stream: Stream, pace: Pace, *, as_json: bool) -> int:
    with ExitStack() as undo:
        journal = loaded.config.deployment.journal
        undo.enter_context(
            InstanceLock(journal)
        )  # a deployment on this account would take it for its own trade
        account = undo.enter_context(Account(loaded))
        _refuse_busy(account, stream)
        rules = _rules(loaded, account, stream)
        stamp = iso(account.clock.now_ms()).replace(":", "").replace("-", "")[:15]
        record = Record(journal.with_name(f"probe-{stream.symbol}-{stamp}.jsonl"), account.clock.now_ms)
        undo.callback(record.close)
        problem = _trade(loaded, account, record, stream, rules, pace)
        facts = settle(record)
        table = _write(record, facts)
        left = account.position(stream)
    _show(facts, record.path, table, problem, as_json=as_json)
    if left.qty != 0:
        fail(f"NOT FLAT: {left.symbol} {left.qty}; close it at the exchange")
        return ExitCode.NOT_FLAT
    return ExitCode.BAD_RESULT if problem else ExitCode.GOOD


def _refuse_busy(account: Account, stream: Stream) -> None:
    held, resting = account.position(stream), account.resting(stream)
    if held.qty != 0 or resting:
        raise ConfigError(
            f"{stream.symbol}: the account holds {held.qty} and {len(resting)} orders rest; "
            "the probe begins flat: use another symbol or account, or kwin-live flatten first"
        )


def _rules(loaded: Loaded, account: Account, stream: Stream) -> TradingRules:
    leverage = Decimal(str(loaded.config.deployment.leverage))
    return check_account(account.session, (stream,), leverage).rules[stream]


def _trade(
    loaded: Loaded,
    account: Account,
    record: Record,
    stream: Stream,
    rules: TradingRules,
    pace: Pace,
) -> str:
    """All steps; flat at the end. Returns what ended them early, empty when nothing did."""
    config = loaded.config
    keys = load_keys(config.deployment.secrets_file)
    host = config.network.rest_url or config.deployment.venue
    socket = config.network.private_stream_url or config.network.stream_url
    gateway = BybitGateway(
        partial(BybitSession, host, keys, timeout_s=config.network.rest_timeout_s),
        record.answered,
        account.clock,
    )
    private = PrivateStream(
        PrivateSettings(socket or PRIVATE_HOSTS[config.deployment.venue]),
        keys,
        on_report=record.report,
        on_link=record.link,
        on_strange=record.strange,
        clock=account.clock,
    )
    problem = ""
    try:
        with stops_on_signals(_interrupt):
            private.start()
            if not record.wait(lambda: private.is_up, _CONNECT_S):
                raise VenueError(f"the private stream does not come up in {_CONNECT_S:g} s")
            Steps(gateway, record, stream, rules, pace).run()
    except KwinError as error:
        problem = str(error)
    except KeyboardInterrupt:
        problem = "interrupted"
    finally:
        with stops_on_signals(lambda _reason: None):  # a second Ctrl+C must not leave a position behind
            _end_flat(account, stream)
            private.close(5.0)
            gateway.close(5.0)
    return problem


def _interrupt(reason: str) -> None:
    raise KeyboardInterrupt(reason)


def _end_flat(account: Account, stream: Stream) -> None:
    """Leave, look, again; then nothing rests. What cannot be read now is tried again until time is up."""
    end = time.monotonic() + _FLAT_S
    while time.monotonic() < end:
        try:
            if account.position(stream).qty == 0 and not account.resting(stream):
                return
            leave(account, (stream,))
            time.sleep(1.0)
            if account.position(stream).qty == 0 and account.resting(stream):
                account.cancel_all(stream)
        except VenueError as error:
            fail(f"not flat yet: {error}")
            time.sleep(1.0)


def _write(record: Record, facts: Sequence[Fact]) -> Path:
    """The table as JSON lines, beside the record."""
    path = record.path.with_suffix(".facts.jsonl")
    path.write_text("".join(json.dumps(vars(one)) + "\n" for one in facts), encoding="utf-8")
    return path


def _show(facts: Sequence[Fact], lines: Path, table: Path, problem: str, *, as_json: bool) -> None:
    if as_json:
        rows = [vars(one) for one in facts]
        print_json({"facts": rows, "record": str(lines), "table": str(table), "problem": problem})
        return
    screen = console()
    marks = {True: "holds", False: "WRONG", None: "open "}
    for one in facts:
        screen.print(f"{marks[one.holds]}  {one.fact}", markup=False)
        evidence = ", ".join(map(str, one.evidence[:6])) or "none"
        screen.print(f"       observed: {one.observed} (lines {evidence})", markup=False, style="dim")
    counts = {mark: sum(one.holds is holds for one in facts) for holds, mark in marks.items()}
    screen.print(f"{counts['holds']} hold, {counts['WRONG']} are wrong, {counts['open ']} stay open")
    screen.print(f"every line: {lines}\ntable:      {table}", markup=False)
    if problem:
        fail(f"the probe ended early: {problem}; what it saw is kept, the account is looked at below")
