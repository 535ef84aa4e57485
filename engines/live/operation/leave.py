"""Out of what the exchange says is held, by REST alone: for commands that run without a deployment."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence

from engines.journal import Outcome
from engines.live.bybit.calls import perform
from engines.live.operation.account import Account
from engines.live.venue import MarketOrder, Refusal, Side, Urgency
from feeds.stream import Stream
from kwin_core.errors import VenueError

_log = logging.getLogger("kwin.live")


def leave(account: Account, streams: Sequence[Stream]) -> None:
    """Reduce-only market orders for what the exchange says is held; a symbol that cannot be read keeps no other in."""
    for stream in streams:
        try:
            report = account.position(stream)
        except VenueError as error:
            _log.warning("%s", error)
            continue
        if report.side is None:
            continue
        order = MarketOrder(
            key="flatten",
            stream=stream,
            urgency=Urgency.EXIT,
            order_link_id=f"flat-{uuid.uuid4().hex[:24]}",
            side=Side.of(-report.side.sign),
            qty=report.qty,
            reduce_only=True,
        )
        reply, _ = perform(account.session, order, account.clock.now_ms)
        if reply.outcome is not Outcome.CONFIRMED and reply.kind != Refusal.ALREADY_FLAT:
            _log.warning("%s: %s", report.symbol, reply.text)
