"""The report in a real browser: no errors, nothing fetched, and fluent at 50 000 bars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines import Result, backtest
from kwin_core.bars import BAR
from tests.report.browser import browser, open_page, shown, until, zoom

pytestmark = pytest.mark.slow
COUNT = 50_000


def walk_of_bars(count: int = COUNT) -> np.ndarray:
    """A random walk of 15-minute bars around 3000, on a grid of 0.01."""
    dice = np.random.default_rng(11)
    steps = dice.normal(0.0, 260.0, (count, 12)).round().cumsum(axis=1)
    closes = np.maximum(300_000 + steps[:, -1].cumsum() * 0.5, 60_000).round()
    opens = np.concatenate(([300_000], closes[:-1]))
    walked = opens[:, None] + steps
    bars = np.zeros(count, BAR)
    bars["time_ms"] = 1_704_067_200_000 + 900_000 * np.arange(count)  # 2024-01-01
    bars["open"], bars["close"] = opens / 100, closes / 100
    bars["high"] = np.maximum(walked.max(axis=1), np.maximum(opens, closes)) / 100
    bars["low"] = np.maximum(np.minimum(walked.min(axis=1), np.minimum(opens, closes)), 1) / 100
    bars["volume"] = 1.0
    return bars


@pytest.fixture(scope="module")
def run() -> Result:
    return backtest(walk_of_bars(), tick=0.01, lot=0.01, symbol="WALK", params={"use_window": False})


@pytest.fixture(scope="module")
def page(run: Result, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    run.write_report(path, run.paths())
    return path


@pytest.fixture(scope="module")
def driver() -> Any:
    with browser() as made:
        yield made


def errors_of(driver: Any) -> list[str]:
    return [
        entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")
    ]


def test_it_opens_without_errors_and_fetches_nothing(driver: Any, page: Path, run: Result) -> None:
    open_page(driver, page)
    assert errors_of(driver) == []
    fetched = driver.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    assert [name for name in fetched if not name.startswith("data:")] == []
    text = driver.find_element("tag name", "body").text
    assert "tv-literal" in text
    assert "A good result here is not an edge" in text
    assert run.digest in text
    assert "hangs on the assumed path" in text
    drawn = driver.execute_script(
        "return [...document.querySelectorAll('.small-plot')].map(place => place.querySelectorAll('svg').length > 0)"
    )
    assert drawn == [True] * 4


def test_it_reacts_to_zoom_within_a_second_at_50000_bars(driver: Any, page: Path, run: Result) -> None:
    """The best of three, so that a busy machine does not decide; candles never outnumber what a screen can show."""
    open_page(driver, page)
    assert len(run.bars) == COUNT
    times = run.bars.index
    for span in (COUNT - 1, 12_000, 3_000, 600, 90):
        first, last = times[COUNT // 2 - span // 2], times[COUNT // 2 + span // 2 - 1]
        seconds = min(zoom(driver, f"{first:%Y-%m-%d %H:%M}", f"{last:%Y-%m-%d %H:%M}") for _ in range(3))
        assert seconds < 1.0, f"{span} bars took {seconds:.2f} s"
        points = shown(driver)
        assert 0.6 * min(span, 150) <= points["bars"] <= 500
        assert points["equity"] <= 4_000
    assert errors_of(driver) == []


def test_folded_candles_hold_the_extremes_of_their_bars(driver: Any, page: Path, run: Result) -> None:
    """What is drawn from afar is checked against the bars: opens, closes, highs and lows of every stretch."""
    open_page(driver, page)
    trace = driver.execute_script(
        "const t = document.getElementById('chart').data[0]; return [t.open, t.high, t.low, t.close]"
    )
    note = driver.find_element("id", "chart-note").text
    step = int(note.split("A candle is ")[1].split(" bars")[0])
    bars = run.bars
    group = np.arange(COUNT) // step
    folded = bars.groupby(group).agg({"open": "first", "high": "max", "low": "min", "close": "last"})
    for name, values in zip(("open", "high", "low", "close"), trace, strict=True):
        np.testing.assert_allclose(values, folded[name], atol=1e-6)


def test_a_wheel_a_button_and_a_trade(driver: Any, page: Path, run: Result) -> None:
    """Real input: the wheel zooms, a button takes a week, and "trade" goes to the first trade, marked on the chart."""
    actions = pytest.importorskip("selenium.webdriver.common.action_chains")
    wheel = pytest.importorskip("selenium.webdriver.common.actions.wheel_input")
    open_page(driver, page)
    plot = driver.find_element("id", "chart")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", plot)

    def width() -> float:
        script = (
            "const r = document.getElementById('chart').layout.xaxis.range; return r.map(v => +new Date(v))"
        )
        first, last = driver.execute_script(script)
        return last - first

    before = width()
    for _ in range(3):
        origin = wheel.ScrollOrigin.from_element(plot)
        actions.ActionChains(driver).scroll_from_origin(origin, 0, -400).perform()
    until(lambda: width() < 0.9 * before, "the zoom of the wheel", 10.0)
    driver.find_element("css selector", "[data-days='7']").click()
    until(lambda: abs(width() - 7 * 86_400_000) < 1_000, "the week", 10.0)
    driver.find_element("id", "next").click()
    until(lambda: driver.find_elements("css selector", "#trade-rows tr.current"), "the trade", 10.0)
    until(lambda: width() < 3 * 86_400_000, "the trade's stretch", 10.0)
    points = shown(driver)
    assert points["long entry"] + points["short entry"] > 0
    assert points["stop"] > 0
    cells = driver.find_elements("css selector", "#trade-rows tr.current td")
    trade = run.trades.iloc[0]
    assert [cell.text for cell in cells[:2]] == ["1", trade["side"]]
    assert cells[4].text == f"{trade['entry_price']:.2f}"
    assert errors_of(driver) == []


CUT = """
for (const place of document.querySelectorAll(".tile b")) place.textContent = "+1,514,219.33";
const found = [...document.querySelectorAll(".tile"), ...document.querySelectorAll(".facts .wide")];
return found.filter((place) => place.scrollWidth > place.clientWidth).map((place) => place.textContent);
"""
"""Numbers beyond the edge of their place: a cut one reads as another. A million does not fit everywhere by itself."""


@pytest.mark.parametrize("width", [390, 820, 1000, 1400, 1900])
def test_no_width_scrolls_sideways(page: Path, width: int) -> None:
    with browser(width, 900) as driver:
        open_page(driver, page)
        assert driver.execute_script("return document.documentElement.scrollWidth") <= width
        assert driver.execute_script(CUT) == []
        assert errors_of(driver) == []
