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
# # A live journal, and what went otherwise
#
# A deployment writes everything into one SQLite file: bars, decisions, orders, fills, halts, and after every bar the
# fingerprint of two ledgers, the emulator's (what TradingView would do) and the exchange's. This notebook makes such a
# journal by paper trading on recorded bars, halts entries for a while as an operator would, and reads from the journal
# alone what that cost.

# %%
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd
import pyarrow.parquet as pq

from engines.journal import Drift, JournalReader
from engines.live.inbox import Control
from engines.live.replay_run import ReplayRequest, replay
from engines.live.status import status_of
from engines.parity.live import live_parity

ROOT = next(folder for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "fixtures").is_dir())
folder = Path(mkdtemp())
pq.write_table(
    pq.read_table(ROOT / "fixtures" / "ethusdt_like_15m.parquet").slice(0, 4_000), folder / "bars.parquet"
)

# %% [markdown]
# ## The deployment
#
# The same runner, ledgers and journal as `kwin-live run`; only the bars come from a file and the fills from the
# emulator. After 1 500 bars an operator halts entries, after 2 500 he resumes.

# %%
runner = []
words = {1_500: Control("halt", {"reason": "news at noon"}), 2_500: Control("resume")}


def operator(lane, _bar):
    word = words.pop(lane.emulator.bar_index, None)
    if word is not None:
        runner[0].inbox.post(word)


request = ReplayRequest(
    folder / "bars.parquet", folder / "live.sqlite", "intent", inputs={"use_window": False}
)
done = replay(request, on_bar=operator, on_ready=runner.append)
done.bars, len(done.lane.trades[False]), len(done.lane.trades[True])

# %% [markdown]
# ## What it holds and did
#
# `kwin-live status` prints this, also while the deployment runs.

# %%
with JournalReader(folder / "live.sqlite") as reader:
    status = status_of(reader)
    drifts = [(one.row.start_ms, one.row.kind, one.row.body["reason"]) for one in reader.rows(Drift)]
pd.Series(status["streams"][0], name="value").to_frame()

# %% [markdown]
# ## Is it what the backtest would have done?
#
# `live_parity` (the command `kwin-parity live`) runs the core over the journal's bars again and compares every digest
# of both ledgers. The emulator's must be the backtest's, whatever the exchange did.

# %%
(found,) = live_parity(folder / "live.sqlite")
assert found.good
found.emulator.compared, found.exchange.compared

# %% [markdown]
# ## What went otherwise, trade by trade
#
# Every trade of both ledgers has one kind. `denied` are those that the halt cost; what the ledgers made of the rest is
# shown beside each other.

# %%
pairs = pd.DataFrame(
    {
        "kind": pair.kind.value,
        "emulator_net": None if pair.emulator is None else pair.emulator.net,
        "exchange_net": None if pair.exchange is None else pair.exchange.net,
    }
    for pair in found.pairs
)
pairs.groupby("kind").agg(
    trades=("kind", "size"), emulator=("emulator_net", "sum"), exchange=("exchange_net", "sum")
)

# %% [markdown]
# The drift that the deployment itself recorded at the time, with its reason:

# %%
told = pd.DataFrame(drifts, columns=["bar", "kind", "reason"])
told.assign(bar=pd.to_datetime(told["bar"], unit="ms", utc=True)).head()
