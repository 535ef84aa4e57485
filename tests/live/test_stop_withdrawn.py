"""V15: the script's bar trail asks for no stop at all, and the position is still open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engines.journal import Drift, JournalReader
from engines.live.protector import StopWithdrawn
from kwin_core.engine import Buffers, make_engine
from kwin_core.state import EXIT, REPLACED
from tests.core.kwin_runs import fixture_bars
from tests.live.desk_rig import ETH, DeskRig, exchange_with, setup_for

BAR_MS = 900_000
FIRST = 300
PROFILE = "tv-literal"


def withdrawals(bars: np.ndarray) -> Iterator[int]:
    """Bars after which E holds a position whose exit has no price."""
    setup = setup_for(PROFILE, bars, FIRST)
    engine = make_engine(setup.strategy, setup.frozen)
    states, buffers = engine.new_state(setup.settings, setup.params), Buffers(setup.strategy, 0, 512)
    for k in range(bars.size):
        engine.run(states, bars[k : k + 1].copy(), setup.params, buffers)
        _, events = buffers.take()
        bare = [
            event
            for event in events
            if event["kind"] == REPLACED
            and event["order_kind"] == EXIT
            and np.isnan([event["stop"], event["trail_offset"], event["limit"]]).all()
        ]
        if bare and states[0]["core"]["position_size"] != 0:
            yield k


@pytest.mark.parametrize("policy", list(StopWithdrawn))
def test_a_withdrawn_stop_is_kept_or_followed(policy: StopWithdrawn, tmp_path: Path) -> None:
    """Kept: the last stop goes on resting, said once as drift. Followed: there is none, and nobody leaves for it."""
    bars = fixture_bars()
    bar = next(withdrawals(bars))
    held_from = int(bars["time_ms"][bar])
    with exchange_with(bars[: bar + 3], int(bars["time_ms"][FIRST]) - BAR_MS + 5_000) as exchange:
        rig = DeskRig(
            exchange,
            tmp_path / "live.sqlite",
            {ETH: setup_for(PROFILE, bars, FIRST)},
            profile=PROFILE,
            warmup_bars=FIRST - 1,
            protection_stop_withdrawn=policy,
        )
        try:
            rig.start()
            rig.run_to(held_from + BAR_MS - 5_000)
            before = exchange.account.positions[("ETHUSDT", 0)]
            stop, size = before.stop_loss, before.size
            assert stop
            assert size
            rig.run_to(held_from + BAR_MS + 20_000)
            after = exchange.account.positions[("ETHUSDT", 0)]
            assert after.size == size
            assert after.stop_loss == (stop if policy is StopWithdrawn.KEEP else 0)
            assert not after.trailing
        finally:
            rig.stop()
    with JournalReader(tmp_path / "live.sqlite") as reader:
        kinds = [row.row.kind for row in reader.rows(Drift)]
    assert kinds == (["stop_kept"] if policy is StopWithdrawn.KEEP else [])
