"""The same sweep on a Dask cluster of real processes: the same bytes, also when a worker is killed in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, LocalCluster

from engines import sweep, sweep_strategy
from engines.research.cluster import remote
from engines.research.held import HeldBars
from engines.research.jobs import KwinJob
from engines.research.sweeping import Progress
from feeds.protocol import Instrument
from kwin_core.errors import ConfigError, StrategyError
from kwin_core.properties import PINE_V6
from kwin_core.properties import Instrument as InstrumentFacts
from tests.engines.small_strategy import BUY_AND_CLOSE, ten_bars
from tests.research.runs import FIXED, QUARTER_MS, SPACE, bars_file, fixture_bars

pytestmark = pytest.mark.slow  # processes, and a sweep compiled once

WIDE = {**SPACE, "swing_len": {"low": 2, "high": 30}, "trailing_offset": [0.1, 0.2, 0.3, 0.4]}
"""2784 sets: several batches a worker."""


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes of one thread; a worker that dies is not replaced."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=50,
    ) as made:
        yield made


def test_a_cluster_gives_the_same_table_and_a_killed_worker_changes_nothing(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    path = bars_file(tmp_path, 6_000)
    options = {"profile": "intent", "params": FIXED}
    here = sweep(path, WIDE, out=tmp_path / "here", **options)
    there = sweep(path, WIDE, out=tmp_path / "there", scheduler=cluster.scheduler_address, **options)
    assert there.table.equals(here.table)
    assert (tmp_path / "there" / "results.parquet").read_bytes() == (
        tmp_path / "here" / "results.parquet"
    ).read_bytes()

    with Client(cluster.scheduler_address, set_as_default=False) as client:
        pids = client.run(os.getpid)
    victims = list(pids.values())[:1]
    seen: list[Progress] = []

    def kill_one(progress: Progress) -> None:
        seen.append(progress)
        if victims:
            os.kill(victims.pop(), signal.SIGKILL)

    survived = sweep(path, WIDE, scheduler=cluster.scheduler_address, on_progress=kill_one, **options)
    assert seen[0].done < seen[-1].total == len(here)  # it was in the middle
    assert not victims
    assert survived.table.equals(here.table)


def test_a_cluster_of_ones_own_and_a_search_on_it(tmp_path: Path) -> None:
    path = bars_file(tmp_path, 2_000)
    options = {"profile": "intent", "params": FIXED, "method": "search", "sets": 130}
    assert sweep(path, SPACE, workers=2, **options).table.equals(sweep(path, SPACE, **options).table)


def test_a_strategy_of_ones_own_travels_by_its_import_path(cluster: LocalCluster) -> None:
    arguments = (BUY_AND_CLOSE, ten_bars(), {"buy_bar": [1, 2, 3]}, {"close_bar": 6, "qty": 1.0}, PINE_V6)
    facts = InstrumentFacts(0.01, 0.01)
    here = sweep_strategy(*arguments, facts)
    there = sweep_strategy(*arguments, facts, scheduler=cluster.scheduler_address)
    assert here.table["trades_closed"].to_pylist() == [1, 1, 1]
    assert there.table.equals(here.table)


def test_a_worker_with_other_code_is_refused() -> None:
    held = HeldBars("bars", Instrument("ETHUSDT", QUARTER_MS, 0.01, 0.01), fixture_bars(50))
    with pytest.raises(StrategyError, match="a worker runs other code"):
        remote(KwinJob("dual-sfp", "intent"), held, [{"swing_len": 2}], 0, {}, "0" * 20)


def test_a_wrong_address_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.research.cluster.WAIT_SECONDS", 1)
    for address in ("tcp://127.0.0.1:9", "nonsense", "ftp://127.0.0.1:8786"):
        with pytest.raises(ConfigError, match="no Dask scheduler with workers answers there") as caught:
            sweep(bars_file(tmp_path), {"swing_len": [2]}, params=FIXED, scheduler=address)
        assert "\n" not in str(caught.value)


def test_an_address_that_is_none_ends_at_once(tmp_path: Path) -> None:
    """No traceback of a client that waits for itself while the process ends."""
    (tmp_path / "grid.toml").write_text("[space]\nswing_len = [2]\n")
    words = [sys.executable, "-m", "engines.research.sweep_cli", str(bars_file(tmp_path))]
    words += [str(tmp_path / "grid.toml"), "--scheduler", "nonsense"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=50, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "error: nonsense: no Dask scheduler with workers answers there (missing port number in address 'nonsense')\n"
    )
