"""What every command shares: one line for an error, exit codes, JSON for machines, a console for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import typer

from kwin_core.errors import KwinError

if TYPE_CHECKING:
    from rich.console import Console

GOOD = 0
BAD_RESULT = 1  # the command worked and the answer is no: parity failed, a file has problems
BAD_USAGE = 2  # wrong arguments, wrong input, a file that cannot be read or written
INTERRUPTED = 130


class Progressed(Protocol):
    """Tells a progress bar how far the work is."""

    def __call__(self, done: int, total: int | None = None) -> None:
        """``done`` units of ``total``; ``None`` keeps the total known before."""
        ...


def new_app(help_text: str) -> typer.Typer:
    """An application whose help is plain text and whose errors reach :func:`run`.

    Plain help needs no rich and so appears in a tenth of a second.
    """
    return typer.Typer(
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def run(app: typer.Typer, arguments: Sequence[str] | None = None, *, name: str) -> int:
    """Run a command line and return its exit code.

    Errors raised on purpose, wrong usage and failures of the file system become one line on stderr and exit
    code 2. Anything else is a defect of this program and keeps its traceback.

    Parameters
    ----------
    app
        The application; a command returns its exit code, or nothing for 0.
    arguments
        Words after the command's name; ``None`` takes those of the process.
    name
        Name of the command in its help.
    """
    try:
        result = app(
            args=None if arguments is None else list(arguments), prog_name=name, standalone_mode=False
        )
    except KwinError as error:
        return fail(str(error))
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help, as asked for
            sys.stdout.write(error.format_message() + "\n")
            return BAD_USAGE
        return fail(f"{error.format_message()} ({name} --help shows what is possible)")
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return fail(f"{place}{error.strerror or error}")
    except (KeyboardInterrupt, typer.Abort):
        fail("interrupted")
        return INTERRUPTED
    return result if isinstance(result, int) else GOOD


def fail(message: str) -> int:
    """Print one error line; returns exit code 2."""
    sys.stderr.write(f"error: {' '.join(message.split())}\n")
    return BAD_USAGE


def print_json(content: Mapping[str, Any]) -> None:
    """Print a mapping as JSON; ``nan`` and infinities are refused by JSON and so by this."""
    sys.stdout.write(json.dumps(content, indent=2, allow_nan=False) + "\n")


def console(*, stderr: bool = False) -> Console:
    """A console for tables and messages; imported late, for the sake of ``--help``.

    Square brackets are text: reasons of operators and words of an exchange have them, too.
    """
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress(what: str, total: int | None, unit: str) -> Iterator[Progressed]:
    """A bar with an estimate on stderr while something runs; nothing when nobody watches.

    Parameters
    ----------
    what
        A word or two before the bar.
    total
        Units in all; ``None`` while unknown.
    unit
        What is counted, e.g. ``"bars"``.

    Yields
    ------
    Progressed
        Call it as ``progressed(done, total)``; ``total`` ``None`` keeps the one known.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    screen = console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(f"{unit}, left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as shown:
        task = shown.add_task(what, total=total)

        def progressed(done: int, total: int | None = None) -> None:
            shown.update(task, completed=done, total=total)

        yield progressed
