"""Who leaves a position when the operator says so: the running deployment, one started for it, or this command."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from engines.live.deployment import Deployment
from engines.live.exit_codes import ExitCode
from engines.live.inbox import Control
from engines.live.operation.account import Account
from engines.live.operation.caller import ChannelError, ask
from engines.live.operation.leave import leave
from engines.live.operation.offline import write_control
from engines.live.settings import Loaded
from feeds.stream import Stream
from kwin_core.errors import JournalError, KwinError

Say = Callable[[], None]
"""Gives the word once more; what comes of it is seen at the exchange."""
_RECORD_S = 10.0
_log = logging.getLogger("kwin.live")


@contextmanager
def voice(loaded: Loaded, symbol: str | None, streams: Sequence[Stream]) -> Iterator[Say]:
    """Flatten a symbol, or all, each time the word is given.

    The running deployment is asked first. Without one, a process of it is started that takes no bar: it reconciles and
    leaves. When that one cannot start (its digests, the account, its settings, a folder it may not write) or ends by an
    error (a full disk), the orders go out from here, and the next start books them as closed by hand: an exit must not
    depend on anything that may be broken.

    Raises
    ------
    KwinError
        It runs and refuses, or it runs without a channel.
    """
    journal = loaded.config.deployment.journal

    def asked() -> bool:
        return ask(journal, {"command": "flatten", "symbol": symbol}) is not None

    if ask(journal, {"command": "halt", "symbol": symbol, "reason": "flattened by the operator"}) is not None:
        yield lambda: _still(asked())
        return
    try:
        deployment = Deployment(loaded)
    except (KwinError, OSError) as error:
        if loaded.config.deployment.venue == "paper" or _runs_elsewhere(error):
            raise
        _log.warning("the deployment cannot be started, its positions are left from here: %s", error)
        with Account(loaded) as account:
            _halt_in_journal(loaded, symbol)
            yield lambda: leave(account, streams)
        return
    with deployment, _running(deployment) as failures:
        yield lambda: _post_or_leave(loaded, deployment, symbol, streams, failures)


def _still(answered: bool) -> None:
    if not answered:
        raise ChannelError("the deployment has ended meanwhile; run kwin-live flatten again")


def _runs_elsewhere(error: Exception) -> bool:
    return isinstance(error, JournalError) and error.kind == "in_use"


@contextmanager
def _running(deployment: Deployment) -> Iterator[list[KwinError]]:
    """The deployment's runner in a thread; the list takes what ended it."""
    failures: list[KwinError] = []

    def run() -> None:
        try:
            code = deployment.run(bars=False)
        except KwinError as error:
            failures.append(error)
        else:
            if code is not ExitCode.GOOD:
                failures.append(KwinError(f"it ended with code {code.value} ({code.name.lower()})"))

    runner = threading.Thread(target=run, name="kwin-runner", daemon=True)
    runner.start()
    try:
        yield failures
    finally:
        deployment.runner.stop("flattened")
        runner.join(_RECORD_S)


def _post_or_leave(
    loaded: Loaded,
    deployment: Deployment,
    symbol: str | None,
    streams: Sequence[Stream],
    failures: Sequence[KwinError],
) -> None:
    """The started deployment leaves; once it has ended by an error (a full disk), the orders go out from here."""
    try:
        if not failures:
            _post(deployment, symbol, failures)
            return
    except KwinError:
        if not failures:
            raise
    if loaded.config.deployment.venue == "paper":
        raise failures[0]
    _log.warning("the deployment has ended, its positions are left from here: %s", failures[0])
    with Account(loaded) as account:
        leave(account, streams)


def _post(deployment: Deployment, symbol: str | None, failures: Sequence[KwinError]) -> None:
    recorded = threading.Event()
    detail = {} if symbol is None else {"symbol": symbol}
    deployment.inbox.post(Control("flatten", detail, recorded))
    if not recorded.wait(_RECORD_S):
        raise failures[0] if failures else ChannelError("the word was not recorded; the log says why")


def _halt_in_journal(loaded: Loaded, symbol: str | None) -> None:
    """The next start must not enter again; a journal that cannot take that does not keep us from leaving."""
    try:
        write_control(loaded.config.deployment.journal, {"command": "flatten", "symbol": symbol})
    except KwinError as error:
        _log.warning("the halt could not be recorded: %s", error)
