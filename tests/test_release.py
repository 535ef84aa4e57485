"""The release holds together: one version, explained dependencies, links and rule numbers that exist."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import kwin_core
from kwin_core.kwin.inputs import BY_NAME

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT = tomllib.loads(PYPROJECT)["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDERS = ("kwin_core", "feeds", "engines", "notebooks", "fixtures", "tests", ".ci", ".github")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".yml", ".yaml", ".csv", ".json", ""}

MACHINE_PATH = re.compile(r"/(?:root|home|Users|work|private)/|/tm[p]/\w|\bshared[/]|file:[/]{2}")
CITATION = re.compile(r"\b(?:X-[A-Z]\d{1,2}|SP-\d{1,3}|R\d{1,3}|[EIPV]\d{1,2}|M1|C\d)\b")
TABLE_ROW_ID = re.compile(r"^\|\s*((?:X-)?[A-Z]{1,2}-?\d{1,3})\s*\|", re.MULTILINE)


def texts(*suffixes: str) -> Iterator[tuple[Path, str]]:
    """Every text file of the project with one of the suffixes, with its content."""
    files = [path for path in ROOT.iterdir() if path.is_file()]
    for folder in FOLDERS:
        files.extend(path for path in (ROOT / folder).rglob("*") if path.is_file())
    for path in sorted(files):
        if (
            path.suffix in suffixes
            and "__pycache__" not in path.parts
            and ".ipynb_checkpoints" not in path.parts
        ):
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def rule_ids() -> list[str]:
    """Ids of all rows of the rule tables, repeats included."""
    tables = [ROOT / "kwin_core" / "RULES.md", *sorted((ROOT / "kwin_core" / "rules").glob("*.md"))]
    rooms = [path for path in tables if path.name != "RULES.md"]
    return [found for path in rooms for found in TABLE_ROW_ID.findall(path.read_text(encoding="utf-8"))]


def test_version_is_the_same_everywhere() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})$", changelog, re.MULTILINE)
    assert "## [Unreleased]" in changelog
    assert headings, "CHANGELOG.md has no released version"
    assert PROJECT["version"] == kwin_core.__version__ == headings[0][0]
    dates = [date for _, date in headings]
    assert dates == sorted(dates, reverse=True), "CHANGELOG.md: newest release first"
    for version, _ in headings:
        assert f"\n[{version}]: " in changelog, f"CHANGELOG.md: no link for {version}"


def test_every_dependency_says_why() -> None:
    requirements = list(PROJECT["dependencies"])
    for extra in PROJECT["optional-dependencies"].values():
        requirements.extend(extra)
    unexplained = []
    for requirement in requirements:
        if re.match(rf"{PROJECT['name']}\[", requirement):
            continue  # another of our own extras
        lines = [line for line in PYPROJECT.splitlines() if line.strip().startswith(f'"{requirement}"')]
        assert lines, f"{requirement}: not on a line of its own in pyproject.toml"
        if not all(re.search(r'",\s*# \S.{7,}', line) for line in lines):
            unexplained.append(requirement)
    assert not unexplained, f"say why in a comment on the same line: {unexplained}"


def test_licence_is_the_one_declared() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability" in text


def test_no_path_of_a_machine_in_the_repository() -> None:
    found = []
    for path, text in texts(*TEXT_SUFFIXES):
        if path == Path("tests/golden_data.py"):
            continue  # the one place that may know where golden data lies by default
        for number, line in enumerate(text.splitlines(), start=1):
            if MACHINE_PATH.search(line):
                found.append(f"{path}:{number}: {line.strip()[:80]}")
    assert not found, "\n".join(found)


def test_rule_tables_are_complete_and_unique() -> None:
    ids = rule_ids()
    repeated = [name for name, count in Counter(ids).items() if count > 1]
    assert not repeated, f"a number stands for one rule only: {repeated}"
    expected = {f"R{n}" for n in range(1, 163)}
    expected |= {f"SP-{n}" for n in range(1, 51)}
    expected |= {f"E{n}" for n in range(1, 19)}
    expected |= {f"I{n}" for n in range(1, 13)} | {f"P{n}" for n in range(1, 14)}
    expected |= {f"V{n}" for n in range(1, 15)}
    expected |= {"M1", "C1", "C2", "C3"}
    assert expected <= set(ids), f"missing: {sorted(expected - set(ids))}"


def test_every_cited_rule_exists() -> None:
    known = set(rule_ids())
    unknown = []
    for path, text in texts(".py", ".md"):
        if path.parent == Path("notebooks/executed") or path.is_relative_to("tests/live"):
            continue  # tests/live cites the catalogue of live failures, whose ids look alike
        for number, line in enumerate(text.splitlines(), start=1):
            for name in CITATION.findall(line):
                if name not in known:
                    unknown.append(f"{path}:{number}: {name}")
    assert not unknown, "not in kwin_core/rules: " + ", ".join(unknown)


def test_links_between_documents_resolve() -> None:
    broken = []
    for path, text in texts(".md"):
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if "://" not in target and not (ROOT / path.parent / target).exists():
                broken.append(f"{path}: {target}")
    assert not broken, broken


def test_readme_promises_two_commands_and_every_command_that_exists() -> None:
    """The two lines that `.ci/run` reads from README.md, and the table of commands against pyproject."""
    lines = [line for line in README.splitlines() if line.startswith("python3 -m venv .venv && ")]
    assert len(lines) == 2
    assert lines[0].endswith("kwin-backtest fixtures/ethusdt_like_15m.parquet")
    assert lines[1].endswith("pip install -e '.[test]' && pytest -n 2")
    rows = re.findall(r"^\| `(kwin-[a-z]+)` \|.*\| ([a-z ]+) \|$", README, re.MULTILINE)
    works = {name for name, status in rows if status == "works"}
    assert works == set(PROJECT.get("scripts", {})), "README's table and [project.scripts] disagree"


def test_table_of_inputs_says_what_the_code_does() -> None:
    """rules/kwin.md against the code: Pine name, name here, label, default of dual-sfp, lower bound."""
    text = (ROOT / "kwin_core" / "rules" / "kwin.md").read_text(encoding="utf-8")
    block = text.split("## Inputs of `dual-sfp`")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in block.splitlines()
        if line.startswith("|")
    ]
    documented = {row[1]: row for row in rows[2:]}
    assert len(documented) == 22
    for name, (pine, _, label, kind, default, limits) in documented.items():
        item = BY_NAME[name]
        assert (item.pine, item.label) == (pine, label)
        value = item.default_for("dual-sfp")
        if kind == "time":
            stated: object = int(
                datetime.strptime(default, "%Y-%m-%d %H:%M").replace(tzinfo=UTC).timestamp() * 1000
            )
        elif kind == "text":
            stated = default.strip('"')
            assert {choice.strip(' "') for choice in limits.split(",")} == set(item.choices), name
        else:
            stated = {"bool": lambda word: word == "true", "int": int, "float": float}[kind](default)
        assert stated == value, name
        bound = re.match(r">= ([\d.]+)|([\d.]+) to", limits)
        if bound and kind in ("int", "float"):
            assert item.low == float(bound.group(1) or bound.group(2)), name


@pytest.mark.slow
def test_readme_example_runs() -> None:
    """The Python example, as printed, in a process of its own."""
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "entry_price" in done.stdout
