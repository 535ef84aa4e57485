"""A journal is kept short, and a restart, an open order and a late fill still find what they need."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from engines.journal import (
    Ack,
    Digest,
    Intent,
    Journal,
    JournalReader,
    Kind,
    Ledger,
    Outcome,
    Snapshot,
    Stream,
)
from engines.journal import retention as retention_module
from kwin_core.errors import DataError
from tests.journal.samples import (
    BTC,
    ETH,
    QUARTER_MS,
    START_MS,
    bar_of,
    content,
    fill_of,
    number_bar,
    open_journal,
    seqs,
    write_bars,
)


def snapshot(
    journal: Journal, number: int, stream: Stream = ETH, ledgers: tuple[Ledger, ...] = (*Ledger,)
) -> None:
    """A bar with digests and a snapshot of both ledgers, in one message."""
    start_ms = START_MS + number * stream.timeframe_ms
    with journal.message() as message:
        number_bar(message, number, stream)
        for ledger in Ledger:
            message.record(Digest(stream=stream, ledger=ledger, start_ms=start_ms, chain="0" * 16))
        for ledger in ledgers:
            message.record(
                Snapshot(
                    stream=stream,
                    ledger=ledger,
                    start_ms=start_ms,
                    schema="s",
                    params_hash="p",
                    engine_hash="e",
                    digest="d",
                    data=str(number).encode(),
                )
            )


def snapshots(path: Path, ledger: Ledger = Ledger.EMULATOR) -> list[int]:
    """Bars whose snapshot is left, newest first."""
    with JournalReader(path) as reader:
        found = reader.snapshots(ETH, ledger, schema="s", params_hash="p", engine_hash="e")
        return [int(recorded.row.data) for recorded in found]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "j.sqlite"


NEVER = START_MS * 2


def test_by_default_only_old_snapshots_go(path: Path) -> None:
    """Every event stays: the journal can be replayed from its warm-up and compared bar by bar."""
    with open_journal(path) as journal:
        for number in range(10):
            snapshot(journal, number)
        before = content(path)
        trimmed = journal.trim()
        assert (trimmed.last_trimmed_seq, trimmed.rows, trimmed.snapshots) == (0, 0, 14)
        after = content(path)
        assert {name for name in before if before[name] != after[name]} == {"snapshots"}
        assert snapshots(path) == snapshots(path, Ledger.EXCHANGE) == [9, 8, 7]
        with pytest.raises(ValueError, match="at least 1"):
            journal.trim(snapshots_kept=0)


def test_events_go_up_to_the_oldest_snapshot_that_is_kept(path: Path) -> None:
    """A restart from any kept snapshot finds all events after it."""
    with open_journal(path) as journal:
        write_bars(journal, 0, 10)
        snapshot(journal, 10)
        write_bars(journal, 11, 15)
        snapshot(journal, 15)
        write_bars(journal, 16, 20)
        trimmed = journal.trim(before_ms=NEVER, snapshots_kept=2)
        assert trimmed.last_trimmed_seq == 11
        assert seqs(path) == list(range(12, 21))
        assert snapshots(path) == [15, 10]
        assert journal.trim(before_ms=NEVER, snapshots_kept=1).last_trimmed_seq == 16
        with JournalReader(path) as reader:
            assert reader.trimmed_seq() == 16
            assert [recorded.seq for recorded in reader.rows(Digest)] == [
                s for s in range(17, 21) for _ in "EX"
            ]
        write_bars(journal, 20, 21)
        assert seqs(path) == list(range(17, 22))


def test_only_events_old_enough_go(path: Path) -> None:
    """The limit is an instant; what was received at it stays."""
    with open_journal(path) as journal:
        write_bars(journal, 0, 10)
        snapshot(journal, 10)
        fourth_received_ms = START_MS + 4 * QUARTER_MS + 1_000  # bar 3, a second after its close
        assert journal.trim(before_ms=fourth_received_ms).last_trimmed_seq == 3


@pytest.mark.parametrize("what", ["no snapshot", "one ledger only", "a second stream without"])
def test_nothing_goes_that_no_snapshot_covers(path: Path, what: str) -> None:
    """Every ledger of every stream must be able to restart."""
    with open_journal(path) as journal:
        if what == "a second stream without":
            write_bars(journal, 0, 1, BTC)
        write_bars(journal, 0, 5)
        if what != "no snapshot":
            snapshot(journal, 5, ledgers=(Ledger.EMULATOR,) if what == "one ledger only" else (*Ledger,))
        write_bars(journal, 6, 8)
        assert journal.trim(before_ms=NEVER).last_trimmed_seq == 0


def test_an_open_intent_keeps_itself_and_all_after_it(path: Path) -> None:
    """Until the venue has answered; unknown is no answer."""

    def answer(journal: Journal, intent: int, outcome: Outcome) -> None:
        with journal.message() as message:
            message.event(Kind.REPLY, START_MS)
            message.record(Ack(intent=intent, outcome=outcome, code=None, text="", body={}))

    with open_journal(path) as journal, JournalReader(path) as reader:
        write_bars(journal, 0, 5)
        with journal.message() as message:
            message.event(Kind.SIGNAL, START_MS)
            intent = message.record(
                Intent(stream=ETH, decision_id="d", action="e", order_link_id="k1", body={})
            )
        answer(journal, intent, Outcome.UNKNOWN)
        write_bars(journal, 5, 9)
        snapshot(journal, 9)
        assert journal.trim(before_ms=NEVER).last_trimmed_seq == 5
        assert [recorded.id for recorded in reader.open_intents()] == [intent]
        answer(journal, intent, Outcome.REJECTED)
        assert journal.trim(before_ms=NEVER).last_trimmed_seq > 6
        assert reader.intent_of("k1") is None


def test_old_fills_and_bars_are_still_known_as_duplicates(path: Path) -> None:
    """A REST back-fill that reaches behind the retention must not count a fill or decide a bar again."""
    with open_journal(path) as journal:
        with journal.message() as message:
            message.execution(fill_of(1), START_MS)
        write_bars(journal, 0, 10)
        write_bars(journal, 0, 3, BTC)  # this stream ends here, whole in its last snapshot
        snapshot(journal, 3, BTC)
        snapshot(journal, 10)
        assert journal.trim(before_ms=NEVER, snapshots_kept=1).last_trimmed_seq == journal.last_seq - 1
        with journal.message() as message:
            assert message.execution(fill_of(1), START_MS) is None
            assert number_bar(message, 4) is None
            assert number_bar(message, 2, BTC) is None
            assert number_bar(message, 4, BTC) is not None
        with pytest.raises(DataError), journal.message() as message:  # noqa: PT012
            message.bar(ETH, bar_of(12), START_MS, source="rest")
            number_bar(message, 11)
        with JournalReader(path) as reader:
            assert [execution.exec_id for _, execution in reader.executions("linear", "ETHUSDT")] == [
                "exec-1"
            ]


def test_the_file_gets_smaller_in_short_transactions(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages go back to the disk; each transaction takes a bounded number of events."""
    monkeypatch.setattr(retention_module, "SEQS_A_TRANSACTION", 100)
    with open_journal(path) as journal:
        with journal.message() as message:
            for number in range(5_000):
                message.bar(ETH, bar_of(number), START_MS, source="warmup")
        snapshot(journal, 5_000)
        journal._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        before = path.stat().st_size
        changes = journal._connection.total_changes
        trimmed = journal.trim(before_ms=NEVER)
        assert trimmed.last_trimmed_seq == 5_000
        assert journal._connection.total_changes - changes >= 10_000
        journal._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert path.stat().st_size < before / 4
    assert seqs(path) == [5_001]


def test_whatever_the_history_the_newest_snapshot_can_always_be_continued(tmp_path: Path) -> None:
    """Random bars, snapshots and trims: events are always gapless from a kept snapshot to the end."""
    dice = random.Random(3)
    for attempt in range(10):
        path = tmp_path / f"{attempt}.sqlite"
        with open_journal(path) as journal:
            for number in range(40):
                if dice.random() < 0.2:
                    snapshot(journal, number)
                else:
                    write_bars(journal, number, number + 1)
                if dice.random() < 0.2:
                    limit = START_MS + dice.randrange(50) * QUARTER_MS
                    last = journal.trim(before_ms=limit, snapshots_kept=dice.randrange(1, 4)).last_trimmed_seq
                    assert seqs(path) == list(range(last + 1, number + 2))
                    assert last == 0 or number in snapshots(path) or last <= min(snapshots(path)) + 1
