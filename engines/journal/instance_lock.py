"""One deployment, one process: a lock file next to the journal."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from kwin_core.errors import JournalError


class InstanceLock:
    """Exclusive ``flock`` on ``<journal>.lock``; the kernel lifts it when the process ends, however it ends.

    The place is the journal's resolved path, so two working folders or a symbolic link meet at one lock. The file
    stays when the lock is released: removing it would let two processes lock two files of one name.

    Parameters
    ----------
    journal_path
        The journal; need not exist yet, its folder must.

    Raises
    ------
    JournalError
        ``in_use`` with the process id of the holder; ``missing`` or ``read_only`` when no file can be made there.
    """

    def __init__(self, journal_path: Path) -> None:
        resolved = journal_path.resolve()
        self.path = resolved.with_name(resolved.name + ".lock")
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:
            raise JournalError(
                f"journal {journal_path}: the folder {resolved.parent} does not exist; create it or change the path",
                kind="missing",
            ) from None
        except OSError as error:
            raise JournalError(
                f"journal {journal_path}: cannot create {self.path.name} beside it ({error.strerror}); "
                "check the permissions of the folder",
                kind="read_only",
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise JournalError(
                f"journal {journal_path}: in use by process {holder}; stop that instance first", kind="in_use"
            ) from None
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            return  # a full disk: the number is for people, the lock holds without it

    def release(self) -> None:
        """Let the next instance in; calling it again does nothing."""
        if self._file >= 0:
            fcntl.flock(
                self._file, fcntl.LOCK_UN
            )  # a child just being started may still hold a copy of the handle
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> InstanceLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
