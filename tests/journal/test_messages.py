"""One message is one transaction: numbered, without duplicates, all of it or nothing."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.journal import (
    Ack,
    Configuration,
    Decision,
    Drift,
    Failure,
    Intent,
    Journal,
    JournalReader,
    Kind,
    Ledger,
    OrderMessage,
    Outcome,
    PositionMessage,
    Reconciled,
    Snapshot,
    StopMoved,
    configuration_hash,
)
from engines.journal.rows import Row
from kwin_core.bars import BAR
from kwin_core.errors import DataError, JournalError
from tests.journal.samples import (
    BTC,
    ETH,
    START_MS,
    bar_of,
    content,
    digest_of,
    fill_of,
    number_bar,
    open_journal,
    seqs,
    write_bars,
)

INTENT = Intent(stream=ETH, decision_id="d", action="entry", order_link_id="k1-a", body={"qty": "0.1"})
ROWS: list[Row] = [
    digest_of(0),
    replace(digest_of(0, Ledger.EXCHANGE), full_digest="ab" * 32),
    Decision(stream=ETH, start_ms=START_MS, decision_id="d", body={"long": True, "stop": 0.1 + 0.2}),
    INTENT,
    replace(INTENT, order_link_id=None, action="stop"),
    replace(INTENT, order_link_id=None, action="stop", body=["a", None, 1]),
    Ack(intent=1, outcome=Outcome.REJECTED, code=110_007, text="not enough", body={}),
    OrderMessage(
        category="linear",
        symbol="ETHUSDT",
        order_id="o",
        order_link_id="k1-a",
        status="Filled",
        executed="0.1",
        updated_ms=START_MS,
    ),
    PositionMessage(
        category="linear",
        symbol="ETHUSDT",
        side="Buy",
        size="0.1",
        entry_price="4400.05",
        stop_loss="",
        trailing_stop="0",
        exchange_seq=9_000_000_000,
        updated_ms=START_MS,
    ),
    StopMoved(stream=ETH, stop_loss="4390", active_price="", trailing_stop="0", reason="entry"),
    Reconciled(stream=BTC, outcome="equal", desired={"size": "0"}, reported={}, actions=[]),
    Drift(stream=ETH, start_ms=START_MS, kind="late_exit", trade_number=None, body={}),
    Failure(place="feed", kind="timeout", text="x" * 5_000 + "\udcff\0 ж", body={}),
    Configuration(hash=configuration_hash({"b": 1, "a": 2}), body={"b": 1, "a": 2}),
    Snapshot(
        stream=ETH,
        ledger=Ledger.EXCHANGE,
        start_ms=START_MS,
        schema="s",
        params_hash="p",
        engine_hash="e",
        digest="d",
        data=bytes(range(256)),
    ),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "j.sqlite"


def test_every_kind_of_row_comes_back_as_it_was_recorded(path: Path) -> None:
    """Streams, enums, bodies and bytes; text no file can hold loses that character only."""
    with open_journal(path) as journal, journal.message() as message:
        seq = message.event(Kind.START, START_MS, {"pid": 1})
        numbers = [message.record(row) for row in ROWS]
    with JournalReader(path) as reader:
        for row, number in zip(ROWS, numbers, strict=True):
            found = {recorded.id: recorded for recorded in reader.rows(type(row))}[number]
            expected = replace(row, text=row.text.replace("\udcff", "?")) if isinstance(row, Failure) else row
            assert found.row == expected
            assert found.seq == seq
    assert {type(row) for row in ROWS} == set(Row.__subclasses__())


def test_events_come_back_in_order_with_what_they_carried(path: Path) -> None:
    """Bars of two streams, fills and plain messages, across several pages of the reader."""
    with open_journal(path) as journal:
        with journal.message() as message:
            for number in range(5_100):
                message.bar(BTC, bar_of(number, BTC), START_MS, source="warmup")
        write_bars(journal, 0, 2)
        with journal.message() as message:
            message.execution(fill_of(1, late=True), START_MS + 5, {"execId": "exec-1"})
            message.event(Kind.POSITION, START_MS + 6, {"size": ""}, category="linear", symbol="ETHUSDT")
    with JournalReader(path) as reader:
        events = list(reader.replay())
        assert [event.seq for event in events] == list(range(1, 5_105))
        warmup = np.array([event.bar.bar for event in events[:5_100] if event.bar], BAR)
        assert warmup.tobytes() == b"".join(bar_of(number, BTC).tobytes() for number in range(5_100))
        assert warmup.tobytes() == reader.bars(BTC).tobytes()
        assert events[0].bar is not None
        assert (events[0].bar.stream, events[0].bar.source) == (BTC, "warmup")
        assert events[-2].execution == fill_of(1, late=True)
        assert (events[-2].body, events[-1].body) == ({"execId": "exec-1"}, {"size": ""})
        assert (events[-1].kind, events[-1].symbol) == (Kind.POSITION, "ETHUSDT")
        assert [event.seq for event in reader.replay(5_102)] == [5_103, 5_104]
        assert reader.executions("linear", "ETHUSDT") == [(5_103, fill_of(1, late=True))]
        assert reader.streams() == [BTC, ETH]
        assert reader.bar(ETH, START_MS) == bar_of(0)
        assert reader.bar(ETH, START_MS + 1) is None


def test_duplicates_are_dropped_before_they_are_numbered(path: Path) -> None:
    """The same bar start or execId again leaves no trace, not even a hole in the numbers."""
    with open_journal(path) as journal:
        write_bars(journal, 0, 3)
        with journal.message() as message:
            assert message.execution(fill_of(7), START_MS) == 4
            assert message.execution(fill_of(7), START_MS) is None
        before = content(path)
        revised = bar_of(2)
        revised["close"] += 1
        with journal.message() as message:
            assert message.bar(ETH, revised, START_MS, source="rest") is None
            assert number_bar(message, 0) is None
            assert message.execution(fill_of(7, price="1"), START_MS, {}) is None
        assert content(path) == before
        with journal.message() as message:
            assert message.execution(fill_of(7, symbol="BTCUSDT"), START_MS) == 5
            assert message.bar(BTC, bar_of(0, BTC), START_MS, source="stream") == 6
    assert seqs(path) == list(range(1, 7))


def test_a_bar_that_the_core_has_passed_is_an_error(path: Path) -> None:
    """A bar older than the newest that was never recorded cannot be decided any more."""
    with open_journal(path) as journal:
        write_bars(journal, 0, 1)
        write_bars(journal, 2, 3)
        before = content(path)
        with pytest.raises(DataError, match="release bars in order"), journal.message() as message:
            number_bar(message, 1)
        assert content(path) == before


@pytest.mark.parametrize(
    ("field", "value"), [("close", np.nan), ("high", np.inf), ("volume", -0.0), ("time_ms", START_MS + 1)]
)
def test_a_bar_that_cannot_be_kept_exactly_is_refused(path: Path, field: str, value: float) -> None:
    """What comes back must have the same bits, or the digests would not agree."""
    bar = bar_of(0)
    bar[field] = value
    with open_journal(path) as journal:
        with pytest.raises(DataError), journal.message() as message:
            message.bar(ETH, bar, START_MS, source="stream")
        assert journal.last_seq == 0


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, allow_nan=False, allow_infinity=False), min_size=5, max_size=5))
def test_any_other_bar_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, values: list[float]
) -> None:
    """Subnormals, whole numbers and the largest floats."""
    values = [value + 0.0 for value in values]  # -0.0 is refused, see above
    path = tmp_path_factory.mktemp("bits") / "j.sqlite"
    bar = np.array([(START_MS, *values)], BAR)[0]
    with open_journal(path) as journal, journal.message() as message:
        message.bar(ETH, bar, START_MS, source="rest")
    with JournalReader(path) as reader:
        assert reader.bars(ETH).tobytes() == bar.tobytes()


def test_an_exception_inside_leaves_the_journal_as_it_was(path: Path) -> None:
    """Event, rows, stream and number are all undone; the next message takes the number."""
    with open_journal(path) as journal:
        write_bars(journal, 0, 2)
        before = content(path)
        with pytest.raises(ZeroDivisionError), journal.message() as message:  # noqa: PT012  # fails at its end
            assert number_bar(message, 0, BTC) == 3
            message.record(digest_of(0, stream=BTC))
            _ = 1 / 0
        assert content(path) == before
        with journal.message() as message:
            assert number_bar(message, 0, BTC) == 3
            message.record(digest_of(0, stream=BTC))
    with JournalReader(path) as reader:
        assert reader.bars(BTC).size == 1


def test_a_part_that_failed_spoils_its_message_even_when_caught(path: Path) -> None:
    """Swallowing the error of one record must not commit the others."""
    with open_journal(path) as journal:
        with journal.message() as message:
            message.event(Kind.SIGNAL, START_MS)
            message.record(INTENT)
        before = content(path)
        with pytest.raises(JournalError, match="none of it"), journal.message() as message:  # noqa: PT012
            message.event(Kind.SIGNAL, START_MS)
            with pytest.raises(JournalError, match=r"intents\.order_link_id") as caught:
                message.record(INTENT)
            assert caught.value.kind == "conflict"
        with pytest.raises(DataError, match="64 bits"), journal.message() as message:
            message.execution(fill_of(1, exec_time_ms=2**63), START_MS)
        assert content(path) == before


def test_a_digest_is_recorded_once_a_bar(path: Path) -> None:
    """A second digest of the same ledger and bar would be a bar decided twice."""
    with open_journal(path) as journal:
        write_bars(journal, 0, 1)
        with journal.message() as message:
            message.event(Kind.TIMER, START_MS)
            message.record(digest_of(0, Ledger.EMULATOR, BTC))
        with pytest.raises(JournalError, match="contradicts"), journal.message() as message:  # noqa: PT012
            message.event(Kind.TIMER, START_MS)
            message.record(digest_of(0))


def test_misuse_is_an_error_of_the_program(path: Path) -> None:
    """Rows without an event, nested or finished messages, bodies that are no JSON, events with own functions."""
    with open_journal(path) as journal:
        with pytest.raises(ValueError, match="number the event first"), journal.message() as message:
            message.record(INTENT)
        with pytest.raises(RuntimeError, match="a message is open"), journal.message(), journal.message():
            pass
        with journal.message() as message:
            message.event(Kind.TIMER, START_MS)
        with pytest.raises(RuntimeError, match="finished"):
            message.event(Kind.TIMER, START_MS)
        for kind in (Kind.BAR, Kind.EXECUTION):
            with pytest.raises(ValueError, match="function of its own"), journal.message() as message:
                message.event(kind, START_MS)
        for body in ({"x": float("nan")}, {"x": object()}):
            with pytest.raises(DataError, match="JSON"), journal.message() as message:
                message.event(Kind.SIGNAL, START_MS, body)
        with pytest.raises(DataError, match="no execId"), journal.message() as message:
            message.execution(fill_of(1, exec_id=""), START_MS)
        assert journal.last_seq == 1
    with pytest.raises(sqlite3.ProgrammingError):
        journal.message().__enter__()
    assert seqs(path) == [1]


def test_open_intents_are_those_without_a_definite_outcome(path: Path) -> None:
    """Never sent and unknown stay open; confirmed, rejected and denied are closed."""

    def ack(journal: Journal, intent: int, outcome: Outcome) -> None:
        with journal.message() as message:
            message.event(Kind.REPLY, START_MS)
            message.record(Ack(intent=intent, outcome=outcome, code=None, text="", body={}))

    with open_journal(path) as journal, JournalReader(path) as reader:
        with journal.message() as message:
            message.event(Kind.SIGNAL, START_MS)
            numbers = [message.record(replace(INTENT, order_link_id=f"k1-{n}")) for n in range(5)]
        for number, outcome in zip(numbers, [*Outcome], strict=False):
            ack(journal, number, outcome)
        assert [found.row.order_link_id for found in reader.open_intents()] == ["k1-3", "k1-4"]
        ack(journal, numbers[3], Outcome.CONFIRMED)
        assert [found.id for found in reader.open_intents()] == [numbers[4]]
        found = reader.intent_of("k1-3")
        assert found is not None
        assert found.id == numbers[3]
        assert reader.intent_of("k1-9") is None


def test_a_reader_sees_whole_messages_while_the_writer_is_in_one(path: Path) -> None:
    """Readers neither wait nor see what is not committed, and cannot write."""
    with open_journal(path) as journal, JournalReader(path) as reader:
        write_bars(journal, 0, 1)
        with journal.message() as message:
            number_bar(message, 1)
            assert reader.last_seq() == 1
            assert reader.bars(ETH).size == 1
        assert reader.last_seq() == 2
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._connection.execute("DELETE FROM events")
        stream = reader.replay()
        assert next(stream).seq == 1
        write_bars(journal, 2, 400)  # a reader in the middle of its events holds nothing
        journal._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert path.with_name("j.sqlite-wal").stat().st_size == 0
    with JournalReader(path) as reader:
        assert reader.identity().profile == "tv-literal"
        assert reader.last_seq() == 400


def test_snapshots_of_another_run_are_not_offered(path: Path) -> None:
    """Newest first, and only with the wanted schema, parameters and engine."""
    first = next(row for row in ROWS if isinstance(row, Snapshot))
    with open_journal(path) as journal:
        for number, changes in enumerate(
            [{}, {"params_hash": "q"}, {}, {"engine_hash": "f"}, {"schema": "t"}]
        ):
            with journal.message() as message:
                number_bar(message, number)
                message.record(replace(first, data=bytes([number]), **changes))
    with JournalReader(path) as reader:
        found = reader.snapshots(ETH, Ledger.EXCHANGE, schema="s", params_hash="p", engine_hash="e")
        assert [recorded.row.data for recorded in found] == [b"\2", b"\0"]
        assert reader.snapshots(ETH, Ledger.EMULATOR, schema="s", params_hash="p", engine_hash="e") == []
        assert reader.snapshots(BTC, Ledger.EXCHANGE, schema="s", params_hash="p", engine_hash="e") == []


def test_the_hash_of_settings_does_not_depend_on_their_order() -> None:
    """Equal settings, equal hash; any change shows."""
    one = configuration_hash({"a": 1, "b": {"c": "x", "d": 0.1}})
    assert one == configuration_hash({"b": {"d": 0.1, "c": "x"}, "a": 1})
    assert one != configuration_hash({"a": 1, "b": {"c": "x", "d": 0.2}})
    with pytest.raises(DataError):
        configuration_hash({"a": float("inf")})
