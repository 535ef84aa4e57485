"""A run as one picture, drawn by matplotlib: it needs no browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.report.figures import LOST, WON
from engines.research.extras import needs
from engines.summary import head_lines, money, percent

if TYPE_CHECKING:
    import pandas as pd

    from engines.result import Result

MOST_CANDLES = 320


def write_picture(path: Path | str, result: Result) -> None:
    """Draw candles with entries and exits, equity, and its fall from the peak; the file is whole or not there.

    Raises
    ------
    ConfigError
        When matplotlib is missing or the run kept no bars.
    OSError
        When the file cannot be written.
    """
    figures = needs("matplotlib.figure", "report")
    figure = figures.Figure(figsize=(14, 9), dpi=110, layout="constrained")
    candles, equity, fall = figure.subplots(3, 1, sharex=True, height_ratios=(3.2, 1.2, 0.8))
    summary = result.summary
    head = head_lines(summary)
    figure.suptitle(
        f"{head[0]}    {head[1]}\n"
        f"net {money(summary['net_profit'], sign=True)} ({percent(summary['net_profit_percent'], sign=True)}), "
        f"{summary['trades_closed']:,} trades, digest {summary['digest'][:12]}",
        fontsize=11,
    )
    if summary["path_warning"] or summary.get("profile") == "tv-literal":
        text = (
            "NOT AN EDGE: made by the assumed path"
            if summary["path_warning"]
            else "tv-literal: for parity only"
        )
        candles.set_title(text, color="#b3263c", fontsize=11, fontweight="bold", loc="left")
    _candles(candles, result.bars)
    _trades(candles, result.trades, result.bars)
    account = result.equity
    equity.plot(account.index, account["equity"], color="#1668b8", linewidth=1.0)
    equity.set_ylabel("equity")
    peak = np.maximum.accumulate(np.maximum(account["equity"], summary["capital"]))
    fall.fill_between(account.index, 100.0 * (account["equity"] / peak - 1.0), 0.0, color=LOST, alpha=0.5)
    fall.set_ylabel("below peak, %")
    for axes in (candles, equity, fall):
        axes.grid(visible=True, color="#e7ebef", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.01)
    target = Path(path)
    partial = target.with_name(f"{target.stem}.partial{target.suffix}")
    figure.savefig(partial, metadata={"Software": None} if target.suffix == ".png" else None)
    partial.replace(target)


def _candles(axes: Any, bars: pd.DataFrame) -> None:
    """The bars, folded until a picture can show them."""
    step = -(-len(bars) // MOST_CANDLES)
    group = np.arange(len(bars)) // step
    folded = bars.groupby(group).agg({"open": "first", "high": "max", "low": "min", "close": "last"})
    times = bars.index[::step][: len(folded)]
    width = (bars.index[-1] - bars.index[0]) / max(len(folded), 1) * 0.7
    rises = (folded["close"] >= folded["open"]).to_numpy()
    for part, colour in ((rises, WON), (~rises, LOST)):
        some, at = folded[part], times[part]
        axes.vlines(at, some["low"], some["high"], color=colour, linewidth=0.7)
        axes.bar(
            at, (some["close"] - some["open"]).abs(), width, some[["open", "close"]].min(axis=1), color=colour
        )
    axes.set_ylim(bars["low"].min() * 0.995, bars["high"].max() * 1.005)
    axes.set_ylabel("price")


def _trades(axes: Any, trades: pd.DataFrame, bars: pd.DataFrame) -> None:
    size = 26 if len(trades) < 150 else 9
    for side, marker, colour in (("long", "^", "#1668b8"), ("short", "v", "#7b2fa0")):
        some = trades[trades["side"] == side]
        axes.scatter(
            some["entry_time"], some["entry_price"], size, color=colour, marker=marker, label=side, zorder=3
        )
    closed = trades[~trades["is_open"]]
    axes.scatter(
        closed["exit_time"],
        closed["exit_price"],
        size * 0.5,
        color="#1c2733",
        marker="x",
        label="exit",
        zorder=3,
        linewidths=0.7,
    )
    if len(trades) and len(bars):
        axes.legend(loc="upper left", ncols=3, frameon=False, fontsize=9)
