"""Each of R1 to R162 is named by a case of these tables or has a line in README.md that says why not."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
RULES = Path(__file__).resolve().parents[2] / "kwin_core" / "rules"


def stated_rules() -> set[int]:
    """Numbers of the rule tables."""
    text = "".join((RULES / name).read_text("utf-8") for name in ("broker_orders.md", "broker_account.md"))
    return {int(number) for number in re.findall(r"^\| R(\d+) \|", text, re.MULTILINE)}


def rules_with_a_case() -> set[int]:
    """Numbers at the head of a case's id or of a test's name."""
    numbers: set[int] = set()
    for file in HERE.glob("test_*.py"):
        for head in re.findall(r'(?:"|def test_)(r\d{3}(?:_r\d{3})*)', file.read_text("utf-8")):
            numbers |= {int(part[1:]) for part in head.split("_")}
    return numbers


def rules_without() -> set[int]:
    """Numbers of the README's table of rules without a case."""
    text = (HERE / "README.md").read_text("utf-8")
    table = text.partition("## Rules without a case here")[2].partition("\n## ")[0]
    return {int(number) for number in re.findall(r"^\| R(\d+) \|", table, re.MULTILINE)}


def test_the_tables_of_rules_are_complete() -> None:
    assert stated_rules() == set(range(1, 163))


def test_every_rule_has_a_case_or_a_reason() -> None:
    assert stated_rules() - rules_with_a_case() - rules_without() == set()


def test_no_rule_is_excused_that_has_a_case() -> None:
    assert rules_with_a_case() & rules_without() == set()
