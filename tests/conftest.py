"""For every test: processes that tests start can be interrupted, however the tests themselves were started."""

from __future__ import annotations

import signal
import threading

if (
    threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):
    # a shell ignores Ctrl+C for what it runs in the background, and children inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
