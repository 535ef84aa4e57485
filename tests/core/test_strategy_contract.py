"""What the engine asks of a strategy, and how it refuses what it cannot run."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import njit

from kwin_core.engine import Buffers, Strategy, make_engine
from kwin_core.errors import CapacityError, StrategyError
from kwin_core.properties import PINE_V6, Instrument
from kwin_core.records import record
from kwin_core.state import MAX_LOTS, MAX_ORDERS
from kwin_core.strategy import LONG, compiled, entry
from tests.core.kwin_runs import BUSY, fixture_bars, setup, start

EMPTY = record([("unused", np.int64)])
NAMES = {"texts": ("a",), "state": EMPTY, "params": EMPTY, "signals": EMPTY}


@compiled
def nothing(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """A strategy that does nothing."""


def test_a_plain_function_is_refused() -> None:
    def plain(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
        """Not compiled."""

    with pytest.raises(StrategyError, match=r"strategy 'mine': calculate must be a numba function.*@njit"):
        Strategy(name="mine", calculate=plain, **NAMES)  # type: ignore[arg-type]


def test_a_cached_calculate_is_refused() -> None:
    """numba would not notice that a helper in another file changed."""
    cached = njit(cache=True)(nothing.py_func)  # type: ignore[attr-defined]
    with pytest.raises(StrategyError, match=r"strategy 'mine': remove cache=True"):
        Strategy(name="mine", calculate=cached, **NAMES)  # type: ignore[arg-type]


@pytest.mark.parametrize("which", ["state", "params", "signals"])
@pytest.mark.parametrize("wrong", [np.dtype(np.float64), "float64", [("x", "f8")], dict], ids=repr)
def test_what_is_no_record_dtype_is_refused(which: str, wrong: Any) -> None:
    with pytest.raises(StrategyError, match=f"strategy 'mine': {which} must be a record dtype"):
        Strategy(name="mine", calculate=nothing, **{**NAMES, which: wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [object, "U5", "datetime64[ms]"])
def test_fields_that_cannot_be_state_are_refused(kind: Any) -> None:
    with pytest.raises(StrategyError, match="numbers and records only"):
        record([("what", kind)])


def test_bars_of_another_dtype_are_refused() -> None:
    made = setup("dual-sfp", given=BUSY)
    engine, states = start(made)
    with pytest.raises(StrategyError, match=r"expected kwin_core\.bars\.BAR"):
        engine.run(states, np.zeros(3), made.params, Buffers(made.strategy, 0))


# ---- capacity: one small strategy that piles up whatever its parameter says

PILE = record([("what", np.int64), ("a_bar", np.int64)])
PILE_ENTRIES, PILE_ORDERS, PILE_EVENTS = 1, 2, 3


@compiled
def pile_up(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """Entries at market, resting entries of ever new ids, or one order replaced again and again."""
    for k in range(p.a_bar):
        if p.what == PILE_ENTRIES:
            entry(ctx, 1 + ctx.bar_index * p.a_bar + k, LONG, 1.0)
        elif p.what == PILE_ORDERS:
            entry(ctx, 1 + ctx.bar_index * p.a_bar + k, LONG, 1.0, limit=bar.close / 2.0)
        else:
            entry(ctx, 1, LONG, 1.0, limit=bar.close / (2.0 + k))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "a_bar", "name", "limit", "bar_index"),
    [
        (PILE_ENTRIES, 1, "MAX_LOTS", MAX_LOTS, MAX_LOTS + 1),
        (PILE_ORDERS, 1, "MAX_ORDERS", MAX_ORDERS, MAX_ORDERS),
        (PILE_ORDERS, 7, "MAX_ORDERS", MAX_ORDERS, MAX_ORDERS // 7),
        (PILE_EVENTS, 1_000, "MAX_EVENTS", None, 0),
    ],
)
def test_a_capacity_error_names_limit_and_bar(
    what: int, a_bar: int, name: str, limit: int | None, bar_index: int
) -> None:
    """A market entry placed on bar k fills on bar k + 1; nothing is dropped, the run stops."""
    strategy = Strategy(name="pile", calculate=pile_up, texts=("a",), state=EMPTY, params=PILE, signals=EMPTY)
    properties = PINE_V6.with_(margin_long=0.0, margin_short=0.0, pyramiding=1_000)
    engine = make_engine(strategy, properties.frozen())
    params = np.zeros(1, PILE)
    params[0]["what"], params[0]["a_bar"] = what, a_bar
    states = engine.new_state(properties.settings(Instrument(tick=0.01)), params)
    with pytest.raises(CapacityError, match=f"on bar {bar_index}: .*{name}") as caught:
        engine.run(states, fixture_bars()[:100], params, Buffers(strategy, 0))
    assert caught.value.limit_name == name
    assert caught.value.bar_index == bar_index
    assert limit is None or caught.value.limit == limit


# ---- no stale code

STRATEGY_FILE = """
    import numpy as np
    import helper
    from deeper import factor
    from kwin_core.strategy import Strategy, compiled, record

    NUMBERS = record([("value", np.float64)])

    @compiled
    def calculate(ctx, bar, st, p, sig):
        st.value += helper.step(bar.close) * factor()

    STRATEGY = Strategy(name="mine", calculate=calculate, texts=("a",), state=NUMBERS, params=NUMBERS, signals=NUMBERS)
