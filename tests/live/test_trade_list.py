"""``kwin-live trades``: the trades of a deployment on the exchange simulator, from its journal alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines.command_line import run
from engines.live.cli import app as live_app
from engines.live.exit_codes import ExitCode
from tests.live.watch_rig import watched

SLIP_TICKS = 7


def listed(journal: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What the command prints."""
    assert run(live_app, ["trades", str(journal), *options], name="kwin-live") == ExitCode.GOOD
    return capsys.readouterr().out


def test_trades_with_drift_and_delays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An entry that slips by seven ticks and is flattened by hand: told so, while the deployment runs."""
    journal = tmp_path / "live.sqlite"
    with watched(tmp_path, monkeypatch, more="[watch]\n") as rig:
        assert "0 trades" in listed(journal, capsys)
        rig.exchange.faults.eng.slippage(SLIP_TICKS)
        rig.decide()
        rig.control("flatten")
        rig.run(10)
        (stream,) = json.loads(listed(journal, capsys, "--json"))["streams"]
        (trade,) = stream["trades"]
        assert (trade["number"], trade["kind"], trade["cause"]) == (1, "manual", "flattened by us")
        assert trade["slippage_ticks"]["entry"] == SLIP_TICKS
        side = rig.plan.side
        assert trade["exchange"]["entry_price"] == pytest.approx(rig.plan.price + side * SLIP_TICKS * 0.01)
        assert trade["emulator"]["entry_price"] == pytest.approx(rig.plan.price)
        assert trade["exchange"]["fees"] > 0.0
        steps = trade["entry_latency_ms"]
        assert 0 < steps["bar_end_to_decision"] < 1_000
        assert steps["bar_end_to_fill"] == sum(
            steps[name] for name in ("bar_end_to_decision", "decision_to_sent", "sent_to_fill")
        )
        printed = listed(journal, capsys)
        assert "1 trades: manual 1" in printed
        assert "flattened by us" in printed
        assert f"+{SLIP_TICKS}.0" in printed
        assert "bar end to fill: median" in printed


def test_only_what_went_differently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "live.sqlite"
    with watched(tmp_path, monkeypatch, more="[watch]\n", venue="paper") as rig:
        rig.run_to(rig.plan_close_ms + 12 * 900_000)
    assert "trades: same" in listed(journal, capsys)
    everything = json.loads(listed(journal, capsys, "--json", "--last", "0"))["streams"][0]["trades"]
    assert {one["kind"] for one in everything} == {"same"}
    assert json.loads(listed(journal, capsys, "--json", "--differing"))["streams"][0]["trades"] == []
    assert len(json.loads(listed(journal, capsys, "--json", "--last", "1"))["streams"][0]["trades"]) == 1
    missing = run(live_app, ["trades", str(tmp_path / "none")], name="kwin-live")
    assert missing == ExitCode.JOURNAL
