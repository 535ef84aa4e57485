"""The files that run a deployment as a service: complete, valid as far as can be checked here, true to the code."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from engines.command_line import run
from engines.live.cli import app as live_app
from engines.live.deploy import HOPELESS, deploy_files
from engines.live.exit_codes import ExitCode
from tests.live.watch_rig import get, watched

ROOT = Path(__file__).resolve().parents[2]
UNIT = "kwin-live@.service"


def test_the_files_are_written_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "deploy"
    for _ in range(2):  # the second time they are there already, and the same
        assert run(live_app, ["deploy-files", str(folder)], name="kwin-live") == 0
    written = {path.name for path in folder.iterdir()}
    assert written == {
        "Dockerfile",
        "Dockerfile.dockerignore",
        "LIMITS.md",
        "RUNBOOK.md",
        "alarms.yml",
        "compose.yaml",
        UNIT,
    }
    assert str(folder / UNIT) in capsys.readouterr().out
    (folder / "compose.yaml").write_text("mine", encoding="utf-8")
    assert run(live_app, ["deploy-files", str(folder)], name="kwin-live") != 0
    assert "is there already and differs" in capsys.readouterr().err
    assert (folder / "compose.yaml").read_text(encoding="utf-8") == "mine"


def test_the_unit_restarts_when_that_helps() -> None:
    line = next(
        one for one in deploy_files()[UNIT].splitlines() if one.startswith("RestartPreventExitStatus=")
    )
    prevented = {int(code) for code in line.partition("=")[2].split()}
    assert prevented == {int(code) for code in HOPELESS}
    assert not prevented & {ExitCode.DISK_FULL, ExitCode.CLOCK, ExitCode.VENUE, ExitCode.DEFECT}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """Verified word by word, with a program that exists here in the place of ours; and hardened."""
    unit = tmp_path / UNIT
    text = deploy_files()[UNIT]
    unit.write_text(text.replace("/opt/kwin/bin/kwin-live", "/bin/true"), encoding="utf-8")
    instance = tmp_path / UNIT.replace("@", "@demo")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(instance)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "Unknown" not in done.stderr and "unrecognized" not in done.stderr:  # older ones cannot do it offline
        assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_the_image_is_made_of_what_there_is() -> None:
    files = deploy_files()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", files["Dockerfile"], re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert {"pyproject.toml", "kwin_core", "feeds", "engines"} <= names
    for name in names:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in files["Dockerfile.dockerignore"].splitlines(), f"{name} is ignored"
    assert "USER kwin" in files["Dockerfile"]
    assert "/healthz" in files["Dockerfile"]


def test_the_health_check_of_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The very command, on a deployment that is well, and on one whose runner has ended."""
    text = deploy_files()["Dockerfile"]
    command = json.loads(re.findall(r"HEALTHCHECK .*\\\n\s+CMD (\[.*\])$", text, re.MULTILINE)[0])
    assert command[0] == "python"

    def check(port: str) -> int:
        words = [sys.executable, *(word.replace("9100", port) for word in command[1:])]
        return subprocess.run(words, capture_output=True, check=False).returncode

    with watched(tmp_path, monkeypatch, venue="paper", more='[watch]\nhost = "::1"\nport = 0\n') as rig:
        watch = rig.deployment.watch
        assert watch is not None
        assert watch.endpoint is not None
        assert get(f"http://[::1]:{watch.endpoint.port}/healthz")[0] == 200
    with watched(tmp_path / "other", monkeypatch, venue="paper") as rig:
        port = rig.url.rpartition(":")[2]
        assert check(port) == 0
        rig.deployment.runner.stop("test")
        rig.comes(lambda: rig.ended, "it ends")
        assert check(port) == 1
    assert check(port) == 1


def test_compose_shuts_the_container_in() -> None:
    (service,) = yaml.safe_load(deploy_files()["compose.yaml"])["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["restart"] == "unless-stopped", (
        "on-failure does not come back after a start of the machine"
    )
    assert (ROOT / service["build"]["dockerfile"]).is_file()
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_the_rules_name_figures_that_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule on a figure that nobody tells would never ring."""
    (group,) = yaml.safe_load(deploy_files()["alarms.yml"])["groups"]
    named = {name for rule in group["rules"] for name in re.findall(r"kwin_\w+", rule["expr"])}
    assert len(group["rules"]) == len({rule["alert"] for rule in group["rules"]}) >= 10
    for rule in group["rules"]:
        assert f"`{rule['alert']}`" in deploy_files()["RUNBOOK.md"], "the runbook says what to do"
    with watched(tmp_path, monkeypatch, venue="paper") as rig:
        text = get(f"{rig.url}/metrics")[1]
    told = set(re.findall(r"^# HELP (kwin_\w+)", text, re.MULTILINE))
    for name in named:
        assert name in told or name.removesuffix("_bucket") in told, name


def test_a_backup_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with watched(tmp_path, monkeypatch, venue="paper", more="[watch]\n"):
        journal, copy = tmp_path / "live.sqlite", tmp_path / "copy.sqlite"
        assert run(live_app, ["backup", str(journal), str(copy)], name="kwin-live") == 0
        assert '"events": ' in capsys.readouterr().out
        assert run(live_app, ["backup", str(journal), str(copy)], name="kwin-live") == ExitCode.JOURNAL
        assert "there is already a file" in capsys.readouterr().err
