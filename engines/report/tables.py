"""The report's tables: months, groups of trades, exits, fees and funding."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from engines.report.trade_figures import FUNDING_RATE
from engines.summary import fraction, money, plain

if TYPE_CHECKING:
    import pandas as pd

    from engines.result import Result

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def monthly_returns(equity: pd.Series, capital: float) -> pd.DataFrame:
    """Change of the equity in every calendar month (UTC), percent: a row a year, columns 1 to 12 and ``year``.

    A month begins with the last equity before it; months without bars are ``nan``, and so is all that begins with
    nothing or less, of which there are no percents.
    """
    import pandas as pd

    times = pd.DatetimeIndex(equity.index)
    values = equity.to_numpy(float)
    month = times.year.to_numpy() * 12 + times.month.to_numpy() - 1
    last = np.append(month[1:] != month[:-1], True)
    ends, months = values[last], month[last]
    begins = np.concatenate(([capital], ends[:-1]))
    begins = np.where(begins > 0.0, begins, np.nan)
    years = months // 12
    table = pd.DataFrame(
        index=pd.Index(np.unique(years), name="year"), columns=[*range(1, 13), "year"], dtype=float
    )
    for year in table.index:
        at = np.flatnonzero(years == year)
        table.loc[year, "year"] = 100.0 * (ends[at[-1]] / begins[at[0]] - 1.0)
        for i in at:
            table.loc[year, int(months[i]) % 12 + 1] = 100.0 * (ends[i] / begins[i] - 1.0)
    return table


def months_html(result: Result) -> str:
    """The monthly table, coloured by size."""
    table = monthly_returns(result.equity["equity"], result.summary["capital"])
    largest = float(np.nanmax(np.abs(table[list(range(1, 13))].to_numpy()))) or 1.0
    head = "".join(f"<th>{name}</th>" for name in (*_MONTHS, "Year"))
    rows = []
    for year, row in table.iterrows():
        cells = "".join(_month_cell(float(value), largest) for value in row)
        rows.append(f"<tr><td>{year}</td>{cells}</tr>")
    return (
        f"<div class='wide'><table class='months'><thead><tr><th></th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _month_cell(value: float, largest: float) -> str:
    if np.isnan(value):
        return "<td class='none'>·</td>"
    colour = "42,157,124" if value > 0.0 else "209,73,91"
    depth = 0.08 + 0.42 * min(abs(value) / largest, 1.0) if value else 0.0
    return f"<td style='background:rgba({colour},{depth:.2f})'>{value:+.1f} %</td>"


def groups_html(trades: pd.DataFrame) -> str:
    """Long and short, local and classic SFP: how each did."""
    closed = trades[~trades["is_open"]]
    rows = [("all", closed), ("long", closed[closed["side"] == "long"])]
    rows.append(("short", closed[closed["side"] == "short"]))
    for kind, name in (("local", "local SFP"), ("classic", "classic SFP"), ("both", "both on one bar")):
        group = closed[closed["signal"] == kind]
        if len(group):
            rows.append((name, group))
            for side in ("long", "short"):
                part = group[group["side"] == side]
                if len(part):
                    rows.append((f"  {name}, {side}", part))
    heads = (
        *("trades", "net", "win rate", "profit factor", "mean R", "a trade", "mean win", "mean loss"),
        *("best run-up", "worst fall", "bars held"),
    )
    body = "".join(_row(name, _group_cells(group)) for name, group in rows)
    return _table(heads, body)


def _group_cells(group: pd.DataFrame) -> list[str]:
    net = group["net_pnl"]
    won, lost = net[net > 0.0], net[net <= 0.0]
    factor = float(won.sum() / -lost.sum()) if lost.sum() < 0.0 else None
    return [
        f"{len(group):,}",
        money(float(net.sum()), sign=True),
        fraction(len(won) / len(group) if len(group) else None),
        plain(factor),
        _mean(group["r"], "{:+.2f}"),
        _mean(group["return_percent"], "{:+.3f} %"),
        _mean(won, "{:+,.2f}"),
        _mean(lost, "{:+,.2f}"),
        _extreme(group["runup_percent"].max(), "{:.2f} %"),
        _extreme(group["drawdown_percent"].min(), "{:.2f} %"),
        _mean(group["bars_held"], "{:.1f}"),
    ]


def exits_html(trades: pd.DataFrame) -> str:
    """By what trades ended."""
    closed = trades[~trades["is_open"]]
    rows = []
    for kind, group in closed.groupby("exit_kind", observed=True):
        cells = [
            f"{len(group):,}",
            fraction(len(group) / len(closed)),
            money(float(group["net_pnl"].sum()), sign=True),
            _mean(group["r"], "{:+.2f}"),
            _mean(group["bars_held"], "{:.1f}"),
        ]
        rows.append(_row(str(kind), cells))
    return _table(("trades", "share", "net", "mean R", "bars held"), "".join(rows))


def fees_html(result: Result, trades: pd.DataFrame) -> str:
    """What trading cost, and what funding might have."""
    commission = float(result.summary["commission"])
    net = float(result.summary["net_profit"])
    closed = trades[~trades["is_open"]]
    moved = float((closed["entry_price"] * closed["qty"] + closed["exit_price"] * closed["qty"]).sum())
    per_trade = commission / len(closed) if len(closed) else None
    rows = [
        _row("net profit", [money(net, sign=True)]),
        _row("commission", [money(commission)]),
        _row("net profit before commission", [money(net + commission, sign=True)]),
        _row("commission a trade", [money(per_trade)]),
        _row("traded value", [money(moved)]),
        _row("trades held over a funding time", [f"{int((trades['funding_times'] > 0).sum()):,}"]),
        _row("funding times paid or received", [f"{int(trades['funding_times'].sum()):,}"]),
        _row(
            f"funding at {100 * FUNDING_RATE:g} % each, not in the result",
            [money(-float(trades["funding"].sum()), sign=True)],
        ),
    ]
    note = (
        "<p class='note'>A backtest has no funding: TradingView books none, and neither does this result. The last "
        f"line says what the base rate of {100 * FUNDING_RATE:g} % every eight hours (00:00, 08:00, 16:00 UTC) on the "
        "entry value would have added, longs paying and shorts receiving; real rates vary and change their sign.</p>"
    )
    return f"<div class='facts'>{_table(('',), ''.join(rows))}</div>{note}"


def _row(name: str, cells: list[str]) -> str:
    indent = " style='padding-left:16px'" if name.startswith("  ") else ""
    return (
        f"<tr><td{indent}>{escape(name.strip())}</td>"
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def _table(heads: tuple[str, ...], body: str) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("", *heads))
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _mean(values: pd.Series, form: str) -> str:
    known = values.dropna()
    return form.format(float(known.mean())) if len(known) else "-"


def _extreme(value: float, form: str) -> str:
    return "-" if np.isnan(value) else form.format(value)
