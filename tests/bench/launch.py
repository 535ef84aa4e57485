"""Runs a command and prints how long it took and its peak memory, as JSON: ``python -S launch.py COMMAND ...``.

A small process of its own, because the kernel counts the memory of whoever starts a process towards its peak.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time


def main() -> None:
    """Run the command; its output goes nowhere, its errors where ours go."""
    begun = time.perf_counter()
    code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False).returncode
    seconds = time.perf_counter() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
    measured = {
        "code": code,
        "seconds": seconds,
        "processor_seconds": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss * unit / 1e6,
    }
    sys.stdout.write(json.dumps(measured))


if __name__ == "__main__":
    main()
