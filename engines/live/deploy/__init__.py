"""Files that run a deployment as a service, and the runbook: ``kwin-live deploy-files``."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from engines.live.exit_codes import ExitCode
from kwin_core.errors import ConfigError

HOPELESS = (
    ExitCode.USAGE,
    ExitCode.JOURNAL,
    ExitCode.SECOND_INSTANCE,
    ExitCode.DIGESTS,
    ExitCode.ACCOUNT,
)
"""Exit codes after which a restart helps nobody: a person has to act first."""


_PAGES = ("RUNBOOK.md", "LIMITS.md")


def deploy_files() -> dict[str, str]:
    """Name and text of each file."""
    folder = files("engines.live.deploy") / "files"
    found = {one.name: one.read_text(encoding="utf-8") for one in folder.iterdir() if one.is_file()}
    for name in _PAGES:
        found[name] = (files("engines.live") / name).read_text(encoding="utf-8")
    return dict(sorted(found.items()))


def write_deploy_files(folder: Path) -> list[Path]:
    """Write them; returns where they are.

    Raises
    ------
    ConfigError
        One of them is there already and has another text: nothing is written.
    """
    wanted = {folder / name: text for name, text in deploy_files().items()}
    for path, text in wanted.items():
        if path.exists() and path.read_text(encoding="utf-8") != text:
            raise ConfigError(f"{path} is there already and differs; choose another folder or move it away")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")
    return list(wanted)
