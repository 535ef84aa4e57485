"""``kwin-parity``: the command line. Everything heavy is imported inside the subcommands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engines.command_line import new_app, run

app = new_app("Prove that two runs of KWIN are one: with TradingView's, or live with the backtest.")


@app.callback()
def _commands() -> None:
    """Prove that two runs of KWIN are one: with TradingView's, or live with the backtest."""


@app.command()
def tradingview(
    export: Annotated[
        Path,
        typer.Argument(
            help="List of trades (CSV or XLSX) from TradingView, or the folder of a case.", metavar="EXPORT"
        ),
    ],
    data: Annotated[
        Path | None, typer.Argument(help="Parquet file of the chart's bars.", metavar="DATA.parquet")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="dual-sfp, classic or classic-quality; default: the workbook's, dual-sfp."),
    ] = None,
    profile: Annotated[
        str, typer.Option(help="tv-literal: what TradingView computes; intent: what the labels say.")
    ] = "tv-literal",
    inputs: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Value of an input; repeatable."),
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(help="TOML file of input values; --set goes before it.", metavar="FILE.toml"),
    ] = None,
    tz: Annotated[
        str | None, typer.Option(help="Zone of the export's times; default: found by prices.", metavar="ZONE")
    ] = None,
    tick: Annotated[
        float | None, typer.Option(help="Price step; default: the workbook's, the data's, the prices'.")
    ] = None,
    lot: Annotated[float | None, typer.Option(help="Quantity step, 0 for none; default: the data's.")] = None,
    margin: Annotated[float | None, typer.Option(help="Margin, percent; default: the workbook's, 0.")] = None,
    capital: Annotated[float | None, typer.Option(help="Initial capital; default: the preset's.")] = None,
    commission: Annotated[
        float | None, typer.Option(help="Commission, percent a side; default: the preset's.")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="First bar the strategy ran on, UTC; it starts cold there.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Stop before the bar that opens at this time.")
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(help="Where the strategy's day window counts back from; default: the last bar's close."),
    ] = None,
    allow_gaps: Annotated[bool, typer.Option("--allow-gaps", help="Accept missing bars.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for parity.md, parity.html and parity.json.", metavar="DIR")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the content of parity.json.")] = False,
) -> int:
    """Compare TradingView's list of trades with KWIN's run on the same bars.

    Every trade is compared in every printed column. Without parity, the first difference is explained and other
    settings are tried. A workbook's sheet Properties configures the run; options go before it. EXPORT may be
    a folder with case.toml, which then names everything.

    \b
    Examples:
      kwin-parity tradingview trades.csv ETHUSDT_15m.parquet
      kwin-parity tradingview report.xlsx ETHUSDT_15m.parquet --out parity
      kwin-parity tradingview trades.csv ETHUSDT_15m.parquet --set useWindow=false --tz UTC+8 --json
      kwin-parity tradingview fixtures/parity/mine

    \b
    Exit codes: 0 parity, 1 no parity, 2 bad usage or input (one line says what).
    """
    from engines.parity.command import Arguments, tradingview_command

    return tradingview_command(
        Arguments(
            export=export,
            data=data,
            preset=preset,
            profile=profile,
            assignments=tuple(inputs or ()),
            params_file=params,
            tz=tz,
            tick=tick,
            lot=lot,
            margin=margin,
            capital=capital,
            commission=commission,
            from_=from_,
            to=to,
            now=now,
            allow_gaps=allow_gaps,
            out=out,
            as_json=as_json,
        )
    )


@app.command()
def live(
    journal: Annotated[Path, typer.Argument(help="Journal of a deployment.", metavar="JOURNAL")],
    data: Annotated[
        Path | None,
        typer.Option(help="Compare the recorded bars with this file as well.", metavar="DATA.parquet"),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for parity_live.json.", metavar="DIR")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the content of parity_live.json.")] = False,
) -> int:
    """Prove that what ran live is what the backtest computes, from a journal alone; it may be running.

    The emulator's ledger is compared with a backtest over the journal's bars, the exchange's ledger with a replay of
    the numbered events, digest by digest, bar by bar. Then every trade that went differently, with its kind and
    cause, slippage and latency, and whether booked results and executions add up.

    \b
    Examples:
      kwin-parity live live.sqlite
      kwin-parity live live.sqlite --data ETHUSDT_15m.parquet --json

    \b
    Exit codes: 0 all digests agree, 1 they do not (or bars differ from --data), 2 bad usage or input.
    """
    from engines.parity.live.command import live_command

    return live_command(journal, data, as_json=as_json, out=out)


def main() -> None:
    """Entry point of ``kwin-parity``."""
    sys.exit(run(app, name="kwin-parity"))


if __name__ == "__main__":
    main()
