"""The report of a comparison: for the terminal, as Markdown and HTML, and as JSON in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engines.parity.blocks import Block, Heading, Table, Text, html, markdown
from engines.parity.causes import Scene
from engines.parity.matching import Comparison
from engines.parity.outcome import SHOWN_DIFFERENCES, STATE_COLUMNS, Outcome
from engines.parity.trials import Trial
from feeds.instants import iso
from kwin_core.errors import ConfigError

SHOWN_TRIALS = 12


def summary_lines(outcome: Outcome) -> list[str]:
    """What the terminal shows."""
    found = outcome.comparison
    lines = [
        f"export   {outcome.export_name}",
        f"data     {outcome.data_name}",
        f"setting  {setting_words(outcome.setting)}",
        f"zone     {outcome.zone_sentence}",
        f"trades   {counts(found)}",
    ]
    lines += [f"workbook {line}: {said}" for line, said in outcome.used]
    lines += [f"unmapped {line}: {why}" for line, why in outcome.unmapped]
    lines += [f"note     {note}" for note in outcome.notes]
    if outcome.parity:
        return [*lines, "result   parity: every trade matches in every printed column"]
    lines += first_lines(outcome)
    if outcome.trials:
        lines.append("tried    " + trial_words(outcome.trials[0]))
        lines += ["         " + trial_words(trial) for trial in ranked(outcome)[:SHOWN_TRIALS] if trial]
    if outcome.best is not None:
        lines.append(f"best     {trial_words(outcome.best)}")
    elif outcome.trials:
        lines.append("best     the setting as given: nothing tried matches more trades")
    return [*lines, "result   no parity"]


def first_lines(outcome: Outcome) -> list[str]:
    """The first difference in words."""
    if outcome.verdict is None:
        return []
    lines = [f"cause    {outcome.verdict.cause}: {outcome.verdict.sentence}"]
    scene = outcome.first
    if scene is None:
        return lines
    cell = scene.difference
    lines.insert(0, f"first    {first_words(scene)}")
    if scene.look is not None:
        bar = scene.look.bar
        lines.append(
            f"bar      {scene.at} {iso(scene.time_ms)} open {bar['open']:g} high {bar['high']:g} "
            f"low {bar['low']:g} close {bar['close']:g}"
        )
        lines.append(f"state    {state_words(scene.look.state())}")
    others = [f"{other.row} {other.field}".strip() for other in scene.pair.differences if other != cell]
    if others:
        lines.append(f"also     {', '.join(dict.fromkeys(others))} of this trade differ")
    return lines


def first_words(scene: Scene) -> str:
    """Trade, field and the two values."""
    cell = scene.difference
    if cell.field in ("missing", "extra"):
        what = f"{cell.field}: {cell.expected if cell.field == 'missing' else cell.actual}"
        return f"trade {scene.number} {what}"
    return f"trade {scene.number} {cell.row} {cell.field}: export {cell.expected}, here {cell.actual}"


def counts(found: Comparison) -> str:
    """The four counts."""
    return (
        f"{found.matched} matched, {found.differing} differing, {found.missing} missing here, "
        f"{found.extra} extra here"
    )


def setting_words(setting: dict[str, Any]) -> str:
    """The setting in one line."""
    words = [
        f"{setting['preset']} {setting['profile']}",
        f"tick {setting['tick']:g}",
        f"lot {setting['lot']:g}",
    ]
    words += [f"capital {setting['capital']:g}", f"commission {setting['commission_percent']:g} %"]
    words += [f"margin {setting['margin']:g}"]
    words += [f"{name} {setting[name]}" for name in ("from", "to", "now") if setting[name]]
    words += [f"{name}={value}" for name, value in setting["given_inputs"].items()]
    return ", ".join(words)


def state_words(state: dict[str, Any]) -> str:
    """What the strategy saw, without what is absent."""
    return ", ".join(f"{name} {_number(value)}" for name, value in state.items() if value is not None)


def trial_words(trial: Trial) -> str:
    """One setting and what it gives."""
    if trial.comparison is None:
        return f"{trial.name}: cannot be run"
    exact = "exact, " if trial.exact else ""
    return f"{trial.name}: {exact}{counts(trial.comparison)}"


def ranked(outcome: Outcome) -> list[Trial]:
    """Settings tried, the open switches first, then by how little they leave."""
    first, rest = outcome.trials[:1], list(outcome.trials[1:])
    rest.sort(key=lambda trial: (not _open_switch(trial), _left(trial)))
    return [trial for trial in rest if trial not in first]


def write_report(outcome: Outcome, folder: Path) -> list[Path]:
    """Write ``parity.md``, ``parity.html`` and ``parity.json``; returns their paths.

    Raises
    ------
    ConfigError
        When the folder cannot be written.
    """
    blocks = blocks_of(outcome)
    contents = {
        "parity.md": markdown(blocks),
        "parity.html": html(blocks, "TradingView parity"),
        "parity.json": json.dumps(outcome.report(), indent=2, allow_nan=False) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out {folder}: cannot be written ({error.strerror or error})") from None
    return [folder / name for name in contents]


def blocks_of(outcome: Outcome) -> list[Block]:
    """The whole report."""
    result = "Parity" if outcome.parity else "No parity"
    blocks: list[Block] = [
        Heading(f"TradingView parity: {result.lower()}"),
        Text(f"{counts(outcome.comparison)}."),
        Table(
            ("what", "value"),
            (
                ("export", outcome.export_name),
                ("data", outcome.data_name),
                ("setting", setting_words(outcome.setting)),
                ("time zone", outcome.zone_sentence),
            ),
        ),
    ]
    blocks += [Text(f"Note: {note}.") for note in outcome.notes]
    blocks += _first_blocks(outcome)
    if outcome.trials:
        blocks += [
            Heading("What other settings would have given"),
            Table(
                ("setting", "matched", "differing", "missing", "extra"),
                tuple(_trial_row(trial) for trial in _all_trials(outcome)),
                frozenset({0}) if outcome.best else frozenset(),
            ),
        ]
    blocks += _difference_blocks(outcome)
    if outcome.used or outcome.unmapped:
        lines = [(line, said) for line, said in outcome.used]
        lines += [(line, f"not used: {why}") for line, why in outcome.unmapped]
        blocks += [Heading("Properties of the workbook"), Table(("line", "became"), tuple(lines))]
    return blocks


def _first_blocks(outcome: Outcome) -> list[Block]:
    scene, verdict = outcome.first, outcome.verdict
    if verdict is None:
        return []
    blocks: list[Block] = [Heading("First difference")]
    if scene is not None:
        blocks.append(Text(f"{first_words(scene)}."))
    blocks.append(Text(f"Cause: {verdict.cause}. {verdict.sentence}."))
    if scene is None or not scene.looks:
        return blocks
    rows = []
    for look in scene.looks:
        state = look.state()
        edges = [f"{look.bar[edge]:g}" for edge in ("open", "high", "low", "close")]
        cells = ["" if state[name] is None else _number(state[name]) for name in STATE_COLUMNS]
        rows.append((str(look.number), iso(int(look.bar["time_ms"])), *edges, *cells))
    marked = frozenset(at for at, look in enumerate(scene.looks) if look.number == scene.at)
    header = ("bar", "time", "open", "high", "low", "close", *STATE_COLUMNS)
    blocks.append(Table(header, tuple(rows), marked))
    if scene.look is not None:
        lines = [(name, _number(value)) for name, value in scene.look.state().items() if value is not None]
        blocks += [
            Heading("What the strategy saw on that bar"),
            Table(("signal", "value"), tuple(lines)),
        ]
    return blocks


def _difference_blocks(outcome: Outcome) -> list[Block]:
    cells = [cell for pair in outcome.comparison.pairs for cell in pair.differences]
    if not cells:
        return []
    shown = cells[:SHOWN_DIFFERENCES]
    title = "Differences" if len(shown) == len(cells) else f"First {len(shown)} of {len(cells)} differences"
    rows = tuple((str(cell.number), cell.row, cell.field, cell.expected, cell.actual) for cell in shown)
    return [Heading(title), Table(("trade", "row", "field", "export", "here"), rows)]


def _all_trials(outcome: Outcome) -> list[Trial]:
    best = [] if outcome.best is None else [outcome.best]
    rest = [trial for trial in outcome.trials if trial is not outcome.best]
    rest.sort(key=lambda trial: (not _open_switch(trial), _left(trial)))
    return best + rest


def _open_switch(trial: Trial) -> bool:
    return trial.changes[0].about in ("all_na_exit", "conditional_history", "profile")


def _left(trial: Trial) -> int:
    return trial.comparison.wrong if trial.comparison is not None else 2**31


def _trial_row(trial: Trial) -> tuple[str, ...]:
    found = trial.comparison
    if found is None:
        return (trial.name, "cannot be run", "", "", "")
    numbers = (found.matched, found.differing, found.missing, found.extra)
    return (trial.name, *(str(number) for number in numbers))


def _number(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
