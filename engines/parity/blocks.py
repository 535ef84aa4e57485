"""A report as a list of plain blocks, written as Markdown or as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Heading:
    """A heading; the first of a report is its title."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table: header, then rows of the same width; ``marked`` rows (by index) stand out."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    marked: frozenset[int] = frozenset()


Block = Heading | Text | Table

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; color: #1c2024 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
.scroll { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #d9dde2; text-align: left; white-space: nowrap }
tr.marked td { background: #fff3cd }
@media (prefers-color-scheme: dark) {
  body { background: #15181c; color: #e4e7eb } th, td { border-color: #363c44 }
  tr.marked td { background: #4a3d10 }
}
"""


def markdown(blocks: Sequence[Block]) -> str:
    """GitHub's Markdown."""
    parts = []
    for at, block in enumerate(blocks):
        if isinstance(block, Heading):
            parts.append(f"{'#' if at == 0 else '##'} {block.text}")
        elif isinstance(block, Text):
            parts.append(_safe(block.text))
        else:
            lines = [_line(block.header), _line(("---",) * len(block.header))]
            lines += [
                _line(tuple(f"**{cell}**" if cell else "" for cell in row) if at in block.marked else row)
                for at, row in enumerate(block.rows)
            ]
            parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def html(blocks: Sequence[Block], title: str) -> str:
    """One page without anything from outside."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body(blocks)}\n</body>\n"
        "</html>\n"
    )


def body(blocks: Sequence[Block]) -> str:
    """What the page holds, for a notebook."""
    parts = []
    for at, block in enumerate(blocks):
        if isinstance(block, Heading):
            tag = "h1" if at == 0 else "h2"
            parts.append(f"<{tag}>{escape(block.text)}</{tag}>")
        elif isinstance(block, Text):
            parts.append(f"<p>{escape(block.text)}</p>")
        else:
            parts.append(_html_table(block))
    return "\n".join(parts)


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = []
    for at, row in enumerate(table.rows):
        mark = ' class="marked"' if at in table.marked else ""
        rows.append(f"<tr{mark}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>")
    return (
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n'
        + "\n".join(rows)
        + "\n</tbody></table></div>"
    )


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_safe(cell).replace("|", "\\|") for cell in cells) + " |"


def _safe(text: str) -> str:
    return text.replace("<", "&lt;").replace("\n", " ")
