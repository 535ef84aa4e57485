"""Whatever comes in whatever order: what is replayed is what was accepted, once each, in the order of acceptance."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engines.journal import JournalReader, Kind, Message, Stream
from kwin_core.errors import DataError
from tests.journal.samples import BTC, ETH, START_MS, bar_of, fill_of, open_journal

Step = tuple[str, int]
steps = st.lists(
    st.tuples(st.sampled_from(["eth", "btc"]), st.integers(0, 12))
    | st.tuples(st.just("fill"), st.integers(0, 6))
    | st.tuples(st.just("signal"), st.integers(0, 99)),
    min_size=1,
    max_size=6,
)
STREAMS: dict[str, Stream] = {"eth": ETH, "btc": BTC}


class AbandonedError(Exception):
    """Raised inside a message to undo it."""


class JournalMachine(RuleBasedStateMachine):
    """A real file against a list; ``accepted`` holds what every event was, in order."""

    @initialize()
    def make(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "j.sqlite"
        self.journal = open_journal(self.path)
        self.accepted: list[Step] = []

    @rule(steps=steps)
    def commit(self, steps: list[Step]) -> None:
        """A message with several elements; one with a bar that comes too late is refused as a whole."""
        expected, too_late = self._expected(steps)
        if too_late:
            with pytest.raises(DataError), self.journal.message() as message:
                self._write(message, steps)
            return
        with self.journal.message() as message:
            numbers = self._write(message, steps)
        fresh = [number for number in numbers if number is not None]
        assert fresh == list(range(len(self.accepted) + 1, len(expected) + 1))
        self.accepted = expected

    @rule(steps=steps)
    def abandon(self, steps: list[Step]) -> None:
        """A message that ends in an exception never came."""
        with pytest.raises((AbandonedError, DataError)), self.journal.message() as message:  # noqa: PT012
            self._write(message, steps)
            raise AbandonedError

    @rule()
    def reopen(self) -> None:
        """A restart numbers on where it was."""
        self.journal.close()
        self.journal = open_journal(self.path)

    @invariant()
    def replay_is_what_was_accepted(self) -> None:
        """Through a reader of its own, from the start and from any number."""
        with JournalReader(self.path) as reader:
            events = list(reader.replay())
            assert [event.seq for event in events] == list(range(1, len(self.accepted) + 1))
            middle = len(events) // 2
            assert list(reader.replay(middle)) == events[middle:]
            found: list[Step] = []
            for event in events:
                if event.bar is not None:
                    stream = event.bar.stream
                    number = (int(event.bar.bar["time_ms"]) - START_MS) // stream.timeframe_ms
                    assert event.bar.bar == bar_of(number, stream)
                    found.append(("eth" if stream == ETH else "btc", number))
                elif event.execution is not None:
                    number = int(event.execution.exec_id.removeprefix("exec-"))
                    assert event.execution == fill_of(number)
                    found.append(("fill", number))
                else:
                    assert isinstance(event.body, dict)
                    found.append(("signal", event.body["value"]))
            assert found == self.accepted
        assert self.journal.last_seq == len(self.accepted)

    def teardown(self) -> None:
        """Leave no file behind."""
        if hasattr(self, "journal"):
            self.journal.close()
            shutil.rmtree(self.folder)

    def _expected(self, steps: list[Step]) -> tuple[list[Step], bool]:
        """What is accepted after these steps, and whether one of them is a bar that comes too late."""
        accepted = list(self.accepted)
        for what, number in steps:
            if what != "signal" and (what, number) in accepted:
                continue
            if what in STREAMS:
                had = [known for name, known in accepted if name == what]
                if had and number < min(had):
                    continue  # before the journal's time
                if had and number < max(had):
                    return accepted, True
            accepted.append((what, number))
        return accepted, False

    @staticmethod
    def _write(message: Message, steps: list[Step]) -> list[int | None]:
        numbers = []
        for what, number in steps:
            if what in STREAMS:
                stream = STREAMS[what]
                numbers.append(message.bar(stream, bar_of(number, stream), START_MS, source="stream"))
            elif what == "fill":
                numbers.append(message.execution(fill_of(number), START_MS))
            else:
                numbers.append(message.event(Kind.SIGNAL, START_MS, {"value": number}))
        return numbers


JournalMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestJournalMachine = JournalMachine.TestCase
