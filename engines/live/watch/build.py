"""From a deployment to its watch; nothing heavy is imported unless somebody watches."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from engines.live.watch.copies import Copies
from engines.live.watch.secrets import WatchSecrets, load_watch_secrets
from engines.live.watch.settings import WatchSettings

if TYPE_CHECKING:
    from engines.live.deployment import Deployment
    from engines.live.settings import LiveConfig
    from engines.live.watch.watch import Watch


def is_watched(settings: WatchSettings, secrets: WatchSecrets) -> bool:
    """Whether there is anybody to watch or to be told."""
    return settings.port is not None or bool(secrets.heartbeat_url or secrets.message_urls)


def described(config: LiveConfig) -> list[tuple[str, str]]:
    """What would be watched and told, for a checklist; no address is shown.

    Raises
    ------
    ConfigError
        A secrets file is wrong, or an address is not understood.
    """
    from engines.live.watch.services import services_of

    secrets = load_watch_secrets(config.watch.secrets_file)
    names = [name for name, _ in services_of(secrets.message_urls)]
    port = config.watch.port
    return [
        ("metrics", "off" if port is None else f"http://{config.watch.host}:{port or 'a free port'}/metrics"),
        ("heartbeat", f"every {config.watch.heartbeat_s:g} s" if secrets.heartbeat_url else "off"),
        ("messages", f"to {', '.join(names)}" if names else "off"),
    ]


def watch_of(deployment: Deployment, copies: Copies, secrets: WatchSecrets) -> Watch:
    """The watch of a deployment that was built, not started.

    Raises
    ------
    ConfigError
        See `Watch`.
    """
    from engines.live.watch.lookout import Watched
    from engines.live.watch.watch import Watch

    config, private, desk = deployment.loaded.config, deployment.private, deployment.desk
    about = config.deployment
    watched = Watched(
        build={
            "version": version("kwin"),
            "venue": about.venue,
            "profile": about.profile,
            "preset": about.preset,
            "authority": about.authority,
            "deployment": str(deployment.journal.identity.deployment),
        },
        journal=about.journal,
        copies=copies,
        runner=deployment.runner,
        inbox=deployment.inbox,
        clock=deployment.clock,
        feed=deployment.feed.status,
        private=None if private is None else lambda: (private.is_up, private.attempts),
        wallet=lambda: getattr(desk, "wallet", None),
    )
    return Watch(watched, config.watch, config.messages, secrets)
