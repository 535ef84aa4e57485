"""Live against backtest, from a journal alone: both digests bar by bar, then every trade that went differently.

1. E: the engine that ``kwin-backtest --trade-from --capital`` runs, over the journal's own bars, has the recorded full
   digest after every bar (`emulator`).
2. X: bars and numbered broker events, replayed, have the recorded chain and digest after every bar (`exchange`).

Then the trades of both in pairs (`trades`, with the kinds of `engines.live.drift`), what the books add up to (`sums`),
and the bars next to those of a file (`history`).
"""

from engines.parity.live.compare import StreamParity, live_parity
from engines.parity.live.history import History

__all__ = ["History", "StreamParity", "live_parity"]
