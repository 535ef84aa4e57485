"""The real command, and lists of trades made by the real backtest command."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from engines.backtest_cli import app as backtest_app
from engines.command_line import run
from engines.parity.cli import app
from fixtures.make_ethusdt_like import PATH
from tests.parity.journals import Journals, Live, paper_journal
from tests.parity.listing import Listing

NO_WINDOW = ("--set", "use_window=false")


class Parity:
    """Runs ``kwin-parity tradingview`` in this process and keeps what it printed."""

    def __init__(self, capture: pytest.CaptureFixture[str], folder: Path) -> None:
        self.folder = folder
        self._capture = capture
        self.out = self.err = ""

    def __call__(self, *words: object) -> int:
        code = run(app, ["tradingview", *(str(word) for word in words)], name="kwin-parity")
        self.out, self.err = self._capture.readouterr()
        return code

    def json(self, export: Listing | Path, *words: object, code: int, data: Path = PATH) -> dict[str, Any]:
        """The report of a comparison that must end with ``code``."""
        path = export if isinstance(export, Path) else export.write(self.folder / "export.csv")
        assert self(path, data, "--json", *words) == code, self.err or self.out[-2000:]
        content: dict[str, Any] = json.loads(self.out)
        return content

    def first(self, export: Listing | Path, *words: object, data: Path = PATH) -> dict[str, Any]:
        """The first difference of a comparison that must fail."""
        found: dict[str, Any] = self.json(export, *words, code=1, data=data)["first_difference"]
        return found


@pytest.fixture
def parity(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Parity:
    return Parity(capsys, tmp_path)


class Maker:
    """Makes lists of trades with ``kwin-backtest``; every setting once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, ...], Listing] = {}

    def __call__(self, *words: str) -> Listing:
        if words not in self._made:
            out = self._folder / str(len(self._made))
            arguments = [str(PATH), *words, "--out", str(out), "--json"]
            with redirect_stdout(io.StringIO()):
                assert run(backtest_app, arguments, name="kwin-backtest") == 0
            self._made[words] = Listing.read(out / "trades.csv")
        return self._made[words].copy()


@pytest.fixture(scope="session")
def export_of(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    return Maker(tmp_path_factory.mktemp("exports"))


@pytest.fixture(scope="session")
def listing(export_of: Maker) -> Listing:
    """What TradingView's export of dual-sfp looks like, all bars: some 1200 trades."""
    return export_of("--no-window")


@pytest.fixture(scope="session")
def paper_journals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One paper journal a profile."""
    folder = tmp_path_factory.mktemp("journals")
    return {profile: paper_journal(folder, profile) for profile in ("tv-literal", "intent")}


@pytest.fixture
def journals(paper_journals: dict[str, Path], tmp_path: Path) -> Journals:
    """Copies to tamper with."""
    return Journals(paper_journals, tmp_path)


@pytest.fixture
def live(capsys: pytest.CaptureFixture[str]) -> Live:
    return Live(capsys)
