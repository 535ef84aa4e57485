"""``[limits]`` and ``[canary]``: amounts, ends and kinds, and one clear line for each mistake."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from engines.live.canary import Canary, Slippage
from engines.live.desk_policy import desk_policy
from engines.live.limits import Amount, Limits
from kwin_core.errors import ConfigError
from tests.live.test_settings import EXAMPLE, GOOD, load


def test_the_desk_gets_what_the_file_says(tmp_path: Path) -> None:
    text = """
[limits]
max_position = 1000.5
max_exposure = "150 %"
max_entries_per_hour = 9
max_daily_loss = "5%"
max_consecutive_losses = 4
max_drifts_per_day = 3
max_api_errors = 20
stale_bars = 2.5
wallet_tolerance = 0.5

[canary]
fraction = 0.1
trades = 10
until = "2026-01-01"
max_loss = 25
max_slippage = "0.1%"
drifts = ["late", "rejected"]
"""
    policy = desk_policy(load(tmp_path, GOOD + text))
    assert policy.limits == Limits(
        position=Amount(Decimal("1000.5")),
        exposure=Amount(Decimal(150), percent=True),
        entries_per_hour=9,
        daily_loss=Amount(Decimal(5), percent=True),
        consecutive_losses=4,
        stale_bars=2.5,
        drifts_per_day=3,
        api_errors=20,
        wallet_tolerance=Amount(Decimal("0.5")),
    )
    assert policy.canary == Canary(
        fraction=Decimal("0.1"),
        trades=10,
        until_ms=1_767_225_600_000,
        max_loss=Amount(Decimal(25)),
        max_slippage=Slippage(Decimal("0.1"), percent=True),
        drifts=frozenset({"late", "rejected"}),
    )


def test_by_default_only_old_data_halts_and_the_wallet_is_compared(tmp_path: Path) -> None:
    policy = desk_policy(load(tmp_path, GOOD))
    assert policy.limits == Limits(stale_bars=3.0, wallet_tolerance=Amount(Decimal("0.01"), percent=True))
    assert policy.canary is None


def test_the_commented_lines_of_the_example_are_right(tmp_path: Path) -> None:
    head, _, tail = EXAMPLE.read_text(encoding="utf-8").partition("[limits]")
    loaded = load(tmp_path, head + "[limits]" + tail.replace("\n# ", "\n"))
    assert desk_policy(loaded).limits.daily_loss == Amount(Decimal(5), percent=True)
    assert desk_policy(loaded).canary is not None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[limits]\nmax_position = "half"', "limits.max_position"),
        ("[limits]\nmax_daily_loss = -5", "is not above zero"),
        ("[limits]\nmax_daily_loss = true", "write a number, or a percentage"),
        ("[limits]\nmax_entries_per_hour = 0", "limits.max_entries_per_hour"),
        ("[limits]\nmax_entries = 3", "unknown key limits.max_entries"),
        ("[limits]\nstale_bars = 1.0", "limits.stale_bars"),
        ("[canary]\nfraction = 0.1", "canary has no end"),
        ("[canary]\ntrades = 3", "canary has no size"),
        ("[canary]\nfraction = 0.1\nqty = 1\ntrades = 3", "choose one"),
        ("[canary]\nfraction = 1.5\ntrades = 3", "canary.fraction"),
        ('[canary]\nqty = 1\ntrades = 3\ndrifts = ["lat"]', "'lat' is none of bar_revised, rejected"),
        ('[canary]\nqty = 1\nuntil = "soon"', "canary.until"),
    ],
)
def test_mistakes_are_named(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, f"{GOOD}\n{text}\n")
    assert words in str(error.value)
    assert "\n" not in str(error.value)