"""
HELPER_FILE = """
    from kwin_core.strategy import compiled

    @compiled
    def step(x):
        return STEP
"""
DEEPER_FILE = """
    from kwin_core.strategy import compiled

    @compiled
    def factor():
        return FACTOR
"""
RUN_FILE = """
    import sys
    import numpy as np
    from kwin_core.bars import BAR
    from kwin_core.engine import Buffers, cache_dir
    from kwin_core.strategy import PINE_V6, Instrument, make_engine
    from mine import NUMBERS, STRATEGY

    params = np.zeros(1, NUMBERS)
    engine = make_engine(STRATEGY, PINE_V6.with_(margin_long=0.0, margin_short=0.0).frozen())
    states = engine.new_state(PINE_V6.settings(Instrument(tick=0.01)), params)
    bars = np.ones(10, BAR)
    engine.run(states, bars, params, Buffers(STRATEGY, 0))
    stats = engine._run.stats
    print(states[0]["user"]["value"], sum(stats.cache_hits.values()), engine.hash)
"""


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(textwrap.dedent(text))


def run_in(folder: Path) -> tuple[float, int, str]:
    """Value, cache hits and engine hash of a run in a process of its own, with a cache folder of its own."""
    project = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "run_it.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "KWIN_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": project},
    )
    assert done.returncode == 0, done.stderr
    value, hits, name = done.stdout.split()
    return float(value), int(hits), name


@pytest.mark.slow
def test_an_edited_helper_gives_new_results_never_stale_ones(tmp_path: Path) -> None:
    """Real files, a real cache: a helper as `module.function`, one imported by name, and back again."""
    write(tmp_path, "mine.py", STRATEGY_FILE)
    write(tmp_path, "run_it.py", RUN_FILE)
    seen = []
    for step, factor in (("1.0", "1.0"), ("1.0", "1.0"), ("2.0", "1.0"), ("2.0", "3.0"), ("1.0", "1.0")):
        write(tmp_path, "helper.py", HELPER_FILE.replace("STEP", step))
        write(tmp_path, "deeper.py", DEEPER_FILE.replace("FACTOR", factor))
        seen.append(run_in(tmp_path))
    assert [value for value, _, _ in seen] == [10.0, 10.0, 20.0, 60.0, 10.0]
    assert [hits for _, hits, _ in seen] == [0, 1, 0, 0, 1]  # compiled only when something changed
    assert len({name for _, _, name in seen}) == 3
    assert seen[0][2] == seen[4][2]
