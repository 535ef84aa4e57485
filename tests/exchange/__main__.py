"""``python -m tests.exchange``: the simulator as a process, for clients in any language."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from kwin_core.bars import parse_timeframe
from kwin_core.errors import KwinError
from tests.exchange.exchange import API_KEY, API_SECRET, Exchange
from tests.exchange.instruments import KNOWN, known
from tests.exchange.market import Market, bars_from_parquet
from tests.exchange.sample import DEFAULT_START_MS, walk

_EXAMPLES = """\
examples:
  python -m tests.exchange --walk 5000                          random bars, clock stands still
  python -m tests.exchange --bars btc.parquet --speed 60        a minute of market a second
  python -m tests.exchange --walk 5000 --start-bar 500 --port 8080
  curl -X POST localhost:8080/sim/advance -d '{"ms": 900000}'
  curl -X POST localhost:8080/sim/fault -d '{"knob": "rest.http", "args": ["market/kline", 403]}'

Prints one line of JSON with the addresses and keys, then runs until interrupted.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the simulator; returns the exit code (0 good, 2 bad usage or input)."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.exchange",
        description="A Bybit v5 exchange on 127.0.0.1, driven by a market script.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--bars", type=Path, help="Parquet file with time_ms, open, high, low, close, volume")
    source.add_argument("--walk", type=int, metavar="N", help="N random bars instead of a file")
    parser.add_argument("--symbol", default="BTCUSDT", help="a known symbol (default BTCUSDT)")
    parser.add_argument("--category", choices=("linear", "spot"), default="linear")
    parser.add_argument("--timeframe", default="15m", help="of the bars (default 15m)")
    parser.add_argument("--start-bar", type=int, help="bar the clock starts at (default: after the last)")
    parser.add_argument("--speed", type=float, default=0.0, help="market ms per real ms (default 0: still)")
    parser.add_argument("--balance", default="10000", help="USDT at the start (default 10000)")
    parser.add_argument("--stamps", choices=("virtual", "wall"), default="wall", help="judge stamps by")
    parser.add_argument("--clock-file", type=Path, help="8-byte file that mirrors the clock")
    parser.add_argument("--seed", type=int, default=1, help="of --walk and of the ids (default 1)")
    parser.add_argument("--port", type=int, default=0, help="TCP port (default: a free one)")
    chosen = parser.parse_args(arguments)
    try:
        exchange = _build(chosen)
        exchange.start()
    except (KwinError, OSError) as error:
        sys.stderr.write(f"{parser.prog}: {error}\n")
        return 2
    line = {"rest": exchange.url, "ws": exchange.ws_url, "api_key": API_KEY, "api_secret": API_SECRET}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
    finished = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: finished.set())
    finished.wait()
    exchange.stop()
    return 0


def _build(chosen: argparse.Namespace) -> Exchange:
    if (chosen.category, chosen.symbol) not in KNOWN:
        names = ", ".join(sorted(name for kind, name in KNOWN if kind == chosen.category))
        raise KwinError(f"no known {chosen.category} symbol {chosen.symbol!r}: have {names}")
    instrument = known(chosen.symbol, chosen.category)
    if chosen.bars is not None:
        bars = bars_from_parquet(chosen.bars)
    else:
        timeframe_ms = parse_timeframe(chosen.timeframe)
        bars = walk(
            chosen.walk,
            timeframe=chosen.timeframe,
            start_ms=DEFAULT_START_MS // timeframe_ms * timeframe_ms,
            tick=float(instrument.tick),
            step=float(instrument.step),
            seed=chosen.seed,
        )
    market = Market(instrument, bars, chosen.timeframe)
    start_ms = None
    if chosen.start_bar is not None:
        if not 0 <= chosen.start_bar < len(bars):
            raise KwinError(f"--start-bar {chosen.start_bar} is outside the {len(bars)} bars")
        start_ms = int(bars["time_ms"][chosen.start_bar])
    return Exchange(
        [market],
        start_ms=start_ms,
        speed=chosen.speed,
        balance=chosen.balance,
        stamps=chosen.stamps,
        clock_path=chosen.clock_file,
        port=chosen.port,
        seed=chosen.seed,
    )


if __name__ == "__main__":
    sys.exit(main())
