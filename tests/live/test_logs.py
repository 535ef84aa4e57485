"""Logs: no secret in any form, no waiting, no exception into the caller."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import pytest

from engines.live.bybit.keys import KEY_VARIABLE, SECRET_VARIABLE, Keys, load_keys
from engines.live.bybit.session import BybitSession
from engines.live.logs import Logs
from kwin_core.errors import ConfigError

SECRET = "s3cr3t-abcdef-0123456789"
KEY = "key-ABCDEFGH-1234"


def test_secrets_never_appear_whatever_carries_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a message, an argument, a field, inside a structure, in an exception and in a pybit session's repr."""
    file = tmp_path / "live.log"
    keys = Keys(KEY, SECRET)
    session = BybitSession("http://127.0.0.1:1", keys)
    logs = Logs(file=file, secrets=[KEY, SECRET])
    log = logging.getLogger("kwin.test")
    log.warning("plain %s", SECRET)
    log.warning("field", extra={"detail": {"inner": [SECRET, 1]}, "api_secret": "anything", "keys": keys})
    log.warning("session %r and %r", session, keys)
    try:
        raise RuntimeError(f"cannot sign with {SECRET}")
    except RuntimeError:
        log.exception("failed")
    logging.getLogger("pybit").error("Request headers: %s", {"X-BAPI-SIGN": "abc", "X-BAPI-API-KEY": KEY})
    logs.close()
    written = file.read_text(encoding="utf-8") + capsys.readouterr().err + repr(keys) + repr(session)
    assert SECRET not in written
    assert KEY not in written
    assert "anything" not in written
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 5
    assert all({"event", "level", "logger", "timestamp"} <= set(line) for line in lines)


def test_a_full_queue_costs_low_severities_and_no_time(tmp_path: Path) -> None:
    logs = Logs(file=tmp_path / "live.log", console=False)
    logs._listener.stop()  # nobody takes anything any more
    log = logging.getLogger("kwin.test")
    begun = time.monotonic()
    for number in range(30_000):
        log.info("line %d", number)
    assert time.monotonic() - begun < 5.0
    assert logs.dropped == 20_000
    logs._listener.start()
    logs.close()


def test_logging_cannot_break_what_trades(tmp_path: Path) -> None:
    logs = Logs(file=tmp_path / "live.log", console=False)
    logging.getLogger("kwin.test").warning("%d of %s", "not a number")
    logging.getLogger("kwin.test").warning("object", extra={"thing": object()})
    logs.close()
    assert "object" in (tmp_path / "live.log").read_text(encoding="utf-8")


def test_keys_come_from_the_environment_or_a_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    monkeypatch.delenv(SECRET_VARIABLE, raising=False)
    with pytest.raises(ConfigError, match=KEY_VARIABLE):
        load_keys()
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    assert load_keys() == Keys(KEY, SECRET)
    file = tmp_path / "keys.toml"
    file.write_text(f'key = "{KEY}"\nsecret = "{SECRET}"\n', encoding="utf-8")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read it") as caught:
        load_keys(file)
    assert SECRET not in str(caught.value)
    file.chmod(0o600)
    assert load_keys(file) == Keys(KEY, SECRET)
    file.write_text(f'key = "{KEY}"\nsecrt = "{SECRET}"\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_keys(file)
    assert SECRET not in str(caught.value)
    with pytest.raises(ConfigError, match="No such file"):
        load_keys(tmp_path / "none.toml")
