"""All fault knobs in one place: ``exchange.faults.rest``, ``.ws``, ``.eng``, ``.clock``."""

from __future__ import annotations

from tests.exchange.clock import VirtualClock
from tests.exchange.engine_faults import EngineFaults
from tests.exchange.rest_faults import RestFaults
from tests.exchange.socket_faults import SocketFaults


class ClockFaults:
    """Faults of time."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def skew(self, milliseconds: int) -> None:
        """Let the server's clock run ahead (positive) or behind (negative) of the market; 0 heals it."""
        self._clock.skew_ms = milliseconds


class Faults:
    """The fault vocabulary of the simulator."""

    def __init__(self, clock: VirtualClock) -> None:
        self.rest = RestFaults()
        self.ws = SocketFaults()
        self.eng = EngineFaults()
        self.clock = ClockFaults(clock)

    def clear(self) -> None:
        """Disarm everything and heal the clock."""
        self.rest.clear()
        self.ws.heal()
        self.eng.clear()
        self.clock.skew(0)
