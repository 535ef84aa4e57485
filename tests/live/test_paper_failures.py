"""What can go wrong with a paper deployment: one clear line, a defined exit code, and nothing lost when it goes on."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from engines.journal import JournalReader, Kind
from engines.live.ending import exit_code_of
from engines.live.exit_codes import ExitCode
from kwin_core.errors import KwinError
from tests.core.kwin_runs import fixture_bars
from tests.exchange import Exchange
from tests.golden_data import PROJECT_ROOT
from tests.journal.test_disk import NAMESPACE, needs_mount
from tests.live.desk_rig import exchange_with
from tests.live.paper_rig import BAR_MS, ETH, PaperRig, assert_backtest, bars_of, write_config

FIRST = 300
BARS = fixture_bars()[: FIRST + 400]


def open_ms(number: int) -> int:
    """Open time of a bar."""
    return int(BARS["time_ms"][number])


@contextmanager
def begun(folder: Path, **changes: Any) -> Iterator[tuple[Exchange, Path, int]]:
    """An exchange, the configuration of a deployment that has run on it for ten bars, and when it trades from."""
    with exchange_with(BARS, open_ms(FIRST) + 5_000) as exchange:
        config = write_config(exchange, folder, **changes)
        rig = PaperRig(exchange, config).start()
        rig.run_to(open_ms(FIRST + 10))
        assert rig.stop() is ExitCode.GOOD
        yield exchange, config, rig.deployment.trade_from_ms


def refused(exchange: Exchange, config: Path, code: ExitCode, words: str) -> None:
    """A start ends with a code and one line; the journal is as it was, byte for byte."""
    journal = config.with_name("live.sqlite")
    before = journal.read_bytes()
    with pytest.raises(KwinError, match=words) as caught:
        PaperRig(exchange, config)
    assert exit_code_of(caught.value) is code
    assert "\n" not in str(caught.value)
    assert journal.read_bytes() == before


def goes_on(exchange: Exchange, config: Path, trade_from_ms: int) -> None:
    """Started again it has everything, trades from the same instant, and is still the backtest."""
    journal = config.with_name("live.sqlite")
    before = bars_of(journal)
    rig = PaperRig(exchange, config).start()
    assert rig.deployment.trade_from_ms == trade_from_ms
    rig.run_to(exchange.clock.now_ms() + 5 * BAR_MS)
    assert rig.stop() is ExitCode.GOOD
    assert bars_of(journal)[: len(before)] == before
    assert assert_backtest(journal, BARS) >= len(before) + 5


def test_a_clock_that_is_off_is_refused_and_waited_for(tmp_path: Path) -> None:
    with begun(tmp_path) as (exchange, config, trade_from_ms):
        exchange.clock.skew_ms = 10_000
        refused(
            exchange,
            config,
            ExitCode.CLOCK,
            "this machine's clock is 10000 ms behind the exchange's, 2000 ms",
        )
        exchange.clock.skew_ms = -10_000
        refused(exchange, config, ExitCode.CLOCK, "10000 ms ahead of the exchange's")
        exchange.clock.skew_ms = 0
        goes_on(exchange, config, trade_from_ms)


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    def version(number: int) -> None:
        with closing(sqlite3.connect(tmp_path / "live.sqlite", isolation_level=None)) as connection:
            connection.execute(f"PRAGMA user_version = {number}")

    with begun(tmp_path) as (exchange, config, trade_from_ms):
        version(99)
        refused(exchange, config, ExitCode.JOURNAL, "schema version 99 of a newer program")
        version(1)
        goes_on(exchange, config, trade_from_ms)


def test_a_second_instance_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with begun(tmp_path) as (exchange, config, _):
        rig = PaperRig(exchange, config).start()
        with pytest.raises(KwinError, match="in use by process") as caught:
            PaperRig(exchange, config)
        assert exit_code_of(caught.value) is ExitCode.SECOND_INSTANCE
        rig.run_to(exchange.clock.now_ms() + 5 * BAR_MS)
        assert rig.stop() is ExitCode.GOOD
        assert assert_backtest(tmp_path / "live.sqlite", BARS) >= 300


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"capital": 4_000.0}, "capital was 3000.0 when journal .* began and is 4000.0 now"),
        ({"inputs": {"trailingPerc": 30.0}}, "inputs was .* would change the past"),
        ({"symbols": ("ETHUSDT", "BTCUSDT")}, "streams was .* would change the past"),
    ],
    ids=["capital", "inputs", "symbols"],
)
def test_settings_that_would_change_the_past_are_refused(
    change: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with begun(tmp_path) as (exchange, config, trade_from_ms):
        write_config(exchange, tmp_path, **change)
        refused(exchange, config, ExitCode.USAGE, words)
        write_config(exchange, tmp_path)
        goes_on(exchange, config, trade_from_ms)


def test_another_profile_needs_another_journal(tmp_path: Path) -> None:
    with begun(tmp_path) as (exchange, config, trade_from_ms):
        write_config(exchange, tmp_path, profile="tv-literal")
        refused(exchange, config, ExitCode.JOURNAL, "give every deployment its own journal")
        write_config(exchange, tmp_path)
        goes_on(exchange, config, trade_from_ms)


def test_the_beginning_survives_retention(tmp_path: Path) -> None:
    """``trade_from = "now"`` is fixed once; also when the first events have been deleted since."""
    house = "keep_days = 1\nsnapshot_bars = 20"
    with begun(tmp_path, housekeeping=house) as (exchange, config, trade_from_ms):
        rig = PaperRig(exchange, config).start()
        rig.run_to(open_ms(FIRST + 310))
        digests = {
            which: run.digest()
            for which, run in (("E", rig.lanes[ETH].emulator), ("X", rig.lanes[ETH].exchange))
        }
        assert rig.stop() is ExitCode.GOOD
        with JournalReader(tmp_path / "live.sqlite") as reader:
            assert reader.trimmed_seq() > 100
            assert len(reader.events(Kind.START)) == 2
        again = PaperRig(exchange, config)
        assert again.deployment.trade_from_ms == trade_from_ms
        lane = again.lanes[ETH]
        assert {"E": lane.emulator.digest(), "X": lane.exchange.digest()} == digests
        again.start().run_to(exchange.clock.now_ms() + 2 * BAR_MS)
        assert again.stop() is ExitCode.GOOD


@pytest.mark.slow
@needs_mount
def test_a_full_disk_ends_it_and_room_lets_it_go_on(tmp_path: Path) -> None:
    """On a real file system of 7 MiB; what is checked is in `tests.live.full_disk`."""
    script = 'set -e; mount -t tmpfs -o size=7m none "$1"; exec "$2" -m tests.live.full_disk "$1"'
    done = subprocess.run(
        [*NAMESPACE, "sh", "-c", script, "sh", tmp_path, sys.executable],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout[-3:]) == (0, "ok\n"), done.stderr[-3000:]
