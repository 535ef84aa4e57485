"""``kwin-live halt`` and ``resume``: to the running deployment, or into the journal for the next start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engines.command_line import console, fail, print_json
from engines.live.ending import exit_code_of
from engines.live.exit_codes import ExitCode
from engines.live.operation.caller import ChannelError, ask
from engines.live.operation.offline import write_control
from engines.live.settings import load_settings
from kwin_core.errors import JournalError, KwinError

_SQLITE = b"SQLite format 3\x00"


def journal_of(path: Path) -> Path:
    """The journal itself, or that of a configuration.

    Raises
    ------
    ConfigError
        The configuration is wrong.
    JournalError
        No such file.
    """
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(_SQLITE)) == _SQLITE:
                return path
        return load_settings(path).config.deployment.journal
    if path.suffix == ".toml":
        return load_settings(path).config.deployment.journal  # tells what is wrong with it
    raise JournalError(
        f"{path}: no such file; give a journal or the live.toml of its deployment", kind="missing"
    )


def tell(path: Path, command: str, detail: Mapping[str, Any], *, as_json: bool) -> int:
    """Halt or resume; prints what is in force now.

    Parameters
    ----------
    path
        Journal or configuration.
    command
        ``halt`` or ``resume``.
    detail
        ``symbol``, ``name``, ``reason``; None is left out.
    """
    try:
        journal = journal_of(path)
        question = {"command": command, **detail}
        answer = ask(journal, question)
        running = answer is not None
        if answer is None:
            answer = write_control(journal, question)
    except ChannelError as error:
        fail(str(error))
        return ExitCode.BAD_RESULT
    except KwinError as error:
        fail(str(error))
        return exit_code_of(error)
    if as_json:
        print_json({"running": running, "journal": str(journal), **answer})
        return ExitCode.GOOD
    screen = console()
    screen.print(
        f"{command}: recorded as event {answer['seq']}; "
        + (f"obeyed by process {answer['pid']}" if running else "nothing runs, the next start obeys it")
    )
    for symbol, reasons in answer["halts"].items():
        screen.print(f"  {symbol}: {halts_text(reasons)}")
    return ExitCode.GOOD


def halts_text(reasons: Mapping[str, str]) -> str:
    """The halts of a symbol in words."""
    if not reasons:
        return "entries allowed"
    return "entries halted: " + "; ".join(f"{name} ({reason})" for name, reason in reasons.items())
