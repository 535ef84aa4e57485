"""What drives the core: five verbs (load, backtest, sweep, walk_forward, parity), and command lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engines.backtesting import backtest, run_strategy
    from engines.loading import load
    from engines.parity.verb import parity
    from engines.research.sweeping import sweep, sweep_strategy
    from engines.research.walk_forward import walk_forward
    from engines.result import Result

__all__ = ["Result", "backtest", "load", "parity", "run_strategy", "sweep", "sweep_strategy", "walk_forward"]

_HOMES = {
    "Result": "engines.result",
    "backtest": "engines.backtesting",
    "load": "engines.loading",
    "run_strategy": "engines.backtesting",
    "sweep": "engines.research.sweeping",
    "sweep_strategy": "engines.research.sweeping",
    "walk_forward": "engines.research.walk_forward",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: a command that needs none of them starts fast."""
    from importlib import import_module

    if name == "parity":
        return import_module("engines.parity")  # the package is the verb
    if name not in _HOMES:
        raise AttributeError(f"module 'engines' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
