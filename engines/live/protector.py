"""The one owner of stops: it compares what the ledger wants with what rests, and sends the difference.

The stop travels with the entry order; the trail and every later change go through one trading-stop call, which is read
back. What the exchange refuses is decided here: a stop that the market has passed has been hit, so the position leaves
at market; a trail that is refused leaves the hard stop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from engines.journal import Intent, Outcome, StopMoved
from engines.live.levels import Change, Levels, change_between, crossed, levels_of, loosens
from engines.live.seat import Protecting, Seat
from engines.live.turn import Turn
from engines.live.venue import Answer, PositionReport, Protect, ReadPosition, Recall, Refusal, Urgency
from engines.live.working import CROSSED, UNPROTECTED
from kwin_core.wishes import protection_wanted

_RETRY_MS = (250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000)
_VERIFY_MS = 2_000
_REPORT_MS = 700  # a position's report comes with its executions, or is read
_HUNDRED = Decimal(100)


class TrailRefused(StrEnum):
    """Policy when the exchange refuses a trail."""

    HALT = "halt"
    STOP_ONLY = "stop_only"


class StopWithdrawn(StrEnum):
    """Policy when an exit of the script asks for no stop any more (V15)."""

    KEEP = "keep"  # the stop that rests stays
    FOLLOW = "follow"  # it goes: the position is without one, as TradingView's is


@dataclass(frozen=True)
class ProtectPolicy:
    """How stops are kept.

    Attributes
    ----------
    on_trail_refused
        See `TrailRefused`; the hard stop stays in both.
    never_loosen
        Keep the tighter stop when the script asks for a looser one (``intent``); ``tv-literal`` follows the script.
    naked_exit_ms
        A position without any stop for so long leaves at market (ms).
    adopted_stop_percent
        Stop of a position that the script has no exit for, percent of its entry price.
    stop_withdrawn
        See `StopWithdrawn`.
    """

    on_trail_refused: TrailRefused
    never_loosen: bool
    naked_exit_ms: int
    adopted_stop_percent: Decimal
    stop_withdrawn: StopWithdrawn = StopWithdrawn.KEEP


class Protector:
    """Keeps the stops of a seat.

    Parameters
    ----------
    policy
        See `ProtectPolicy`.
    leave
        ``leave(turn, action, reason)`` sends a reduce-only market exit for the whole position.
    wanted
        What must rest; by default what X's exit asks for.
    """

    def __init__(
        self,
        policy: ProtectPolicy,
        leave: Callable[[Turn, str, str], None],
        wanted: Callable[[Seat], Levels | None] | None = None,
    ) -> None:
        self._policy = policy
        self._leave = leave
        self._source = wanted or wanted_by_exit

    def wanted(self, seat: Seat) -> Levels:
        """Levels that must rest for the open position."""
        levels = self._source(seat)
        if levels is None:
            levels = replace(seat.there, bare=False)  # no word of the script: what somebody has set stays
        side = 1 if seat.held_qty > 0 else -1
        if levels.stop is None and not self._goes_bare(levels):
            levels = replace(levels, stop=self._emergency_stop(seat, side))
        if seat.trail_refused:
            levels = replace(levels, trail=None, active=None)
        if self._policy.never_loosen and loosens(seat.there.stop, levels.stop, side):
            levels = replace(levels, stop=seat.there.stop)
        return levels

    def refresh(self, turn: Turn) -> None:
        """Send what differs; nothing while a call is under way, a pause runs, or a stopped position is leaving."""
        seat = turn.seat
        held = seat.held_qty
        if held == 0:
            self._forget(turn)
            return
        if seat.position is None:
            return  # after a restart: what rests is unknown, and must not be replaced by what is guessed
        wanted = self.wanted(seat)
        if wanted.bare and wanted.stop is not None and not seat.stop_kept:
            seat.stop_kept = True
            turn.drift("stop_kept", stop=str(wanted.stop))
        if wanted.stop is None:
            seat.naked_since_ms = None
        elif seat.there.stop is None and seat.naked_since_ms is None:
            seat.naked_since_ms = turn.now_ms
            turn.at(turn.now_ms + self._policy.naked_exit_ms, "naked")
        if seat.protecting is not None or (seat.is_leaving and seat.there.stop is not None):
            return
        if seat.protect_retry_ms is not None and turn.now_ms < seat.protect_retry_ms:
            return
        if seat.there.stop is None and wanted.stop is not None and not self._may_rest_alone(turn):
            return
        side = 1 if held > 0 else -1
        if crossed(wanted.stop, seat.last_price, side):
            self._leave(turn, CROSSED, f"the market at {seat.last_price} is beyond the stop {wanted.stop}")
            return
        change = change_between(seat.there, wanted, side=side, last=seat.last_price)
        if not change.empty:
            self._send(turn, change, wanted)

    def answered(self, turn: Turn, answer: Answer) -> None:
        """What became of a trading-stop call."""
        seat = turn.seat
        under_way = seat.protecting
        if under_way is None or under_way.key != answer.request.key:
            if seat.held_qty != 0 and answer.outcome is not Outcome.DENIED:
                turn.at(turn.now_ms, "look", "an earlier position's stop call")  # it may have met this one
            return
        seat.protecting = None
        if answer.outcome is Outcome.CONFIRMED:
            self._rests(turn, under_way.levels, "confirmed")
            turn.at(turn.now_ms + _VERIFY_MS, "verify")
            self.refresh(turn)
        else:
            self._refused(turn, answer, under_way.levels)

    def seen(self, turn: Turn, report: PositionReport) -> None:
        """A position report tells what rests: believe it, and mend what is missing."""
        seat = turn.seat
        if report.side is None or seat.held_qty == 0 or report.side.sign * seat.held_qty < 0:
            return
        if seat.protecting is not None:
            return  # it may be older than the call under way, whose answer comes
        trail = report.trailing_stop
        active = report.active_price
        if trail is not None and active is None:  # the exchange does not tell it back
            known = seat.there if seat.there.trail is not None else self.wanted(seat)
            active = known.active if trail == known.trail else None
        there = Levels(report.stop_loss, report.take_profit, trail, active if trail is not None else None)
        if seat.there.stop is not None and there.stop is None:
            turn.failure(
                "protector", "stop_missing", f"{turn.lane.stream}: the stop {seat.there.stop} is gone"
            )
        seat.there = there
        if there.stop is not None:
            seat.naked_since_ms = None
        self.refresh(turn)

    def naked_too_long(self, turn: Turn) -> None:
        """The time without a stop is over."""
        seat = turn.seat
        if seat.held_qty == 0 or seat.there.stop is not None or seat.naked_since_ms is None:
            return
        waited_ms = turn.now_ms - seat.naked_since_ms
        if waited_ms >= self._policy.naked_exit_ms:
            turn.failure("protector", "naked", f"{turn.lane.stream}: no stop for {waited_ms} ms, leaving")
            self._leave(turn, UNPROTECTED, f"no stop could be placed for {waited_ms} ms")
            turn.at(turn.now_ms + self._policy.naked_exit_ms, "naked")

    def entered(self, seat: Seat, stop: Decimal | None) -> None:
        """An entry with an attached stop has filled: the stop came with it, until a report says otherwise."""
        if stop is not None:
            seat.there = replace(seat.there, stop=stop)
            seat.naked_since_ms = None

    def turned(self, turn: Turn) -> None:
        """One execution has closed the position and opened one of the other side: nothing of the old one holds."""
        self._forget(turn)

    def _goes_bare(self, levels: Levels) -> bool:
        """Whether the script's exit asks for no stop, and is to be followed in that."""
        return levels.bare and self._policy.stop_withdrawn is StopWithdrawn.FOLLOW

    def _emergency_stop(self, seat: Seat, side: int) -> Decimal | None:
        """Stop of a position that no exit of the script covers: a share of its entry price away."""
        if seat.there.stop is not None:
            return seat.there.stop
        entry = Decimal(repr(float(seat.lane.exchange.core["position_avg_price"])))
        away = entry * self._policy.adopted_stop_percent / _HUNDRED
        tick = seat.rules.tick
        return ((entry - side * away) / tick).to_integral_value() * tick

    def _may_rest_alone(self, turn: Turn) -> bool:
        """Whether a stop of our own making may be sent: not over one that somebody has set and that is not known yet.

        A position from outside may have come with its stop. Its report tells; when none comes in time, ours goes.
        """
        seat, report = turn.seat, turn.seat.position
        source = self._source(seat)
        if source is not None and source.stop is not None:
            return True
        if report is not None and seat.is_current and seat.there_qty == seat.held_qty:
            if report.stop_loss is not None:
                self.seen(turn, report)
            return report.stop_loss is None
        assert seat.naked_since_ms is not None
        waited_ms = turn.now_ms - seat.naked_since_ms
        if waited_ms == 0:
            key = turn.key("rests")
            turn.send(ReadPosition(key=key, stream=turn.lane.stream, urgency=Urgency.STOP))
            turn.at(turn.now_ms + _REPORT_MS, "protect")
        return waited_ms >= _REPORT_MS

    def _send(self, turn: Turn, change: Change, wanted: Levels) -> None:
        seat, stream = turn.seat, turn.lane.stream
        body = {"levels": str(wanted), "there": str(seat.there)}
        turn.because("protect")
        turn.message.record(
            Intent(
                stream=stream,
                decision_id=f"{stream.symbol}-{turn.lane.exchange.time_ms // stream.timeframe_ms}",
                action="p",
                order_link_id=None,
                body=body,
            )
        )
        key = turn.key("protect")
        seat.protecting = Protecting(key, wanted)
        turn.send(
            Protect(
                key=key,
                stream=stream,
                urgency=Urgency.STOP,
                stop_loss=change.stop,
                take_profit=change.target,
                trailing_stop=change.trail,
                active_price=change.active,
            )
        )

    def _rests(self, turn: Turn, levels: Levels, why: str) -> None:
        seat = turn.seat
        seat.there = levels
        seat.protect_attempts, seat.protect_retry_ms = 0, None
        if levels.stop is not None:
            seat.naked_since_ms = None
        turn.message.record(
            StopMoved(
                stream=turn.lane.stream,
                stop_loss=_text(levels.stop),
                active_price=_text(levels.active),
                trailing_stop=_text(levels.trail),
                reason=why,
            )
        )

    def _refused(self, turn: Turn, answer: Answer, levels: Levels) -> None:
        seat = turn.seat
        match answer.kind:
            case Refusal.STOP_CROSSED:
                # which side the exchange means is known from its position only (K04): look, then leave
                turn.drift("stop_crossed", text=answer.text)
                self._leave(
                    turn, CROSSED, f"the exchange says the stop {levels.stop} is passed: {answer.text}"
                )
                turn.at(turn.now_ms, "look", "stop crossed")
            case Refusal.TRAIL if not seat.trail_refused:
                self._give_up_trail(turn, answer)
            case Refusal.ACCOUNT | Refusal.ROUTING:
                turn.halt("account", answer.text)
                self._later(turn)
            case Refusal.UNCHANGED:
                seat.there = levels  # says the exchange; the look reads it back
                turn.at(turn.now_ms, "look", "protection")
            case _:  # flat, unknown, rate ...: what rests there says it
                if answer.kind == Refusal.UNKNOWN_WORDS:
                    turn.failure("protector", "refused", answer.text, code=answer.code)
                turn.at(turn.now_ms, "look", "protection")
                self._later(turn)

    def _give_up_trail(self, turn: Turn, answer: Answer) -> None:
        """The hard stop stays alone."""
        seat = turn.seat
        seat.trail_refused = True
        turn.drift("trail_refused", text=answer.text)
        if self._policy.on_trail_refused is TrailRefused.HALT:
            turn.halt("trail", f"the exchange refused the trail: {answer.text}")
        self.refresh(turn)

    def _later(self, turn: Turn) -> None:
        seat = turn.seat
        pause_ms = _RETRY_MS[min(seat.protect_attempts, len(_RETRY_MS) - 1)]
        seat.protect_attempts += 1
        seat.protect_retry_ms = turn.now_ms + pause_ms
        turn.at(seat.protect_retry_ms, "protect")

    def _forget(self, turn: Turn) -> None:
        seat = turn.seat
        seat.there = Levels()
        if seat.protecting is not None:  # about a position that has gone: it must not meet the next one
            key, stream = f"recall-{seat.protecting.key}", turn.lane.stream
            turn.send(Recall(key=key, stream=stream, urgency=Urgency.STOP, only=seat.protecting.key))
            seat.protecting = None
        seat.trail_refused = False
        seat.stop_kept = False
        seat.naked_since_ms = None
        seat.protect_attempts, seat.protect_retry_ms = 0, None


def wanted_by_exit(seat: Seat) -> Levels | None:
    """What the exit of X asks for; None when none covers the position."""
    wanted = protection_wanted(seat.lane.exchange.states)
    return None if wanted is None or not wanted.covered else levels_of(wanted, seat.tick, seat.rules.tick)


def _text(value: Decimal | None) -> str:
    return "" if value is None else str(value)
