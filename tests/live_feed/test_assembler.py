"""The order of bars, as a property: whatever arrives in whatever order, the true bars come out, once each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feeds.bybit_history import SETTLE_MS
from feeds.live.assembler import KEPT_BARS, Assembler, Drift, Outcome, Refusal, Release
from feeds.live.events import Origin
from tests.exchange.sample import walk

BAR_MS = 60_000
SETTLED_MS = 30_000
TRUE = walk(60, timeframe="1m", seed=4)
BEGIN_MS = int(TRUE["time_ms"][0])


def new(begin: int | None = 0) -> Assembler:
    """An assembler that begins with a row of the true bars."""
    made = Assembler(BAR_MS, settled_ms=SETTLED_MS, source="test")
    if begin is not None:
        made.begin(BEGIN_MS + begin * BAR_MS)
    return made


def bar(index: int, **changes: float) -> np.ndarray:
    """A true bar, with other values when asked."""
    made = TRUE[index : index + 1].copy()
    for name, value in changes.items():
        made[name] = value
    return made


def close_ms(index: int) -> int:
    """When a true bar is complete (ms)."""
    return BEGIN_MS + (index + 1) * BAR_MS


def released(outcomes: list[Outcome]) -> list[np.ndarray]:
    """The bars among the outcomes."""
    return [one.bar for one in outcomes if isinstance(one, Release)]


arrivals = st.one_of(
    st.tuples(st.just("confirm"), st.integers(0, 59), st.just(0), st.just(0), st.booleans()),
    st.tuples(
        st.just("rows"), st.integers(0, 59), st.integers(1, 60), st.integers(-BAR_MS, 60_000), st.booleans()
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(arrivals, max_size=80), st.integers(0, 59), st.integers(0, 80))
def test_any_interleaving_releases_exactly_the_true_bars_in_order_once(
    events: list[tuple[str, int, int, int, bool]], begin: int, begin_after: int
) -> None:
    """Duplicated, delayed, reordered and missing confirms; REST ranges of any length, unsettled rows wrong."""
    assembler = new(None)
    got: list[np.ndarray] = []
    for at, (kind, index, count, age_ms, wrong) in enumerate(events):
        if at == begin_after:
            got += released(assembler.begin(BEGIN_MS + begin * BAR_MS))
        if kind == "confirm":
            outcomes = assembler.on_confirmed(bar(index))
        else:
            rows = TRUE[max(0, index - count + 1) : index + 1].copy()
            if wrong and age_ms < SETTLE_MS:
                rows["high"][-1] += 7.0  # a kline may still change for some moments after its close
            outcomes = assembler.on_rows(rows, close_ms(index) + age_ms)
        assert not any(isinstance(one, Drift | Refusal) for one in outcomes)
        got += released(outcomes)
    if begin_after >= len(events):
        got += released(assembler.begin(BEGIN_MS + begin * BAR_MS))
    wanted = TRUE[begin:]
    assert np.concatenate(got).tobytes() == wanted[: len(got)].tobytes() if got else True
    got += released(assembler.on_rows(TRUE, close_ms(59) + SETTLED_MS))
    assert np.concatenate(got).tobytes() == wanted.tobytes()


@settings(max_examples=200, deadline=None)
@given(st.permutations(range(20)), st.lists(st.integers(0, 19), max_size=10))
def test_confirms_alone_in_any_order_suffice(order: list[int], again: list[int]) -> None:
    """Every bar confirmed, in any order, some twice: all released in order; duplicates are counted."""
    assembler = new()
    got = [one for index in [*order, *again] for one in released(assembler.on_confirmed(bar(index)))]
    assert np.concatenate(got).tobytes() == TRUE[:20].tobytes()
    assert assembler.duplicates == len(again)


def test_no_bar_before_its_predecessor() -> None:
    """With bar 1 missing, bars 2 and 3 wait; the missing one brings all three."""
    assembler = new()
    assert len(released(assembler.on_confirmed(bar(0)))) == 1
    assert released(assembler.on_confirmed(bar(3))) == []
    assert released(assembler.on_confirmed(bar(2))) == []
    assert len(released(assembler.on_rows(TRUE[1:2], close_ms(1) + SETTLED_MS))) == 3


def test_the_forming_bar_of_a_rest_reply_is_never_released() -> None:
    """Unmarked among the rows: only its age tells."""
    assembler = new()
    assert released(assembler.on_rows(TRUE[:1], close_ms(0) - 1)) == []
    assert released(assembler.on_rows(TRUE[:1], close_ms(0) + SETTLE_MS - 1)) == []


def test_a_young_rest_bar_is_believed_when_two_reads_agree() -> None:
    """Different reads, then equal ones; an old bar needs one read only."""
    assembler = new()
    young_ms = close_ms(0) + SETTLE_MS
    assert released(assembler.on_rows(bar(0, volume=1.0), young_ms)) == []
    assert released(assembler.on_rows(bar(0), young_ms + 1_000)) == []
    assert len(released(assembler.on_rows(bar(0), young_ms + 2_000))) == 1
    assert len(released(assembler.on_rows(bar(1), close_ms(1) + SETTLED_MS))) == 1


@pytest.mark.parametrize("origin", [Origin.STREAM, Origin.REST])
def test_a_revised_bar_is_drift_and_changes_nothing(origin: Origin) -> None:
    """Reported once for each new version, with the field and both values; the release stands."""
    assembler = new()
    assembler.on_confirmed(bar(0))
    revised = bar(0, close=float(TRUE["close"][0]) + 0.5)

    def tell(row: np.ndarray) -> list[Outcome]:
        if origin is Origin.STREAM:
            return assembler.on_confirmed(row)
        return assembler.on_rows(row, close_ms(0) + SETTLE_MS)

    close = float(TRUE["close"][0])
    assert tell(revised) == [Drift(BEGIN_MS, "close", close, close + 0.5, origin)]
    assert tell(revised) == []
    assert tell(bar(0)) == []
    assert len(tell(bar(0, close=close + 1.0))) == 1
    assert assembler.next_ms == BEGIN_MS + BAR_MS


def test_a_bar_the_gate_refuses_is_awaited_again() -> None:
    """An impossible confirm is reported; REST delivers the bar, then what waited behind it."""
    assembler = new()
    assembler.on_confirmed(bar(1))
    outcomes = assembler.on_confirmed(bar(0, high=1.0))
    assert [type(one) for one in outcomes] == [Refusal]
    assert "high below low" in outcomes[0].reason  # type: ignore[union-attr]
    got = released(assembler.on_rows(TRUE[:1], close_ms(0) + SETTLED_MS))
    assert np.concatenate(got).tobytes() == TRUE[:2].tobytes()


def test_memory_stays_bounded_over_many_bars() -> None:
    """After thousands of bars only the last ones are kept for comparison."""
    many = walk(5_000, timeframe="1m", seed=5)
    assembler = Assembler(BAR_MS, settled_ms=SETTLED_MS, source="test")
    assembler.begin(int(many["time_ms"][0]))
    for at in range(many.size):
        assembler.on_confirmed(many[at : at + 1])
        assembler.on_rows(many[max(0, at - 3) : at + 1], int(many["time_ms"][at]) + BAR_MS + SETTLE_MS)
    held = (assembler._released, assembler._confirmed, assembler._believed, assembler._read_once)
    assert [len(one) for one in held] == [KEPT_BARS, 0, 0, 0]
