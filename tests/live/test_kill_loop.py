"""The kill loop: a deployment is killed at every point of an entry, a stop move, a reversal, an exit and a reconcile.

All effects pass two functions, the journal's commit and the gateway's request. Each names its places; a first run lists
how often each is reached, and every one of them is visited by a run of its own: SIGKILL there, a restart on the same
journal. Points on the wire come twice: the server executed the request, and it did not. The end is always the end of
the run that nobody disturbed: the same orders, fills and trades, protection at all times, every digest.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.live.ledger import Ledger
from engines.parity.live import live_parity
from feeds.instants import iso
from kwin_core.bars import BAR
from tests.core.kwin_runs import fixture_bars
from tests.exchange import Exchange, Market, known
from tests.live.desk_process import POINTS, DeskProcess
from tests.live.desk_rig import setup_for
from tests.live_feed.rig import forgive_hang_ups

BAR_MS = 900_000
ENTRY_BAR, LAST_BAR = 5_846, 5_853
"""A short that enters, moves its stop, is reversed three to five bars later, and the long leaves by its stop."""
FIRST_BAR = 5_500
INPUTS = """
trailingPerc = 30.0
trailingOffset = 20.0
useDirLock = false
useArmAfterRR = false
"""
GIVEN: dict[str, Any] = {
    "trailing_perc": 30.0,
    "trailing_offset": 20.0,
    "use_dir_lock": False,
    "use_arm_after_rr": False,
}
COMMITS_APART = 1 if os.environ.get("KWIN_LONG") else 5
"""Commits come in their hundreds: every fifth is visited, every one with KWIN_LONG in the environment."""
UNSTEADY = 10
"""A run has some commits more or fewer than another, as answers and reports race: its last ones may not come."""
WIRE = POINTS.index("gateway.after_wire")


@dataclass(frozen=True)
class End:
    """What a run came to, as the exchange has it."""

    fills: tuple[tuple[str, str, str, str], ...]
    position: str
    stops: tuple[str, str]
    deaths: int
    longest_naked_ms: int


def played(folder: Path, point: int, number: int, *, executed: bool = True) -> End:
    """Trade the window once, killed at the ``number``-th reach of a point (0: never; a trace is written)."""
    bars = fixture_bars()[FIRST_BAR : LAST_BAR + 4].astype(BAR)
    clock = folder / "clock"
    start_ms = int(bars["time_ms"][ENTRY_BAR - 2 - FIRST_BAR]) + 5_000
    exchange = Exchange(
        [Market(known("ETHUSDT"), bars, "15m", funding_rate=0.0)],
        start_ms=start_ms,
        balance="100000000",
        reply_delay_ms=1.0,
        ip_limit=10**9,
        fill_price="last",
        clock_path=clock,
    )
    exchange.account.fee_digits = 10
    naked: list[int] = [0, 0]

    def watch() -> None:
        position = exchange.account.positions.get(("ETHUSDT", 0))
        now_ms = exchange.clock.now_ms()
        if position is not None and position.size and not position.stop_loss:
            naked[0] = naked[0] or now_ms
            naked[1] = max(naked[1], now_ms - naked[0])
        else:
            naked[0] = 0

    with exchange:
        process = DeskProcess(
            exchange,
            clock,
            folder,
            trade_from=iso(int(bars["time_ms"][ENTRY_BAR - 1 - FIRST_BAR])),
            inputs=INPUTS,
        )
        settled = process.settled

        def watched(frames: int) -> bool:
            done = settled(frames)
            if done:
                watch()
            return done

        process.settled = watched  # type: ignore[method-assign]
        try:
            process.start()
            process.run_to(int(bars["time_ms"][ENTRY_BAR - FIRST_BAR]) + BAR_MS - 5_000)
            process.arm(point, number)
            if not executed:
                _drop_the_request_that_is_killed(exchange, number)
            deaths = process.run_to(int(bars["time_ms"][LAST_BAR - FIRST_BAR]) + BAR_MS + 60_000)
            if (code := process.stop()) == -signal.SIGKILL:  # the point is one of the last message
                deaths += 1
                process.restart()
                code = process.stop()
            assert code == 0
        finally:
            process.end()
            forgive_hang_ups(exchange)
    account = exchange.account
    position = account.positions[("ETHUSDT", 0)]
    return End(
        fills=tuple(
            (
                _name(one.link_id) or one.stop_order_type,
                one.side,
                str(one.qty.normalize()),
                str(one.price.normalize()),
            )
            for one in account.executions
        ),
        position=f"{position.side} {position.size.normalize()}",
        stops=(str(position.stop_loss.normalize()), str(position.trailing.normalize())),
        deaths=deaths,
        longest_naked_ms=naked[1],
    )


def _name(link_id: str) -> str:
    """An order's name without the deployment, which is another one in every run."""
    parts = link_id.split("-")
    return "-".join([parts[0], *parts[2:]]) if len(parts) == 5 else link_id


