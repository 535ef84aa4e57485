"""A small bot that a test kills: ``python -m tests.journal.worker JOURNAL WIRE BARS``.

Each bar is one message with digests, a decision and, on odd bars, an intent; after the commit the order goes out
(a line in the file WIRE, where the exchange would see it) and its reply is the next message. Started again, it asks
the wire about every open intent first, then goes on after the last bar.
"""

from __future__ import annotations

import sys
from pathlib import Path

from engines.failpoints import failpoint
from engines.journal import (
    Ack,
    Decision,
    Intent,
    Journal,
    JournalReader,
    Kind,
    Ledger,
    Outcome,
    Recorded,
    order_link_id,
)
from tests.journal.samples import DEPLOYMENT, ETH, START_MS, bar_of, digest_of, number_bar, open_journal


def work(path: Path, wire: Path, bars: int) -> None:
    """Journal so many bars, from wherever an earlier process was stopped."""
    with open_journal(path) as journal, JournalReader(path) as reader:
        for intent in reader.open_intents():
            finish(journal, wire, intent.id, intent)
        for number in range(reader.bars(ETH).size, bars):
            one_bar(journal, reader, wire, number)


def one_bar(journal: Journal, reader: JournalReader, wire: Path, number: int) -> None:
    """Bar, digests, decision and intent in one transaction; then what has to be sent."""
    start_ms = START_MS + number * ETH.timeframe_ms
    with journal.message() as message:
        number_bar(message, number)
        message.record(digest_of(number, Ledger.EMULATOR))
        message.record(digest_of(number, Ledger.EXCHANGE))
        decision = f"decision-{number}"
        close = float(bar_of(number)["close"])
        message.record(Decision(stream=ETH, start_ms=start_ms, decision_id=decision, body={"close": close}))
        if number % 2:
            link = order_link_id(DEPLOYMENT, ETH, start_ms, "e")
            message.record(
                Intent(
                    stream=ETH,
                    decision_id=decision,
                    action="entry",
                    order_link_id=link,
                    body={"quantity": "0.1"},
                )
            )
    for intent in reader.open_intents():
        finish(journal, wire, intent.id, intent)


def finish(journal: Journal, wire: Path, number: int, intent: Recorded[Intent]) -> None:
    """Send an intent unless the wire has it already; record the reply."""
    link = str(intent.row.order_link_id)
    if link not in (wire.read_text().split() if wire.exists() else []):
        failpoint("gateway.before_send")
        with wire.open("a") as file:
            file.write(f"{link}\n")
        failpoint("gateway.after_send")
    with journal.message() as message:
        message.event(Kind.REPLY, START_MS, {"orderLinkId": link}, category="linear", symbol="ETHUSDT")
        message.record(Ack(intent=number, outcome=Outcome.CONFIRMED, code=0, text="OK", body={}))


if __name__ == "__main__":
    work(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
