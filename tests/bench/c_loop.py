"""The C loop beside the core: compiled on the spot, fed with the core's own records.

The structs that cross the border are written from the core's dtypes, so rows of trades and signals of both can be
compared field by field.
"""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from cffi import FFI

from kwin_core.bars import BAR
from kwin_core.engine import MARK
from kwin_core.kwin.inputs import PARAMS
from kwin_core.kwin.setup import Setup
from kwin_core.kwin.state import SIGNALS
from kwin_core.state import SETTINGS, TRADE

SOURCE = Path(__file__).with_name("kwin_loop.c")
FLAGS = ["-std=c99", "-O3", "-march=native", "-ffp-contract=off", "-Wall"]
"""The processor's own instructions, as the core's compiler takes them; no fused multiply-add, which would change
the last digits."""

_TYPES = {"i8": "int64_t", "f8": "double", "i1": "int8_t"}
_RECORDS = {
    "Bar": BAR,
    "Params": PARAMS,
    "Settings": SETTINGS,
    "Trade": TRADE,
    "Signals": SIGNALS,
    "Mark": MARK,
}
_FUNCTIONS = """
typedef struct Run Run;
void kwin_start(Run *r, const Params *p, const Settings *s, Trade *trades, int64_t most_trades);
void kwin_run(Run *r, const Bar *bars, int64_t first, int64_t last, Signals *signals, Mark *marks, int keep);
int64_t kwin_trades(const Run *r);
double kwin_net_profit(const Run *r);
double kwin_max_drawdown(const Run *r);
double kwin_max_runup(const Run *r);
double kwin_equity(const Run *r);
int64_t kwin_run_size(void);
"""


def has_compiler() -> bool:
    """Whether there is a C compiler to build it with."""
    return any(shutil.which(name) for name in ("cc", "gcc", "clang"))


def struct_text(name: str, dtype: np.dtype[Any]) -> str:
    """The C struct of a flat record dtype."""
    lines = [f"    {_TYPES[dtype[field].str[1:]]} {field};" for field in dtype.names or ()]
    return "\n".join(["typedef struct {", *lines, f"}} {name};"])


@cache
def _library() -> tuple[FFI, Any]:
    """Compile and load the loop, once a process."""
    structs = "\n".join(struct_text(name, dtype) for name, dtype in _RECORDS.items())
    ffi = FFI()
    ffi.cdef(structs + _FUNCTIONS)
    text = f"#include <stdint.h>\n{structs}\n{SOURCE.read_text()}"
    ffi.set_source("kwin_c_loop", text, extra_compile_args=FLAGS)
    with tempfile.TemporaryDirectory() as folder:
        built = ffi.compile(tmpdir=folder)
        spec = importlib.util.spec_from_file_location("kwin_c_loop", built)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    for name, dtype in _RECORDS.items():
        assert module.ffi.sizeof(name) == dtype.itemsize, (name, dtype.itemsize)
    return module.ffi, module.lib


class CLoop:
    """A run of the C loop over one array of bars (``BAR``), whose trades fit in ``most_trades`` rows."""

    def __init__(self, setup: Setup, bars: np.ndarray, most_trades: int) -> None:
        self._ffi, self._lib = _library()
        self._bars = bars
        self._settings = np.zeros(1, SETTINGS)
        for name, value in setup.settings.items():
            self._settings[name] = value
        self._params = setup.params
        self._trades = np.zeros(most_trades + 1, TRADE)
        self._run = np.zeros(self._lib.kwin_run_size() // 8, np.int64)
        self.start()

    def _pointer(self, kind: str, array: np.ndarray) -> Any:
        return self._ffi.cast(f"{kind} *", array.ctypes.data)

    def start(self) -> None:
        """Begin anew."""
        self._lib.kwin_start(
            self._pointer("Run", self._run),
            self._pointer("Params", self._params),
            self._pointer("Settings", self._settings),
            self._pointer("Trade", self._trades),
            self._trades.size - 1,
        )

    def run(self, first: int, last: int, signals: np.ndarray, marks: np.ndarray, *, keep: bool) -> None:
        """Go over bars ``first`` to ``last - 1``; with ``keep`` their rows are written from row 0 on."""
        self._lib.kwin_run(
            self._pointer("Run", self._run),
            self._pointer("Bar", self._bars),
            first,
            last,
            self._pointer("Signals", signals),
            self._pointer("Mark", marks),
            keep,
        )

    @property
    def trades(self) -> np.ndarray:
        """Closed trades so far, a view."""
        return self._trades[: self._lib.kwin_trades(self._pointer("Run", self._run))]

    def account(self) -> dict[str, float]:
        """Net profit, equity, drawdown and run-up now, account currency."""
        run = self._pointer("Run", self._run)
        return {
            "net_profit": self._lib.kwin_net_profit(run),
            "equity": self._lib.kwin_equity(run),
            "max_drawdown": self._lib.kwin_max_drawdown(run),
            "max_runup": self._lib.kwin_max_runup(run),
        }
