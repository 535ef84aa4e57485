"""``kwin-data fetch`` for people and machines: arguments in, progress and report out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engines.command_line import GOOD, console, print_json, progress
from engines.data.fetch import Fetch, FetchOrder
from feeds.bybit_rest import Patience
from feeds.instants import parse_instant
from kwin_core.bars import parse_timeframe, timeframe_name


def fetch_command(
    *,
    symbol: str,
    category: str,
    timeframe: str,
    start: str | None,
    end: str | None,
    out: Path | None,
    environment: str,
    allow_gaps: bool,
    timeout_s: float,
    forbidden_wait_s: float,
    as_json: bool,
) -> int:
    """Run a fetch from words; see ``kwin-data fetch --help``. Returns the exit code."""
    timeframe_ms = parse_timeframe(timeframe)
    order = FetchOrder(
        symbol=symbol,
        category=category,
        environment=environment,
        timeframe_ms=timeframe_ms,
        from_ms=None if start is None else parse_instant(start),
        to_ms=None if end is None else parse_instant(end),
        out=out or _usual_file(symbol, category, timeframe_ms),
        allow_gaps=allow_gaps,
    )
    screen = console(stderr=True)
    with progress(f"{symbol} {timeframe_name(timeframe_ms)}", None, "bars") as progressed:
        fetch = Fetch(
            order,
            patience=Patience(timeout_s=timeout_s, forbidden_wait_s=forbidden_wait_s),
            on_wait=lambda reason, seconds: screen.print(f"waiting {seconds:.0f} s: {reason}"),
            on_progress=progressed,
        )
        report = fetch.run()
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    return GOOD


def _usual_file(symbol: str, category: str, timeframe_ms: int) -> Path:
    kind = "" if category == "linear" else f"_{category}"
    return Path(f"{symbol}{kind}_{timeframe_name(timeframe_ms)}.parquet")


def _print_report(report: dict[str, Any]) -> None:
    screen = console()
    screen.print(f"{report['file']}: {report['bars']:,} {report['timeframe']} bars of {report['source']}")
    screen.print(
        f"{report['first']} to {report['last']}; {report['added']:,} new in {report['seconds']:.1f} s"
    )
    screen.print(f"tick {report['tick']}, lot {report['lot']}, smallest order {report['min_order']}")
    if report["revised"]:
        screen.print(f"changed by the exchange since the last fetch: {', '.join(report['revised'])}")
    if report["retries"]:
        causes = ", ".join(f"{cause} x{count}" for cause, count in report["retries"].items())
        screen.print(f"{report['requests']} requests, repeated for: {causes}")
