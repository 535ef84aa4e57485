"""The same bits with and without the compiler, and after a restore from the state's bytes at any bar."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kwin_core import ta
from tests.core.ta_all import COLUMNS, RESULT, STATE, compute, fresh, lengths, run, sample

ROOT = Path(__file__).resolve().parents[2]
BARS, X = sample(400)
PARAMETERS = lengths(9, 4)


def bits(results: np.ndarray) -> np.ndarray:
    """Results as integers, every NaN the same one."""
    values = np.array([results[name] for name in COLUMNS])
    values[np.isnan(values)] = np.nan
    return values.view(np.int64)


def assert_same_bits(a: np.ndarray, b: np.ndarray) -> None:
    different = [
        name for name, left, right in zip(COLUMNS, bits(a), bits(b), strict=True) if (left != right).any()
    ]
    assert different == []


@pytest.fixture(scope="module")
def whole() -> np.ndarray:
    return compute(BARS, X, PARAMETERS)


def test_every_indicator_gives_values(whole):
    """Otherwise the comparisons below would compare nothing."""
    for name in COLUMNS:
        values = whole[name][np.isfinite(whole[name])]
        assert len(values) >= 10, name
        assert len(np.unique(values)) >= 2, name


def test_without_the_compiler_every_bit_is_the_same(whole, tmp_path):
    target = tmp_path / "plain.npy"
    program = (
        "import sys, numpy as np; from tests.core.ta_all import compute, lengths, run, sample;"
        "assert not hasattr(run, 'py_func'), 'the compiler is on';"
        "np.save(sys.argv[1], np.array(compute(*sample(400), lengths(9, 4)).tolist()))"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(target)],
        check=True,
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    plain = np.zeros(len(BARS), RESULT)
    for i, name in enumerate(COLUMNS):
        plain[name] = np.load(target)[:, i]
    assert_same_bits(whole, plain)


@pytest.mark.parametrize("at", [0, 1, 2, 9, 23, 24, 25, 200, 203, 399])
def test_a_restore_from_bytes_goes_on_with_the_same_bits(whole, at):
    out = np.zeros(len(BARS), RESULT)
    states = fresh()
    run(states, BARS[:at], X[:at], PARAMETERS, 0, out[:at])
    restored = np.frombuffer(states.tobytes(), STATE).copy()
    run(restored, BARS[at:], X[at:], PARAMETERS, at, out[at:])
    assert_same_bits(whole, out)
    run(states, BARS[at:], X[at:], PARAMETERS, at, out[at:])
    assert restored.tobytes() == states.tobytes(), "the restored state itself ends the same"


@pytest.mark.slow
def test_lengths_are_arguments_and_compile_nothing_anew():
    compute(BARS, X, PARAMETERS)
    compiled = len(run.signatures)
    compute(BARS, X, lengths(5, 2, 4, 3))
    assert len(run.signatures) == compiled == 1


def test_an_unused_state_is_all_zero_bytes_and_free_of_errors():
    assert not any(fresh().tobytes())
    assert ta.find_error(fresh()) is None
