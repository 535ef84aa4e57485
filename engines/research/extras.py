"""Libraries that only some users need: imported when used, and named with their extra when missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from kwin_core.errors import ConfigError


def needs(module: str, extra: str) -> Any:
    """The module.

    Raises
    ------
    ConfigError
        When it is not installed; says which extra brings it.
    """
    top = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != top:
            raise
        raise ConfigError(f"{top} is not installed: pip install 'kwin[{extra}]'") from None
