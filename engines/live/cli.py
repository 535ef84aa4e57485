"""``kwin-live``: paper trading, live trading, and looking at both."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engines.command_line import BAD_USAGE, fail, new_app, run

_HELP = """Run KWIN on live data: on paper, on a demo account, or with real money.

Examples:

  kwin-live replay fixtures/ethusdt_like_15m.parquet --profile intent    # paper trading on recorded bars, no keys

  kwin-live settings live.toml                # every effective value and where it came from

  kwin-live run live.toml                     # venue = "paper": real market data, no keys

  kwin-live check live.toml                   # everything a start needs, good or bad, line by line

  kwin-live status live.sqlite                # what it did, also while it runs

  kwin-live halt live.sqlite --reason news    # no entries until kwin-live resume, running or not

  kwin-live flatten live.toml                 # out of every position, running or not; asks first

  kwin-live trades live.sqlite                # every trade of both ledgers, and how they differ

Exit codes: 0 stopped as asked, 1 bad result, 2 wrong usage or configuration, 3 journal unusable, 4 already running,
5 disk full, 6 clock off, 7 digests do not match, 8 the exchange refuses the account, 9 exchange not reachable,
10 a defect of this program, 11 not flat although asked to be: look at the exchange now.
"""

_OF_THE_EXTRA = ("pybit", "websocket", "requests", "tenacity", "pydantic", "structlog", "prometheus_client")

app = new_app(_HELP)

Config = Annotated[Path, typer.Argument(help="TOML file; live.example.toml shows one.", metavar="LIVE.TOML")]
Set = Annotated[
    list[str], typer.Option("--set", help="section.key=value, wins over the file.", metavar="KEY=VALUE")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command()
def settings(config: Config, set_: Set = [], as_json: AsJson = False) -> int:  # noqa: B006
    """Check a configuration and show every effective value with its origin."""
    from engines.live.commands import show_settings

    return show_settings(config, set_, as_json=as_json)


@app.command("run")
def run_(config: Config, set_: Set = []) -> int:  # noqa: B006
    """Run a deployment until it is told to stop (Ctrl+C); stops on the exchange stay in place."""
    from engines.live.commands import run_deployment

    return run_deployment(config, set_)


@app.command()
def check(config: Config, set_: Set = [], as_json: AsJson = False) -> int:  # noqa: B006
    """Do everything that a start does, except to trade, and print a checklist."""
    from engines.live.commands import check_deployment

    return check_deployment(config, set_, as_json=as_json)


@app.command()
def replay(
    data: Annotated[Path, typer.Argument(help="Parquet file of bars.", metavar="DATA.PARQUET")],
    profile: Annotated[str, typer.Option(help="tv-literal or intent; there is no default.")],
    preset: Annotated[str, typer.Option(help="dual-sfp, classic or classic-quality.")] = "dual-sfp",
    inputs: Annotated[
        list[str],
        typer.Option("--set", help="Input of the script, Pine name or snake_case.", metavar="INPUT=VALUE"),
    ] = [],  # noqa: B006
    journal: Annotated[Path, typer.Option(help="Journal; an existing one is gone on with.")] = Path(
        "paper.sqlite"
    ),
    capital: Annotated[float | None, typer.Option(help="Account currency; the preset's without it.")] = None,
    warmup: Annotated[int, typer.Option(help="Bars before the first one that may order.")] = 500,
    speed: Annotated[
        float | None, typer.Option(help="Market time per real time; without it, all it can.")
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="When the file does not state it.")] = None,
    tick: Annotated[float | None, typer.Option(help="Price step, when the file does not state it.")] = None,
    lot: Annotated[float | None, typer.Option(help="Quantity step, when the file does not state it.")] = None,
    as_json: AsJson = False,
) -> int:
    """Paper trading over recorded bars, through the live runner and its journal; trades are printed as they close."""
    from engines.live.commands import replay_bars
    from engines.live.replay_run import ReplayRequest

    request = ReplayRequest(data, journal, profile, preset, None, capital, warmup, speed, symbol, tick, lot)
    return replay_bars(request, tuple(inputs), as_json=as_json)


@app.command()
def status(
    journal: Annotated[Path, typer.Argument(help="Journal of a deployment.", metavar="JOURNAL")],
    as_json: AsJson = False,
) -> int:
    """What a deployment did and holds, from its journal alone; it may be running."""
    from engines.live.status import show_status

    return show_status(journal, as_json=as_json)


Where = Annotated[Path, typer.Argument(help="Journal of a deployment, or its TOML file.", metavar="JOURNAL")]
Symbol = Annotated[str | None, typer.Option(help="Of this symbol only; without it, of all.")]


@app.command()
def halt(
    where: Where,
    symbol: Symbol = None,
    reason: Annotated[str | None, typer.Option(help="Shown wherever the halt is.")] = None,
    name: Annotated[
        str | None, typer.Option(help="To resume this one alone later; by default operator.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """No entries any more until resumed, running or not; exits and stops go on."""
    from engines.live.operation.words import tell

    return tell(where, "halt", {"symbol": symbol, "reason": reason, "name": name}, as_json=as_json)


@app.command()
def resume(
    where: Where,
    symbol: Symbol = None,
    name: Annotated[
        str | None, typer.Option(help="Lift the halt of this name only; without it, all.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Allow entries again."""
    from engines.live.operation.words import tell

    return tell(where, "resume", {"symbol": symbol, "name": name}, as_json=as_json)


