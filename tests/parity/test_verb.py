"""`parity` from Python: the answer of the command, with frames in and out."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines import load, parity
from engines.parity.case import read_case
from engines.parity.tradingview import compare
from kwin_core.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2] / "fixtures"
CASE = ROOT / "parity" / "dual_sfp_literal"
BARS = ROOT / "ethusdt_like_15m.parquet"
PARAMS = {"use_window": False}


def test_a_file_a_frame_and_a_case_are_one_question() -> None:
    export = CASE / "trades.csv"
    expected = compare(read_case(CASE)).report()
    for found in (
        parity(CASE),
        parity(export, BARS, params=PARAMS, tz="UTC"),
        parity(export, load(BARS), params=PARAMS),
    ):
        assert found.parity
        assert found.differences.empty
        report = found.report()
        assert report["trades"] == expected["trades"]
        assert report["setting"]["tick"] == expected["setting"]["tick"]


def test_a_difference_is_a_frame_and_shows_itself() -> None:
    """With the window on the run lacks most trades: no parity, and the page names the setting that matches."""
    found = parity(CASE / "trades.csv", load(BARS), tz="UTC")
    assert not found.parity
    assert found.verdict is not None
    assert set(found.differences.columns) == {"trade", "row", "field", "export", "run"}
    page = found._repr_html_()
    assert "no parity" in page
    assert "use_window" in page
    assert repr(found).startswith("<Outcome no parity: ")


def test_what_is_missing_or_unknown_is_said() -> None:
    with pytest.raises(ConfigError, match="which bars"):
        parity(CASE / "trades.csv")
    with pytest.raises(ConfigError, match="params: "):
        parity(CASE / "trades.csv", BARS, params={"no_such_input": 1})
