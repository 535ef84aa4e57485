"""Where the golden data lives: TradingView's own exports and the market data they were made on.

The data is not part of this repository. It is looked for in the folder named by the environment variable
``KWIN_GOLDEN``; without that, in ``../shared/golden`` next to the project. Without either, every test
that needs it is skipped and says so. This module is the only place that knows these locations.

Run ``python -m tests.golden_data`` to see what the tests would use.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT_ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT_VARIABLE = "KWIN_GOLDEN"
SKIP_REASON = (
    "golden data not found: this test compares with TradingView's own exports; "
    f"set {ENVIRONMENT_VARIABLE} to the folder that holds them"
)


def golden_dir() -> Path | None:
    """Folder of the golden data, or None when there is none.

    Raises
    ------
    FileNotFoundError
        ``KWIN_GOLDEN`` is set but is not a folder: a wrong setting must not look like a skipped test.
    """
    given = os.environ.get(ENVIRONMENT_VARIABLE)
    if given:
        folder = Path(given).expanduser()
        if not folder.is_dir():
            raise FileNotFoundError(f"{ENVIRONMENT_VARIABLE}={given}: no such folder")
        return folder.resolve()
    folder = PROJECT_ROOT.parent / "shared" / "golden"
    return folder if folder.is_dir() else None


def golden_path(*parts: str) -> Path:
    """Path of one golden file or folder, such as ``golden_path("kwin", "dual_sfp_ring.csv")``.

    Skips the calling test when there is no golden data at all. When there is some but not this file, the
    test fails: an incomplete folder would otherwise hide a comparison that nobody makes any more.

    Raises
    ------
    FileNotFoundError
        The golden folder exists and lacks this file.
    """
    folder = golden_dir()
    if folder is None:
        pytest.skip(SKIP_REASON)
    path = folder.joinpath(*parts)
    if not path.exists():
        raise FileNotFoundError(f"{path}: not in the golden folder {folder}")
    return path


needs_golden = pytest.mark.skipif(golden_dir() is None, reason=SKIP_REASON)
"""Decorator for tests that need golden data; use it together with ``@pytest.mark.golden``."""


if __name__ == "__main__":
    found = golden_dir()
    print(found if found is not None else SKIP_REASON)  # noqa: T201
