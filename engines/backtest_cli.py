"""``kwin-backtest``: the command line. Everything heavy is imported after the arguments are understood."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engines.command_line import fail, new_app, run

app = new_app("Run KWIN on a Parquet file of bars.")


@app.command()
def backtest(
    data: Annotated[Path | None, typer.Argument(help="Parquet file of bars.", metavar="DATA.parquet")] = None,
    preset: Annotated[str, typer.Option(help="dual-sfp, classic or classic-quality.")] = "dual-sfp",
    profile: Annotated[
        str, typer.Option(help="tv-literal: what TradingView computes; intent: what the labels say.")
    ] = "tv-literal",
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Value of an input, by any of its names; repeatable."
        ),
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(help="TOML file of input values; --set goes before it.", metavar="FILE.toml"),
    ] = None,
    no_window: Annotated[
        bool, typer.Option("--no-window", help="Switch the strategy's own time window off.")
    ] = False,
    start: Annotated[
        str | None, typer.Option(help="First bar, by open time, UTC; the strategy starts cold there.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Stop before the bar that opens at this time.")] = None,
    trade_from: Annotated[
        str | None, typer.Option(help="Bars that open earlier compute everything but cannot order.")
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(help="Where the time window counts back from; default: the close of the last bar."),
    ] = None,
    capital: Annotated[float | None, typer.Option(help="Starting capital; default: the preset's.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Name of the instrument; default: the file's.")] = None,
    timeframe: Annotated[
        str | None, typer.Option(help="Length of a bar, such as 15m; default: the file's.")
    ] = None,
    tick: Annotated[float | None, typer.Option(help="Price step; default: the file's.")] = None,
    lot: Annotated[float | None, typer.Option(help="Quantity step, 0 for none; default: the file's.")] = None,
    margin: Annotated[float, typer.Option(help="Margin, percent of notional; 0 never checks.")] = 0.0,
    allow_gaps: Annotated[bool, typer.Option("--allow-gaps", help="Accept missing bars.")] = False,
    list_inputs: Annotated[
        bool, typer.Option("--inputs", help="List all inputs: names, default, range, meaning.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for trades, equity, signals and result.json.", metavar="DIR")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="One self-contained page: charts, trades, path sensitivity.", metavar="FILE.html"),
    ] = None,
    png: Annotated[
        Path | None,
        typer.Option(help="One picture: candles, trades, equity; also .svg or .pdf.", metavar="FILE.png"),
    ] = None,
    paths: Annotated[
        bool, typer.Option("--paths", help="Also run along the opposite path inside each bar, and compare.")
    ] = False,
    magnifier: Annotated[
        Path | None,
        typer.Option(
            help="Shorter bars inside DATA's, as another path; without DATA the chart is made of them.",
            metavar="FILE_1m.parquet",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the content of result.json.")] = False,
) -> int:
    """Run KWIN on a Parquet file of bars.

    \b
    Examples:
      kwin-backtest ETHUSDT_15m.parquet
      kwin-backtest ETHUSDT_15m.parquet --profile intent --no-window
      kwin-backtest ETHUSDT_15m.parquet --set riskPct=1 --set trail_lookback=20
      kwin-backtest ETHUSDT_15m.parquet --no-window --start 2025-04-20T21:00Z --out result
      kwin-backtest ETHUSDT_15m.parquet --report run.html --magnifier ETHUSDT_1m.parquet
      kwin-backtest --magnifier ETHUSDT_1m.parquet --timeframe 15m --report run.html
      kwin-backtest --inputs --preset classic

    \b
    Exit codes: 0 good, 2 bad usage or input (one line says what; nothing is written).
    """
    if list_inputs:
        from engines.input_list import list_inputs_command

        return list_inputs_command(preset, as_json=as_json)
    if data is None and magnifier is None:
        return fail("which bars? kwin-backtest DATA.parquet (kwin-backtest --help shows what is possible)")
    from engines.backtest_command import Request, backtest_command

    return backtest_command(
        Request(
            data=data,
            preset=preset,
            profile=profile,
            assignments=tuple(inputs or ()),
            params_file=params,
            no_window=no_window,
            start=start,
            end=end,
            trade_from=trade_from,
            now=now,
            capital=capital,
            symbol=symbol,
            timeframe=timeframe,
            tick=tick,
            lot=lot,
            margin=margin,
            allow_gaps=allow_gaps,
            out=out,
            report=report,
            png=png,
            paths=paths,
            magnifier=magnifier,
            as_json=as_json,
        )
    )


def main() -> None:
    """Entry point of ``kwin-backtest``."""
    sys.exit(run(app, name="kwin-backtest"))


if __name__ == "__main__":
    main()
