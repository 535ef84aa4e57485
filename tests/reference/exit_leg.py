"""One exit order on one entry: stop, limit and trail, and where a price path fills it.

Everything in here is in *favour ticks*: ticks times +1 for a long and times -1 for a short. In that frame
every trade is a long: the stop is below and rounds down, the limit and the activation are above and
round up (R25, R26).
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.reference.ticks import round_down, round_up


@dataclass(frozen=True)
class ExitArguments:
    """The arguments of one strategy.exit call: prices in quote currency, trail values in ticks."""

    stop: float | None
    limit: float | None
    trail_points: float | None
    trail_offset: float | None

    def all_na(self) -> bool:
        """Whether the call has nothing that could ever fill."""
        return self.stop is None and self.limit is None and self.trail_points is None


class ExitLeg:
    """An exit order in force. ``favour`` is +1 for a long's exit and -1 for a short's."""

    def __init__(self, exit_id: str, args: ExitArguments, favour: int, tick: float, issued_bar: int) -> None:
        self.exit_id = exit_id
        self.args = args
        self.issued_bar = issued_bar
        self.stop = None if args.stop is None else round_down(favour * args.stop / tick)
        self.limit = None if args.limit is None else round_up(favour * args.limit / tick)
        self.activation: int | None = None
        self.armed = False
        self.mark = 0
        # R79: whole ticks, the plain integer part of the double
        self.offset = 0 if args.trail_offset is None else int(args.trail_offset)

    def bind(self, entry: int) -> None:
        """Attach to a filled entry: the trail's activation counts from its fill price (R26, R28)."""
        if self.args.trail_points is not None:
            self.activation = round_up(entry + self.args.trail_points)

    def seed(self, price: int) -> None:
        """Start the trail at one price: the entry's fill (R86), or the close of the issuing bar (R83)."""
        self.armed = self.activation is not None and price >= self.activation
        if self.armed:
            self.mark = price

    def take_over_trail(self, old: ExitLeg) -> bool:
        """Continue the trail of the order this one replaces; only with unchanged values (R84)."""
        same = (
            self.args.trail_points is not None
            and self.args.trail_points == old.args.trail_points
            and self.args.trail_offset == old.args.trail_offset
        )
        if same:
            self.armed, self.mark = old.armed, old.mark
        return same

    def stop_in_force(self) -> tuple[int, str] | None:
        """The better placed of the hard stop and the trail, and its name; on equal levels the hard stop."""
        levels = []
        if self.stop is not None:
            levels.append((self.stop, "stop"))
        if self.armed:
            levels.append((self.mark - self.offset, "trail"))
        return max(levels, key=lambda level: level[0]) if levels else None

    def at_open(self, price: int) -> str | None:
        """Look at the first tick of a bar; the kind of the fill at that price, or ``None``.

        A stop at or above the open fills (R5, R13, R81), so does a limit at or below it (R14); a level exactly at
        the open counts as passed by it, as the published lists of classic show. A favourable open raises the mark
        or arms the trail (R77, R81), with offset 0 it fills (R80).
        """
        stop = self.stop_in_force()
        if stop is not None and price <= stop[0]:
            return "stop@gap" if stop[1] == "stop" else "trail@open"
        if self.limit is not None and price >= self.limit:
            return "limit@open"
        if self.armed:
            self.mark = max(self.mark, price)
        else:
            self.seed(price)
        if self.armed and self.offset == 0:
            return "trail@open"
        return None

    def on_leg(self, start: int, end: int) -> tuple[int, str] | None:
        """Walk one straight piece of the path; the level and kind of the fill, or ``None``."""
        return self._rise(end) if end > start else self._fall(end)

    def _rise(self, end: int) -> tuple[int, str] | None:
        fills = []
        if self.limit is not None and end >= self.limit:
            fills.append((self.limit, "limit"))
        if not self.armed and self.activation is not None and end >= self.activation:
            if self.offset == 0:
                fills.append((self.activation, "trail"))
            else:
                self.armed, self.mark = True, end
        if fills:
            return min(fills, key=lambda level: level[0])  # R6: the nearest first; the limit on a tie
        if self.armed:
            self.mark = max(self.mark, end)
        return None

    def _fall(self, end: int) -> tuple[int, str] | None:
        stop = self.stop_in_force()
        return stop if stop is not None and end <= stop[0] else None

    def at_close(self, close: int) -> str | None:
        """One try at the close for an order placed on this bar (R118); the trail has no such try."""
        if self.stop is not None and close <= self.stop:
            return "stop@close"
        if self.limit is not None and close >= self.limit:
            return "limit@close"
        return None
