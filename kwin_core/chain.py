"""The cheap fingerprint: a 64-bit mix of everything that happened, updated as it happens."""

from __future__ import annotations

import numpy as np

from kwin_core.jit import compiled, compiled_inline

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_NAN_BITS = np.uint64(0x7FF8000000000000)


@compiled_inline
def bits(value: float) -> np.uint64:
    """Bit pattern of a double; every ``nan`` gives the same one (a computed and a folded nan differ)."""
    return np.float64(value).view(np.uint64) if value == value else _NAN_BITS


@compiled_inline
def mix(chain: np.uint64, word: np.uint64) -> np.uint64:
    """One step of the chain: invertible in each argument, so that no single difference can vanish."""
    z = (chain ^ word) * _MULTIPLIER
    return z ^ (z >> _SHIFT)


@compiled
def mix_int(chain: np.uint64, value: int) -> np.uint64:
    """Mix a whole number."""
    return mix(chain, np.uint64(np.int64(value).view(np.uint64)))


@compiled
def mix_float(chain: np.uint64, value: float) -> np.uint64:
    """Mix a double by its canonical bits."""
    return mix(chain, bits(value))
