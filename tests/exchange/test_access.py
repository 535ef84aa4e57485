"""Who may call: unsigned requests, stale stamps, exact payloads, limits of the account and of the address."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.exchange import Exchange, Market, known
from tests.exchange.exchange import API_KEY, API_SECRET
from tests.exchange.sample import walk


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with Exchange([Market(known("BTCUSDT"), walk(100), "15m")]) as running:
        yield running


def signed(
    exchange: Exchange, payload: str, *, stamp_ms: int | None = None, window: int = 5_000
) -> dict[str, str]:
    """Headers of a request, signed by hand."""
    stamp = str(exchange.clock.server_ms() if stamp_ms is None else stamp_ms)
    text = stamp + API_KEY + str(window) + payload
    sign = hmac.new(API_SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    return {
        "X-BAPI-API-KEY": API_KEY,
        "X-BAPI-SIGN": sign,
        "X-BAPI-TIMESTAMP": stamp,
        "X-BAPI-RECV-WINDOW": str(window),
    }


def test_unsigned_is_401(exchange: Exchange) -> None:
    """Private endpoints need the headers; public ones do not."""
    assert requests.get(f"{exchange.url}/v5/account/info", timeout=5).status_code == 401
    assert requests.get(f"{exchange.url}/v5/market/time", timeout=5).status_code == 200


@pytest.mark.parametrize(
    ("offset_ms", "code"), [(0, 0), (-5_000, 0), (-5_001, 10002), (999, 0), (1_000, 10002)]
)
def test_stamp_window(exchange: Exchange, offset_ms: int, code: int) -> None:
    """server - recv_window <= stamp < server + 1000."""
    headers = signed(exchange, "", stamp_ms=exchange.clock.now_ms() + offset_ms)
    reply = requests.get(f"{exchange.url}/v5/account/info", headers=headers, timeout=5).json()
    assert reply["retCode"] == code
    if code:
        assert f"server_timestamp[{exchange.clock.now_ms()}],recv_window[5000]" in reply["retMsg"]


def test_query_is_signed_as_it_arrives(exchange: Exchange) -> None:
    """A client that signs before percent-encoding is wrong once a value needs encoding."""
    url = f"{exchange.url}/v5/account/wallet-balance?accountType=UNIFIED&coin=USDT%2CBTC"
    as_sent, as_meant = "accountType=UNIFIED&coin=USDT%2CBTC", "accountType=UNIFIED&coin=USDT,BTC"
    assert requests.get(url, headers=signed(exchange, as_sent), timeout=5).json()["retCode"] == 0
    refused = requests.get(url, headers=signed(exchange, as_meant), timeout=5).json()
    assert refused["retCode"] == 10004
    assert f"origin_string[{exchange.clock.now_ms()}{API_KEY}5000{as_sent}]" in refused["retMsg"]


def test_body_is_signed_byte_by_byte(exchange: Exchange) -> None:
    """Spaces in the JSON count."""
    url = f"{exchange.url}/v5/account/set-margin-mode"
    body = '{"setMarginMode":  "ISOLATED_MARGIN"}'
    reply: Any = requests.post(url, data=body, headers=signed(exchange, body), timeout=5).json()
    assert reply["retCode"] == 0
    other = body.replace("  ", "")
    assert (
        requests.post(url, data=other, headers=signed(exchange, body), timeout=5).json()["retCode"] == 10004
    )


def test_broken_json_is_a_parameter_error(exchange: Exchange) -> None:
    """10001, not a crash."""
    reply = requests.post(f"{exchange.url}/v5/order/create", data="{", timeout=5).json()
    assert reply["retCode"] == 10001


def test_too_many_requests_from_one_address() -> None:
    """The 601st in five seconds is HTTP 403; market time that passes makes room."""
    with Exchange([Market(known("BTCUSDT"), walk(100), "15m")], ip_limit=20) as exchange:
        url = f"{exchange.url}/v5/market/time"
        session = requests.Session()
        codes = [session.get(url, timeout=5).status_code for _ in range(21)]
        assert codes == [200] * 20 + [403]
        exchange.advance(5_000)
        assert session.get(url, timeout=5).status_code == 200


def test_a_defect_of_the_simulator_fails_the_test_that_met_it() -> None:
    """An exception inside a handler is not swallowed by the web server."""
    exchange = Exchange([Market(known("BTCUSDT"), walk(100), "15m")])
    with exchange:
        exchange.faults.rest.alter("market/time", lambda result: result["no such field"])
        assert requests.get(f"{exchange.url}/v5/market/time", timeout=5).status_code == 500
        with pytest.raises(RuntimeError, match=r"the simulator itself failed: .*no such field"):
            exchange.__exit__(None, None, None)
        exchange.forgive()
