"""CSV files of other programs: dialects, times in every form and zone, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from feeds.csv_bars import BYBIT_KLINES, BarForm, CsvBars, detect
from feeds.csv_table import CsvShape
from kwin_core.bars import BAR
from kwin_core.errors import ConfigError, DataError
from tests.feeds.bars_of import QUARTER_MS, START_MS, good_bars

HEADER = "time,open,high,low,close,Volume"


def rows(bars: np.ndarray, times: list[str], *, decimal: str = ".", sign: str = ",") -> str:
    lines = []
    for time, bar in zip(times, bars, strict=True):
        lines.append(sign.join([time, *(f"{value!r}".replace(".", decimal) for value in bar.item()[1:])]))
    return "\n".join(lines) + "\n"


def wall_clock(bars: np.ndarray, pattern: str, *, shift_h: int = 0) -> list[str]:
    import datetime as dt

    epoch = dt.datetime(1970, 1, 1)
    return [
        (epoch + dt.timedelta(milliseconds=int(value), hours=shift_h)).strftime(pattern)
        for value in bars["time_ms"]
    ]


def read(path: Path, form: BarForm | None = None) -> np.ndarray:
    return np.concatenate(list(CsvBars(path, form or BarForm()).blocks()))


TIMES: dict[str, tuple[BarForm, str, int]] = {
    # name: (form, pattern, hours the text is ahead of UTC)
    "ISO, no zone": (BarForm(), "%Y-%m-%dT%H:%M:%S", 0),
    "ISO with a blank": (BarForm(), "%Y-%m-%d %H:%M:%S", 0),
    "ISO, Z": (BarForm(), "%Y-%m-%dT%H:%M:%SZ", 0),
    "ISO with offset": (BarForm(), "%Y-%m-%dT%H:%M:%S+08:00", 8),
    "ISO in a named zone": (BarForm(zone="Europe/Berlin"), "%Y-%m-%dT%H:%M:%S", 1),
    "ISO at an offset": (BarForm(zone="-05:00"), "%Y-%m-%d %H:%M:%S", -5),
    "dotted": (BarForm(zone="+03:00"), "%Y.%m.%d %H:%M", 3),
    "pattern": (BarForm(time_unit="%d/%m/%Y %H-%M"), "%d/%m/%Y %H-%M", 0),
}


@pytest.mark.parametrize("name", TIMES)
def test_wall_clock_times_in_any_form_and_zone(name: str, tmp_path: Path) -> None:
    form, pattern, shift_h = TIMES[name]
    bars = good_bars(50)
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "\n" + rows(bars, wall_clock(bars, pattern, shift_h=shift_h)))
    assert read(path, form).tobytes() == bars.tobytes()


@pytest.mark.parametrize(
    ("unit", "divide", "suffix"),
    [("s", 1000, ""), ("ms", 1, ""), ("us", 0.001, ""), ("ns", 0.000001, ""), ("s", 1000, ".0")],
)
@pytest.mark.parametrize("stated", [True, False])
def test_numeric_times(unit: str, divide: float, suffix: str, stated: bool, tmp_path: Path) -> None:
    bars = good_bars(50)
    path = tmp_path / "a.csv"
    path.write_text(
        HEADER + "\n" + rows(bars, [f"{round(value / divide)}{suffix}" for value in bars["time_ms"]])
    )
    assert read(path, BarForm(time_unit=unit if stated else None)).tobytes() == bars.tobytes()


def test_summer_time_is_followed(tmp_path: Path) -> None:
    """Berlin skips an hour on 2025-03-30; the bars in UTC do not."""
    path = tmp_path / "a.csv"
    path.write_text(
        "time,open,high,low,close,volume\n2025-03-30T01:45:00,1,1,1,1,1\n2025-03-30T03:00:00,1,1,1,1,1\n"
    )
    times = read(path, BarForm(zone="Europe/Berlin"))["time_ms"]
    assert (times[1] - times[0]) == QUARTER_MS


def test_tradingview_chart_export(tmp_path: Path) -> None:
    """UTF-8 mark, seconds, capital Volume, columns of plots that are ignored."""
    bars = good_bars(40)
    lines = rows(bars, [str(value // 1000) for value in bars["time_ms"]]).splitlines()
    path = tmp_path / "BYBIT_ETHUSDT.P, 15.csv"
    text = HEADER + ",EMA,Shapes\n" + "\n".join(f"{line},2999.5,NaN" for line in lines) + "\n"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert detect(path) == "tradingview"
    assert read(path).tobytes() == bars.tobytes()


def test_bybit_kline_archive_packed_on_its_own_clock(tmp_path: Path) -> None:
    """No header, UTC+3 wall clock, gzip."""
    bars = good_bars(40)
    path = tmp_path / "ETHUSDT_15_2025-01-01_2025-01-31.csv.gz"
    path.write_bytes(gzip.compress(rows(bars, wall_clock(bars, "%Y.%m.%d %H:%M", shift_h=3)).encode()))
    assert detect(path) == "bybit-klines"
    assert read(path, BYBIT_KLINES).tobytes() == bars.tobytes()


def test_named_columns_other_signs_and_two_time_columns(tmp_path: Path) -> None:
    bars = good_bars(40)
    dates, clocks = wall_clock(bars, "%Y-%m-%d"), wall_clock(bars, "%H:%M:%S")
    times = [f"{date};{clock}" for date, clock in zip(dates, clocks, strict=True)]
    path = tmp_path / "a.csv"
    path.write_text("Tag;Uhr;Eröffnung;Hoch;Tief;Schluss;Menge\n" + rows(bars, times, decimal=",", sign=";"))
    columns = dict(time="Tag+Uhr", open="Eröffnung", high="Hoch", low="Tief", close="Schluss", volume="Menge")  # noqa: C408
    form = BarForm(shape=CsvShape(delimiter=";", decimal=","), columns=columns)
    assert detect(path) == "csv"
    assert read(path, form).tobytes() == bars.tobytes()


def test_missing_volume_is_an_error_unless_declared(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,open,high,low,close\n1735689600,1,2,1,2\n")
    with pytest.raises(DataError, match="no column for volume"):
        read(path)
    assert read(path, BarForm(volume=False)).tolist() == [(START_MS, 1.0, 2.0, 1.0, 2.0, 0.0)]
    with pytest.raises(ConfigError, match="leave one of them out"):
        CsvBars(path, BarForm(volume=False, columns={"volume": "close"}))


def test_missing_numbers_become_nan_for_the_gate_to_refuse(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "\n1735689600,1,2,1,,NaN\n")
    bar = read(path)[0]
    assert np.isnan(bar["close"])
    assert np.isnan(bar["volume"])


BAD = {
    "no such file": (None, "no such file"),
    "empty": ("", "cannot be read as this kind of CSV (Empty CSV file"),
    "header only": (HEADER + "\n", "no rows"),
    "no time": (HEADER + "\n,1,2,1,2,1\n", "row 0: no time"),
    "words for numbers": (HEADER + "\n1735689600,1,high,1,2,1\n", "invalid value 'high'"),
    "words for times": (HEADER + "\nyesterday,1,2,1,2,1\n", "times are not all of the form iso"),
    "times of two forms": (
        HEADER + "\n1735689600,1,2,1,2,1\n2025-01-01,1,2,1,2,1\n",
        "times are not all of the form s",
    ),
    "too few columns": (HEADER + "\n1735689600,1,2\n", "Expected 6 columns, got 3"),
    "no header known": ("a,b\n1,2\n", "no column for time"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_get_one_line(name: str, tmp_path: Path) -> None:
    text, words = BAD[name]
    path = tmp_path / "a.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError) as caught:
        read(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_packing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    whole = gzip.compress((HEADER + "\n" + rows(good_bars(2_000), ["1735689600"] * 2_000)).encode())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot be read as this kind of CSV"):
        read(path)
    path.write_bytes(b"no gzip at all, whatever the name says")
    with pytest.raises(DataError, match="cannot be read as this kind of CSV"):
        read(path)


def test_unknown_zone_and_unit() -> None:
    from feeds.time_text import TimeText

    with pytest.raises(ConfigError, match="zone 'Mars/Olympus' is unknown; write UTC"):
        TimeText("x", zone="Mars/Olympus")
    with pytest.raises(ConfigError, match="time unit 'days' is not one of s, ms, us, ns"):
        TimeText("x", unit="days")


def test_long_files_come_in_blocks(tmp_path: Path) -> None:
    bars = good_bars(60_000)
    path = tmp_path / "a.csv"
    path.write_text(HEADER + "\n" + rows(bars, [str(value // 1000) for value in bars["time_ms"]]))
    blocks = list(CsvBars(path, BarForm()).blocks())
    assert len(blocks) > 1
    assert all(block.dtype == BAR and block.flags.writeable for block in blocks)
    assert np.concatenate(blocks).tobytes() == bars.tobytes()
