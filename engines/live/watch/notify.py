"""``kwin-live notify``: one message to every service, now."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engines.command_line import console
from engines.live.exit_codes import ExitCode
from engines.live.logs import Logs
from engines.live.settings import load_settings
from engines.live.watch.secrets import MESSAGES_VARIABLE, load_watch_secrets
from engines.live.watch.services import services_of, title_of
from kwin_core.errors import ConfigError


def notify_now(path: Path, assignments: Sequence[str], text: str) -> int:
    """Send it and print who took it; the address of a service is never shown.

    Raises
    ------
    ConfigError
        There is no service, or an address is not understood.
    """
    config = load_settings(path, assignments=assignments).config
    secrets = load_watch_secrets(config.watch.secrets_file)
    services = services_of(secrets.message_urls)
    if not services:
        raise ConfigError(
            f"no message services: set {MESSAGES_VARIABLE}, or message_urls in the file of watch.secrets_file"
        )
    title = title_of(config.deployment.venue, config.deployment.profile)
    screen = console()
    code = ExitCode.GOOD
    logs = Logs(level="warning", secrets=secrets.parts())
    try:
        for name, send in services:
            taken = send(title, text)
            screen.print(f"{'taken' if taken else 'NOT TAKEN'}  {name}", markup=False)
            if not taken:
                code = ExitCode.BAD_RESULT
    finally:
        logs.close()
    return code
