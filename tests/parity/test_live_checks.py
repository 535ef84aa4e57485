"""``kwin-parity live`` on journals of real paper runs: a whole one agrees, and every kind of tampering is named."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from engines import backtest
from engines.journal import Digest, Execution, Journal, JournalReader, Ledger
from engines.live.replay_run import ReplayRequest, replay
from engines.parity.live import live_parity
from engines.parity.live.exchange import replay_exchange
from engines.parity.live.record import read_record
from feeds.instants import iso, parse_instant
from tests.core.kwin_runs import BAR_MS, fixture_bars
from tests.parity.journals import BARS, CAPITAL, INPUTS, WARM_UP, Journals, Live, bars_file, hands_on

AT = 700
"""Number of the bar that is tampered with."""


def bar_ms(number: int = AT) -> int:
    """Its open time."""
    return int(fixture_bars()["time_ms"][number])


@pytest.mark.parametrize("profile", ["tv-literal", "intent"])
def test_a_whole_journal_agrees(profile: str, journals: Journals, live: Live, tmp_path: Path) -> None:
    """Both checks compare every bar, every trade is the same, the books add up, the bars are the file's."""
    found = live.report(journals(profile), "--data", bars_file(tmp_path), code=0)
    for name in ("emulator", "exchange"):
        assert found[name] == {"good": True, "compared": BARS, "differing": 0, "first_difference": None}
    assert found["trades"] >= 5
    assert list(found["kinds"]) == ["same"]
    assert found["kinds"]["same"]["trades"] == found["trades"]
    assert found["kinds"]["same"]["net_difference"] == pytest.approx(0.0, abs=1e-6)
    assert found["sums"]["agree"]
    assert found["sums"]["fees"] > 0.0
    assert found["unbooked_executions"] == []
    assert (found["data"]["compared"], found["data"]["differ"]) == (BARS, 0)
    assert live(journals(profile)) == 0
    assert f"{BARS} digests, all equal" in live.out


@pytest.mark.parametrize("profile", ["tv-literal", "intent"])
def test_what_is_compared_with_is_the_backtest(profile: str, journals: Journals) -> None:
    """The last digest that the check accepts is that of ``kwin-backtest --trade-from --capital`` on the same bars."""
    path = journals(profile)
    assert live_parity(path)[0].good
    result = backtest(
        fixture_bars()[:BARS].copy(),
        preset="dual-sfp",
        profile=profile,
        params=INPUTS,
        tick=0.01,
        lot=0.01,
        symbol="ETHUSDT",
        timeframe="15m",
        capital=CAPITAL,
        trade_from=bar_ms(WARM_UP),
    )
    with JournalReader(path) as reader:
        last = [one.row for one in reader.rows(Digest) if one.row.ledger is Ledger.EMULATOR][-1]
    assert (last.full_digest, last.chain) == (result.digest, result.chain)


def test_a_journal_of_two_processes_agrees(tmp_path: Path, live: Live) -> None:
    """Stopped in the middle and gone on with."""
    path = tmp_path / "live.sqlite"
    for count in (600, 750):
        data = bars_file(tmp_path, fixture_bars()[:count].copy())
        replay(ReplayRequest(data, path, "intent", inputs=INPUTS, warmup_bars=WARM_UP))
    assert live.report(path, code=0)["exchange"]["compared"] == 750


def test_a_journal_that_is_being_written_agrees(tmp_path: Path) -> None:
    """Checked again and again while the runner writes: what has come is compared, what comes later is not."""
    path, data = tmp_path / "live.sqlite", bars_file(tmp_path)
    request = ReplayRequest(data, path, "tv-literal", inputs=INPUTS, warmup_bars=WARM_UP, speed=300_000)
    begun = threading.Event()
    bot = threading.Thread(target=replay, args=(request,), kwargs={"on_bar": lambda *_: begun.set()})
    bot.start()
    try:
        assert begun.wait(60.0)
        compared = []
        while bot.is_alive() and len(compared) < 5:
            (found,) = live_parity(path)
            assert found.good, found.emulator.first_difference or found.exchange.first_difference
            compared.append(found.exchange.compared)
    finally:
        bot.join(60.0)
    assert compared == sorted(compared)
    assert 0 < compared[0] < BARS
    assert live_parity(path)[0].exchange.compared == BARS


