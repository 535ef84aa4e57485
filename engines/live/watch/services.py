"""Message services through apprise: one address a service."""

from __future__ import annotations

from collections.abc import Sequence

from engines.live.watch.outbox import Send
from kwin_core.errors import ConfigError


def title_of(venue: str, profile: str) -> str:
    """Of every message of a deployment."""
    return f"KWIN {venue} {profile}"


def services_of(urls: Sequence[str]) -> list[tuple[str, Send]]:
    """Name and sender of each address; the name is its place and scheme, never the address.

    Raises
    ------
    ConfigError
        apprise is not installed, or does not understand an address.
    """
    if not urls:
        return []
    try:
        import apprise
    except ImportError:
        raise ConfigError("messages need apprise: pip install 'kwin[messages]'") from None
    found = []
    for number, url in enumerate(urls, start=1):
        name = f"{number} ({url.partition(':')[0]})"
        service = apprise.Apprise()
        if not service.add(url):
            raise ConfigError(
                f"message address {name} is not understood by apprise: see the service's page in its documentation"
            )
        found.append((name, _sender(service)))
    return found


def _sender(service: object) -> Send:
    def send(title: str, body: str) -> bool:
        return bool(service.notify(title=title, body=body))  # type: ignore[attr-defined]

    return send
