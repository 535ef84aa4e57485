"""``kwin-data`` as a command: results, exit codes, and one clear line with nothing written for bad input."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engines.command_line import run
from engines.data.cli import app
from feeds.facts import Facts
from feeds.parquet import ParquetFeed
from feeds.write import write_bars
from fixtures.make_ethusdt_like import PATH
from tests.exchange import Exchange, Market, known
from tests.exchange.sample import walk
from tests.feeds.bars_of import QUARTER_MS, START_MS, good_bars

SUBCOMMANDS = ("fetch", "info", "check", "import", "resample", "compare")
FACTS = Facts("ETHUSDT", QUARTER_MS, 0.01, 0.01, 0.01, "a test", 1_735_000_000_000)


class Shell:
    """Runs the command in a folder of its own and keeps what it printed."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capture = capture
        self.out = self.err = ""

    def __call__(self, *words: object) -> int:
        code = run(app, [str(word) for word in words], name="kwin-data")
        self.out, self.err = self._capture.readouterr()
        return code

    def json(self, *words: object, code: int = 0) -> dict[str, Any]:
        assert self(*words, "--json") == code, self.err
        content: dict[str, Any] = json.loads(self.out)
        return content

    def refused(self, *words: object) -> str:
        """The one error line of a command that must fail with 2 and leave the folder as it was."""
        before = self.listed()
        assert self(*words) == 2
        assert self.err.startswith("error: ")
        assert self.err.count("\n") == 1
        assert self.out == ""
        assert self.listed() == before
        return self.err

    def listed(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.folder.iterdir()) if path.is_file()}


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ETHUSDT_15m.parquet"
    write_bars(path, good_bars(500), FACTS)
    return path


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with Exchange(markets=[Market(known("BTCUSDT"), walk(300), "15m")]) as running:
        yield running