def test_what_is_written_after_the_beginning_is_left_out(tmp_path: Path) -> None:
    """The comparison is of one moment: bars, fills and digests behind its last event are another one's."""
    path = tmp_path / "live.sqlite"

    def go_on_to(count: int) -> None:
        data = bars_file(tmp_path, fixture_bars()[:count].copy())
        replay(ReplayRequest(data, path, "tv-literal", inputs=INPUTS, warmup_bars=WARM_UP))

    go_on_to(600)
    with JournalReader(path) as reader:
        record = read_record(reader)
        go_on_to(750)
        (seen,) = replay_exchange(record).values()
        assert seen.check.good, seen.check.first_difference
        assert seen.check.compared == len(seen.bars) == 600
        (again,) = replay_exchange(read_record(reader)).values()
        assert again.check.compared == 750


def test_a_changed_bar_is_named(journals: Journals, live: Live, tmp_path: Path) -> None:
    """One price of one bar: E differs there with both values, and the file tells which field was changed."""
    path = journals()
    with hands_on(path) as journal:
        journal.execute("UPDATE bars SET close = close + 0.01 WHERE start_ms = ?", (bar_ms(),))
    found = live.report(path, "--data", bars_file(tmp_path), code=1)
    first = found["emulator"]["first_difference"]
    assert (first["ledger"], first["bar"], first["what"]) == ("E", iso(bar_ms()), "full digest")
    assert len(first["recorded"]) == len(first["computed"]) == 64
    assert first["recorded"] != first["computed"]
    assert found["exchange"]["first_difference"]["bar"] == iso(bar_ms())
    assert found["data"]["differ"] == 1
    assert found["data"]["first"]["bar"] == iso(bar_ms())
    close = float(fixture_bars()["close"][AT])
    assert found["data"]["first"]["fields"] == {"close": [close + 0.01, close]}
    assert live(path) == 1
    assert f"E, bar {iso(bar_ms())}" in live.out


@pytest.mark.parametrize("ledger", ["E", "X"])
@pytest.mark.parametrize("column", ["full_digest", "chain"])
def test_a_changed_digest_is_named(ledger: str, column: str, journals: Journals, live: Live) -> None:
    """Only that one differs, only in its ledger; the recorded value is the forged one."""
    path = journals()
    with hands_on(path) as journal:
        (before,) = journal.execute(
            f"SELECT {column} FROM digests WHERE ledger = ? AND start_ms = ?", (ledger, bar_ms())
        ).fetchone()
        forged = ("0" if before[0] != "0" else "1") + before[1:]
        journal.execute(
            f"UPDATE digests SET {column} = ? WHERE ledger = ? AND start_ms = ?", (forged, ledger, bar_ms())
        )
    found = live.report(path, code=1)
    mine, other = ("emulator", "exchange") if ledger == "E" else ("exchange", "emulator")
    assert found[other]["good"]
    assert found[mine]["differing"] == 1
    first = found[mine]["first_difference"]
    assert (first["ledger"], first["bar"]) == (ledger, iso(bar_ms()))
    assert (first["recorded"], first["computed"]) == (forged, before)


@pytest.mark.parametrize("ledger", ["E", "X"])
def test_a_missing_digest_is_named(ledger: str, journals: Journals, live: Live) -> None:
    """A bar without digest is not a bar that agrees."""
    path = journals()
    with hands_on(path) as journal:
        journal.execute("DELETE FROM digests WHERE ledger = ? AND start_ms = ?", (ledger, bar_ms()))
    found = live.report(path, code=1)["emulator" if ledger == "E" else "exchange"]
    assert found["compared"] == BARS - 1
    assert found["first_difference"]["what"] == "the bar has no digest"
    assert found["first_difference"]["bar"] == iso(bar_ms())


def exit_of(path: Path) -> tuple[int, int]:
    """Number and bar (ms) of an execution in the middle that a bar follows."""
    with hands_on(path) as journal:
        seq, time_ms = journal.execute(
            "SELECT seq, exec_time_ms FROM executions WHERE exec_time_ms > ? ORDER BY seq LIMIT 1",
            (bar_ms(500),),
        ).fetchone()
    return int(seq), int(time_ms) // BAR_MS * BAR_MS


