"""The sections ``[limits]`` and ``[canary]`` of ``live.toml``."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from engines.live.canary import Canary, Slippage
from engines.live.drift import Note
from engines.live.limits import Amount, Limits
from engines.moments import moment_ms

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)")


def _amount_text(value: Any) -> Any:
    """A number, or text such as ``"25%"``, as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError('write a number, or a percentage such as "25%"')
    text = format(Decimal(str(value)), "f") if isinstance(value, int | float) else value.strip()
    found = _AMOUNT.fullmatch(text)
    if found is None or not Decimal(found[1]) > 0:
        raise ValueError(f'{value!r} is not above zero, or no number or percentage such as "25%"')
    return text


AmountText = Annotated[str, BeforeValidator(_amount_text)]
"""Money of the account's currency, or a percentage."""
Count = Annotated[int, Field(ge=1)]


class LimitSettings(BaseModel):
    """Limits of the account; without a value a limit is off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_position: AmountText | None = None
    max_exposure: AmountText | None = None
    max_entries_per_hour: Count | None = None
    max_daily_loss: AmountText | None = None
    max_consecutive_losses: Count | None = None
    max_drifts_per_day: Count | None = None
    max_api_errors: Count | None = None
    stale_bars: Annotated[float, Field(gt=1)] | None = 3.0
    wallet_tolerance: AmountText | None = "0.01%"

    @property
    def limits(self) -> Limits:
        """As the guard takes them."""
        return Limits(
            position=_amount(self.max_position),
            exposure=_amount(self.max_exposure),
            entries_per_hour=self.max_entries_per_hour,
            daily_loss=_amount(self.max_daily_loss),
            consecutive_losses=self.max_consecutive_losses,
            stale_bars=self.stale_bars,
            drifts_per_day=self.max_drifts_per_day,
            api_errors=self.max_api_errors,
            wallet_tolerance=_amount(self.wallet_tolerance),
        )


class CanarySettings(BaseModel):
    """Small orders at first; off without a quantity or a fraction."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    qty: Annotated[float, Field(gt=0)] | None = None
    fraction: Annotated[float, Field(gt=0, lt=1)] | None = None
    trades: Count | None = None
    until: str | None = None
    max_loss: AmountText | None = None
    max_slippage: AmountText | None = None
    drifts: tuple[str, ...] = ()

    @field_validator("drifts")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for kind in value:
            if kind not in set(Note):
                raise ValueError(f"{kind!r} is none of {', '.join(Note)}")
        return value

    @model_validator(mode="after")
    def _whole(self) -> CanarySettings:
        moment_ms(self.until, "canary.until")
        if self.qty is not None and self.fraction is not None:
            raise ValueError("canary has qty and fraction: choose one")
        is_on = self.qty is not None or self.fraction is not None
        ends = self.trades is not None or self.until is not None
        if is_on and not ends:
            raise ValueError("canary has no end: set canary.trades or canary.until")
        if not is_on and (ends or self.max_loss or self.max_slippage or self.drifts):
            raise ValueError("canary has no size: set canary.fraction or canary.qty")
        return self

    @property
    def canary(self) -> Canary | None:
        """As the guard takes it; None is off."""
        if self.qty is None and self.fraction is None:
            return None
        slippage = _amount(self.max_slippage)
        return Canary(
            qty=None if self.qty is None else Decimal(str(self.qty)),
            fraction=None if self.fraction is None else Decimal(str(self.fraction)),
            trades=self.trades,
            until_ms=moment_ms(self.until, "canary.until"),
            max_loss=_amount(self.max_loss),
            max_slippage=None if slippage is None else Slippage(slippage.value, slippage.percent),
            drifts=frozenset(self.drifts),
        )


def _amount(text: str | None) -> Amount | None:
    if text is None:
        return None
    found = _AMOUNT.fullmatch(text)
    assert found is not None  # checked when the settings were read
    return Amount(Decimal(found[1]), found[2] == "%")
