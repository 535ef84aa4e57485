"""Limits and canary from ``live.toml`` in a whole deployment: in status, in metrics, in messages, until a resume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engines.live.status import show_status
from tests.live.test_watch_halts import ETH, TOLD
from tests.live.watch_rig import WatchedRig, service, watched

BAR_S = 900


def enter(rig: WatchedRig) -> None:
    """Enter seven ticks worse than the emulator."""
    rig.exchange.faults.eng.slippage(7)
    rig.decide()


def lose(rig: WatchedRig) -> None:
    """Enter, and be closed outside at a loss."""
    enter(rig)
    rig.exchange.faults.eng.external_close("ETHUSDT")
    rig.run(10)


def be_cut_off(rig: WatchedRig) -> None:
    """Enter; then no request is answered."""
    enter(rig)
    for endpoint in ("position/list", "execution/list", "account/wallet-balance", "market/tickers"):
        rig.exchange.faults.rest.http(endpoint, 502, None)
    rig.run(200)
    rig.exchange.faults.clear()


def wait_for_bars(rig: WatchedRig) -> None:
    """Enter; then no bar comes."""
    enter(rig)
    rig.exchange.faults.ws.skip_bar(n=None)
    rig.exchange.faults.rest.http("market/kline", 502, None)
    rig.run(2 * BAR_S)


CANARY = "[canary]\nfraction = 0.1\ntrades = 5\n"


@pytest.mark.parametrize(
    ("reason", "settings", "provoke"),
    [
        ("daily_loss", "[limits]\nmax_daily_loss = 0.01\n", enter),
        ("consecutive_losses", "[limits]\nmax_consecutive_losses = 1\n", lose),
        ("drifts_per_day", "[limits]\nmax_drifts_per_day = 1\n", lose),
        ("api_errors", "[limits]\nmax_api_errors = 3\n", be_cut_off),
        ("stale_data", "[limits]\nstale_bars = 1.5\n", wait_for_bars),
        ("canary", f"{CANARY}max_slippage = 5\n", enter),
    ],
)
def test_a_limit_is_shown_told_and_lifted(
    reason: str,
    settings: str,
    provoke: Callable[[WatchedRig], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with (
        service() as chat,
        watched(tmp_path, monkeypatch, more=settings + TOLD, messages=chat.address) as rig,
    ):
        provoke(rig)
        seat = next(iter(rig.deployment.desk.seats.values()))  # type: ignore[attr-defined]
        assert reason in seat.halts
        rig.comes(lambda: chat.told("entries halted by the"), "the halt is told")
        assert rig.metrics()[f"kwin_halt{{reason={reason},stream={ETH}}}"] == 1.0
        capsys.readouterr()
        show_status(tmp_path / "live.sqlite", as_json=False)
        shown = capsys.readouterr().out
        assert f"{reason} {seat.halts[reason]}" in " ".join(shown.split())
        assert "losses in a row" in shown
        if reason == "canary":
            assert ETH in shown.split("canary", 1)[1].split("\n", 1)[0]
        rig.control("resume")
        rig.comes(lambda: chat.told("resume: all symbols: entries go on"), "the resume is told")
        assert not [name for name in rig.metrics() if name.startswith("kwin_halt{")]
