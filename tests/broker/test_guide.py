"""The strategy guide: its example runs as printed, and every message it promises is the one that comes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kwin_core.bars import BAR
from kwin_core.engine import Buffers, make_engine
from kwin_core.errors import StrategyError
from kwin_core.strategy import (
    LONG,
    PINE_V5,
    Instrument,
    Strategy,
    allow_entry_in,
    compiled,
    entry,
    record,
)

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "kwin_core" / "GUIDE.md").read_text("utf-8")
NUMBER = record([("x", np.float64)])


def block(kind: str) -> str:
    """The only fenced block of a kind."""
    (text,) = re.findall(rf"^```{kind}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    return str(text)


@pytest.mark.slow
def test_the_example_prints_what_the_guide_says(tmp_path: Path) -> None:
    """As a user would run it: a file of its own, a process of its own."""
    file = tmp_path / "averages.py"
    file.write_text(block("python"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KWIN_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, str(file)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == block("text")


def run_it(calculate: Any, params: np.ndarray) -> None:
    """Declare a strategy and give it three bars."""
    strategy = Strategy("averages", calculate, NUMBER, NUMBER, NUMBER, ("a",))
    engine = make_engine(strategy, PINE_V5.frozen())
    state = engine.new_state(PINE_V5.settings(Instrument(tick=0.01)), np.zeros(1, NUMBER))
    engine.run(state, np.ones(3, BAR), params, Buffers(strategy, 0))


def refused(calculate: Any, params: np.ndarray | None = None) -> str:
    """Message of the error a strategy is refused with."""
    with pytest.raises(StrategyError) as caught:
        run_it(calculate, np.zeros(1, NUMBER) if params is None else params)
    message = str(caught.value)
    assert "\n" not in message
    assert "averages" in message or "risk=True" in message
    return message


def helper(x: float) -> float:
    return 2.0 * x


names = ["a"]


@compiled
def unknown_field(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    sig.x = ctx.positon_size


@compiled
def id_as_text(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    entry(ctx, "Long", LONG)  # type: ignore[arg-type]


@compiled
def plain_function(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    sig.x = helper(bar.close)


@compiled
def two_types(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    if bar.close > 1.0:
        value: Any = 1.0
    else:
        value = "no"
    sig.x = value


@compiled
def no_such_argument(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    entry(ctx, 1, LONG, quantity=2.0)  # type: ignore[call-arg]


@compiled
def outside_list(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    names.append("b")


@compiled
def formatted_text(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    sig.x = float(f"{bar.close:.2f}")


@compiled
def undefined_name(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    sig.x = not_there  # type: ignore[name-defined]  # noqa: F821


@compiled
def three_arguments(ctx: Any, bar: Any, st: Any) -> None:
    """Two too few."""


@compiled
def undeclared_risk(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    allow_entry_in(ctx, LONG)


@compiled
def fine(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """Nothing wrong here."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("calculate", "says"),
    [
        (unknown_field, "there is no field 'positon_size': look at the context, the bar"),
        (id_as_text, "Cannot cast unicode_type to int64 (ids and texts are whole numbers"),
        (
            plain_function,
            "Untyped global name 'helper': Cannot determine Numba type of <class 'function'> "
            "(decorate it with @compiled)",
        ),
        (two_types, "(a variable must keep one type)"),
        (no_such_argument, "a function is called with arguments it does not have"),
        (outside_list, "(a list cannot be kept: use a field of the state record)"),
        (formatted_text, "texts with numbers are made by text_arg"),
        (undefined_name, "name 'not_there' is not defined"),
        (undeclared_risk, "the strategy calls a risk rule: declare it with Strategy(..., risk=True)"),
    ],
)
def test_what_does_not_compile_is_said_in_one_line(calculate: Any, says: str) -> None:
    message = refused(calculate)
    assert says in message
    assert len(message) < 330


@pytest.mark.slow
@pytest.mark.parametrize("calculate", [id_as_text, plain_function, two_types, no_such_argument, outside_list])
def test_the_line_of_the_mistake_is_named(calculate: Any) -> None:
    code = calculate.py_func.__code__
    (line,) = re.findall(r"\(test_guide\.py, line (\d+)\)", refused(calculate))
    assert code.co_firstlineno < int(line) <= code.co_firstlineno + 7


def test_a_wrong_number_of_arguments_is_said_before_anything_is_compiled() -> None:
    assert "calculate takes 3 arguments, not the five (ctx, bar, state, params, sig)" in refused(
        three_arguments
    )


def test_parameters_of_another_record_are_refused() -> None:
    other = np.zeros(1, record([("y", np.int64)]))
    assert "params are not the parameter record of 'averages'" in refused(fine, other)


def test_the_guide_quotes_the_messages_as_they_are() -> None:
    """Every message of its table that needs no run is found in the sources."""
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "kwin_core").glob("*.py"))
    plain = re.sub(r'"\s*\n\s*f?"', "", sources)
    for said in (
        "calculate must be a numba function: decorate it with @njit",
        "remove cache=True from calculate; the engine caches it and knows what it uses",
        "a state holds numbers and records only",
        "resting orders and exit legs",
        "a length or offset was outside its range",
        "declare it with Strategy(..., risk=True)",
    ):
        assert said in GUIDE
        assert said in plain
