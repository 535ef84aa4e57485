"""One ledger: the state of a run with a broker of its own, advanced bar by bar."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.account import commission_on
from kwin_core.bars import BAR
from kwin_core.engine import Buffers, Engine, make_engine
from kwin_core.kwin.setup import Setup
from kwin_core.legs import leg_stop
from kwin_core.money import round_money
from kwin_core.snapshot import full_digest, read_header, restore, snapshot
from kwin_core.venue import REPORT

_ROWS = 512


class Ledger:
    """A state and everything that moves it.

    Parameters
    ----------
    setup
        Strategy, settings and parameters.
    venue
        Whether the exchange is its broker; otherwise the emulator is.

    Attributes
    ----------
    states
        Shape (1,); between two calls it can be read, copied and hashed.
    """

    def __init__(self, setup: Setup, *, venue: bool) -> None:
        self.venue = venue
        self._setup = setup
        frozen = setup.frozen._replace(venue=True) if venue else setup.frozen
        self.engine: Engine = make_engine(setup.strategy, frozen)
        settings = {**setup.settings, "slippage_ticks": 0.0} if venue else setup.settings
        self._adopt(self.engine.new_state(settings, setup.params))
        self._buffers = Buffers(setup.strategy, 0, _ROWS)
        self._compile()

    def advance(self, bar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take one closed bar, shape (1,); returns its closed trades and its order events."""
        self.engine.run(self.states, bar, self._setup.params, self._buffers)
        return self._buffers.take()

    def apply(self, reports: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Book reports of the exchange (`kwin_core.venue.REPORT`); returns closed trades and events."""
        self.engine.apply(self.states, reports, self._buffers)
        return self._buffers.take()

    def number(self, name: str) -> float:
        """A field of the broker's record; through the array, which is much faster than through the record."""
        return self.states["core"][name][0].item()  # type: ignore[no-any-return]

    @property
    def core(self) -> Any:
        """The broker's record."""
        return self.states[0]["core"]

    @property
    def position(self) -> float:
        """Signed size, base currency."""
        return float(self.number("position_size"))

    @property
    def entered_ms(self) -> int:
        """Open time of the bar on which the oldest open trade was entered (ms); 0 when flat."""
        core = self.core
        return int(core["lots"][0]["time_ms"]) if core["lot_count"] else 0

    @property
    def close(self) -> float:
        """Close of the last bar, quote currency."""
        return float(self.number("close"))

    @property
    def bar_index(self) -> int:
        """Number of the last bar taken, -1 before the first."""
        return int(self.number("bar_index"))

    @property
    def time_ms(self) -> int:
        """Open time of the last bar taken, ms."""
        return int(self.number("time_ms"))

    @property
    def has_orders(self) -> bool:
        """Whether anything rests in its book."""
        return self.number("order_count") > 0

    @property
    def chain(self) -> str:
        """The cheap fingerprint, 16 hex digits."""
        return f"{int(self.number('chain')):016x}"

    def digest(self) -> str:
        """The full one, 64 hex digits."""
        return full_digest(self.states)

    def copy(self) -> np.ndarray:
        """The state's bytes, to go back to."""
        return self._bytes.copy()

    def put_back(self, copied: np.ndarray) -> None:
        """Make a copied state the current one."""
        self._bytes[:] = copied
        self._buffers.take()

    def snapshot(self) -> bytes:
        """The state as bytes that say whose they are."""
        return snapshot(self.engine, self.states, self._setup.params, self._setup.params_hash)

    def schema(self, data: bytes) -> str:
        """Schema a snapshot was written with."""
        return str(read_header(data)["schema"])

    def restore(self, data: bytes) -> None:
        """Go on from a snapshot.

        Raises
        ------
        SnapshotError
            It is damaged or belongs to something else.
        """
        self._adopt(restore(self.engine, data, self._setup.params, params_hash=self._setup.params_hash))
        self._buffers.take()

    def _adopt(self, states: np.ndarray) -> None:
        self.states = states
        self._bytes = states.view(np.uint8)  # kept: numpy takes long to make such a view

    def _compile(self) -> None:
        """Compile now what a bar, a fill or an order will call: the first order of a process must not wait for it."""
        self.engine.run(self.states, np.zeros(0, BAR), self._setup.params, self._buffers)
        if self.venue:
            self.engine.apply(self.states, np.zeros(0, REPORT), self._buffers)
            leg_stop(self.core["orders"][0], 0.0, 1.0, 6)
        else:
            commission_on(self.core, 0.0, 0.0)
            round_money(0.0)
