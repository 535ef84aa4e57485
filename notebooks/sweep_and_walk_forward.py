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
# # Sweep and walk-forward
#
# Thousands of parameter sets over the same bars take seconds. That makes it easy to find a set that looked good, and to
# be fooled by it. So this notebook sweeps, and then asks four times whether to believe the best.
#
# The bars are made by a script: there is nothing in them to find. A good answer here is a "no".

# %%
from pathlib import Path

from engines import backtest, load, sweep, walk_forward

ROOT = next(folder for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "fixtures").is_dir())
bars = load(ROOT / "fixtures" / "ethusdt_like_15m.parquet")

# %% [markdown]
# ## Sweep
#
# One compiled loop over all sets; no set costs a process or a copy of the bars. `rank` may be any figure of a result,
# and sets with too few trades do not count.

# %%
space = {
    "swing_len": [2, 3, 4, 6, 8, 12],
    "trailing_perc": {"low": 0.5, "high": 4.0, "step": 0.5},
    "trailing_offset": [0.4, 0.8, 1.6, 3.2],
    "risk_pct": [1.0],
}
settings = {"profile": "intent", "params": {"use_window": False}}
found = sweep(bars, space, rank="sharpe", min_trades=50, **settings)
found

# %% [markdown]
# Every row is the backtest of that set, to the last bit:

# %%
best = found.best()
again = backtest(bars, profile="intent", params=found.best_params() | {"use_window": False})
assert again.digest == best["digest"]
found.best_params()

# %% [markdown]
# ## Plateau or needle?
#
# A set that is worth something stands among neighbours that are worth something too.

# %%
found.heat_map("trailing_perc", "swing_len").figure()

# %%
found.sensitivity()

# %% [markdown]
# ## How many were tried?
#
# The best of many worthless sets looks good by luck alone. The deflated Sharpe ratio says what luck would have given,
# and how likely it is that the best one is better than nothing: below 0.95 it is not shown to be.

# %%
found.deflated_sharpe()

# %% [markdown]
# ## Would it have been chosen?
#
# Walk-forward: choose on 60 days, trade the next 30 with that choice, go on. The joined equity is what somebody who
# chose this way would have had.

# %%
walk = walk_forward(
    bars, space, in_sample="60d", out_of_sample="30d", rank="sharpe", min_trades=20, **settings
)
walk

# %%
walk.windows

# %%
walk.summary

# %% [markdown]
# ## Does it hang on the assumed path?
#
# The best set of all, along the opposite path inside each bar. The first time this compiles for half a minute.

# %%
again.paths()
