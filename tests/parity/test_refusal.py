"""Why KWIN stayed out of a bar: each of its own conditions, read off real rows of signals."""

from __future__ import annotations

import numpy as np
import pytest

from engines.parity.refusal import why_no_entry
from engines.parity.runs import Look, Run, look_at, make_run
from engines.parity.setting import Bars, Setting
from feeds.parquet import ParquetFeed
from fixtures.make_ethusdt_like import PATH
from kwin_core.bars import DAY_MS

ALL_BARS = {"use_window": False}
STRETCH = 4_000


@pytest.fixture(scope="module")
def bars() -> Bars:
    feed = ParquetFeed(PATH)
    return Bars(feed.read()[:STRETCH], "fixture", "ETHUSDT", feed.timeframe_ms)


@pytest.fixture(scope="module")
def seen(bars: Bars) -> tuple[Run, list[Look]]:
    run = make_run(Setting(inputs=ALL_BARS, lot=0.01), bars)
    return run, look_at(run, 0, STRETCH - 1)[0]


def signal_without_entry(looks: list[Look], word: str = "bull") -> list[Look]:
    return [look for look in looks if look.signals[word] and not look.signals["action"]]


def test_before_the_window(bars: Bars) -> None:
    now_ms = int(bars.array["time_ms"][0]) + 40 * DAY_MS
    given = {"use_window": True, "start_time_ms": int(bars.array["time_ms"][2_000])}
    run = make_run(Setting(inputs=given, now_ms=now_ms), bars)
    looks, _ = look_at(run, 0, 1_999)
    look = signal_without_entry(looks)[0]
    assert why_no_entry(run, look, 1).cause == "window"


def test_no_signal(seen: tuple[Run, list[Look]]) -> None:
    run, looks = seen
    quiet = next(look for look in looks if look.number > 500 and not look.signals["bull"])
    verdict = why_no_entry(run, quiet, 1)
    assert verdict.cause == "signal"
    assert f"{quiet.bar['close']:g}" in verdict.sentence


def test_too_early(seen: tuple[Run, list[Look]]) -> None:
    run, looks = seen
    assert why_no_entry(run, looks[1], 1).cause == "warm-up"


def test_every_refusal_of_a_stretch_has_its_reason(seen: tuple[Run, list[Look]]) -> None:
    """Signals that led to no entry: position and swing locks, the fee filter; never without a reason."""
    run, looks = seen
    causes: dict[str, int] = {}
    for word, side in (("bull", 1), ("bear", -1)):
        for look in signal_without_entry(looks, word):
            verdict = why_no_entry(run, look, side)
            causes[verdict.cause] = causes.get(verdict.cause, 0) + 1
            state = look.state()
            if "direction lock" in verdict.sentence:
                assert state["position_seen"] != 0
            elif verdict.cause == "lock":
                assert state[f"traded_{word}"] >= 0
            elif "fee filter" in verdict.sentence:
                assert state["position_seen"] == 0
                assert state[f"traded_{word}"] < 0
    assert set(causes) <= {"lock", "size", "gate"}
    assert causes["lock"] > 10
    assert causes["size"] > 10


def test_closed_gate(seen: tuple[Run, list[Look]]) -> None:
    """An entry whose gate is shut by hand: the close has not changed since the last one."""
    run, looks = seen
    entered = next(look for look in looks if look.signals["action"] == 1)
    row = np.array(entered.signals)
    row["can_long"] = 0
    row["traded_bull"] = -1
    verdict = why_no_entry(run, Look(entered.number, entered.bar, row[()]), 1)
    assert verdict.cause == "gate"


def test_other_side_of_the_bar(bars: Bars) -> None:
    """Both sides on one bar: the priority decided, and that is said."""
    run = make_run(Setting(inputs=ALL_BARS), bars)
    looks, _ = look_at(run, 0, STRETCH - 1)
    both = [
        look
        for look in looks
        if (look.signals["bull_local"] or look.signals["bull_classic"]) and not look.signals["bull"]
    ]
    assert both
    verdict = why_no_entry(run, both[0], 1)
    assert verdict.cause == "signal"
    assert "bar_priority" in verdict.sentence
