"""The exchange's clock: virtual milliseconds that a test moves, or that run at any speed.

Only the clock knows real time. ``skew_ms`` shifts what clients are told (the ``time`` of a reply, the check
of ``recv_window``) without moving the market. With ``path`` the current value is also kept in an 8-byte
file, so another process (a client under test) can share the clock and survive a restart.
"""

from __future__ import annotations

import mmap
import struct
import time
from pathlib import Path

_CELL = struct.Struct("<q")


class SharedTime:
    """Reader of the 8-byte clock file (little-endian int64, ms since the UNIX epoch).

    Parameters
    ----------
    path
        File written by :class:`VirtualClock`.

    Raises
    ------
    FileNotFoundError
        When no clock has created the file yet.
    """

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _CELL.size)

    def now_ms(self) -> int:
        """Current virtual time (ms)."""
        return int(_CELL.unpack_from(self._map)[0])

    def write(self, now_ms: int) -> None:
        """Publish a new time (ms); one aligned 8-byte store."""
        _CELL.pack_into(self._map, 0, now_ms)


class VirtualClock:
    """Time of the simulated exchange.

    Parameters
    ----------
    start_ms
        First value, ms since the UNIX epoch, UTC.
    path
        Optional file that mirrors the value for other processes; an existing file is continued from, never
        rewound.
    """

    def __init__(self, start_ms: int, path: Path | None = None) -> None:
        self._now_ms = start_ms
        self._started = time.monotonic()
        self.skew_ms = 0
        self._shared: SharedTime | None = None
        if path is not None:
            if not path.exists():
                path.write_bytes(_CELL.pack(start_ms))
            self._shared = SharedTime(path)
            self._now_ms = max(start_ms, self._shared.now_ms())
            self._shared.write(self._now_ms)

    def now_ms(self) -> int:
        """Market time (ms)."""
        return self._now_ms

    def server_ms(self) -> int:
        """Time the exchange tells its clients (ms): market time plus the injected skew."""
        return self._now_ms + self.skew_ms

    def move_to(self, time_ms: int) -> None:
        """Set the time; it never goes back."""
        if time_ms > self._now_ms:
            self._now_ms = time_ms
            if self._shared is not None:
                self._shared.write(time_ms)

    def limiter_ms(self) -> int:
        """Time for rate limits (ms): moves with the market *and* with real time.

        A frozen market must not starve a client for ever, and a fast one must not be limited by real seconds.
        """
        return self._now_ms + int((time.monotonic() - self._started) * 1000)
