"""The guard of the account: counts what happens on all symbols, and halts entries when a limit is reached.

It decides about entries only; exits and stops never ask it. Everything it knows is in its `Tally`, which is part of
the message it changes in, and in the halts of the seats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from engines.journal import Drift, Failure, Kind, Message
from engines.live.bookkeeping import compare
from engines.live.canary import Canary, slipped
from engines.live.counting import on_day, profit_of, resumed, with_answer, with_notes, with_trades
from engines.live.drift import Note
from engines.live.inbox import Answered
from engines.live.limits import (
    ACCOUNT_WIDE,
    CANARY,
    STALE_DATA,
    Figures,
    Limits,
    tripped,
    value_left,
)
from engines.live.margin import available, taken
from engines.live.seat import Seat
from engines.live.tally import DAY_MS, Tally
from engines.live.turn import Turn
from engines.live.venue import WalletReport
from engines.trade_rows import open_trades
from feeds.stream import Stream


@dataclass(frozen=True)
class Ask:
    """What the account says to an entry: quantity wanted, money free for it, caps of its value, or why not."""

    qty: Decimal
    free: Decimal | None
    caps: list[tuple[Decimal, str]]
    reason: str


@dataclass(frozen=True)
class AccountView:
    """For those who look and decide nothing: a copy.

    Attributes
    ----------
    day_loss
        Account's currency, zero or less when there is none.
    losses, drifts, api_errors, entries_last_hour
        As the limits count them.
    canary
        Symbols that still trade small.
    halted
        Reasons that hold for every symbol, by name.
    """

    day_loss: float
    losses: int
    drifts: int
    api_errors: int
    entries_last_hour: int
    canary: tuple[str, ...]
    halted: Mapping[str, str]


class Guard:
    """See the module.

    Parameters
    ----------
    seats
        All of them, by stream, as they are now.
    wallet
        Tells the newest wallet; None is unknown.
    limits, canary
        What to watch; a canary of None is over.
    tally
        Where the process before stopped counting.
    allocation
        Share of the wallet's equity that the margin of a symbol may bind, by stream.
    """

    def __init__(
        self,
        seats: Callable[[], Mapping[Stream, Seat]],
        wallet: Callable[[], WalletReport | None],
        limits: Limits,
        canary: Canary | None,
        tally: Tally,
        allocation: Mapping[Stream, Decimal],
    ) -> None:
        self.tally = tally
        self._recorded: Tally | None = tally
        self._seats, self._wallet = seats, wallet
        self._limits, self._canary, self._allocation = limits, canary, allocation
        self._profits: dict[Stream, float] = {}
        for seat in seats().values():
            self._profits[seat.lane.stream] = profit_of(seat)
            seat.trades_seen = len(seat.lane.trades[True])

    # -- before an entry ---------------------------------------------------------------------------------

    def ask(self, turn: Turn, qty: Decimal, close: Decimal, *, waits: bool) -> Ask:
        """Whether and how large an entry may be; ``waits`` for the position it reverses to go."""
        seat, wallet = turn.seat, self._wallet()
        wanted = qty
        if self._is_canary(seat, turn.now_ms) and self._canary is not None:
            wanted = self._canary.size(qty, close, seat.rules)
        if wallet is None:
            return Ask(wanted, None, [], "")
        by_stream = {stream: taken(one) for stream, one in self._seats().items()}
        own = by_stream[turn.lane.stream]
        leaving = own.held if waits else Decimal(0)
        of_all = sum((one.value for one in by_stream.values()), Decimal(0)) - leaving
        caps = value_left(self._limits, wallet.equity, own.value - leaving, of_all)
        share = wallet.equity * self._allocation.get(turn.lane.stream, Decimal(1))
        own_left = share - own.under_way_margin - (Decimal(0) if waits else own.held_margin)
        freed = own.freed if waits else Decimal(0)
        free = min(available(wallet, by_stream.values(), freed), own_left)
        return Ask(wanted, free, caps, self._too_many(turn.now_ms))

    def entered(self, now_ms: int) -> None:
        """An entry will be sent."""
        self.tally = replace(self.tally, entries_ms=(*self.tally.entries_since(now_ms), now_ms))

    def _too_many(self, now_ms: int) -> str:
        most = self._limits.entries_per_hour
        found = len(self.tally.entries_since(now_ms))
        if most is None or found < most:
            return ""
        return f"{found} entries within an hour, the limit is {most}"

    # -- after every message -----------------------------------------------------------------------------

    def after(self, message: Message, now_ms: int, seats: Iterable[Seat], event: object = None) -> None:
        """Count what a message did to these seats; halt what has to be halted; record what has changed."""
        self.tally = on_day(self.tally, now_ms // DAY_MS, self._profit(), self._equity())
        if self.tally.resumes:
            self._resume_late()
        if isinstance(event, Answered):
            self.tally = with_answer(self.tally, event.answer)
        reasons: dict[str, str] = {}
        for seat in seats:
            self._profits[seat.lane.stream] = profit_of(seat)
            self.tally = with_trades(self.tally, seat)
            self._count_notes(seat, now_ms, reasons)
        reasons |= tripped(self._limits, self._figures())
        reasons |= self._canary_loss(now_ms)
        for name, reason in reasons.items():
            self._halt_all(message, now_ms, name, reason)
        if self.tally != self._recorded:
            message.event(Kind.ACCOUNT, now_ms, self.tally.body())
            self._recorded = self.tally

    def compare_wallet(self, message: Message, now_ms: int, wallet: WalletReport) -> None:
        """A wallet was told, and numbered: once a day it is compared with the books."""
        if self._limits.wallet_tolerance is None:
            return
        seats = self._seats()
        tolerance = self._limits.wallet_tolerance
        self.tally, difference = compare(self.tally, wallet, seats.values(), now_ms, tolerance)
        if difference is None:
            return
        first = next(iter(seats.values()))  # a row needs a stream; the difference is the account's
        first.notes += (Note.WALLET_DIFFERENCE.value,)
        body = {"account": True, "difference": str(difference), "balance": str(wallet.wallet_balance)}
        message.record(
            Drift(
                stream=first.lane.stream,
                start_ms=max(0, first.lane.exchange.time_ms),
                kind=Note.WALLET_DIFFERENCE.value,
                trade_number=None,
                body=body,
            )
        )

    def judge_trades(self, turn: Turn) -> None:
        """After a bar or a fill: the newest trades of a canary are compared with the emulator's."""
        seat, canary = turn.seat, self._canary
        if canary is None or canary.max_slippage is None or not self._is_canary(seat, turn.now_ms):
            return
        name = str(turn.lane.stream)
        found = slipped(
            _all_trades(seat, venue=False),
            _all_trades(seat, venue=True),
            seat.rules.tick,
            canary.max_slippage,
            self.tally.slipped_ms.get(name, 0),
        )
        if found is not None:
            self.tally = replace(self.tally, slipped_ms={**self.tally.slipped_ms, name: found[0]})
            turn.because("canary")
            self._halt_all(turn.message, turn.now_ms, CANARY, f"{turn.lane.stream}: {found[1]}")

    def resumed(self, name: str | None = None) -> None:
        """An operator resumes the whole deployment, or one halt of it: that is counted from here on."""
        self.tally = resumed(self.tally, name, self._profit(), self._equity())
        self._recorded = None  # recorded also when nothing changes: what came before it is settled

    def _resume_late(self) -> None:
        names, self.tally = self.tally.resumes, replace(self.tally, resumes=())
        for name in names:
            self.resumed(name or None)

    # -- stale data --------------------------------------------------------------------------------------

    def stale_at_ms(self, seat: Seat) -> int | None:
        """When the newest bar will be too old (ms); None when that is no limit."""
        if self._limits.stale_bars is None:
            return None
        length_ms = seat.lane.stream.timeframe_ms
        ledger = seat.lane.emulator
        end_ms = ledger.time_ms + length_ms if ledger.bar_index >= 0 else 0
        return end_ms + int(self._limits.stale_bars * length_ms)

    def judge_age(self, turn: Turn) -> None:
        """Halt a symbol whose data is too old."""
        due_ms = self.stale_at_ms(turn.seat)
        if due_ms is not None and turn.now_ms >= due_ms:
            length_ms = turn.lane.stream.timeframe_ms
            words = f"no bar for more than {self._limits.stale_bars:g} intervals of {length_ms // 1000} s"
            turn.halt(STALE_DATA, words)

    def fresh_bar(self, seat: Seat, message: Message, now_ms: int) -> None:
        """A bar has come: when it is a fresh one, the halt for old data ends by itself."""
        due_ms = self.stale_at_ms(seat)
        if STALE_DATA not in seat.halts or (due_ms is not None and now_ms >= due_ms):
            return
        del seat.halts[STALE_DATA]
        stream = seat.lane.stream
        body = {"command": "release", "name": STALE_DATA, "reason": "a fresh bar has come", "by": "limits"}
        message.event(Kind.CONTROL, now_ms, body, category=stream.category, symbol=stream.symbol)

    # -- looking and going back --------------------------------------------------------------------------

    def view(self, now_ms: int) -> AccountView:
        """A copy for those who watch."""
        tally = self.tally
        halted: dict[str, str] = {}
        for seat in self._seats().values():
            halted |= {name: words for name, words in seat.halts.items() if name in ACCOUNT_WIDE}
        return AccountView(
            tally.day_profit - self._profit(),
            tally.losses,
            tally.drifts,
            tally.api_errors,
            len(tally.entries_since(now_ms)),
            tuple(stream.symbol for stream, one in self._seats().items() if self._is_canary(one, now_ms)),
            halted,
        )

    def mark(self) -> Any:
        """For `go_back`."""
        return self.tally, self._recorded, dict(self._profits)

    def go_back(self, mark: Any) -> None:
        """Undo everything since."""
        self.tally, self._recorded, profits = mark
        self._profits = dict(profits)

    # -- helpers -----------------------------------------------------------------------------------------

    def _profit(self) -> float:
        return sum(self._profits.values())

    def _equity(self) -> float:
        wallet = self._wallet()
        return 0.0 if wallet is None else float(wallet.equity)

    def _count_notes(self, seat: Seat, now_ms: int, reasons: dict[str, str]) -> None:
        notes, seat.notes = seat.notes, ()
        self.tally = with_notes(self.tally, notes)
        if self._canary is not None and self._is_canary(seat, now_ms):
            for kind in notes:
                if kind in self._canary.drifts:
                    reasons[CANARY] = f"{seat.lane.stream}: a difference of kind {kind}"

    def _figures(self) -> Figures:
        tally = self.tally
        return Figures(
            Decimal(repr(tally.day_profit - self._profit())),
            Decimal(repr(tally.day_equity)),
            tally.losses,
            tally.drifts,
            tally.api_errors,
        )

    def _is_canary(self, seat: Seat, now_ms: int) -> bool:
        done = self.tally.trades.get(str(seat.lane.stream), 0)
        return self._canary is not None and self._canary.active(done, now_ms)

    def _canary_loss(self, now_ms: int) -> dict[str, str]:
        canary, begun = self._canary, self.tally.canary_profit
        if canary is None or canary.max_loss is None or begun is None:
            return {}
        if not any(self._is_canary(seat, now_ms) for seat in self._seats().values()):
            return {}
        loss = begun - self._profit()
        most = canary.max_loss.of(Decimal(repr(self._equity())))
        if loss <= 0.0 or Decimal(repr(loss)) < most:
            return {}
        return {CANARY: f"the canary has lost {loss:.2f}, the limit is {most:.2f}"}

    def _halt_all(self, message: Message, now_ms: int, name: str, reason: str) -> None:
        seats = self._seats().values()
        if all(name in seat.halts for seat in seats):
            return
        for seat in seats:
            seat.halts.setdefault(name, reason)
        message.event(
            Kind.CONTROL, now_ms, {"command": "halt", "name": name, "reason": reason, "by": "limits"}
        )
        message.record(Failure(place="limits", kind="halt", text=f"entries halted: {reason}", body={}))


def _all_trades(seat: Seat, *, venue: bool) -> np.ndarray:
    """The newest trades of a ledger, open ones included."""
    lane = seat.lane
    core = (lane.exchange if venue else lane.emulator).core
    return np.concatenate([*lane.trades[venue][-8:], open_trades(core)])
