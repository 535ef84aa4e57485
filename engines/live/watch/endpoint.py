"""``/metrics`` and ``/healthz`` on a small HTTP server with threads of its own."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from kwin_core.errors import ConfigError

_PATIENCE_S = 5.0
_log = logging.getLogger("kwin.watch")


class Endpoint:
    """Serves until closed.

    Parameters
    ----------
    host, port
        Where; port 0 takes a free one.
    registry
        What ``/metrics`` tells.
    unhealthy
        Tells why the deployment is not healthy, one line each; empty when it is.

    Attributes
    ----------
    port
        That it listens on.

    Raises
    ------
    ConfigError
        The address cannot be listened on.
    """

    def __init__(
        self, host: str, port: int, registry: CollectorRegistry, unhealthy: Callable[[], Sequence[str]]
    ) -> None:
        class Handler(_Handler):
            pass

        Handler.registry, Handler.unhealthy = registry, staticmethod(unhealthy)
        kind = _ServerOfIPv6 if ":" in host else _Server
        try:
            self._server = kind((host, port), Handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"watch.port: {host}:{port} cannot be listened on ({error}); choose another one"
            ) from None
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.2},
            name="kwin-endpoint",
            daemon=True,
        )
        self._thread.start()

    def close(self, seconds: float) -> bool:
        """Stop listening; false when its thread was still busy."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(seconds)
        return not self._thread.is_alive()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a client that never finishes its request holds up nobody

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """A scraper that hung up is no news."""
        _log.debug("a request from %s failed", client_address, exc_info=True)


class _ServerOfIPv6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE_S
    registry: CollectorRegistry
    unhealthy: Callable[[], Sequence[str]]

    def do_GET(self) -> None:  # the library's name
        """Answer."""
        path = urlsplit(self.path).path
        if path == "/metrics":
            encoder, kind = choose_encoder(self.headers.get("Accept", ""))
            self._answer(200, kind, encoder(self.registry))
        elif path == "/healthz":
            reasons = list(self.unhealthy())
            body = json.dumps({"healthy": not reasons, "reasons": reasons}) + "\n"
            self._answer(503 if reasons else 200, "application/json", body.encode())
        else:
            self._answer(404, "text/plain; charset=utf-8", b"there is /metrics and /healthz\n")

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # the library's name
        """Scrapes are not logged."""
