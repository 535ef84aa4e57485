"""What a deployment is told: ``live.toml``, checked as a whole before anything starts.

Every key is known or refused, every value has its place and its origin (default, file, environment, command line), and
the profile has no default: whoever trades must choose which reading of the script is meant.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from engines.journal import configuration_hash
from engines.live.feasibility import TooLarge
from engines.live.limit_settings import CanarySettings, LimitSettings
from engines.live.protector import StopWithdrawn, TrailRefused
from engines.live.reconcile import Orphans
from engines.live.watch.settings import MessageSettings, WatchSettings
from engines.moments import moment_ms
from feeds.stream import Stream
from kwin_core.bars import parse_timeframe
from kwin_core.errors import ConfigError, KwinError
from kwin_core.kwin.inputs import PROFILES, effective
from kwin_core.kwin.setup import check_timeframe

ENVIRONMENT_PREFIX = "KWIN_LIVE_"
MAINNET_WORDS = "I trade real money"

Positive = Annotated[float, Field(gt=0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SymbolSettings(_Table):
    """One stream that is traded."""

    symbol: str = Field(min_length=1, pattern=r"^[A-Z0-9]+$")
    category: Literal["linear", "spot"] = "linear"
    timeframe: str = "15m"
    allocation: Annotated[float, Field(gt=0, le=1)] = 1.0

    @property
    def stream(self) -> Stream:
        """As feeds and journal name it."""
        return Stream(self.category, self.symbol, parse_timeframe(self.timeframe))


class DeploymentSettings(_Table):
    """Who, where, which reading."""

    journal: Path
    venue: str
    profile: str
    preset: str = "dual-sfp"
    authority: Literal["exchange", "shadow"] = "exchange"
    trade_from: str = "now"
    capital: Positive | None = None
    equity: Literal["book", "wallet"] = "book"
    warmup_bars: Annotated[int, Field(ge=10, le=100_000)] = 500
    leverage: Annotated[float, Field(ge=1, le=100)] = 10.0
    taker_fee_percent: Annotated[float, Field(ge=0, lt=1)] | None = None
    secrets_file: Path | None = None
    real_money: str = ""

    @property
    def taker_fee(self) -> Decimal | None:
        """Fraction of the notional, where the exchange tells none; None is not given."""
        return None if self.taker_fee_percent is None else Decimal(str(self.taker_fee_percent)) / 100


class PolicySettings(_Table):
    """What is done when things do not go as planned."""

    max_entry_delay_s: Positive = 60.0
    too_large: TooLarge = TooLarge.REJECT
    orphans: Orphans = Orphans.ALERT
    on_trail_refused: TrailRefused = TrailRefused.HALT
    accept_untradable_trail: bool = False
    adopted_stop_percent: Annotated[float, Field(gt=0, lt=100)] = 2.0
    stop_withdrawn: StopWithdrawn = StopWithdrawn.KEEP
    naked_exit_s: Positive = 15.0
    settle_s: Positive = 1.0
    look_s: Positive = 60.0


class NetworkSettings(_Table):
    """Patience, and addresses of another host."""

    rest_url: str | None = None
    stream_url: str | None = None
    private_stream_url: str | None = None
    rest_timeout_s: Positive = 5.0
    connect_timeout_s: Positive = 10.0
    ping_interval_s: Positive = 20.0
    ping_timeout_s: Positive = 10.0
    clock_limit_ms: Annotated[int, Field(gt=0)] = 2_000


class HousekeepingSettings(_Table):
    """Of the journal and the logs."""

    snapshot_bars: Annotated[int, Field(ge=1)] = 96
    keep_days: Annotated[int, Field(ge=1)] | None = None
    log_file: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class LiveConfig(_Table):
    """The whole file."""

    deployment: DeploymentSettings
    symbols: tuple[SymbolSettings, ...] = Field(min_length=1)
    inputs: dict[str, Any] = Field(default_factory=dict)
    policy: PolicySettings = PolicySettings()
    network: NetworkSettings = NetworkSettings()
    housekeeping: HousekeepingSettings = HousekeepingSettings()
    limits: LimitSettings = LimitSettings()
    canary: CanarySettings = CanarySettings()
    watch: WatchSettings = WatchSettings()
    messages: MessageSettings = MessageSettings()

    @field_validator("deployment")
    @classmethod
    def _known(cls, value: DeploymentSettings) -> DeploymentSettings:
        if value.profile not in PROFILES:
            raise ValueError(f"profile {value.profile!r} is none of {', '.join(PROFILES)}")
        named = ("paper", "demo", "testnet", "mainnet")
        if value.venue not in named and not value.venue.startswith(("http://", "https://")):
            raise ValueError(f"venue {value.venue!r} is none of {', '.join(named)}, nor an address")
        if value.venue == "mainnet" and value.real_money != MAINNET_WORDS:
            raise ValueError(f'venue "mainnet" needs the line real_money = "{MAINNET_WORDS}"')
        if value.trade_from != "now":
            moment_ms(value.trade_from, "trade_from")
        return value

    @model_validator(mode="after")
    def _whole(self) -> LiveConfig:
        effective(self.deployment.preset, self.inputs)
        pairs = [(one.category, one.symbol) for one in self.symbols]
        twice = next((pair for pair in pairs if pairs.count(pair) > 1), None)
        if twice is not None:
            raise ValueError(
                f"{twice[1]} is traded twice: an account has one position a symbol, so one stream may trade it"
            )
        for one in self.symbols:
            check_timeframe(parse_timeframe(one.timeframe))
        total = sum(one.allocation for one in self.symbols)
        if self.deployment.equity == "wallet" and total > 1.0 + 1e-9:
            raise ValueError(
                f"the allocations of the symbols add up to {total:g}, more than the whole wallet"
            )
        if self.deployment.venue.startswith("http") and self.network.stream_url is None:
            raise ValueError("a venue given as an address needs network.stream_url as well")
        if self.deployment.venue != "paper":
            for one in self.symbols:
                if one.category != "linear":
                    raise ValueError(f"{one.symbol}: {one.category} can be followed on paper, not traded")
        if not self.network.ping_interval_s > self.network.ping_timeout_s:
            raise ValueError("network.ping_interval_s must exceed network.ping_timeout_s")
        return self

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What is traded."""
        return tuple(one.stream for one in self.symbols)


