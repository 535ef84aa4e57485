"""A position that the script turns: a reduce-only close, then the entry of the other side, whatever comes between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.scene import BAR_MS, REVERSING, Scene, scene
from tests.live_feed.rig import until

ZERO = Decimal(0)


@contextmanager
def turning(tmp_path: Path) -> Iterator[Scene]:
    """In a position, five seconds before the close at which the script turns it."""
    with scene(tmp_path, given=REVERSING, turns=True, lives=0) as at:
        at.to_decision().decide()
        before = at.held
        assert before != ZERO
        at.rig.run_to(int(at.bars["time_ms"][at.plan.ends]) + BAR_MS - 5_000)
        assert at.held == before
        yield at


@pytest.mark.parametrize("fault", ["none", "refused", "partial", "nothing"])
def test_a_reversal_whose_close_is_refused_or_partial(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The close before the entry of the other side is refused once, or fills in part."""
    monkeypatch.setattr("tests.live.desk_rig.PATIENCE_S", 8.0)  # a runner that has ended settles no more
    with turning(tmp_path) as at:
        before = at.held
        match fault:
            case "refused":
                at.exchange.faults.rest.ret("order/create", 10001, "something else", n=1)
            case "partial":
                at.exchange.faults.eng.partial([0.4])
            case "nothing":
                at.exchange.faults.eng.ioc_zero()
        at.run(120)
        assert at.rig.runner.counts.journal_failures == 0
        assert at.there * before <= 0, "the side that the script has left is still held"


def test_a_waiting_reversal_does_not_enter_blind(tmp_path: Path) -> None:
    """The private stream goes while the close of a reversal is on its way: no entry before it is back."""
    with turning(tmp_path) as at:
        before = at.held
        for topic in ("execution", "order", "position"):
            at.exchange.faults.ws.mute(topic)
        at.rig.run(5_500)
        assert at.there == ZERO != before == at.held
        at.exchange.faults.ws.handshake(503, n=5)
        at.exchange.faults.ws.close(1006, "private")
        until(lambda: not at.rig.private.is_up, "the private stream notices")
        at.rig.rebase()
        at.run(8)
        assert at.rig.private.is_up or [link.action for link, _ in at.orders()] == ["e", "r"]


@pytest.mark.parametrize("topic", ["position", "order"])
def test_a_reversal_whose_flat_moment_is_never_told_keeps_its_new_position(
    topic: str, tmp_path: Path
) -> None:
    """The old side is left, the new one is entered, and no report of a flat position comes between: nothing more."""
    with turning(tmp_path) as at:
        before = at.held
        at.exchange.faults.ws.mute(topic, n=4)
        at.run(60)
        assert at.there * before < 0
        assert at.held == at.there
        assert [link.action for link, _ in at.orders()] == ["e", "r", "e"]


def test_a_reversal_left_in_part_before_a_kill_is_left_after_it(tmp_path: Path) -> None:
    """The close of the old side filled 40 percent, and the process was killed before the next attempt."""
    with turning(tmp_path) as at:
        before = at.held
        at.exchange.faults.eng.partial([0.4])
        at.run(5.5)
        assert at.there * before > 0
        at.restart()
        at.run(90)
        assert at.there * before <= 0
        at.restart()
        at.run(60)
        assert [link.action for link, _ in at.orders()] in (["e", "r", "r"], ["e", "r", "r", "e"])
        assert at.held == at.there


def test_a_waiting_entry_is_given_up_in_time_after_a_restart(tmp_path: Path) -> None:
    """The old side cannot be left, the process is killed: the entry that waits for it does not wait for ever."""
    with turning(tmp_path) as at:
        before = at.held
        at.exchange.faults.eng.partial([0.4])
        at.run(5.5)
        assert at.there * before > 0
        at.exchange.faults.rest.http("order/create", 502, None)
        at.restart()
        at.run(90)
        assert at.there * before > 0
        assert not any(order.enters for order in at.lane.working.values())
        assert at.drifts()["missed"] == 1
        at.exchange.faults.clear()
        at.run(120)
        assert at.held == at.there == ZERO
