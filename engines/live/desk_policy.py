"""How the desk behaves, as the settings have it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from engines.live.canary import Canary
from engines.live.entries import EntryPolicy
from engines.live.limits import Limits
from engines.live.protector import ProtectPolicy
from engines.live.reconcile import Orphans
from engines.live.settings import Loaded
from feeds.stream import Stream


@dataclass(frozen=True)
class DeskPolicy:
    """How the desk behaves; see the settings of the same names.

    Attributes
    ----------
    entries, protection
        Of the parts.
    orphans
        For positions that the ledger does not know.
    shadow
        Follow the emulator's trades instead of sending X's decisions.
    equity_from_wallet
        Size by the wallet's share instead of the book.
    allocation
        Share of the wallet by stream: no symbol binds more of it as margin.
    settle_ms
        So long a bar waits for its position to be confirmed.
    look_ms
        Pause between two pictures while exposed; ten times that while flat.
    limits, canary
        Of the account.
    """

    entries: EntryPolicy
    protection: ProtectPolicy
    orphans: Orphans
    shadow: bool
    equity_from_wallet: bool
    allocation: Mapping[Stream, Decimal]
    settle_ms: int = 1_000
    look_ms: int = 60_000
    limits: Limits = field(default_factory=Limits)
    canary: Canary | None = None


def desk_policy(loaded: Loaded) -> DeskPolicy:
    """The desk's policy as the settings have it."""
    config = loaded.config
    policy = config.policy
    return DeskPolicy(
        entries=EntryPolicy(int(policy.max_entry_delay_s * 1000), policy.too_large),
        protection=ProtectPolicy(
            on_trail_refused=policy.on_trail_refused,
            never_loosen=config.deployment.profile == "intent",
            naked_exit_ms=int(policy.naked_exit_s * 1000),
            adopted_stop_percent=Decimal(str(policy.adopted_stop_percent)),
            stop_withdrawn=policy.stop_withdrawn,
        ),
        orphans=policy.orphans,
        shadow=config.deployment.authority == "shadow",
        equity_from_wallet=config.deployment.equity == "wallet",
        allocation={one.stream: Decimal(str(one.allocation)) for one in config.symbols},
        settle_ms=int(policy.settle_s * 1000),
        look_ms=int(policy.look_s * 1000),
        limits=config.limits.limits,
        canary=config.canary.canary,
    )
