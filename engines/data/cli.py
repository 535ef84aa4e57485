"""``kwin-data``: the command line. Everything heavy is imported inside the subcommands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from engines.command_line import new_app, run

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
    from engines.data.fetch_command import fetch_command

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


def main() -> None:
    """Entry point of ``kwin-data``."""
    sys.exit(run(app, name="kwin-data"))


if __name__ == "__main__":
    main()