def _drop_the_request_that_is_killed(exchange: Exchange, number: int) -> None:
    """The connection ends before the exchange has read the ``number``-th write from now on."""
    for endpoint in ("order/create", "position/trading-stop"):
        exchange.faults.rest.drop(endpoint, n=1, when=_counting(number))


_counters: dict[int, list[int]] = {}


def _counting(number: int) -> Any:
    count = _counters.setdefault(number, [0])
    count[0] = 0

    def at_its_turn(_parameters: Any) -> bool:
        count[0] += 1
        return count[0] == number

    return at_its_turn


def visits(folder: Path) -> tuple[End, Counter[str]]:
    """The run that nobody disturbs, and how often it reaches each point."""
    end = played(folder, POINTS.index("gateway.after_reply"), 0)
    return end, Counter((folder / "trace").read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[End, Counter[str]]:
    """Compiled once, run once."""
    made = setup_for("intent", fixture_bars()[FIRST_BAR:].copy(), 345, GIVEN)
    for venue in (False, True):
        Ledger(made, venue=venue)  # the children are forked with compiled engines
    return visits(tmp_path_factory.mktemp("undisturbed"))


def check(end: End, undisturbed: End, folder: Path, *, deaths: int) -> None:
    """The same end, and a journal that agrees with everything."""
    assert end.deaths == deaths
    assert end.fills == undisturbed.fills
    assert (end.position, end.stops) == (undisturbed.position, undisturbed.stops)
    assert end.longest_naked_ms <= 5_000, "without a stop for longer than the restart took"
    (found,) = live_parity(folder / "live.sqlite")
    assert found.emulator.good, found.emulator.first_difference
    assert found.exchange.good, found.exchange.first_difference
    assert {pair.kind.value for pair in found.pairs} <= {"same"}
    assert found.sums["exchange_marked"] == pytest.approx(found.sums["executions_marked"], abs=1e-6)


@pytest.mark.slow
def test_the_window_holds_an_entry_a_stop_move_a_reversal_and_an_exit(
    undisturbed: tuple[End, Counter[str]], tmp_path: Path
) -> None:
    """What the loop below visits is what the issue of crash safety is about."""
    end, reached = undisturbed
    actions = [link.rsplit("-", 1)[-1][0] if link.startswith("k1-") else link for link, *_ in end.fills]
    assert actions == ["e", "r", "e", "StopLoss"]
    assert set(reached) == set(POINTS)
    assert reached["gateway.before_send"] >= 5


def _cases() -> list[Any]:
    """Points by number; the counts are those of the undisturbed run, checked by the test itself."""
    return [pytest.param(name, id=name) for name in POINTS]


@pytest.mark.slow
@pytest.mark.timeout(1_500)
@pytest.mark.parametrize("name", _cases())
def test_killed_at_every_point_the_end_is_the_same(
    name: str, undisturbed: tuple[End, Counter[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every reach of the point is a run of its own; on the wire also with the request not executed."""
    end, reached = undisturbed
    point = POINTS.index(name)
    step = 1 if name.startswith("gateway") else COMMITS_APART
    runs = 0
    for number in range(1, reached[name] + 1, step):
        for executed in (True, False) if point == WIRE else (True,):
            folder = tmp_path_factory.mktemp("kill")
            found = played(folder, point, number, executed=executed)
            last = not name.startswith("gateway") and number > reached[name] - UNSTEADY
            check(found, end, folder, deaths=found.deaths if last else 1)
            runs += found.deaths
    print(f"{name}: {runs} kills")  # noqa: T201
    assert runs > 0


def test_a_kill_between_commit_and_send_of_an_entry(tmp_path: Path) -> None:
    """The fast one of them all: the intent is written, the order is not sent; after the restart it is, once."""
    made = setup_for("intent", fixture_bars()[FIRST_BAR:].copy(), 345, GIVEN)
    for venue in (False, True):
        Ledger(made, venue=venue)
    folder = tmp_path / "kill"
    folder.mkdir()
    end = played(folder, POINTS.index("gateway.before_send"), 1)
    assert end.deaths == 1
    assert [link.rsplit("-", 1)[-1] for link, *_ in end.fills if link.startswith("k1-")] == ["e1", "r1", "e1"]
    assert np.unique([link for link, *_ in end.fills if link.startswith("k1-")]).size == 3
