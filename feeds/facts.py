"""Instrument facts as a file's metadata carries them; each may be unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from kwin_core.errors import DataError

PREFIX = "kwin."


@dataclass(frozen=True)
class Facts:
    """What a file says about its bars; ``None`` where it says nothing.

    Attributes
    ----------
    symbol
        Name of the instrument.
    timeframe_ms
        Length of a bar in ms.
    tick
        Price step, quote currency.
    lot
        Quantity step, base currency; 0 for none.
    min_order
        Smallest order, base currency.
    source
        Where the bars came from, for people.
    fetched_ms
        When they were fetched, ms since the UNIX epoch.
    """

    symbol: str | None = None
    timeframe_ms: int | None = None
    tick: float | None = None
    lot: float | None = None
    min_order: float | None = None
    source: str | None = None
    fetched_ms: int | None = None

    def metadata(self) -> dict[bytes, bytes]:
        """Schema metadata for a Parquet file: the known facts as text under ``kwin.`` keys."""
        known = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            (PREFIX + name).encode(): (value if isinstance(value, str) else repr(value)).encode()
            for name, value in known.items()
            if value is not None
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes] | None, source: str) -> Facts:
        """Facts of a file; keys without the prefix are ignored.

        Raises
        ------
        DataError
            When a value is not the number it should be.
        """
        known: dict[str, str | int | float] = {}
        for name, kind in _KINDS.items():
            raw = (metadata or {}).get((PREFIX + name).encode())
            if raw is None:
                continue
            text = raw.decode("utf-8", errors="replace")
            try:
                known[name] = kind(text)
            except ValueError:
                raise DataError(
                    f"{source}: metadata {PREFIX}{name} is {text!r}, not a number; rewrite the file"
                ) from None
        return cls(**known)  # type: ignore[arg-type]  # kinds follow the fields


_KINDS: dict[str, type[str] | type[int] | type[float]] = {
    "symbol": str,
    "timeframe_ms": int,
    "tick": float,
    "lot": float,
    "min_order": float,
    "source": str,
    "fetched_ms": int,
}
