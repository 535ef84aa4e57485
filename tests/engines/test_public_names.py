"""The public names of the package stay what they are, whatever was imported before them."""

from __future__ import annotations

import importlib
import pkgutil

import engines


def test_no_module_hides_a_public_name() -> None:
    """`from engines import backtest` is the function even after every module was imported."""
    modules = {module.name for module in pkgutil.iter_modules(engines.__path__)}
    assert not modules & set(engines.__all__)
    importlib.import_module("engines.backtesting")
    assert callable(engines.backtest)
