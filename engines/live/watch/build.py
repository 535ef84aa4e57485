"""From a deployment to its watch; nothing heavy is imported unless somebody watches."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from engines.live.watch.copies import Copies
from engines.live.watch.secrets import WatchSecrets
from engines.live.watch.settings import WatchSettings

if TYPE_CHECKING:
    from engines.live.deployment import Deployment
    from engines.live.watch.watch import Watch


def is_watched(settings: WatchSettings, secrets: WatchSecrets) -> bool:
    """Whether there is anybody to watch or to be told."""
    return settings.port is not None or bool(secrets.heartbeat_url or secrets.message_urls)


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
