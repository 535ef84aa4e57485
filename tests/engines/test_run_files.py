"""The output folder is there whole or not at all, and holds what the result holds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from engines import Result, backtest
from engines.drive import CHUNK_BARS
from engines.plan import KwinOptions, Plan, execute, plan_kwin
from engines.result import files_of
from engines.run_files import NAMES
from engines.source import Cut, open_source
from feeds.facts import Facts
from kwin_core.errors import ConfigError

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "ethusdt_like_15m.parquet"
WIDE: dict[str, Any] = {"use_window": False, "trailing_perc": 30.0, "trailing_offset": 20.0}


@pytest.fixture(scope="module")
def result() -> Result:
    return backtest(FIXTURE, params=WIDE)


def plan() -> Plan:
    return plan_kwin(open_source(FIXTURE, Facts(), Cut()), "dual-sfp", "tv-literal", WIDE, KwinOptions())


def entries(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_streamed_files_are_those_of_the_result(result: Result, tmp_path: Path) -> None:
    """Written chunk by chunk during a run, or from memory afterwards: the same content, the frames' own."""
    assert result.summary["bars"] > CHUNK_BARS
    made = plan()
    with files_of(made, tmp_path / "streamed") as files:
        finished = execute(made, [files])
        files.finish(finished.core, {"digest": finished.summary()["digest"]})
    result.save(tmp_path / "saved")
    for name in ("trades", "equity", "signals"):
        streamed = pq.read_table(tmp_path / "streamed" / f"{name}.parquet")
        saved = pq.read_table(tmp_path / "saved" / f"{name}.parquet")
        assert streamed.equals(saved) or streamed.to_pandas().equals(saved.to_pandas()), name
    for name in ("trades.csv",):
        assert (tmp_path / "streamed" / name).read_bytes() == (tmp_path / "saved" / name).read_bytes()
    trades = pq.read_table(tmp_path / "saved" / "trades.parquet").to_pandas().astype({"exit_bar": "Int64"})
    pd.testing.assert_frame_equal(trades, result.trades)
    for name in ("equity", "signals"):
        table = pq.read_table(tmp_path / "saved" / f"{name}.parquet").to_pandas().set_index("time")
        pd.testing.assert_frame_equal(table, getattr(result, name))
    assert json.loads((tmp_path / "saved" / "result.json").read_text()) == result.report()
    assert entries(tmp_path / "saved") == sorted(NAMES)


def test_a_failing_run_leaves_nothing(tmp_path: Path) -> None:
    """Folders it made are gone, folders that were there keep exactly what they had."""

    def run_and_fail(folder: Path) -> None:
        made = plan()
        with files_of(made, folder) as files:
            execute(made, [files])
            raise ZeroDivisionError

    def fail_within(folder: Path) -> None:
        with pytest.raises(ZeroDivisionError):
            run_and_fail(folder)

    fail_within(tmp_path / "a" / "b")
    assert entries(tmp_path) == []
    old = tmp_path / "old"
    old.mkdir()
    (old / "result.json").write_text("{}")
    fail_within(old)
    assert entries(old) == ["result.json"]
    assert (old / "result.json").read_text() == "{}"


def test_a_new_result_replaces_an_old_one_and_the_rest_of_a_killed_run(
    result: Result, tmp_path: Path
) -> None:
    (tmp_path / ".partial").mkdir()
    (tmp_path / ".partial" / "trades.csv").write_text("half a row")
    (tmp_path / "result.json").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    result.save(tmp_path)
    assert entries(tmp_path) == sorted([*NAMES, "notes.txt"])
    assert json.loads((tmp_path / "result.json").read_text())["digest"] == result.digest


def test_a_folder_that_cannot_be_written_is_found_before_the_run(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    places = [file, file / "below"]
    if os.geteuid() != 0:  # for root every folder is writable
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        places.append(locked / "result")
    before = entries(tmp_path)
    for place in places:
        with pytest.raises(ConfigError, match="cannot write there"), files_of(plan(), place):
            pytest.fail("entered")
    assert entries(tmp_path) == before
