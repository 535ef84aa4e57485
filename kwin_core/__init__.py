"""KWIN's compiled core: bars, Pine semantics, indicators, TradingView's broker, the KWIN strategy.

Pure computation: no input or output, no clock, no logging, no randomness. Imports numpy and numba only,
and numba only when a compiled room is entered.
"""

from kwin_core.errors import KwinError

__all__ = ["KwinError", "__version__"]

__version__ = "0.1.0"
