"""Names of orders: the same decision, the same name; short enough; taken apart without loss."""

from __future__ import annotations

import re
import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.journal import Stream, order_link_id, parse_order_link_id
from kwin_core.bars import floor_time
from kwin_core.errors import DataError
from tests.journal.samples import DEPLOYMENT, ETH, START_MS

TIMEFRAMES_MS = [n * 60_000 for n in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720, 1440, 7 * 1440)]
streams = st.builds(
    Stream,
    st.sampled_from(["linear", "spot"]),
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", min_size=1, max_size=20),
    st.sampled_from(TIMEFRAMES_MS),
)
decisions = st.tuples(
    st.uuids(),
    streams,
    st.integers(10**9, 4 * 10**12),
    st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=4),
    st.integers(1, 999),
)


def test_the_name_of_one_order_is_written_down_here() -> None:
    """A change of the scheme would let a restarted bot double its orders: it must be a new prefix."""
    link = order_link_id(DEPLOYMENT, ETH, START_MS, "e")
    assert link == "k1-0d3adbee-7636a205-15sw8-e1"


@given(decisions)
def test_a_name_fits_the_exchange_and_comes_apart_again(
    decision: tuple[uuid.UUID, Stream, int, str, int],
) -> None:
    """At most 36 of the characters that Bybit allows; every part comes back, the bar's time too."""
    deployment, stream, time_ms, action, attempt = decision
    start_ms = floor_time(time_ms, stream.timeframe_ms)
    link = order_link_id(deployment, stream, start_ms, action, attempt)
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,36}", link)
    parsed = parse_order_link_id(link)
    assert parsed is not None
    assert parsed.deployment == deployment.hex[:8]
    assert parsed.stream_hash == stream.short_hash
    assert parsed.start_ms(stream.timeframe_ms) == start_ms
    assert (parsed.action, parsed.attempt) == (action, attempt)


@given(decisions, decisions)
def test_two_decisions_share_a_name_only_if_they_are_one(
    one: tuple[uuid.UUID, Stream, int, str, int], other: tuple[uuid.UUID, Stream, int, str, int]
) -> None:
    """Equal names mean the same deployment, stream, bar, action and attempt."""

    def parts(decision: tuple[uuid.UUID, Stream, int, str, int]) -> tuple[object, ...]:
        deployment, stream, time_ms, action, attempt = decision
        start_ms = floor_time(time_ms, stream.timeframe_ms)
        return deployment.hex[:8], stream.short_hash, start_ms, action, attempt

    def name(decision: tuple[uuid.UUID, Stream, int, str, int]) -> str:
        deployment, stream, time_ms, action, attempt = decision
        return order_link_id(deployment, stream, floor_time(time_ms, stream.timeframe_ms), action, attempt)

    assert (name(one) == name(other)) == (parts(one) == parts(other))


@pytest.mark.parametrize(
    ("start_ms", "action", "attempt", "words"),
    [
        (START_MS + 1, "e", 1, "no open time"),
        (-ETH.timeframe_ms, "e", 1, "no open time"),
        (START_MS, "", 1, "1 to 4 lower-case letters"),
        (START_MS, "entry", 1, "1 to 4 lower-case letters"),
        (START_MS, "E", 1, "1 to 4 lower-case letters"),
        (START_MS, "ё", 1, "1 to 4 lower-case letters"),
        (START_MS, "e", 0, "below 1"),
        (START_MS, "exit", 10**5, "has 37 characters"),
    ],
)
def test_what_cannot_be_a_name_is_refused(start_ms: int, action: str, attempt: int, words: str) -> None:
    """A bad part is an error, never a name cut short."""
    with pytest.raises(DataError, match=words):
        order_link_id(DEPLOYMENT, ETH, start_ms, action, attempt)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "my order",
        "k1-0d3adbee-7636a205-15sw8-e",
        "k1-0d3adbee-7636a205-15sw8-e0",
        "k1-0d3adbee-7636a205-015sw8-e1",
        "k1-0D3ADBEE-7636a205-15sw8-e1",
        "k2-0d3adbee-7636a205-15sw8-e1",
        "k1-0d3adbee-7636a205-15sw8-e1\n",
        "k1-0d3adbee-7636a205-15sw8-e1-extra",
        "k1-0d3adbee-7636a205-" + "z" * 20 + "-e1",
    ],
)
def test_foreign_names_are_not_taken_for_ours(text: str) -> None:
    """Manual orders and those of other programs have no parts."""
    assert parse_order_link_id(text) is None


@given(
    st.text(max_size=40) | st.from_regex(r"\Ak1-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-z]{1,6}-[a-z]{1,4}[0-9]{1,2}\Z")
)
def test_what_is_taken_apart_is_the_only_spelling_of_its_parts(text: str) -> None:
    """Any text may be asked about; two texts never stand for one order."""
    parsed = parse_order_link_id(text)
    if parsed is not None:
        bar = np.base_repr(parsed.bar_number, 36).lower()
        spelled = f"k1-{parsed.deployment}-{parsed.stream_hash}-{bar}-{parsed.action}{parsed.attempt}"
        assert spelled == text
