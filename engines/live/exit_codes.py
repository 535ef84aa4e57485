"""How a live command ends, for supervisors: one number, one meaning."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of ``kwin-live``; restarting helps with those that say so."""

    GOOD = 0  # stopped as asked
    BAD_RESULT = 1  # the command worked and the answer is no
    USAGE = 2  # wrong arguments or configuration: fix them first
    JOURNAL = 3  # the journal is of another version or deployment, damaged, or cannot be written
    SECOND_INSTANCE = 4  # another process runs this deployment
    DISK_FULL = 5  # restart once there is room
    CLOCK = 6  # this machine's clock is off
    DIGESTS = 7  # the journal's digests do not match: refuses to trade
    ACCOUNT = 8  # the exchange refuses key, permission, mode or account
    VENUE = 9  # the exchange cannot be reached: restart later
    DEFECT = 10  # a defect of this program
    NOT_FLAT = 11  # positions are still open although they were to be left: look at the exchange now