def csv_lines(bars: np.ndarray) -> list[str]:
    return [",".join([str(bar[0] // 1000), *(repr(value) for value in bar[1:])]) for bar in bars.tolist()]


def chart_csv(path: Path, bars: np.ndarray) -> Path:
    path.write_text("\n".join(["time,open,high,low,close,Volume", *csv_lines(bars), ""]))
    return path


# -- help and usage ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_help_of_every_subcommand_has_examples(name: str, shell: Shell) -> None:
    assert shell(name, "--help") == 0
    assert "Examples:\n" in shell.out
    assert f"kwin-data {name} " in shell.out.split("Examples:")[1]


def test_wrong_usage_is_one_line(shell: Shell) -> None:
    assert "No such command 'fetsch'" in shell.refused("fetsch")
    assert "No such option: --nope" in shell.refused("info", "a.parquet", "--nope")
    assert "Missing argument 'FILE'" in shell.refused("check")
    assert "Missing option '--out'" in shell.refused("import", "a.csv")


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from engines.data import cli; from engines.command_line import run;"
        "run(cli.app, ['fetch', '--help'], name='kwin-data');"
        "print([name for name in ('numba', 'pyarrow', 'pandas', 'pybit', 'rich') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip().endswith("[]")


# -- fetch ---------------------------------------------------------------------------------------------------------


def test_fetch_writes_reports_and_goes_on(shell: Shell, exchange: Exchange) -> None:
    words = ("fetch", "BTCUSDT", "--environment", exchange.url)
    report = shell.json(*words, "--to", "2023-11-16")
    assert (report["file"], report["bars"], report["added"]) == ("BTCUSDT_15m.parquet", 192, 192)
    report = shell.json(*words)
    assert (report["bars"], report["added"], report["revised"]) == (300, 108, [])
    assert ParquetFeed(report["file"]).read().tobytes() == walk(300).tobytes()
    assert shell(*words) == 0
    assert "300 15m bars of Bybit linear 127.0.0.1" in shell.out


def test_fetch_refuses_bad_input(shell: Shell, exchange: Exchange, file: Path) -> None:
    here = ("--environment", exchange.url)
    assert "Not supported symbols" in shell.refused("fetch", "NOPEUSDT", *here)
    assert "category 'stocks' is not one of linear, spot" in shell.refused(
        "fetch", "BTCUSDT", "--category", "stocks", *here
    )
    assert "timeframe 'soon' is not understood" in shell.refused(
        "fetch", "BTCUSDT", "--timeframe", "soon", *here
    )
    assert "Bybit has no 7m klines" in shell.refused("fetch", "BTCUSDT", "--timeframe", "7m", *here)
    assert "time 'yesterday' is not understood" in shell.refused(
        "fetch", "BTCUSDT", "--from", "yesterday", *here
    )
    assert "is not after --from" in shell.refused(
        "fetch", "BTCUSDT", "--from", "2024-01-02", "--to", "2024-01-01", *here
    )
    assert "no closed bar in this range" in shell.refused("fetch", "BTCUSDT", "--from", "2030-01-01", *here)
    assert "no such folder" in shell.refused("fetch", "BTCUSDT", "--out", "none/a.parquet", *here)
    assert "environment 'moon' is none of mainnet, testnet, demo" in shell.refused(
        "fetch", "BTCUSDT", "--environment", "moon"
    )
    assert "holds ETHUSDT, not BTCUSDT" in shell.refused("fetch", "BTCUSDT", "--out", file.name, *here)
    (shell.folder / "text.parquet").write_text("no")
    assert "not a Parquet file" in shell.refused("fetch", "BTCUSDT", "--out", "text.parquet", *here)
    assert "Invalid value for '--timeout'" in shell.refused("fetch", "BTCUSDT", "--timeout", "0")


def test_fetch_without_an_exchange_gives_up_in_one_line(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("feeds.bybit_rest.time.sleep", lambda _: None)
    assert shell("fetch", "X", "--environment", "http://127.0.0.1:9") == 2
    assert shell.err.splitlines()[-1] == "error: 127.0.0.1 cannot be reached (ConnectionError)"
    assert shell.listed() == {}


def test_fetch_without_its_optional_packages_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['pybit'] = None; from engines.data import cli;"
        "from engines.command_line import run; sys.exit(run(cli.app, ['fetch', 'X'], name='kwin-data'))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert shown.returncode == 2
    assert shown.stderr.splitlines() == ["error: pybit is not installed: pip install 'kwin[data]'"]


# -- info ----------------------------------------------------------------------------------------------------------


def test_info(shell: Shell, file: Path) -> None:
    content = shell.json("info", file)
    assert (content["symbol"], content["timeframe"], content["bars"]) == ("ETHUSDT", "15m", 500)
    assert (content["tick"], content["lot"], content["min_order"]) == (0.01, 0.01, 0.01)
    assert (content["first"], content["last"]) == ("2025-01-01T00:00:00Z", "2025-01-06T04:45:00Z")
    assert content["fetched"] == "2024-12-24T00:26:40Z"
    assert shell("info", file) == 0
    assert "ETHUSDT" in shell.out


# -- check ---------------------------------------------------------------------------------------------------------


def test_check_says_good_and_not_good(shell: Shell, file: Path) -> None:
    content = shell.json("check", file)
    assert content["good"] is True
    assert shell("check", PATH) == 0
    assert shell.json("check", PATH, "--strict", code=1)["remarks"]["zero volume"]["worst"] == 4.0
    spoiled = np.delete(good_bars(500), [7, 8])
    spoiled["low"][100] = -1.0
    write_bars("bad.parquet", spoiled, FACTS)
    content = shell.json("check", "bad.parquet", code=1)
    assert content["problems"]["gap"]["total"] == 2
    assert content["problems"]["impossible"]["examples"][0]["row"] == 100
    assert shell("check", "bad.parquet") == 1
    assert "2025-01-01T02:15:00Z" in shell.out
    assert "not good: exit code 1" in shell.out
    write_bars("gap.parquet", np.delete(good_bars(500), [7, 8]), FACTS)
    assert shell("check", "gap.parquet", "--allow-gaps") == 0


def test_check_works_on_files_the_feed_refuses(shell: Shell) -> None:
    write_bars("back.parquet", good_bars(50)[::-1].copy(), FACTS)
    assert shell.json("check", "back.parquet", code=1)["problems"]["back in time"]["count"] == 49


# -- import --------------------------------------------------------------------------------------------------------


def test_import_of_a_chart_leaves_the_last_bar_out_unless_told(shell: Shell) -> None:
    bars = good_bars(100)
    chart = chart_csv(shell.folder / "BYBIT_ETHUSDT.P, 15.csv", bars)
    words = ("import", chart, "--symbol", "ETHUSDT", "--tick", "0.01", "--lot", "0.01", "--out")
    report = shell.json(*words, "a.parquet")
    assert (report["format"], report["timeframe"], report["bars"]) == ("tradingview", "15m", 99)
    feed = ParquetFeed("a.parquet")
    assert feed.read().tobytes() == bars[:-1].tobytes()
    assert (feed.instrument.symbol, feed.instrument.tick, feed.instrument.lot) == ("ETHUSDT", 0.01, 0.01)
    shell.json(*words, "b.parquet", "--keep-last")
    assert ParquetFeed("b.parquet").read().tobytes() == bars.tobytes()


def test_import_of_the_kline_archive_joins_months_that_share_a_row(shell: Shell) -> None:
    bars = good_bars(300)
    stamps = [
        str(value).replace("-", ".").replace("T", " ")[:16]
        for value in (bars["time_ms"] + 10_800_000).astype("M8[ms]")
    ]
    lines = [f"{stamp},{line.split(',', 1)[1]}" for stamp, line in zip(stamps, csv_lines(bars), strict=True)]
    for name, part in (("b", lines[150:]), ("a", lines[:151])):
        (shell.folder / f"ETHUSDT_15_{name}.csv.gz").write_bytes(
            gzip.compress("\n".join([*part, ""]).encode())
        )
    report = shell.json("import", "ETHUSDT_15_b.csv.gz", "ETHUSDT_15_a.csv.gz", "--out", "a.parquet")
    assert report["format"] == "bybit-klines"
    assert "UTC+03:00" in report["notes"][0]
    assert ParquetFeed("a.parquet").read().tobytes() == bars.tobytes()


def test_import_of_trades_equals_the_klines_of_the_exchange(shell: Shell) -> None:
    """A day of trades that walk each bar's path gives back Bybit's own bars."""
    bars = walk(1440, timeframe="1m")
    header = (
        "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional"
    )
    lines = []
    for time_ms, _, high, low, close, volume in bars.tolist():
        for second, price, size in (
            (1, high, 0.001),
            (20, low, 0.002),
            (59.9, close, round(volume - 0.003, 3)),
        ):
            lines.append(
                f"{time_ms / 1000 + second:.4f},BTCUSDT,Buy,{max(size, 0.001)},{price},PlusTick,x,0,0,0"
            )
    name = "BTCUSDT2023-11-14.csv.gz"
    (shell.folder / name).write_bytes(gzip.compress("\n".join([header, *lines]).encode()))
    report = shell.json("import", name, "--out", "a.parquet", "--tick", "0.1")
    assert (report["format"], report["bars"], report["notes"]) == ("bybit-trades", 1440, [])
    folded = ParquetFeed("a.parquet").read()
    for field in ("time_ms", "high", "low", "close"):
        assert (folded[field] == bars[field]).all(), field
    assert (folded["open"][1:] == bars["open"][1:]).all()
    shell.json("import", name, "--out", "b.parquet", "--timeframe", "15m")
    assert shell("resample", "a.parquet", "--timeframe", "15m", "--out", "c.parquet") == 0
    assert shell.json("compare", "b.parquet", "c.parquet")["same"]


def test_import_of_any_table_newest_first(shell: Shell) -> None:
    bars = good_bars(60)
    lines = [line.replace(",", ";").replace(".", ",") for line in csv_lines(bars)[::-1]]
    (shell.folder / "t.csv").write_text("\n".join(["When;First;Top;Bottom;Last;Amount", *lines]))
    words = (
        "import",
        "t.csv",
        "--out",
        "a.parquet",
        "--delimiter",
        ";",
        "--decimal",
        ",",
        "--time-unit",
        "s",
    )
    columns = ("time=When", "open=First", "high=Top", "low=Bottom", "close=Last", "volume=Amount")
    shell.json(*words, *(word for name in columns for word in ("--column", name)))
    assert ParquetFeed("a.parquet").read().tobytes() == bars.tobytes()


def test_import_refuses_bad_input(shell: Shell, file: Path) -> None:
    bars = good_bars(60)
    chart = chart_csv(shell.folder / "a.csv", bars)
    out = ("--out", "new.parquet")
    assert "none.csv: no such file" in shell.refused("import", "none.csv", *out)
    assert "exists; --force replaces it" in shell.refused("import", chart, "--out", file.name)
    assert "no such folder for the output" in shell.refused("import", chart, "--out", "none/a.parquet")
    assert "is the input" in shell.refused("import", chart, "--out", chart, "--force")
    assert "--format 'xml' is not one of tradingview" in shell.refused(
        "import", chart, "--format", "xml", *out
    )
    assert "--column 'shut=Last' is not FIELD=NAME" in shell.refused(
        "import", chart, "--column", "shut=Last", *out
    )
    assert "no column 'Last' for close" in shell.refused("import", chart, "--column", "close=Last", *out)
    assert "zone 'Mars' is unknown" in shell.refused("import", chart, "--zone", "Mars", *out)
    assert "time unit 'days'" in shell.refused("import", chart, "--time-unit", "days", *out)
    assert "--delimiter ';;' is not one character" in shell.refused(
        "import", chart, "--delimiter", ";;", *out
    )
    assert "bars are 15m, asked for 60m" in shell.refused("import", chart, "--timeframe", "60m", *out)
    assert "--bar-rule 'mine' is not one of" in shell.refused("import", chart, "--bar-rule", "mine", *out)
    for name, spoiled, words in (
        ("gap", np.delete(bars, 7), "row 7, 2025-01-01T02:00:00Z"),
        ("twice", np.insert(bars, 7, bars[7]), "duplicate"),
        ("one", bars[:1], "too few times to tell the timeframe"),
    ):
        path = chart_csv(shell.folder / f"{name}.csv", spoiled)
        assert words in shell.refused("import", path, *out)
    (shell.folder / "short.csv").write_text("timestamp,symbol,side,size,price\n1735689600,X,Buy,1,1\n")
    assert "no whole bar in it" in shell.refused("import", "short.csv", *out)


# -- resample ------------------------------------------------------------------------------------------------------


def test_resample_names_its_output_and_says_what_it_left_out(shell: Shell, file: Path) -> None:
    report = shell.json("resample", file, "--timeframe", "4h")
    assert (Path(report["file"]).name, report["bars"]) == ("ETHUSDT_240m.parquet", 31)
    assert report["left_out"] == ["2025-01-06T04:00:00Z"]
    long = ParquetFeed(report["file"])
    assert (long.instrument.symbol, long.timeframe_ms, long.instrument.tick) == (
        "ETHUSDT",
        16 * QUARTER_MS,
        0.01,
    )
    assert shell("resample", file, "--timeframe", "4h", "--force") == 0
    assert "left out because not whole: 2025-01-06T04:00:00Z" in shell.out


def test_minutes_to_quarters_to_hours_is_minutes_to_hours(shell: Shell) -> None:
    write_bars("m.parquet", good_bars(6_000, timeframe_ms=60_000), Facts("X", 60_000))
    for source, timeframe, out in (("m", "15m", "q"), ("q", "60m", "h"), ("m", "60m", "direct")):
        assert (
            shell("resample", f"{source}.parquet", "--timeframe", timeframe, "--out", f"{out}.parquet") == 0
        )
    assert ParquetFeed("h.parquet").read().tobytes() == ParquetFeed("direct.parquet").read().tobytes()


def test_resample_refuses_bad_input(shell: Shell, file: Path) -> None:
    assert "cannot be made of 15m bars" in shell.refused("resample", file, "--timeframe", "20m")
    assert "no such file" in shell.refused("resample", "none.parquet", "--timeframe", "60m")
    assert "is the input" in shell.refused("resample", file, "--timeframe", "60m", "--out", file)
    assert "exists; --force" in shell.refused(
        "resample", file, "--timeframe", "60m", "--out", _copy(file, "o.parquet")
    )
    write_bars("gap.parquet", np.delete(good_bars(50), 10), FACTS)
    assert "gap: 1 15m bar is missing" in shell.refused("resample", "gap.parquet", "--timeframe", "60m")
    write_bars("few.parquet", good_bars(3), FACTS)
    assert "not one whole 60m bar" in shell.refused("resample", "few.parquet", "--timeframe", "60m")
    assert shell.json("resample", "gap.parquet", "--timeframe", "60m", "--allow-gaps")["bars"] == 11


# -- compare -------------------------------------------------------------------------------------------------------


def test_compare(shell: Shell, file: Path) -> None:
    assert shell.json("compare", file, _copy(file, "b.parquet"))["same"]
    other = good_bars(500)[10:]
    other["close"][90] = other["low"][90] = other["low"][90] - 0.01
    write_bars("c.parquet", other, FACTS)
    content = shell.json("compare", file, "c.parquet", code=1)
    assert (content["common"], content["only_first"], content["differing"]) == (490, 10, 1)
    assert content["examples"][0]["time"] == "2025-01-02T01:00:00Z"
    assert shell.json("compare", file, "c.parquet", "--overlap", "--tolerance", "1e9")["same"]
    assert shell("compare", file, "c.parquet") == 1
    assert "10 only in" in shell.out


def test_compare_refuses_bad_input(shell: Shell, file: Path) -> None:
    write_bars("h.parquet", good_bars(50, timeframe_ms=3_600_000), Facts("X", 3_600_000))
    assert "resample one of them first" in shell.refused("compare", file, "h.parquet")
    write_bars(
        "later.parquet", good_bars(50, start_ms=START_MS + 10**9 * 9 // QUARTER_MS * QUARTER_MS * 9), FACTS
    )
    assert "no bar in common" in shell.refused("compare", file, "later.parquet")
    assert "no such file" in shell.refused("compare", file, "none.parquet")
    assert "--tolerance -1.0 is negative" in shell.refused("compare", file, file, "--tolerance", "-1")


# -- what every reader of a file refuses ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["info", "check"])
def test_files_that_cannot_be_read(name: str, shell: Shell, file: Path) -> None:
    (shell.folder / "text.parquet").write_text("no")
    pq.write_table(pq.read_table(file).drop_columns("close"), "column.parquet")
    pq.write_table(pa.table({"time": pa.array(good_bars(9)["time_ms"])}), "only.parquet")
    for path, words in (
        ("none.parquet", "no such file"),
        (".", "not a file"),
        ("text.parquet", "not a Parquet file"),
        ("column.parquet", "no column for close"),
        ("only.parquet", "no column for open"),
    ):
        assert words in shell.refused(name, path)


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may write anywhere")
def test_a_folder_that_may_not_be_written(shell: Shell, file: Path) -> None:
    locked = shell.folder / "locked"
    locked.mkdir(mode=0o500)
    assert "Permission denied" in shell.refused(
        "resample", file, "--timeframe", "60m", "--out", locked / "a.parquet"
    )


def test_an_output_that_cannot_be_written(shell: Shell, file: Path) -> None:
    """A folder where the temporary file would go: one line from the file system, exit code 2."""
    (shell.folder / ".a.parquet.partial").mkdir()
    line = shell.refused("resample", file, "--timeframe", "60m", "--out", "a.parquet")
    assert "Is a directory" in line


def _copy(path: Path, name: str) -> Path:
    copy = path.with_name(name)
    copy.write_bytes(path.read_bytes())
    return copy
