"""Users' own cases: every folder below ``fixtures/parity`` with a ``case.toml`` must be at parity.

To keep a case, put the export, the bars and a ``case.toml`` (see `engines.parity.case`) in a folder there; it is
found by itself.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engines.parity.case import find_cases, read_case
from engines.parity.tradingview import compare
from fixtures.make_ethusdt_like import PATH
from kwin_core.errors import ConfigError
from tests.parity.conftest import Parity

ROOT = PATH.parent / "parity"


@pytest.mark.parametrize("folder", find_cases(ROOT), ids=lambda folder: folder.name)
def test_case(folder: Path) -> None:
    """Every trade of the case matches in every printed column."""
    outcome = compare(read_case(folder))
    assert outcome.parity, outcome.verdict


def test_there_is_a_case() -> None:
    assert [folder.name for folder in find_cases(ROOT)]


def test_command_takes_the_folder(parity: Parity) -> None:
    assert parity(ROOT / "dual_sfp_literal") == 0
    assert "result   parity" in parity.out


@pytest.mark.slow
def test_damaged_case_fails(parity: Parity) -> None:
    folder = parity.folder / "case"
    shutil.copytree(ROOT / "dual_sfp_literal", folder)
    text = (folder / "case.toml").read_text(encoding="utf-8")
    (folder / "case.toml").write_text(
        text.replace("../../ethusdt_like_15m.parquet", str(PATH)).replace(
            "use_window = false", "risk_pct = 1"
        ),
        encoding="utf-8",
    )
    assert parity(folder) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "export must be a text"),
        ("export = 1", "export must be a text"),
        ("export = 'a'\nbars = 'b'\nprset = 'x'", "unknown prset"),
        ("export = 'a'\nbars = 'b'\n[options]\nlots = 1", "unknown lots"),
        ("export = 'a'\nbars = 'b'\n[options]\nlot = 'one'", "lot must be a number"),
        ("export = 'a'\nbars = 'b'\n[params]\nnonsense = 1", "unknown input"),
        ("export = ", "not TOML"),
        ("export = 'a'\nbars = 'b'\noptions = 1", "must be a table"),
    ],
)
def test_bad_case(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "case.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        read_case(tmp_path)


def test_folder_without_case(parity: Parity) -> None:
    assert parity(parity.folder) == 2
    assert "case.toml: cannot be read" in parity.err
