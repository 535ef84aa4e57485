"""``kwin-data``: the command line. Everything heavy is imported inside the subcommands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engines.command_line import new_app, run
from kwin_core.errors import ConfigError

app = new_app("Market data: fetch, check, import, resample, compare and describe Parquet files of bars.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
GapsOption = Annotated[bool, typer.Option("--allow-gaps", help="Accept missing bars.")]


@app.command()
def fetch(
    symbol: Annotated[str, typer.Argument(help="Symbol as Bybit spells it, e.g. ETHUSDT.", metavar="SYMBOL")],
    category: Annotated[str, typer.Option(help="linear or spot.")] = "linear",
    timeframe: Annotated[str, typer.Option(help="1m, 5m, 15m, 60m, 4h, 1d, ...")] = "15m",
    start: Annotated[
        str | None, typer.Option("--from", help="First open time, UTC; default: the listing date.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Open time to stop before; default: now.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write or extend; default SYMBOL_TIMEFRAME.parquet.")
    ] = None,
    environment: Annotated[
        str, typer.Option(help="mainnet, testnet, demo, or the address of a host.")
    ] = "mainnet",
    allow_gaps: GapsOption = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for one answer.", min=0.05)] = 10.0,
    forbidden_wait: Annotated[
        float, typer.Option(help="Seconds to pause after HTTP 403; Bybit asks for ten minutes.", min=0.0)
    ] = 600.0,
    as_json: JsonOption = False,
) -> int:
    """Fetch closed klines of Bybit into a Parquet file, or extend that file.

    A fetch may be interrupted or killed at any moment: the file then holds what it held before, or more
    of it, never a hole or half a bar. The same command goes on from there. The forming bar is left out, and
    the newest bars are read again before they are stored.

    \b
    Examples:
      kwin-data fetch ETHUSDT
      kwin-data fetch BTCUSDT --timeframe 1m --from 2024-01-01 --out btc.parquet
      kwin-data fetch BTCUSDT --category spot --timeframe 60m --to 2025-01-01
    """
    try:
        from engines.data.fetch_command import fetch_command
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("pybit", "requests", "tenacity"):
            raise
        raise ConfigError(f"{missing} is not installed: pip install 'kwin[data]'") from None

    return fetch_command(
        symbol=symbol,
        category=category,
        timeframe=timeframe,
        start=start,
        end=end,
        out=out,
        environment=environment,
        allow_gaps=allow_gaps,
        timeout_s=timeout,
        forbidden_wait_s=forbidden_wait,
        as_json=as_json,
    )


@app.command()
def info(
    file: Annotated[Path, typer.Argument(help="Parquet file of bars.", metavar="FILE")],
    as_json: JsonOption = False,
) -> int:
    """Describe a file: instrument, range, prices, storage.

    \b
    Examples:
      kwin-data info ETHUSDT_15m.parquet
      kwin-data info ETHUSDT_15m.parquet --json
    """
    from engines.data.info import info_command

    return info_command(file, as_json=as_json)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="Parquet file of bars.", metavar="FILE")],
    timeframe: Annotated[str | None, typer.Option(help="What the bars should be, e.g. 15m.")] = None,
    tick: Annotated[float | None, typer.Option(help="Price step; default: what the file states.")] = None,
    jump: Annotated[float, typer.Option(help="Percent from the close before that is suspicious.")] = 10.0,
    zero_run: Annotated[int, typer.Option(help="Bars without volume in a row that are a finding.")] = 3,
    allow_gaps: GapsOption = False,
    strict: Annotated[bool, typer.Option("--strict", help="Remarks count as problems too.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Look for everything wrong or odd in a file, from the first bar to the last.

    Problems: gaps, duplicates, times that go back or lie off the grid, impossible bars. Remarks: runs
    without volume, suspicious jumps, bars whose open differs from the close before, prices off the tick
    grid. Exit code 0 when nothing is wrong, 1 when something is, 2 when the file cannot be read as bars.

    \b
    Examples:
      kwin-data check ETHUSDT_15m.parquet
      kwin-data check ETHUSDT_15m.parquet --strict --jump 5 --json
      kwin-data check EURUSD_60m.parquet --allow-gaps --tick 0.00001
    """
    from engines.data.check import check_command

    return check_command(
        file,
        timeframe=timeframe,
        tick=tick,
        jump_percent=jump,
        zero_run=zero_run,
        allow_gaps=allow_gaps,
        strict=strict,
        as_json=as_json,
    )


