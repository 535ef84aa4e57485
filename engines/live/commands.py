"""What the commands of ``kwin-live`` do once their arguments are understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engines.command_line import BAD_USAGE, console, fail, print_json
from engines.input_values import gather_inputs
from engines.live.bybit.keys import load_keys
from engines.live.deployment import Deployment
from engines.live.ending import exit_code_of, stops_on_signals
from engines.live.exit_codes import ExitCode
from engines.live.lane import Lane
from engines.live.logs import Logs
from engines.live.replay_run import ReplayRequest, replay
from engines.live.settings import Loaded, load_settings
from engines.live.watch.secrets import load_watch_secrets
from feeds.instants import iso
from feeds.live import ClosedBar
from kwin_core.errors import KwinError
from kwin_core.state import EXIT_KIND_NAMES


def show_settings(path: Path, assignments: Sequence[str], *, as_json: bool) -> int:
    """Print the effective settings.

    Raises
    ------
    ConfigError
        They are wrong.
    """
    loaded = load_settings(path, assignments=assignments)
    if as_json:
        rows = [{"key": key, "value": value, "origin": origin} for key, value, origin in loaded.rows()]
        print_json({"file": str(path), "hash": loaded.hash, "settings": rows})
        return ExitCode.GOOD
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("setting", "value", "from"):
        table.add_column(name, overflow="fold")
    for key, value, origin in loaded.rows():
        table.add_row(key, value, origin, style="dim" if origin == "default" else "")
    screen = console()
    screen.print(table)
    screen.print(f"hash {loaded.hash[:16]}", style="dim")
    return ExitCode.GOOD


def run_deployment(path: Path, assignments: Sequence[str]) -> int:
    """Run until stopped; the exit code says how it ended."""
    loaded = load_settings(path, assignments=assignments)
    house = loaded.config.housekeeping
    logs = Logs(level=house.log_level, file=house.log_file, secrets=_secrets_of(loaded))
    try:
        return _run(loaded)
    finally:
        logs.close()


def _secrets_of(loaded: Loaded) -> list[str]:
    """Every text that a log must never show.

    Raises
    ------
    ConfigError
        A secrets file is missing or others can read it.
    """
    config = loaded.config
    found = load_watch_secrets(config.watch.secrets_file).parts()
    if config.deployment.venue != "paper":
        keys = load_keys(config.deployment.secrets_file)
        found += [keys.key, keys.secret]
    return found


def _run(loaded: Loaded) -> int:
    try:
        with Deployment(loaded) as deployment, stops_on_signals(deployment.runner.stop):
            code = deployment.run()
        if code is not ExitCode.GOOD:
            fail(f"stopped with code {code.value} ({code.name.lower()}); the log says why")
        return code
    except KwinError as error:
        fail(str(error))
        return exit_code_of(error)


def check_deployment(path: Path, assignments: Sequence[str], *, as_json: bool) -> int:
    """Everything a start does but trade."""
    from engines.live.operation.checklist import check

    return check(load_settings(path, assignments=assignments), as_json=as_json)


class _TradeLines:
    """Prints each trade of X when it closes."""

    def __init__(self) -> None:
        self._seen = 0
        self._screen = console()

    def __call__(self, lane: Lane, bar: ClosedBar) -> None:  # noqa: ARG002
        trades = lane.trades[True]
        for row in trades[self._seen :]:
            trade = row[0]
            side = "long " if trade["side"] > 0 else "short"
            kind = EXIT_KIND_NAMES.get(int(trade["exit_kind"]), "")
            self._screen.print(
                f"{iso(int(trade['exit_time_ms']))}  {side} {float(trade['qty']):10.4f}  "
                f"{float(trade['entry_price']):10.2f} -> {float(trade['exit_price']):10.2f}  {kind:12s} "
                f"{float(trade['net_pnl']):+10.2f}  equity {float(lane.exchange.number('equity')):12.2f}"
            )
        self._seen = len(trades)


def replay_bars(request: ReplayRequest, assignments: Sequence[str], *, as_json: bool) -> int:
    """Replay, printing trades as they close and the digests at the end.

    Raises
    ------
    KwinError
        Data, settings or journal are wrong.
    """
    inputs = gather_inputs(None, tuple(assignments), no_window=False)
    request = replace(request, inputs=inputs)
    stop: list[Any] = []
    with stops_on_signals(lambda reason: stop[0].stop(reason) if stop else None):
        try:
            done = replay(request, on_bar=None if as_json else _TradeLines(), on_ready=stop.append)
        except KwinError as error:
            code = exit_code_of(error)
            fail(str(error))
            return code if code is not ExitCode.DEFECT else BAD_USAGE
    lane = done.lane
    found = {
        "stream": str(lane.stream),
        "profile": request.profile,
        "bars": done.bars,
        "replayed_from_journal": done.recovered.events,
        "trades": len(lane.trades[True]),
        "equity": float(lane.exchange.number("equity")),
        "last_bar": iso(lane.emulator.time_ms) if lane.emulator.bar_index >= 0 else None,
        "digest_emulator": lane.emulator.digest(),
        "digest_exchange": lane.exchange.digest(),
        "journal": str(request.journal),
    }
    if as_json:
        print_json(found)
    else:
        known = "" if done.bars else " (the journal has them all already; a new --journal begins again)"
        console().print(
            f"{found['bars']} new bars{known}, {found['trades']} trades, equity {found['equity']:.2f}; journal "
            f"{request.journal} (check it with: kwin-parity live {request.journal})"
        )
    return done.exit
