"""Growing pauses with jitter, so that many clients do not come back in step."""

from __future__ import annotations

from random import Random


class Backoff:
    """Pauses that double from a first to a longest one, each made up to half longer by chance.

    Parameters
    ----------
    first_ms, longest_ms
        Without the jitter, ms.
    random
        Source of the jitter.
    """

    def __init__(self, first_ms: int, longest_ms: int, random: Random) -> None:
        self._first_ms = first_ms
        self._longest_ms = longest_ms
        self._random = random
        self.failures = 0

    def next_ms(self) -> int:
        """The pause after one more failure (ms)."""
        pause_ms = min(self._first_ms << min(self.failures, 30), self._longest_ms)
        self.failures += 1
        return pause_ms + int(self._random.random() * pause_ms / 2)

    def reset(self) -> None:
        """Begin anew after a success."""
        self.failures = 0
