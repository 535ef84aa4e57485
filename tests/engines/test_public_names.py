"""The public names of the package stay what they are, whatever was imported before them."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import engines


def test_no_module_hides_a_public_name() -> None:
    """`from engines import backtest` is the function even after every module was imported."""
    modules = {module.name for module in pkgutil.iter_modules(engines.__path__)}
    assert modules & set(engines.__all__) == {"parity"}  # a package that can be called
    importlib.import_module("engines.backtesting")
    assert callable(engines.backtest)


def test_every_verb_can_be_called_whatever_was_imported_before() -> None:
    """In a fresh process each: by attribute, by name, and after a module of the package of the same name."""
    for lines in (
        "import engines; verbs = [getattr(engines, name) for name in engines.__all__]",
        "from engines import backtest, load, parity, sweep, walk_forward; verbs = [parity, load]",
        "import engines.parity.cli; from engines import parity; verbs = [parity]",
        "from engines import *; verbs = [parity, load, backtest, sweep, walk_forward]",
    ):
        words = [sys.executable, "-c", f"{lines}; assert all(map(callable, verbs))"]
        subprocess.run(words, check=True, timeout=120)
