"""The command on the golden ETHUSDT bars: a true export passes, and what is done to it is found."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path

import pytest

from engines.backtest_cli import app as backtest_app
from engines.command_line import run
from tests.golden_data import golden_path
from tests.parity.conftest import NO_WINDOW, Parity
from tests.parity.listing import Listing

pytestmark = pytest.mark.golden
OPTIONS = (*NO_WINDOW, "--tick", "0.01", "--lot", "0")


@pytest.fixture(scope="module")
def data() -> Path:
    return golden_path("tradingview", "data", "ETHUSDT_15m.parquet")


@pytest.fixture(scope="module")
def real(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Listing:
    """dual-sfp on all bars: 3 687 closed trades (golden kwin/README)."""
    out = tmp_path_factory.mktemp("real")
    words = [str(data), "--no-window", "--tick", "0.01", "--lot", "0", "--out", str(out), "--json"]
    with redirect_stdout(io.StringIO()):
        assert run(backtest_app, words, name="kwin-backtest") == 0
    return Listing.read(out / "trades.csv")


def test_true_export(parity: Parity, real: Listing, data: Path) -> None:
    report = parity.json(real.moved(timedelta(hours=8)), *OPTIONS, code=0, data=data)
    assert report["trades"]["matched"] == len(real.numbers()) >= 3_687
    assert report["zone"]["name"] == "UTC+08:00"


def test_damage_is_found(parity: Parity, real: Listing, data: Path) -> None:
    for damaged, number, field, cause in (
        (real.nudge(2_000, "exit"), 2_000, "price", "data"),
        (real.delete(1_234, renumber=True), 1_234, "extra", "data"),
        (real.add(3_000, minutes=15), 3_001, "missing", "data"),
    ):
        first = parity.first(damaged, *OPTIONS, data=data)
        assert (first["trade"], first["field"], first["cause"]) == (number, field, cause)


@pytest.mark.parametrize(
    ("words", "cause", "best"),
    [
        (("--commission", "0.1"), "commission", "--commission 0.055"),
        (("--profile", "intent"), "trail", "--profile tv-literal"),
        (("--set", "all_na_exit=keep"), "trail", "--set all_na_exit=cancel"),
        (("--set", "conditional_history=per-call"), "trail", "--set conditional_history=ring"),
        (("--tick", "0.1"), "rounding", "--tick 0.01"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else words,
)
def test_wrong_setting(
    parity: Parity, real: Listing, data: Path, words: tuple[str, ...], cause: str, best: str
) -> None:
    report = parity.json(real, *OPTIONS, *words, code=1, data=data)
    assert report["first_difference"]["cause"] == cause
    assert report["best"]["setting"] == best
    assert report["best"]["exact"]


@pytest.mark.parametrize("name", ["rsi-midline-reversal", "sweep-close-back"])
def test_exports_of_other_strategies_are_explained(parity: Parity, data: Path, name: str) -> None:
    """A real TradingView export of something that is not KWIN: read, its zone found, told apart."""
    path = golden_path("tradingview", name, "trades.csv")
    report = parity.json(path, *OPTIONS, code=1, data=data)
    assert report["zone"]["name"] == "UTC+08:00"
    assert report["trades"]["matched"] == 0
    assert report["first_difference"]["trade"] == 1
    assert report["best"] is None or not report["best"]["exact"]


def test_wrong_window(parity: Parity, real: Listing, data: Path) -> None:
    """The default window of 30 days against an export of all bars."""
    report = parity.json(real, "--tick", "0.01", "--lot", "0", code=1, data=data)
    first = report["first_difference"]
    assert (first["trade"], first["field"], first["cause"]) == (1, "missing", "window")
    assert report["best"]["setting"] == "--set use_window=false"
    assert report["best"]["exact"]
