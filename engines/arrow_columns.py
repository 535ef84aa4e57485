"""Arrow columns of numpy arrays. (``pyarrow.array`` would import pandas, a fifth of a second, for every command.)"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

TIME = pa.timestamp("ms", tz="UTC")


def number_column(values: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    """Column of the numbers' own type; null where ``missing`` (bool)."""
    return _column(np.ascontiguousarray(values), pa.from_numpy_dtype(values.dtype), missing)


def time_column(values_ms: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    """Column of instants from int64 ms since the UNIX epoch; null where ``missing``."""
    return _column(np.ascontiguousarray(values_ms), TIME, missing)


def bool_column(values: np.ndarray) -> pa.Array:
    """Column of truth values."""
    bits = np.packbits(values.astype(bool), bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), values.size, [None, pa.py_buffer(bits)])


def text_column(codes: np.ndarray, texts: Sequence[str | None]) -> pa.Array:
    """Column of texts: ``texts[code]`` for each code (int); null where the text is ``None``."""
    words = [b"" if text is None else text.encode() for text in texts]
    offsets = np.zeros(len(words) + 1, np.int32)
    offsets[1:] = np.cumsum([len(word) for word in words])
    missing = np.array([text is None for text in texts], dtype=bool)
    dictionary = pa.Array.from_buffers(
        pa.string(), len(words), [_validity(missing), pa.py_buffer(offsets), pa.py_buffer(b"".join(words))]
    )
    return dictionary.take(number_column(codes.astype(np.int32)))


def _column(values: np.ndarray, kind: pa.DataType, missing: np.ndarray | None) -> pa.Array:
    return pa.Array.from_buffers(kind, values.size, [_validity(missing), pa.py_buffer(values)])


def _validity(missing: np.ndarray | None) -> pa.Buffer | None:
    if missing is None or not missing.any():
        return None
    return pa.py_buffer(np.packbits(~missing, bitorder="little"))