@dataclass(frozen=True)
class Loaded:
    """A configuration with the origin of every effective value.

    Attributes
    ----------
    config
        The checked settings.
    origins
        ``default``, ``file``, ``environment`` or ``command line`` by dotted key.
    path
        The file.
    """

    config: LiveConfig
    origins: dict[str, str]
    path: Path

    @property
    def body(self) -> dict[str, Any]:
        """As JSON holds it: what the journal records."""
        return self.config.model_dump(mode="json")

    @property
    def hash(self) -> str:
        """Fingerprint of the effective values, wherever they came from."""
        return configuration_hash(self.body)

    def rows(self) -> list[tuple[str, str, str]]:
        """Key, value and origin of everything, in the order of the file's sections."""
        flat = _flatten(self.body)
        return [(key, _shown(value), self.origins.get(key, "default")) for key, value in flat.items()]


def load_settings(
    path: Path, *, assignments: Iterable[str] = (), environment: Mapping[str, str] | None = None
) -> Loaded:
    """Read and check a configuration.

    Parameters
    ----------
    path
        TOML file. Relative paths in it start at its folder.
    assignments
        ``section.key=value`` of the command line: they win over everything.
    environment
        Variables such as ``KWIN_LIVE_DEPLOYMENT__VENUE``; they win over the file. By default the process's.

    Raises
    ------
    ConfigError
        One line: which key, which value, what is wrong with it.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; copy live.example.toml to begin with") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    origins = dict.fromkeys(_flatten(content), "file")
    variables = os.environ if environment is None else environment
    for name in sorted(variables):
        if name.startswith(ENVIRONMENT_PREFIX):
            key = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
            _assign(content, key, variables[name], f"environment variable {name}")
            origins[key] = "environment"
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set {text}: write section.key=value")
        _assign(content, key.strip(), value.strip(), f"--set {text}")
        origins[key.strip()] = "command line"
    try:
        config = LiveConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_words(error)}") from None
    except KwinError as error:
        raise ConfigError(f"{path}: {error}") from None
    return Loaded(_placed(config, path), origins, path)


def _placed(config: LiveConfig, path: Path) -> LiveConfig:
    """Relative paths start at the file's folder."""
    folder = path.resolve().parent

    def place(value: Path | None) -> Path | None:
        return None if value is None else folder / value

    deployment = config.deployment.model_copy(
        update={
            "journal": place(config.deployment.journal),
            "secrets_file": place(config.deployment.secrets_file),
        }
    )
    housekeeping = config.housekeeping.model_copy(update={"log_file": place(config.housekeeping.log_file)})
    watch = config.watch.model_copy(update={"secrets_file": place(config.watch.secrets_file)})
    return config.model_copy(update={"deployment": deployment, "housekeeping": housekeeping, "watch": watch})


def _assign(content: dict[str, Any], key: str, text: str, where: str) -> None:
    """Put a value at a dotted key; it is read as TOML, and as plain text when it is none."""
    parts = key.split(".")
    if len(parts) != 2 or not all(parts):
        raise ConfigError(f"{where}: {key!r} is not like section.key")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    section = content.setdefault(parts[0], {})
    if not isinstance(section, dict):
        raise ConfigError(f"{where}: {parts[0]} is a list; change it in the file")
    section[parts[1]] = value


def _flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in content.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            flat.update(_flatten(value, f"{key}."))
        elif isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value):
                flat.update(_flatten(one, f"{key}[{number}]."))
        else:
            flat[key] = value
    return flat


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)


def _words(error: ValidationError) -> str:
    """The first problem in one line."""
    first = error.errors(include_url=False)[0]
    place = ""
    for part in first["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else str(part)
    kind, message = first["type"], first["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return f"unknown key {place}"
    if kind == "missing":
        return f"{place} is missing; it has no default"
    if kind == "value_error":
        return f"{place}: {message}" if place else message
    return f"{place} = {first['input']!r}: {message[:1].lower()}{message[1:]}"
