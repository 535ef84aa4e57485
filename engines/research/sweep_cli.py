"""``kwin-sweep``: the command line. Everything heavy is imported after the arguments are understood."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engines.command_line import GOOD, fail, new_app, run

app = new_app("Run KWIN with many parameter sets.")


@app.command()
def sweep(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Parquet files of bars, then the TOML file.", metavar="DATA.parquet... GRID.toml"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the results; default: the grid's name and -sweep.", metavar="DIR"),
    ] = None,
    rank: Annotated[
        str | None, typer.Option(help="Statistic to rank by; default: the file's, or net_profit.")
    ] = None,
    min_trades: Annotated[int | None, typer.Option(help="Leave out sets with fewer closed trades.")] = None,
    top: Annotated[int, typer.Option(help="Rows to print.", min=1)] = 10,
    start: Annotated[
        str | None, typer.Option(help="First bar, by open time, UTC; the strategy starts cold there.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Stop before the bar that opens at this time.")] = None,
    capital: Annotated[float | None, typer.Option(help="Starting capital; default: the preset's.")] = None,
    symbol: Annotated[str | None, typer.Option(help="Name of the instrument; default: the file's.")] = None,
    timeframe: Annotated[
        str | None, typer.Option(help="Length of a bar, such as 15m; default: the file's.")
    ] = None,
    tick: Annotated[float | None, typer.Option(help="Price step; default: the file's.")] = None,
    lot: Annotated[float | None, typer.Option(help="Quantity step, 0 for none; default: the file's.")] = None,
    margin: Annotated[float, typer.Option(help="Margin, percent of notional; 0 never checks.")] = 0.0,
    allow_gaps: Annotated[bool, typer.Option("--allow-gaps", help="Accept missing bars.")] = False,
    threads: Annotated[int | None, typer.Option(help="Threads; default: one a core.", min=1)] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="Run on a Dask cluster: address of its scheduler.", metavar="tcp://HOST:PORT"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Run on a Dask cluster of so many processes on this machine.", min=1)
    ] = None,
    example: Annotated[bool, typer.Option("--example", help="Print a complete TOML file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the best sets as JSON.")] = False,
) -> int:
    """Run KWIN with many parameter sets over the same bars.

    Finished batches are kept in the folder of the results. A sweep that was interrupted or killed goes on from
    there when the same command is given again; its results are the same as without the interruption.

    \b
    Examples:
      kwin-sweep --example > grid.toml
      kwin-sweep ETHUSDT_15m.parquet grid.toml
      kwin-sweep ETHUSDT_15m.parquet BTCUSDT_15m.parquet grid.toml --rank sharpe --min-trades 50
      kwin-sweep ETHUSDT_15m.parquet grid.toml --scheduler tcp://10.0.0.5:8786

    \b
    Exit codes: 0 good, 1 no set counts (too few trades, or the statistic is not defined), 2 bad usage or
    input (one line says what), 130 interrupted.
    """
    if example:
        from engines.research.sweep_file import EXAMPLE

        sys.stdout.write(EXAMPLE)
        return GOOD
    if files is None or len(files) < 2:
        return fail(
            "which bars and which grid? kwin-sweep DATA.parquet GRID.toml (kwin-sweep --help shows more)"
        )
    from engines.research.sweep_command import Request, sweep_command

    return sweep_command(
        Request(
            data=tuple(files[:-1]),
            grid=files[-1],
            out=out,
            rank=rank,
            min_trades=min_trades,
            top=top,
            start=start,
            end=end,
            capital=capital,
            symbol=symbol,
            timeframe=timeframe,
            tick=tick,
            lot=lot,
            margin=margin,
            allow_gaps=allow_gaps,
            threads=threads,
            scheduler=scheduler,
            workers=workers,
            as_json=as_json,
        )
    )


def main() -> None:
    """Entry point of ``kwin-sweep``."""
    sys.exit(run(app, name="kwin-sweep"))


if __name__ == "__main__":
    main()
