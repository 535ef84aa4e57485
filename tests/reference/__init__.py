"""An independent KWIN and broker emulator in plain Python: the answer the compiled core is compared with.

Written from the rule tables alone, slow and obvious. Nothing here imports the compiled core except its
error tree.
"""

from __future__ import annotations

from tests.reference.records import Bar, ClosedTrade, OpenTrade, Result, Settings
from tests.reference.run import run

__all__ = ["Bar", "ClosedTrade", "OpenTrade", "Result", "Settings", "run"]
