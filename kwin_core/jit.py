"""How the core is compiled: one decorator for every function below the engine.

No ``fastmath``: the same inputs give the same bits. No ``cache``: the engine module is cached as a whole, keyed by
all sources. numba would compile a function anew for every constant it is called with; here constants count as what
they are (integers, floats, flags), which keeps the first compilation short.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit
from numba.core import types

plain: Any = types.unliteral
F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function of the core; with the JIT off it stays plain Python."""
    return _compiled(function, forceinline=False)


def compiled_inline(function: F) -> F:
    """As `compiled`, and merged into its callers: for the few functions that run on every bar."""
    return _compiled(function, forceinline=True)


def _compiled(function: F, *, forceinline: bool) -> F:
    options: dict[str, Any] = {"error_model": "numpy", "no_cfunc_wrapper": True, "forceinline": forceinline}
    dispatcher: Any = njit(**options)(function)
    general = getattr(dispatcher, "get_call_template", None)
    if general is not None:

        def template(args: Any, kws: Any) -> Any:
            return general([plain(a) for a in args], {name: plain(a) for name, a in kws.items()})

        dispatcher.get_call_template = template
    return cast(F, dispatcher)
