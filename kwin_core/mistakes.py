"""What numba says about a strategy that it cannot compile, as one line a person can act on."""

from __future__ import annotations

import re
from pathlib import Path

from numba.core.errors import NumbaError, UnsupportedBytecodeError

from kwin_core.errors import StrategyError

COMPILE_ERRORS = (NumbaError, UnsupportedBytecodeError, KeyError, AttributeError)
"""What the first call of an engine raises when its strategy does not compile; compiled code raises nothing."""

LONGEST = 160  # characters of numba's own words that are kept

_NOISE = ("Failed in", "During:", "Traceback", "Enable logging")
_HINTS = (
    ("<class 'function'>", "decorate it with @compiled"),
    ("Cannot bind", "a function is called with arguments it does not have"),
    ("reflected list", "a list cannot be kept: use a field of the state record"),
    ("unicode_type", "ids and texts are whole numbers, codes of the strategy's texts"),
    ("Cannot unify", "a variable must keep one type"),
    ("f-strings", "texts with numbers are made by text_arg and a {} in the strategy's texts"),
)
_PLACE = re.compile(r'File "([^"]+)", line (\d+)')
_OWN = Path(__file__).parent.name


def explain(strategy: str, error: BaseException) -> StrategyError:
    """The error to raise instead of numba's.

    Parameters
    ----------
    strategy
        Name of the strategy.
    error
        One of `COMPILE_ERRORS`, from the first call of an engine.
    """
    text = str(error)
    if isinstance(error, KeyError):
        reason = f"there is no field {text}: look at the context, the bar and the strategy's own records"
    else:
        reason = _reason(text)
    return StrategyError(f"strategy {strategy!r} cannot be compiled{_place(text)}: {reason}")


def _reason(text: str) -> str:
    """First line that says something, without record types, and what to do where that is known."""
    lines = [line.strip() for line in text.splitlines()]
    said = next((line for line in lines if line and not line.startswith(_NOISE)), "numba gives no reason")
    said = re.sub(r"Record\(.*", "a record", said)
    said = re.sub(r"CPUDispatcher\(<function (\w+).*?>\)", r"\1", said)
    said = said.split(": %")[0].split(". Raised from")[0]
    if len(said) > LONGEST:
        said = said[:LONGEST].rstrip() + " ..."
    hint = next((hint for sign, hint in _HINTS if sign in text), "")
    if "Cannot bind" in said:
        said = hint
    elif hint:
        said = f"{said} ({hint})"
    return said


def _place(text: str) -> str:
    """Where it happened: the innermost file that is neither of this package nor generated."""
    for file, line in _PLACE.findall(text):
        path = Path(file)
        if path.parent.name != _OWN and path.parent.parent.name != _OWN and not path.stem.startswith("kwin_"):
            return f" ({path.name}, line {line})"
    raised = re.search(r"Raised from (.+) \((\d+)\)", text)
    return f" ({Path(raised[1]).name}, line {raised[2]})" if raised else ""