@app.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="CSV files, plain or packed.", metavar="FILE...")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    kind: Annotated[
        str | None,
        typer.Option("--format", help="tradingview, bybit-klines, bybit-trades or csv; default: detected."),
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="Stored with the bars.")] = None,
    timeframe: Annotated[str | None, typer.Option(help="Default: detected; 1m for trades.")] = None,
    tick: Annotated[float | None, typer.Option(help="Price step, stored with the bars.")] = None,
    lot: Annotated[
        float | None, typer.Option(help="Quantity step, stored with the bars; 0 for none.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="FIELD=NAME of a column, repeatable; time=Date+Time joins two.", metavar="FIELD=NAME"
        ),
    ] = None,
    time_unit: Annotated[
        str | None, typer.Option(help="s, ms, us, ns, or a pattern like %d.%m.%Y %H:%M; default: detected.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help="Of times that state none: UTC (default), +08:00, Europe/Berlin.")
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Between columns: , (default) ; tab ...")] = None,
    decimal: Annotated[str | None, typer.Option(help="Decimal sign: . (default) or ,")] = None,
    no_volume: Annotated[bool, typer.Option("--no-volume", help="Volume is missing: write 0.")] = False,
    keep_last: Annotated[
        bool, typer.Option("--keep-last", help="Keep the last bar of a TradingView export.")
    ] = False,
    bar_rule: Annotated[
        str,
        typer.Option(help="From trades: exchange (bars open at the close before, as Bybit's) or trades."),
    ] = "exchange",
    allow_gaps: GapsOption = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Make a Parquet file of CSV files: TradingView chart exports, Bybit's public archive, any table of bars.

    Every bar is checked; on the first bad one nothing is written. Bybit's kline archive is read on its own
    clock, UTC+3. The last bar of a TradingView export is left out, as it may have been forming.

    \b
    Examples:
      kwin-data import "BYBIT_ETHUSDT.P, 15.csv" --out eth.parquet --symbol ETHUSDT --tick 0.01 --lot 0.01
      kwin-data import BTCUSDT_15_2024-*.csv.gz --out btc.parquet --tick 0.1
      kwin-data import BTCUSDT2024-12-*.csv.gz --out btc_1m.parquet --timeframe 1m
      kwin-data import prices.csv --out p.parquet --column time=Date --column close=Last --zone Europe/Berlin
    """
    from engines.data.importing import ImportOrder, import_command

    order = ImportOrder(
        files=tuple(files),
        out=out,
        kind=kind,
        symbol=symbol,
        timeframe=timeframe,
        tick=tick,
        lot=lot,
        columns=tuple(column or ()),
        time_unit=time_unit,
        zone=zone,
        delimiter=delimiter,
        decimal=decimal,
        volume=not no_volume,
        keep_last=keep_last,
        bar_rule=bar_rule,
        allow_gaps=allow_gaps,
        force=force,
    )
    return import_command(order, as_json=as_json)


@app.command()
def resample(
    file: Annotated[Path, typer.Argument(help="Parquet file of bars.", metavar="FILE")],
    timeframe: Annotated[str, typer.Option(help="Longer timeframe, e.g. 60m.")],
    out: Annotated[Path | None, typer.Option(help="File to write; default: named after the input.")] = None,
    allow_gaps: Annotated[
        bool, typer.Option("--allow-gaps", help="Leave out bars that are not whole, instead of refusing.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Make longer bars on the exchange's grid (UTC; weeks begin on Monday). Only whole bars are written.

    The first and the last bar are left out when not whole, which is said. A bar in between that lacks some of
    its parts is an error.

    \b
    Examples:
      kwin-data resample BTCUSDT_1m.parquet --timeframe 15m
      kwin-data resample ETHUSDT_15m.parquet --timeframe 60m --out eth_1h.parquet --force
    """
    from engines.data.resample import resample_command

    return resample_command(
        file, timeframe=timeframe, out=out, allow_gaps=allow_gaps, force=force, as_json=as_json
    )


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="Parquet file of bars.", metavar="A")],
    second: Annotated[Path, typer.Argument(help="Parquet file of bars.", metavar="B")],
    tolerance: Annotated[float, typer.Option(help="Largest price difference that counts as equal.")] = 0.0,
    no_volume: Annotated[bool, typer.Option("--no-volume", help="Do not compare volumes.")] = False,
    overlap: Annotated[bool, typer.Option("--overlap", help="Only the time both files cover.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Compare two files bar by bar, matched by open time. Exit code 0 when they agree, 1 when not.

    \b
    Examples:
      kwin-data compare fetched.parquet imported.parquet
      kwin-data compare bybit.parquet binance.parquet --overlap --no-volume --tolerance 0.5
    """
    from engines.data.compare import compare_command

    return compare_command(
        first, second, tolerance=tolerance, volume=not no_volume, overlap=overlap, as_json=as_json
    )


def main() -> None:
    """Entry point of ``kwin-data``."""
    sys.exit(run(app, name="kwin-data"))


if __name__ == "__main__":
    main()
