"""A real headless browser for the tests; they skip plainly where none is installed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def browser(width: int = 1400, height: int = 1000) -> Iterator[Any]:
    """A driver of a window of that size."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    binary = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    driver_path = shutil.which("chromedriver")
    if binary is None or driver_path is None:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument(f"--window-size={width},{height}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver_path))
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
    )
    driver.set_script_timeout(60)
    try:
        yield driver
    finally:
        driver.quit()


def open_page(driver: Any, path: Path) -> None:
    """Open a report and wait until its chart is drawn."""
    driver.get(path.as_uri())
    until(lambda: driver.execute_script("return document.body.dataset.ready") == "yes", "the chart")


def until(done: Any, what: str, seconds: float = 60.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, f"{what} did not come within {seconds} s"
        time.sleep(0.02)


ZOOM = """
const [from, to, done] = arguments;
const plot = document.getElementById("chart");
const begun = performance.now();
let last = 0;
const drawn = () => { last = performance.now(); };
plot.on("plotly_afterplot", drawn);
Plotly.relayout(plot, {"xaxis.range[0]": from, "xaxis.range[1]": to});
(function wait() {
  if (last > 0 && performance.now() - last > 300) {
    plot.removeListener("plotly_afterplot", drawn);
    done(last - begun);
  } else requestAnimationFrame(wait);
})();
"""


def zoom(driver: Any, first: str, last: str) -> float:
    """Zoom as a drag on the axis does; seconds until the last redraw was done."""
    return driver.execute_async_script(ZOOM, first, last) / 1000.0


def shown(driver: Any) -> dict[str, int]:
    """Points of each trace by name."""
    script = "return document.getElementById('chart').data.map(t => [t.name, (t.x || []).length])"
    return dict(driver.execute_script(script))
