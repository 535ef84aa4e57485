"""``python -m tests.bench``: all measurements as one table."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tests.bench.data import long_series, series
from tests.bench.table import calls, commands, loops, many_sets


def main() -> None:
    """Measure everything, then print."""
    screen = Console(width=120)
    title = (
        f"dual-sfp, tv-literal; {series().name}, {series().bars.size} bars repeated to {long_series().size}"
    )
    table = Table("what", "measured", "beside", title=title, title_justify="left")
    for group in (loops, calls, commands, many_sets):
        with screen.status(group.__name__):
            rows = list(group())
        for row in rows:
            table.add_row(*row)
        table.add_section()
    screen.print(table)


if __name__ == "__main__":
    main()
