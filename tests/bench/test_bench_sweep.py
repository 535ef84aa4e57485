"""Ten thousand sets over a year of bars equal single runs, within a gigabyte. How fast is printed, never judged."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tests.bench import sweeps
from tests.bench.c_loop import has_compiler
from tests.golden_data import PROJECT_ROOT
from tests.research.runs import differences

pytestmark = pytest.mark.bench


def test_ten_thousand_sets_equal_single_runs_on_a_random_two_hundred() -> None:
    found, seconds = sweeps.run_sweep("intent")
    rows = found.table.to_pylist()
    assert len(rows) == 10_000
    assert len({row["digest"] for row in rows}) > 5_000
    chosen = np.random.default_rng(2026).choice(len(rows), 200, replace=False)
    for k in chosen:
        assert differences(rows[k], sweeps.run_single(rows[k], "intent")) == {}
    speed = len(rows) * sweeps.YEAR_OF_BARS / seconds / 1e6
    sys.stdout.write(f"\n10 000 sets in {seconds:.1f} s: {speed:.1f} M bars/s, 200 equal single runs\n")


@pytest.mark.skipif(not has_compiler(), reason="no C compiler: the C loop is built on the spot")
def test_the_c_loop_agrees_on_some_sets() -> None:
    """A third implementation, set by set: net profit and drawdown to the last bit."""
    found, _ = sweeps.run_sweep("tv-literal")
    by_set = {tuple(row[name] for name in sweeps.SPACE): row for row in found.table.to_pylist()}
    for given, loop in zip(sweeps.some_sets(), sweeps.c_runs(), strict=True):
        row = by_set[tuple(given[name] for name in sweeps.SPACE)]
        assert row["net_profit"] == loop.account["net_profit"]
        assert row["max_drawdown"] == loop.account["max_drawdown"]
        assert row["trades_closed"] == loop.trades.size


def test_a_set_in_the_sweep_costs_no_more_than_a_run_of_its_own() -> None:
    """Processor time of one thread; an allocation or a row a bar would cost far more than the limit."""
    compiled = min(sweeps.compiled_seconds("intent") for _ in range(3))
    alone = min(sweeps.core_seconds("intent") for _ in range(3))
    assert compiled < 2.0 * alone


def test_memory_stays_below_a_gigabyte() -> None:
    """A process of its own; peak memory is not a time and may be a limit."""
    import json
    import subprocess

    launch = str(PROJECT_ROOT / "tests" / "bench" / "launch.py")
    script = "from tests.bench import sweeps; sweeps.run_sweep('intent')"
    done = subprocess.run(
        [sys.executable, "-S", launch, sys.executable, "-c", script],
        cwd=PROJECT_ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    measured = json.loads(done.stdout)
    assert measured["code"] == 0
    assert measured["peak_mb"] < 1_000.0
