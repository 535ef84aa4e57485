"""What a comparison found, complete: counts, zone, first difference with its cause, what other settings give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engines.parity.causes import Scene
from engines.parity.matching import Comparison
from engines.parity.refusal import Verdict
from engines.parity.trials import Problem, Trial
from engines.parity.zones import Fit
from feeds.instants import iso

if TYPE_CHECKING:
    import pandas as pd

SHOWN_DIFFERENCES = 50
STATE_COLUMNS = ("position_seen", "equity_seen", "bull", "bear", "action", "qty", "stop", "exit_stop")


@dataclass(frozen=True, repr=False)
class Outcome:
    """One comparison.

    Parameters
    ----------
    export_name, data_name
        The two files.
    setting
        What was run, as `Setting.report` gives it.
    problem, comparison
        The run and what differs.
    zone_found_by
        ``prices``, ``--tz``, ``export`` (offsets in its times) or ``nothing``.
    fit, best_fit
        How well the zone used fits, and the best there is.
    first, verdict
        Where the first difference is and its cause; ``None`` on parity.
    trials, best
        Settings tried by themselves, and the best one found.
    used, unmapped
        Lines of a workbook and what became of them; why a line could not be used.
    notes
        Anything a reader should know.
    """

    export_name: str
    data_name: str
    setting: dict[str, Any]
    problem: Problem
    comparison: Comparison
    zone_found_by: str
    fit: Fit
    best_fit: Fit
    first: Scene | None = None
    verdict: Verdict | None = None
    trials: tuple[Trial, ...] = ()
    best: Trial | None = None
    used: tuple[tuple[str, str], ...] = ()
    unmapped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def parity(self) -> bool:
        """Whether every trade matches in every printed column."""
        return self.comparison.wrong == 0 and self.verdict is None

    @property
    def differences(self) -> pd.DataFrame:
        """What differs, one row a cell: ``trade`` and ``row`` of the export, ``field``, ``export``, ``run``."""
        import pandas as pd

        rows = [
            (cell.number, cell.row, cell.field, cell.expected, cell.actual)
            for pair in self.comparison.pairs
            for cell in pair.differences
        ]
        return pd.DataFrame(rows, columns=["trade", "row", "field", "export", "run"])

    @property
    def zone_sentence(self) -> str:
        """Which zone, how it was found and how well it fits."""
        fit, name = self.fit, self.problem.zone.name
        share = f"{fit.inside} of {fit.covered} fills lie inside their bars"
        if self.zone_found_by == "prices":
            return f"{name}, found by matching prices to bars: {share}"
        if self.zone_found_by == "nothing":
            return f"no time zone fits the bars; the best is {name}: {share}"
        origin = "given with --tz" if self.zone_found_by == "--tz" else "stated by the export"
        return f"{name}, {origin}: {share}"

    def report(self) -> dict[str, Any]:
        """Content of ``--json`` and of ``parity.json``."""
        found = self.comparison
        return {
            "parity": self.parity,
            "export": self.export_name,
            "data": self.data_name,
            "setting": self.setting,
            "zone": {
                "name": self.problem.zone.name,
                "found_by": self.zone_found_by,
                "fills": self.fit.fills,
                "covered": self.fit.covered,
                "inside": self.fit.inside,
                "entries_exact": self.fit.exact,
                "best": self.best_fit.zone.name,
            },
            "trades": {
                "export": found.matched + found.differing + found.missing,
                "run": found.matched + found.differing + found.extra,
                "matched": found.matched,
                "differing": found.differing,
                "missing": found.missing,
                "extra": found.extra,
            },
            "first_difference": self._first(),
            "tried": [trial_report(trial) for trial in self.trials],
            "best": None if self.best is None else trial_report(self.best),
            "differences": [
                {
                    "trade": cell.number,
                    "row": cell.row,
                    "field": cell.field,
                    "export": cell.expected,
                    "run": cell.actual,
                }
                for pair in found.pairs
                for cell in pair.differences
            ][:SHOWN_DIFFERENCES],
            "workbook": {
                "used": [list(line) for line in self.used],
                "unmapped": [list(line) for line in self.unmapped],
            },
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        from engines.parity.blocks import body
        from engines.parity.report import blocks_of

        return body(blocks_of(self))

    def __repr__(self) -> str:
        from engines.parity.report import counts

        return f"<Outcome {'parity' if self.parity else 'no parity'}: {counts(self.comparison)}>"

    def _first(self) -> dict[str, Any] | None:
        if self.verdict is None:
            return None
        found: dict[str, Any] = {"cause": self.verdict.cause, "explanation": self.verdict.sentence}
        scene = self.first
        if scene is None:
            return found
        cell = scene.difference
        look = scene.look
        return {
            **found,
            "trade": scene.number,
            "row": cell.row,
            "field": cell.field,
            "export": cell.expected,
            "run": cell.actual,
            "bar": scene.at,
            "time": iso(scene.time_ms),
            "ohlc": None if look is None else {edge: look.bar[edge].item() for edge in EDGES},
            "state": None if look is None else look.state(),
        }


EDGES = ("open", "high", "low", "close")


def trial_report(trial: Trial) -> dict[str, Any]:
    """One line of the table of settings tried."""
    found = trial.comparison
    if found is None:
        return {"setting": trial.name, "runs": False}
    return {
        "setting": trial.name,
        "runs": True,
        "exact": trial.exact,
        "matched": found.matched,
        "differing": found.differing,
        "missing": found.missing,
        "extra": found.extra,
    }
