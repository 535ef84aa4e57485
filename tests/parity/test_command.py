"""``kwin-parity`` as a command: its texts, its files, its exit codes, how fast it helps."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fixtures.make_ethusdt_like import PATH
from tests.parity.conftest import NO_WINDOW, Parity
from tests.parity.listing import Listing

COMMAND = [sys.executable, "-m", "engines.parity.cli", "tradingview"]


def test_help_is_quick_and_shows_examples() -> None:
    """The heavy libraries are imported only once the arguments are understood: no more than a bare typer app."""
    began = time.perf_counter()
    done = subprocess.run([*COMMAND, "--help"], capture_output=True, text=True, check=True)
    taken = time.perf_counter() - began
    assert "Examples:" in done.stdout
    assert "Exit codes: 0 parity, 1 no parity, 2" in done.stdout
    probe = (
        "import sys; sys.argv = ['kwin-parity', 'tradingview', '--help']\n"
        "from engines.command_line import run\nfrom engines.parity.cli import app\n"
        "run(app, name='kwin-parity')\n"
        "sys.exit(any(name in sys.modules for name in ('numpy', 'numba', 'pyarrow', 'pandas', 'openpyxl')))"
    )
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, check=False).returncode == 0
    assert taken < 20.0  # only that it ends; the modules above decide


@pytest.mark.slow
def test_process_exit_codes(listing: Listing, tmp_path: Path) -> None:
    """As a process of its own: 0 on parity, 1 without, 2 for a file that is no export."""
    good = listing.write(tmp_path / "good.csv")
    bad = listing.delete(3).write(tmp_path / "bad.csv")
    (tmp_path / "none.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    for path, code in ((good, 0), (bad, 1), (tmp_path / "none.csv", 2)):
        words = [*COMMAND, str(path), str(PATH), *NO_WINDOW]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert ("result   parity" in done.stdout) == (code == 0)
        assert done.stderr.count("\n") == (1 if code == 2 else 0)


def test_text_says_everything(parity: Parity, listing: Listing) -> None:
    path = listing.nudge(500, "exit").write(parity.folder / "export.csv")
    assert parity(path, PATH, *NO_WINDOW) == 1
    text = parity.out
    for words in (
        "UTC, found by matching prices to bars",
        "1 differing, 0 missing here, 0 extra here",
        "first    trade 500 exit price: export ",
        "cause    data: the export contradicts itself",
        "bar      ",
        "state    ",
        "--set all_na_exit=keep: ",
        "--set conditional_history=per-call: ",
        "--profile intent: ",
        "result   no parity",
    ):
        assert words in text, words


def test_report_files(parity: Parity, listing: Listing) -> None:
    """Markdown and HTML say the same as the JSON; the page needs nothing from outside."""
    out = parity.folder / "report"
    path = listing.delete(500).write(parity.folder / "export.csv")
    assert parity(path, PATH, *NO_WINDOW, "--out", out) == 1
    report = json.loads((out / "parity.json").read_text(encoding="utf-8"))
    assert report["first_difference"]["trade"] == 500
    text = (out / "parity.md").read_text(encoding="utf-8")
    page = (out / "parity.html").read_text(encoding="utf-8")
    for content in (text, page):
        assert "no parity" in content
        assert "Cause: data" in content
        assert "conditional_history=per-call" in content
        assert str(report["first_difference"]["bar"]) in content
    assert page.startswith("<!doctype html>")
    assert "http" not in page
    assert "<script" not in page


def test_report_of_parity(parity: Parity, listing: Listing) -> None:
    out = parity.folder / "report"
    path = listing.write(parity.folder / "export.csv")
    assert parity(path, PATH, *NO_WINDOW, "--out", out) == 0
    assert "# TradingView parity: parity" in (out / "parity.md").read_text(encoding="utf-8")
    assert json.loads((out / "parity.json").read_text(encoding="utf-8"))["parity"] is True


def test_signal_texts_cannot_break_the_page(parity: Parity, listing: Listing) -> None:
    damaged = listing.copy()
    for row in damaged.trade(1):
        row[3] = "<b>x</b>|y"
    out = parity.folder / "report"
    assert parity(damaged.write(parity.folder / "e.csv"), PATH, *NO_WINDOW, "--out", out) == 1
    assert "<b>x</b>" not in (out / "parity.html").read_text(encoding="utf-8")
    assert "<b>x</b>" not in (out / "parity.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--tz", "Mars/Base"), "--tz"),
        (("--set", "nonsense=1"), "unknown input"),
        (("--profile", "hope"), "unknown profile"),
        (("--preset", "hope"), "preset"),
        (("--tick", "-1"), "tick"),
        (("--from", "2030-01-01"), "no bars"),
        (("--from", "soon"), "--from"),
        (("--margin", "500"), "margin"),
        (("--commission", "-1"), "commission"),
        (("--capital", "0"), "capital"),
    ],
)
def test_bad_options(parity: Parity, listing: Listing, words: tuple[str, ...], said: str) -> None:
    path = listing.write(parity.folder / "export.csv")
    assert parity(path, PATH, *words) == 2
    assert said in parity.err
    assert parity.err.count("\n") == 1


def test_bars_are_asked_for(parity: Parity, listing: Listing) -> None:
    assert parity(listing.write(parity.folder / "export.csv")) == 2
    assert "which bars?" in parity.err


def test_bars_that_do_not_exist(parity: Parity, listing: Listing) -> None:
    assert parity(listing.write(parity.folder / "export.csv"), parity.folder / "absent.parquet") == 2
    assert parity.err.count("\n") == 1