def test_a_missing_execution_is_named(journals: Journals, live: Live) -> None:
    """Its event is there, its row is not: the event is named, and E is not touched."""
    path = journals()
    seq, time_ms = exit_of(path)
    with hands_on(path) as journal:
        journal.execute("DELETE FROM executions WHERE seq = ?", (seq,))
    found = live.report(path, code=1)
    first = found["exchange"]["first_difference"]
    assert (first["event"], first["what"]) == (seq, "its execution is missing")
    assert found["exchange"]["differing"] > 0
    assert abs(time_ms - moment_of(first)) <= BAR_MS
    assert found["emulator"]["good"]
    assert set(found["kinds"]) - {"same"}


def moment_of(first: dict[str, Any]) -> int:
    """The bar of a difference, ms."""
    return int(parse_instant(first["bar"]))


def test_a_dropped_event_is_named(journals: Journals, live: Live) -> None:
    """Events are numbered without gaps: one that was taken out with everything it carried leaves its number."""
    path = journals()
    seq, _ = exit_of(path)
    with hands_on(path) as journal:
        journal.execute("DELETE FROM executions WHERE seq = ?", (seq,))
        journal.execute("DELETE FROM events WHERE seq = ?", (seq,))
    first = live.report(path, code=1)["exchange"]["first_difference"]
    assert (first["what"], first["event"]) == (f"event {seq} is missing", seq + 1)


def test_a_dropped_bar_is_named(journals: Journals, live: Live) -> None:
    """Neither ledger can have been what it was without it."""
    path = journals()
    with hands_on(path) as journal:
        (seq,) = journal.execute("SELECT seq FROM bars WHERE start_ms = ?", (bar_ms(),)).fetchone()
        journal.execute("DELETE FROM bars WHERE seq = ?", (seq,))
    found = live.report(path, code=1)
    assert found["exchange"]["first_difference"]["what"] == "its bar is missing"
    assert found["exchange"]["first_difference"]["event"] == seq
    first = found["emulator"]["first_difference"]
    assert (first["what"], first["bar"]) == ("this bar is missing", iso(bar_ms()))


def test_a_changed_fee_is_named(journals: Journals, live: Live) -> None:
    """A cent on one execution: X differs on the bar after it, and its trade is told with kind and money."""
    path = journals()
    seq, time_ms = exit_of(path)
    with hands_on(path) as journal:
        journal.execute("UPDATE executions SET fee = fee + 0.01 WHERE seq = ?", (seq,))
    found = live.report(path, code=1)
    first = found["exchange"]["first_difference"]
    assert first["what"] == "full digest"
    assert moment_of(first) in (time_ms, time_ms + BAR_MS)
    assert found["emulator"]["good"]
    assert found["differing"][0]["kind"] == "fee"
    assert found["differing"][0]["net_difference"] == pytest.approx(-0.01, abs=1e-9)
    assert found["sums"]["agree"]


def test_what_was_bought_outside_after_the_last_bar_is_told(journals: Journals, live: Live) -> None:
    """No digest comes after it, so all agree; it is a trade of X alone all the same, open and marked."""
    path = journals()
    bought = Execution(
        category="linear",
        symbol="ETHUSDT",
        exec_id="by-hand",
        order_id="by-hand",
        order_link_id="",
        side="Buy",
        price="3000",
        quantity="0.5",
        fee="0.75",
        fee_currency="USDT",
        exec_type="Trade",
        stop_order_type="",
        exec_time_ms=bar_ms(BARS) + 60_000,
    )
    with (
        Journal(path, profile="tv-literal", venue="replay", now_ms=0) as journal,
        journal.message() as message,
    ):
        message.execution(bought, bought.exec_time_ms)
    found = live.report(path, code=0)
    (trade,) = found["differing"]
    assert (trade["kind"], trade["cause"], trade["number"]) == ("manual", "opened outside", None)
    assert trade["emulator"] is None
    assert (trade["exchange"]["exit"], trade["exchange"]["qty"]) == ("open", 0.5)
    assert trade["executed_entry"]["price"] == 3000.0
    assert trade["net_difference"] == pytest.approx(
        0.5 * (float(fixture_bars()["close"][BARS - 1]) - 3000.0) - 0.75, abs=1e-9
    )
    assert found["sums"]["agree"]
