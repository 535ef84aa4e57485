"""From the confirm frame on the socket to the entry's bytes on the wire, with its parts; printed, never judged.

The exchange simulator runs in the same process, so its work on the frame and on the request is in the numbers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.live.inbox import BarClosed
from engines.live.venue import MarketOrder
from feeds.live.bybit_socket import BybitSocket
from tests.core.kwin_runs import fixture_bars
from tests.live.desk_rig import ETH, DeskRig, exchange_with, setup_for

BAR_MS = 900_000
FIRST = 300
PARTS = ("frame", "queued", "taken", "decided", "committed", "wire")
WORDS = {
    "queued": "frame parsed, checked, put in order",
    "taken": "waits for the runner's thread",
    "decided": "both ledgers calculate, digests, rows",
    "committed": "commit to disk, synchronous=FULL",
    "wire": "gateway: bucket, thread, signature, bytes out",
}


class Stopwatch:
    """Instants of the newest bar's way through the deployment, and the finished ways."""

    def __init__(self) -> None:
        self.now: dict[str, float] = {}
        self.ways: list[list[float]] = []

    def tell(self, part: str) -> None:
        """A part is reached."""
        self.now[part] = time.perf_counter()

    def wired(self) -> None:
        """Bytes have left; they are an entry's when one was committed and has not been seen to leave."""
        if "committed" in self.now and "wire" not in self.now:
            self.tell("wire")
            self.ways.append([self.now[part] for part in PARTS])

    def watch(self, rig: DeskRig) -> None:
        """Look over the deployment's shoulder."""
        post, decide, submit = rig.inbox.post, rig.desk.after_decision, rig.desk.submit

        def posted(message: Any) -> None:
            if isinstance(message, BarClosed):
                self.tell("queued")
            post(message)

        def decided(*given: Any) -> Any:
            requests = decide(*given)
            self.tell("decided")
            return requests

        def submitted(requests: Any) -> None:
            if any(isinstance(one, MarketOrder) and not one.reduce_only for one in requests):
                self.tell("committed")
            submit(requests)

        rig.inbox.post = posted  # type: ignore[method-assign]
        rig.desk.after_decision = decided  # type: ignore[method-assign]
        rig.desk.submit = submitted  # type: ignore[method-assign]
        lane = rig.lane()
        lane.emulate = self._around(lane.emulate)  # type: ignore[method-assign]

    def _around(self, emulate: Callable[..., Any]) -> Callable[..., Any]:
        def taken(record: Any) -> Any:
            self.tell("taken")
            return emulate(record)

        return taken


@pytest.mark.bench
@pytest.mark.timeout(1800)
def test_latency_from_the_confirm_frame_to_the_wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand entries with KWIN_LONG, else forty."""
    wanted = 1_000 if os.environ.get("KWIN_LONG") else 40
    watch = Stopwatch()
    arrived = BybitSocket._on_message

    def on_message(socket: BybitSocket, message: str) -> None:
        if '"confirm":true' in message:
            watch.now = {}
            watch.tell("frame")
        arrived(socket, message)

    monkeypatch.setattr(BybitSocket, "_on_message", on_message)
    bars = fixture_bars()
    setup = setup_for("tv-literal", bars, FIRST)
    with exchange_with(bars, int(bars["time_ms"][FIRST]) - BAR_MS + 5_000) as exchange:
        rig = DeskRig(
            exchange,
            tmp_path / "live.sqlite",
            {ETH: setup},
            profile="tv-literal",
            warmup_bars=FIRST - 1,
            on_wire=watch.wired,
        )
        watch.watch(rig)
        try:
            rig.start()
            for k in range(FIRST + 1, bars.size - 1):
                rig.run_to(int(bars["time_ms"][k]) + BAR_MS + 20_000)
                if len(watch.ways) >= wanted:
                    break
        finally:
            rig.stop()
    assert len(watch.ways) >= wanted
    spans = np.diff(np.array(watch.ways), axis=1) * 1e3
    assert (spans >= 0).all()
    rows = [*zip(PARTS[1:], spans.T, strict=True), ("all", spans.sum(axis=1))]
    print(f"\nconfirm frame to entry on the wire, {len(watch.ways)} decisions, ms")  # noqa: T201
    for part, values in rows:
        median, p99 = np.percentile(values, [50, 99])
        print(f"  {WORDS.get(part, 'together'):48} median {median:6.2f}  p99 {p99:6.2f}")  # noqa: T201
