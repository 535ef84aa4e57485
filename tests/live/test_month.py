"""Thirty symbols on one account through a simulated month, with seeded faults, the rate limits on.

A seed decides the faults and their instants; a failing seed gives the same run again.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engines.journal import Drift, Failure, JournalReader
from engines.live.inbox import Control
from engines.live.limits import Amount, Limits
from engines.live.reconcile import Orphans
from tests.live.fleet import BAR_MS, START_MS, WARM_UP, Fleet, fleet
from tests.live_feed.rig import until

LONG = bool(os.environ.get("KWIN_LONG"))
SYMBOLS, DAYS = (30, 30.0) if LONG else (30, 0.25)
ENDPOINTS = ("order/create", "position/trading-stop", "position/list", "execution/list", "order/realtime")
LEAST_RESET_MS = 700
TOPICS = ("order", "execution", "position", "wallet")


class Trouble:
    """Faults in an order chosen by a seed: each kind once, then each once more."""

    def __init__(self, made: Fleet, seed: int) -> None:
        self.made, self.chance = made, Random(seed)
        self.faults: Counter[str] = Counter()
        self._deck: list[str] = []
        self.refused_for_rate = 0

    def spoil(self) -> None:
        """One fault."""
        made, chance = self.made, self.chance
        ws, rest, engine = (getattr(made.exchange.faults, name) for name in ("ws", "rest", "eng"))
        topic, endpoint = chance.choice(TOPICS), chance.choice(ENDPOINTS)
        menu = {
            "delay": lambda: ws.delay(topic, chance.randrange(100, 20_000), n=chance.randrange(1, 6)),
            "mute": lambda: ws.mute(topic, n=chance.randrange(1, 6)),
            "dup": lambda: ws.dup(topic, n=3),
            "reorder": lambda: ws.reorder(chance.sample(TOPICS, 4)),
            "confirm": lambda: chance.choice([ws.late_confirm, ws.drop_confirm, ws.dup_confirm])(),
            "502": lambda: rest.http(endpoint, 502, chance.randrange(1, 5)),
            "drop": lambda: rest.drop(endpoint, n=1),
            "lost reply": lambda: rest.lost_reply(endpoint, n=1),
            "rate": self._rate,
            "empty": lambda: rest.empty(chance.choice(ENDPOINTS[2:]), 2),
            "lag": lambda: rest.lag("position/list", chance.randrange(500, 20_000), n=3),
            "partial": lambda: engine.partial([0.3, 0.7]),
            "part only": lambda: engine.partial([0.5]),
            "ioc zero": engine.ioc_zero,
            "reject": lambda: engine.reject("EC_ReachMarketPriceLimit"),
            "private gone": self._cut,
            "closed outside": self._close_one,
        }
        if not self._deck:
            self._deck = chance.sample(list(menu), len(menu))
        name = self._deck.pop()
        self.faults[name] += 1
        menu[name]()

    def _rate(self) -> None:
        endpoint = self.chance.choice(ENDPOINTS[:2])
        self.made.exchange.faults.rest.rate(
            endpoint, reset_in_ms=self.chance.choice([LEAST_RESET_MS, 1_500]), n=1
        )
        self.refused_for_rate += 1

    def _cut(self) -> None:
        rig = self.made.rig
        if rig.private.is_up:
            self.made.exchange.faults.ws.close(1006, "private")
            until(lambda: not rig.private.is_up, "the private stream notices")
            rig.rebase()

    def _close_one(self) -> None:
        held = [key[0] for key, one in self.made.exchange.account.positions.items() if one.size]
        if held:
            self.made.exchange.faults.eng.external_close(self.chance.choice(held))

    def heal(self) -> None:
        """A quiet minute: everything works again, halts are lifted."""
        self.made.exchange.faults.clear()
        self.made.rig.run(120_000)
        self.made.rig.inbox.post(Control("resume"))
        self.made.rig.settle()


def month(folder: Path, *, seed: int, symbols: int, days: float) -> dict[str, Any]:
    """Trade; every invariant is checked on the way and at the end."""
    bars = max(8, int(days * 96))
    limits = Limits(
        exposure=Amount(Decimal(400), percent=True),
        entries_per_hour=60,
        daily_loss=Amount(Decimal(20), percent=True),
        consecutive_losses=12,
        drifts_per_day=60,
        api_errors=40,
        stale_bars=3.0,
        wallet_tolerance=Amount(Decimal("0.01"), percent=True),
    )
    with fleet(
        folder,
        symbols=symbols,
        series=6,
        bars=bars,
        profile="tv-literal",
        balance="20000",
        capital=500.0,
        limits=limits,
        look_ms=300_000,
        orphans=Orphans.ADOPT,
    ) as made:
        trouble = Trouble(made, seed)
        made.rig.start()
        for number in range(WARM_UP, WARM_UP + bars):
            close_ms = START_MS + BAR_MS * (number + 1)
            if trouble.chance.random() < (0.5 if LONG else 0.9):
                made.rig.run_to(
                    max(made.exchange.clock.now_ms() + 1, close_ms - trouble.chance.randrange(1_000, 600_000))
                )
                trouble.spoil()
            made.rig.run_to(close_ms + 20_000)
            made.keep_requests()
            if number % 8 == 7:
                trouble.heal()
                made.agree()
        trouble.heal()
        made.agree()
        made.check_rates(trouble.refused_for_rate)
        patient(made)
        with JournalReader(made.journal) as reader:
            drifts = Counter(one.row.kind for one in reader.rows(Drift))
            halts = Counter(
                one.row.text.split(": ")[-1][:40] for one in reader.rows(Failure) if one.row.kind == "halt"
            )
        assert drifts["wallet_difference"] <= trouble.faults["mute"] + trouble.faults["closed outside"]
        sent = Counter(one.endpoint for one in made.requests)
        done = made.check()
    return {
        **done,
        "sent": dict(sent),
        "faults": dict(trouble.faults),
        "drifts": dict(drifts),
        "halts": dict(halts),
    }


def patient(made: Fleet) -> None:
    """After a refusal for the rate, nothing of that kind goes out before the time that the exchange named.

    Time stands still while requests are under way: what has the refusal's own instant was under way with it.
    """
    for endpoint in ENDPOINTS[:2]:
        log = [one for one in made.requests if one.endpoint == endpoint]
        for refused in (one for one in log if one.code == 10006):
            after_ms = [one.time_ms - refused.time_ms for one in log if one.time_ms > refused.time_ms]
            assert not after_ms or min(after_ms) >= LEAST_RESET_MS, f"{endpoint} after {min(after_ms)} ms"


@pytest.mark.slow
@pytest.mark.timeout(14_000)
@pytest.mark.parametrize("seed", [7])
def test_thirty_symbols_through_a_month(seed: int, tmp_path: Path) -> None:
    """Some hours of it, or with KWIN_LONG in the environment thirty days."""
    begun = time.monotonic()
    found = month(tmp_path, seed=seed, symbols=SYMBOLS, days=DAYS)
    print(f"seed {seed}: {DAYS:g} days of {SYMBOLS} symbols, {found}, {time.monotonic() - begun:.0f} s")  # noqa: T201
    assert found["streams"] == SYMBOLS
    assert found["entries"] >= SYMBOLS * DAYS
