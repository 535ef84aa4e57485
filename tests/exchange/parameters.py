"""Request parameters: typed access with the exchange's own refusals."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.exchange.replies import RefusedError

_MOST_DIGITS = 15
_TRUE = {"true", "True", "1", True}


class Parameters:
    """Query string or JSON body of one request.

    Numbers may arrive as text or as JSON numbers, booleans as JSON or as "true"/"True"; a value of ``None``
    or ``""`` counts as absent. Every accessor raises :class:`RefusedError` 10001 on a value it cannot
    read.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = {key: value for key, value in values.items() if value is not None and value != ""}

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        """Value as text."""
        return str(self.values.get(name, default))

    def required(self, name: str) -> str:
        """Value as text; refused when absent."""
        if name not in self.values:
            raise RefusedError(10001, f"params error: {name} is required")
        return str(self.values[name])

    def choice(self, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """One of a few words; refused otherwise."""
        value = self.required(name) if default is None else self.text(name, default)
        if value not in allowed:
            raise RefusedError(10001, f"params error: {name} invalid")
        return value

    def whole(self, name: str, default: int | None = None) -> int | None:
        """Value as an integer."""
        if name not in self.values:
            return default
        try:
            return int(str(self.values[name]))
        except ValueError:
            raise RefusedError(10001, f"params error: {name} invalid") from None

    def number(self, name: str, default: Decimal | None = None) -> Decimal | None:
        """Value as a finite decimal."""
        if name not in self.values:
            return default
        try:
            value = Decimal(str(self.values[name]))
        except InvalidOperation:
            raise RefusedError(10001, f"params error: {name} invalid") from None
        if not value.is_finite() or not _readable(value):
            raise RefusedError(10001, f"params error: {name} invalid")
        return value

    def flag(self, name: str) -> bool:
        """Value as a boolean; absent is false."""
        return self.values.get(name) in _TRUE

    def limit(self, *, default: int, most: int) -> int:
        """``limit``, cut to 1..``most``."""
        value = self.whole("limit", default)
        assert value is not None
        return max(1, min(most, value))


def _readable(value: Decimal) -> bool:
    """Whether a number has a size any price or quantity could have."""
    return value == 0 or (
        -_MOST_DIGITS <= value.adjusted() < _MOST_DIGITS and len(str(value)) <= 2 * _MOST_DIGITS
    )
