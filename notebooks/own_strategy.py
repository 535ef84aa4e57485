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
# # A strategy of your own
#
# A strategy is one compiled function for one closed bar, and three records: what it remembers, its parameters, what it
# shows. It runs through the same core as KWIN, so what is measured here is what would trade. The whole surface is in
# `kwin_core/GUIDE.md`.
#
# This one buys a breakout: a close above the highest high of some bars, out at a stop that trails by average true
# ranges. The bars are made by a script and hold nothing to find; do not expect it to earn.

# %%
from pathlib import Path

import numpy as np

from engines import load, run_strategy, sweep_strategy
from kwin_core.strategy import LONG, PINE_V6, Strategy, compiled, entry, exit, record, ta

ROOT = next(folder for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "fixtures").is_dir())
bars = load(ROOT / "fixtures" / "ethusdt_like_15m.parquet")

# %% [markdown]
# ## The rule
#
# `st` is the memory: all zeros before the first bar. Indicators keep their state in it, are called on every bar, and
# are `nan` until they have enough bars; a comparison with `nan` is false, so nothing happens before.

# %%
BUY, OUT = 1, 2
TEXTS = ("Breakout", "Trail")

STATE = record([("high", ta.EXTREME), ("atr", ta.ATR), ("roof", np.float64), ("stop", np.float64)])
PARAMS = record([("length", np.int64), ("ranges", np.float64)])
SIGNALS = record([("roof", np.float64), ("exit_stop", np.float64)])


@compiled
def calculate(ctx, bar, st, p, sig):
    """One closed bar."""
    roof = st.roof  # of the bars before this one
    st.roof = ta.highest(st.high, bar.high, p.length)
    atr = ta.atr(st.atr, bar.high, bar.low, bar.close, 14)
    sig.roof = roof
    sig.exit_stop = np.nan
    if ctx.position_size == 0.0:
        st.stop = bar.close - p.ranges * atr
        if ctx.bar_index > p.length and bar.close > roof:
            entry(ctx, BUY, LONG)
    if ctx.position_size > 0.0:
        st.stop = max(st.stop, bar.close - p.ranges * atr)
        exit(ctx, OUT, BUY, stop=st.stop)
        sig.exit_stop = st.stop


BREAKOUT = Strategy("breakout", calculate, STATE, PARAMS, SIGNALS, TEXTS)

# %% [markdown]
# ## Run it
#
# The properties are those of TradingView's Properties dialog. The first run compiles the strategy into the core, which
# takes half a minute; a strategy that stands in a file of its own is compiled once and kept.

# %%
properties = PINE_V6.with_(
    initial_capital=10_000.0,
    default_qty_type="percent_of_equity",
    default_qty_value=50.0,
    commission_value=0.055,
)
params = np.array([(96, 4.0)], PARAMS)
result = run_strategy(BREAKOUT, bars, params, properties)
result

# %%
columns = [
    "entry_time",
    "exit_time",
    "entry_price",
    "exit_price",
    "exit_kind",
    "net_pnl",
    "runup",
    "drawdown",
]
result.trades[columns].tail(6)

# %% [markdown]
# What it showed on every bar stands beside the bars:

# %%
result.bars[["close"]].join(result.signals[["roof", "exit_stop"]]).iloc[100:105]

# %% [markdown]
# ## Is it the same bar by bar?
#
# A strategy must not look ahead. The core cannot show it a later bar, so a run over fewer bars is the start of a run
# over all of them: that is worth a check, it is what makes a backtest worth something.

# %%
half = run_strategy(BREAKOUT, bars.iloc[:12_000], params, properties)
closed = half.trades[~half.trades["is_open"]]
same = closed["net_pnl"].to_numpy() == result.trades["net_pnl"].to_numpy()[: len(closed)]
assert same.all()
f"{len(closed)} trades of the first half, all equal"

# %% [markdown]
# ## Many parameters at once
#
# The same strategy over a grid, in one compiled loop. Every row is the run of that set, digest included.

# %%
space = {"length": [24, 48, 96, 192], "ranges": {"low": 2.0, "high": 6.0, "step": 1.0}}
swept = sweep_strategy(BREAKOUT, bars, space, properties=properties, rank="sharpe")
swept

# %%
row = swept.frame[(swept.frame["length"] == 96) & (swept.frame["ranges"] == 4.0)].iloc[0]
assert row["digest"] == result.digest
swept.heat_map("length", "ranges").figure()
