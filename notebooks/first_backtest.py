# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A first backtest
#
# Load bars, run KWIN, look at its trades, see them on the chart, and see what the account did.
#
# The bars come with the project. They are made by a script: ETHUSDT-like, 15 minutes, 250 days, nobody's data. Put a
# file of your own here; `kwin-data fetch ETHUSDT` makes one.

# %%
from pathlib import Path

import plotly.graph_objects as go

from engines import backtest, load

ROOT = next(folder for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "fixtures").is_dir())
bars = load(ROOT / "fixtures" / "ethusdt_like_15m.parquet")
bars.attrs, bars.tail(3)

# %% [markdown]
# ## Two readings of one strategy
#
# `tv-literal` computes exactly what TradingView computes, and there the two trail numbers are **ticks**. The trail is
# then a hundred times tighter than its label says, and far tighter than a bar: the result is made by the path that
# TradingView assumes inside each bar. It is good for parity with an export, and for nothing else. The summary says so,
# and shows the other reading beside it.

# %%
backtest(bars, profile="tv-literal")

# %% [markdown]
# `intent` reads the same numbers as the labels say them: percent of the entry price. This is the one to look at.
# The strategy's own time window is switched off, so that it trades on all bars.

# %%
result = backtest(bars, profile="intent", params={"use_window": False})
result

# %% [markdown]
# ## Trades
#
# One row a trade, full precision. Bars count from 0, times are the open times of bars, UTC.

# %%
trades = result.trades
trades[["side", "entry_time", "exit_time", "entry_price", "exit_price", "qty", "exit_kind", "net_pnl"]].tail(
    8
)

# %%
trades.groupby(["side", "exit_kind"])["net_pnl"].agg(["count", "sum", "mean"]).round(2)

# %% [markdown]
# ## On the chart
#
# The trade that was held longest, with what surrounds it. Triangles are entries, crosses are exits, the dotted line is
# the stop in force after each bar.

# %%
longest = trades.loc[(trades["exit_bar"] - trades["entry_bar"]).astype(int).idxmax()]
first, last = int(longest["entry_bar"]) - 60, int(longest["exit_bar"]) + 60
window = result.bars.iloc[max(first, 0) : last]
stops = result.signals["exit_stop"].reindex(window.index)
shown = trades[trades["entry_time"].isin(window.index) | trades["exit_time"].isin(window.index)]

chart = go.Figure()
chart.add_candlestick(
    x=window.index,
    open=window["open"],
    high=window["high"],
    low=window["low"],
    close=window["close"],
    name="bars",
)
chart.add_scatter(x=stops.index, y=stops, mode="lines", line={"dash": "dot", "color": "#c62828"}, name="stop")
for side, symbol in (("long", "triangle-up"), ("short", "triangle-down")):
    entries = shown[shown["side"] == side]
    marker = {"symbol": symbol, "size": 13, "color": "#1565c0"}
    chart.add_scatter(
        x=entries["entry_time"], y=entries["entry_price"], mode="markers", marker=marker, name=f"{side} entry"
    )
chart.add_scatter(
    x=shown["exit_time"],
    y=shown["exit_price"],
    mode="markers",
    marker={"symbol": "x", "size": 10, "color": "#4a148c"},
    text=shown["exit_kind"],
    name="exit",
)
chart.update_xaxes(range=[window.index[0], window.index[-1]])
chart.update_layout(
    title=f"{longest['side']} of {longest['entry_time']:%d %b %H:%M}, out by {longest['exit_kind']}",
    xaxis_rangeslider_visible=False,
    height=520,
)
chart

# %% [markdown]
# ## The account
#
# Equity at every bar close, thinned to one value an hour for the page.

# %%
hourly = result.equity[["equity", "drawdown"]].resample("1h").last()
account = go.Figure()
account.add_scatter(x=hourly.index, y=hourly["equity"], name="equity", line={"color": "#2e7d32"})
account.add_scatter(
    x=hourly.index, y=-hourly["drawdown"], name="below its peak", fill="tozeroy", line={"color": "#ef9a9a"}
)
account.update_layout(title="Equity and drawdown, USDT", height=380)
account

# %% [markdown]
# ## How much hangs on the assumed path?
#
# A bar says its four prices and not the order of its high and low. TradingView assumes that the nearer one came first.
# The same run with the farther one first, and the same under the other profile: what does not survive this cannot be
# expected from an account. With a file of one-minute bars, `paths("ETHUSDT_1m.parquet")` adds what really happened.

# %%
backtest(bars, profile="tv-literal", params={"use_window": False}).paths()

# %% [markdown]
# ## One page to keep
#
# `result.write_report("run.html", result.paths())` writes everything as one page that needs nothing else: the chart to
# zoom, every trade, months, distributions, this panel, all inputs and hashes. The command does the same:
# `kwin-backtest bars.parquet --profile intent --report run.html`.

# %% [markdown]
# ## The same run, anywhere
#
# The digest stands for the whole last state. The command prints the same one for the same bars and settings:
# `kwin-backtest fixtures/ethusdt_like_15m.parquet --profile intent --no-window`.

# %%
{name: result.summary[name] for name in ("digest", "chain", "params_hash", "net_profit", "trades_closed")}
