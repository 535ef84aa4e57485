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
# # Parity with a TradingView export
#
# Before anything else: does this project compute what TradingView computes, for your script, your inputs, your bars?
# `parity` compares an exported list of trades with KWIN's run, every trade in every printed column, and explains the
# first difference. The command `kwin-parity tradingview` is the same call.
#
# The export here is a fixture in TradingView's own layout, made by the project from made bars. Put yours in its place:
# Strategy Tester, List of trades, Export; and the chart's bars as a Parquet file (`kwin-data fetch`).

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from engines import load, parity

ROOT = next(folder for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "fixtures").is_dir())
export = ROOT / "fixtures" / "parity" / "dual_sfp_literal" / "trades.csv"
bars = load(ROOT / "fixtures" / "ethusdt_like_15m.parquet")
pd.read_csv(export, encoding="utf-8-sig").head(4)

# %% [markdown]
# ## The question
#
# The zone of the export's times is not in it. It is found by the prices: an entry's price must lie inside its bar.

# %%
found = parity(export, bars, params={"use_window": False})
found

# %%
assert found.parity
found.zone_sentence

# %% [markdown]
# ## When it does not match
#
# Forget to switch the strategy's time window off, as most first tries do: the run then lacks trades. The answer names
# the first trade that differs, its cause, and the setting that would match.

# %%
wrong = parity(export, bars)
wrong

# %%
wrong.verdict.cause, wrong.verdict.sentence

# %% [markdown]
# ## When the export was damaged
#
# One price of one trade, changed by a tick, is found and named: a row, a column, both values.

# %%
lines = export.read_text(encoding="utf-8-sig").splitlines()
cells = lines[9].split(",")
cells[4] = f"{float(cells[4]) + 0.01:.2f}"
with TemporaryDirectory() as folder:
    changed = Path(folder) / "changed.csv"
    changed.write_text("\n".join([*lines[:9], ",".join(cells), *lines[10:]]) + "\n", encoding="utf-8-sig")
    differs = parity(changed, bars, params={"use_window": False}, tz="UTC")
differs.differences

# %% [markdown]
# ## Parity is not an edge
#
# The profile here is `tv-literal`: TradingView's numbers, units and all. Its profit is made by the path that
# TradingView assumes inside each bar. `first_backtest` shows how much of it hangs on that path.
