"""live.toml: every key known, every value checked, every origin told, one clear line for each mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engines.live.settings import load_settings
from kwin_core.errors import ConfigError
from tests.golden_data import PROJECT_ROOT

EXAMPLE = PROJECT_ROOT / "live.example.toml"

GOOD = """
[deployment]
journal = "j.sqlite"
venue = "paper"
profile = "intent"

[[symbols]]
symbol = "ETHUSDT"
"""


def load(tmp_path: Path, text: str, **options: Any) -> Any:
    """Load a configuration of this text."""
    path = tmp_path / "live.toml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path, environment={}, **options)


def test_the_example_loads_and_paths_start_at_its_folder() -> None:
    loaded = load_settings(EXAMPLE, environment={})
    assert loaded.config.deployment.journal == PROJECT_ROOT / "live.sqlite"
    assert [str(one) for one in loaded.config.streams] == ["linear ETHUSDT 15m"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("profile = ", "# "), "deployment.profile is missing; it has no default"),
        (('profile = "intent"', 'profile = "percent"'), "profile 'percent' is none of tv-literal, intent"),
        (
            ('venue = "paper"', 'venue = "binance"'),
            "venue 'binance' is none of paper, demo, testnet, mainnet",
        ),
        (('venue = "paper"', 'venue = "mainnet"'), 'needs the line real_money = "I trade real money"'),
        (('venue = "paper"', 'venue = "paper"\nlevrage = 3'), "unknown key deployment.levrage"),
        (('venue = "paper"', 'venue = "paper"\nleverage = 0'), "deployment.leverage = 0: "),
        (('venue = "paper"', 'venue = "paper"\ncapital = -1'), "deployment.capital = -1: "),
        (('venue = "paper"', 'venue = "paper"\ntrade_from = "yesterday"'), "trade_from"),
        (('symbol = "ETHUSDT"', 'symbol = "eth"'), "symbols[0].symbol = 'eth': "),
        (('symbol = "ETHUSDT"', 'symbol = "ETHUSDT"\ntimeframe = "7m"'), "7m"),
        (
            ('symbol = "ETHUSDT"', 'symbol = "ETHUSDT"\n[[symbols]]\nsymbol = "ETHUSDT"'),
            "ETHUSDT is traded twice",
        ),
        (("[[symbols]]", "[inputs]\nriskPercent = 1\n[[symbols]]"), "riskPercent"),
        (("[[symbols]]", "[inputs]\nriskPct = -3\n[[symbols]]"), "risk"),
        (("[[symbols]]", "[polcy]\n[[symbols]]"), "unknown key polcy"),
        (("[[symbols]]", '[policy]\norphans = "ignore"\n[[symbols]]'), "policy.orphans = 'ignore': "),
        (("[[symbols]]", "[network]\nping_interval_s = 5\n[[symbols]]"), "ping_interval_s must exceed"),
        (('venue = "paper"', 'venue = "http://127.0.0.1:1"'), "needs network.stream_url"),
        (('venue = "paper"', 'venue = "paper"\nvenue = "demo"'), "not valid TOML"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(change: tuple[str, str], words: str, tmp_path: Path) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    line = str(caught.value)
    assert words in line
    assert "live.toml" in line
    assert "\n" not in line


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: No such file.*live\.example\.toml"):
        load_settings(tmp_path / "none.toml", environment={})


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "live.toml"
    path.write_text(GOOD + "[policy]\nlook_s = 10\nsettle_s = 2\nnaked_exit_s = 9\n", encoding="utf-8")
    variables = {"KWIN_LIVE_POLICY__LOOK_S": "20", "KWIN_LIVE_POLICY__SETTLE_S": "3", "OTHER": "x"}
    loaded = load_settings(path, assignments=["policy.look_s=30"], environment=variables)
    policy = loaded.config.policy
    assert (policy.look_s, policy.settle_s, policy.naked_exit_s) == (30, 3, 9)
    origins = {key: origin for key, _, origin in loaded.rows()}
    assert origins["policy.look_s"] == "command line"
    assert origins["policy.settle_s"] == "environment"
    assert origins["policy.naked_exit_s"] == "file"
    assert origins["policy.too_large"] == "default"


@pytest.mark.parametrize("text", ["policy", "policy.look_s", "look_s=3", "a.b.c=1"])
def test_a_wrong_assignment_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--set"):
        load(tmp_path, GOOD, assignments=[text])


def test_the_hash_follows_the_values_and_nothing_else(tmp_path: Path) -> None:
    first = load(tmp_path, GOOD).hash
    assert load(tmp_path, GOOD + "\n# a remark\n").hash == first
    assert load(tmp_path, GOOD, assignments=["policy.look_s=60.0"]).hash == first
    assert load(tmp_path, GOOD, assignments=["policy.look_s=61"]).hash != first
