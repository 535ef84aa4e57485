"""An export made with another setting: the cause is right and the setting that explains everything is named."""

from __future__ import annotations

import pytest

from tests.parity.conftest import NO_WINDOW, Maker, Parity
from tests.parity.listing import Listing
from tests.selection import mostly_slow


@pytest.mark.parametrize(
    ("words", "cause", "best"),
    mostly_slow(
        [
            (("--commission", "0.1"), "commission", "--commission 0.055"),
            (("--commission", "0"), "commission", "--commission 0.055"),
            (("--tick", "0.1"), "rounding", "--tick 0.01"),
            (("--tick", "0.001"), "trail", "--tick 0.01"),
            (("--profile", "intent"), "trail", "--profile tv-literal"),
            (("--capital", "1000"), "size", "--capital 300"),
            (("--lot", "1"), "size", "--lot 0.01"),
            (("--set", "riskPct=2"), "size", "--set risk_pct=3.0"),
            (("--from", "2025-02-01"), "warm-up", "without --from"),
            (("--tz", "UTC+3"), "data", "--tz UTC"),
        ]
    ),
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else words,
)
def test_wrong_option(
    parity: Parity, listing: Listing, words: tuple[str, ...], cause: str, best: str
) -> None:
    """The export is right and the command is given something wrong."""
    report = parity.json(listing, *NO_WINDOW, *words, code=1)
    assert report["best"]["exact"], report["best"]
    assert report["best"]["setting"] == best
    first = report["first_difference"]
    expected = {cause} if "--tick" not in words else {"rounding", "trail"}
    assert first["cause"] in expected, first["explanation"]
    assert first["trade"] == 1
    assert best in first["explanation"]


def test_wrong_window(parity: Parity, listing: Listing) -> None:
    """The default window of 30 days against an export of all bars."""
    report = parity.json(listing, code=1)
    first = report["first_difference"]
    assert (first["trade"], first["field"], first["cause"]) == (1, "missing", "window")
    assert report["best"]["setting"] == "--set use_window=false"
    assert report["best"]["exact"]


@pytest.mark.slow
def test_wrong_window_the_other_way(parity: Parity, export_of: Maker) -> None:
    """An export whose entries began with the window, against a run without it."""
    windowed = export_of()
    report = parity.json(windowed, *NO_WINDOW, code=1)
    first = report["first_difference"]
    assert (first["field"], first["cause"]) == ("extra", "window")
    assert report["best"]["exact"]
    assert report["best"]["setting"] == "--set use_window=true"


def test_window_start_nobody_gave(parity: Parity, export_of: Maker) -> None:
    """The start chosen on the chart is found from the first entry."""
    start = "2025-06-10T00:00Z"
    words = ("--set", f"start_time={start}", "--set", "periodChoice=180")
    report = parity.json(export_of(*words), *NO_WINDOW, code=1)
    assert report["first_difference"]["cause"] == "window"
    assert report["best"]["exact"]
    assert "--set start_time_ms=" in report["best"]["setting"]


@pytest.mark.parametrize(
    ("given", "cause"),
    mostly_slow(
        [
            ("conditional_history=per-call", "trail"),
            ("conditional_history=global", "trail"),
            ("all_na_exit=keep", "trail"),
            ("use_once_per_swing=false", "lock"),
            ("use_fee_filter=false", "size"),
            ("use_one_per_bar=false", "signal"),
            ("use_bar_trail=false", "trail"),
        ]
    ),
)
def test_switch(parity: Parity, export_of: Maker, given: str, cause: str) -> None:
    """An export made with another side of a switch settles it: exactly this switch is named."""
    made = export_of("--no-window", "--set", given)
    report = parity.json(made, *NO_WINDOW, code=1)
    assert report["best"]["exact"], report["best"]
    assert report["best"]["setting"] == f"--set {given}"
    assert report["first_difference"]["cause"] == cause
    tried = {trial["setting"]: trial for trial in report["tried"]}
    for switch in ("all_na_exit", "conditional_history"):
        assert any(name.startswith(f"--set {switch}=") for name in tried)
    assert "--profile intent" in tried


@pytest.mark.slow
def test_several_wrong_settings(parity: Parity, listing: Listing) -> None:
    """Capital, commission and profile all wrong: found one after the other."""
    words = ("--capital", "1000", "--commission", "0", "--profile", "intent")
    report = parity.json(listing, *NO_WINDOW, *words, code=1)
    assert report["best"]["exact"]
    for option in ("--capital 300", "--commission 0.055", "--profile tv-literal"):
        assert option in report["best"]["setting"]


@pytest.mark.slow
def test_input_that_nobody_tries(parity: Parity, export_of: Maker) -> None:
    """Another swing length is no switch: the state at the first difference says there is no such signal."""
    report = parity.json(export_of("--no-window", "--set", "len=5"), *NO_WINDOW, code=1)
    first = report["first_difference"]
    assert first["cause"] in ("signal", "lock", "gate")
    assert first["state"] is not None
    assert report["best"] is None or not report["best"]["exact"]


@pytest.mark.slow
def test_other_preset(parity: Parity, export_of: Maker) -> None:
    """An export of classic compared as dual-sfp: the preset is found."""
    made = export_of("--no-window", "--preset", "classic", "--lot", "0")
    report = parity.json(made, *NO_WINDOW, "--lot", "0", code=1)
    assert report["best"]["setting"] == "--preset classic"
    assert report["best"]["exact"]
