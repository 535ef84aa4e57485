"""A paper deployment whose disk fills up: ``python -m tests.live.full_disk FOLDER``, FOLDER a small file system.

Run by `tests.live.test_paper_failures` where nobody else sees that file system. Prints ``ok`` after the last check.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from engines.live.exit_codes import ExitCode
from tests.core.kwin_runs import fixture_bars
from tests.live.desk_rig import exchange_with
from tests.live.paper_rig import BAR_MS, PaperRig, assert_backtest, bars_of, write_config

FIRST, LAST = 300, 900
BALLAST_BYTES = 3 * 2**20


def main(folder: Path) -> None:
    """Fill it, see how the deployment ends, make room, and see it go on as if nothing had been."""
    bars = fixture_bars()[: LAST + 2]
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("kwin.live").addHandler(handler)
    journal = folder / "live.sqlite"
    with exchange_with(bars, int(bars["time_ms"][FIRST]) + 5_000) as exchange:
        config = write_config(exchange, folder)
        (folder / "ballast").write_bytes(bytes(BALLAST_BYTES))
        rig = PaperRig(exchange, config).start()
        trade_from_ms = rig.deployment.trade_from_ms
        now_ms = exchange.clock.now_ms()
        while not rig.ended:
            now_ms += BAR_MS
            assert now_ms < int(bars["time_ms"][LAST]), "the disk never filled up"
            rig.run_to(now_ms)
        assert rig.stop() is ExitCode.DISK_FULL
        assert sum("disk is full" in line for line in said) == 1, said
        kept = bars_of(journal)
        assert len(kept) > 300
        (folder / "ballast").unlink()
        again = PaperRig(exchange, config).start()
        assert again.deployment.trade_from_ms == trade_from_ms, "fixed when it began"
        assert again.deployment.recovered.last_bar_ms[next(iter(again.lanes))] == kept[-1][0]
        again.run_to(exchange.clock.now_ms() + 5 * BAR_MS)
        assert again.stop() is ExitCode.GOOD
    assert bars_of(journal)[: len(kept)] == kept
    assert assert_backtest(journal, bars) > len(kept)


if __name__ == "__main__":
    os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")
    main(Path(sys.argv[1]))
    sys.stdout.write("ok\n")
