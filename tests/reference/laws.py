"""What ``ta.lowest`` and ``ta.highest`` return when they are called on some bars only (SP-22).

One object is one call site. All laws return na while fewer than ``length`` bars exist.
"""

from __future__ import annotations

from collections.abc import Sequence

from kwin_core.errors import ConfigError


class CallSite:
    """A call site of lowest (``want_lowest``) or highest over ``length`` bars."""

    def __init__(self, length: int, want_lowest: bool) -> None:
        self.length = length
        self.want_lowest = want_lowest

    def better(self, a: float, b: float) -> bool:
        """Whether ``a`` is strictly the more extreme one; no tolerance (R124)."""
        return a < b if self.want_lowest else a > b

    def best_of(self, values: Sequence[float]) -> float:
        """The extreme of some values."""
        return min(values) if self.want_lowest else max(values)

    def call(self, bar_index: int, source: Sequence[float]) -> float | None:
        """Execute the line on this bar; ``source`` holds the values of all bars up to it at least."""
        value = self.result(bar_index, source)
        return None if bar_index < self.length - 1 else value

    def result(self, bar_index: int, source: Sequence[float]) -> float:
        """Update the state and return the extreme."""
        raise NotImplementedError


class Ring(CallSite):
    """``length + 1`` slots addressed by the bar number, written only when called."""

    def __init__(self, length: int, want_lowest: bool) -> None:
        super().__init__(length, want_lowest)
        self.slots = [0.0] * (length + 1)
        self.first_call_bar: int | None = None
        self.extreme = 0.0
        self.extreme_bar = 0

    def result(self, bar_index: int, source: Sequence[float]) -> float:
        value = source[bar_index]
        self.slots[bar_index % (self.length + 1)] = value
        if self.first_call_bar is None:
            self.first_call_bar = bar_index
            self.extreme, self.extreme_bar = value, bar_index
        elif self.better(value, self.extreme):
            self.extreme, self.extreme_bar = value, bar_index
        elif bar_index - self.extreme_bar >= self.length:
            self.extreme, self.extreme_bar = value, bar_index
            for back in range(1, min(self.length - 1, bar_index - self.first_call_bar) + 1):
                slot = self.slots[(bar_index - back) % (self.length + 1)]
                if self.better(slot, self.extreme):
                    self.extreme, self.extreme_bar = slot, bar_index - back
        return self.extreme


class PerCall(CallSite):
    """The extreme of the values of the last ``length`` calls."""

    def __init__(self, length: int, want_lowest: bool) -> None:
        super().__init__(length, want_lowest)
        self.seen: list[float] = []

    def result(self, bar_index: int, source: Sequence[float]) -> float:
        self.seen.append(source[bar_index])
        return self.best_of(self.seen[-self.length :])


class Global(CallSite):
    """The extreme of the last ``length`` bars, called or not."""

    def result(self, bar_index: int, source: Sequence[float]) -> float:
        return self.best_of(source[max(0, bar_index - self.length + 1) : bar_index + 1])


def call_site(law: str, length: int, want_lowest: bool) -> CallSite:
    """Make a call site for a value of the switch ``conditional_history``."""
    laws: dict[str, type[CallSite]] = {"ring": Ring, "per-call": PerCall, "global": Global}
    if law not in laws:
        raise ConfigError(f"conditional_history is {law!r}; use one of {', '.join(laws)}")
    return laws[law](length, want_lowest)
