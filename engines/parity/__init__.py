"""Comparison with TradingView: its printed numbers, its list of trades, and what explains a difference.

The package is itself the verb of its name: ``from engines import parity`` and ``parity(export, data)`` is
:func:`engines.parity.verb.parity`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Verb(ModuleType):
    """A package that can be called: importing any part of it binds the name ``parity`` to the package."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        from engines.parity.verb import parity

        return parity(*args, **options)


sys.modules[__name__].__class__ = _Verb