@app.command()
def trades(
    journal: Annotated[Path, typer.Argument(help="Journal of a deployment.", metavar="JOURNAL")],
    last: Annotated[int, typer.Option(min=0, help="So many newest trades of a stream; 0 is all.")] = 20,
    differing: Annotated[
        bool, typer.Option("--differing", help="Only those that went differently in the two ledgers.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Every trade of the emulator beside that of the exchange: prices, fees, slippage, delays, and why they differ."""
    from engines.live.trade_list import show_trades

    return show_trades(journal, last=last, differing=differing, as_json=as_json)


@app.command()
def notify(
    config: Config,
    text: Annotated[str, typer.Argument(help="What to tell.", metavar="TEXT")] = "a test",
    set_: Set = [],  # noqa: B006
) -> int:
    """Send one message to every message service now, to see that it arrives; exit code 1 when one did not take it."""
    from engines.live.watch.notify import notify_now

    return notify_now(config, set_, text)


@app.command()
def backup(
    journal: Annotated[Path, typer.Argument(help="Journal of a deployment.", metavar="JOURNAL")],
    target: Annotated[Path, typer.Argument(help="The copy; must not exist.", metavar="FILE")],
) -> int:
    """Copy a journal to one file, also while the deployment runs; the copy is checked before it gets its name."""
    from engines.live.keep import back_up

    return back_up(journal, target)


@app.command("deploy-files")
def deploy_files(
    folder: Annotated[Path, typer.Argument(help="Made when missing.", metavar="DIR")],
) -> int:
    """Write systemd unit, Dockerfile, compose file, Prometheus rules and the runbook into a folder."""
    from engines.live.deploy import write_deploy_files

    for path in write_deploy_files(folder):
        typer.echo(str(path))
    return 0


@app.command()
def flatten(
    config: Config,
    symbol: Symbol = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    set_: Set = [],  # noqa: B006
    as_json: AsJson = False,
) -> int:
    """Leave every position at market, running or not; wait until flat; entries stay halted until resumed."""
    from engines.live.operation.flatten import flatten as leave

    return leave(config, set_, symbol, yes=yes, as_json=as_json)


@app.command()
def probe(
    config: Config,
    symbol: Annotated[str | None, typer.Option(help="By default the first of the configuration.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    patience: Annotated[
        float, typer.Option(help="Seconds that a stop and a trail may take to be hit.")
    ] = 120.0,
    pause: Annotated[float, typer.Option(help="Seconds to listen after each request.")] = 2.0,
    set_: Set = [],  # noqa: B006
    as_json: AsJson = False,
) -> int:
    """Trade tiny amounts on a demo account and show which beliefs about the exchange hold; ends flat."""
    from engines.live.probe.command import probe as look

    return look(config, set_, symbol, yes=yes, patience_s=patience, pause_s=pause, as_json=as_json)


@app.command("upgrade-check")
def upgrade_check(where: Where, as_json: AsJson = False) -> int:
    """Replay a journal under this version and show each decision that would differ; the journal is only read."""
    from engines.live.operation.upgrade import upgrade_check as compare

    return compare(where, as_json=as_json)


def main() -> None:
    """Entry point of ``kwin-live``."""
    try:
        code = run(app, name="kwin-live")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _OF_THE_EXTRA:
            raise
        fail(f"{missing} is not installed: pip install 'kwin[live]'")
        code = BAD_USAGE
    sys.exit(code)


if __name__ == "__main__":
    main()
