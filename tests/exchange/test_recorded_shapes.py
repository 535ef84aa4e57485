"""The simulator's messages against recorded ones: same fields, same types, same way of writing numbers.

The recordings are not part of the repository. They lie next to the golden data, in ``bybit_messages``;
without them these tests are skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.exchange import Exchange, Market, known
from tests.exchange.clients import RawSocket, pybit_http
from tests.exchange.sample import walk
from tests.golden_data import golden_dir

SYMBOLS = {
    "BTCUSDT": (65_000.0, 0.1, 0.001),
    "DOGEUSDT": (0.1, 0.00001, 1.0),
    "1000PEPEUSDT": (0.01, 1e-6, 100.0),
}
MINUTE_MS = 60_000


def recorded(*parts: str) -> Path:
    """A recorded file; skips the test when there are no recordings."""
    golden = golden_dir()
    path = golden.parent.joinpath("bybit_messages", *parts) if golden is not None else None
    if path is None or not path.exists():
        pytest.skip("recorded Bybit messages not found next to the golden data: nothing to compare with")
    return path


def wire(name: str) -> list[Any]:
    """Messages of a recorded socket."""
    lines = recorded("wire_2026-08-09", name).read_text().splitlines()
    return [json.loads(json.loads(line)["raw"]) for line in lines]


def documented(name: str) -> list[Any]:
    """JSON objects of a documentation example, comments removed."""
    text = re.sub(r"(?m)\s*//.*$", "", recorded("docs_examples", name).read_text())
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text.rstrip()):
        at = re.compile(r"\s*").match(text, at).end()  # type: ignore[union-attr]
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    markets = [
        Market(
            known(name), walk(3_000, timeframe="1m", first_price=first, tick=tick, step=step, seed=3), "1m"
        )
        for name, (first, tick, step) in SYMBOLS.items()
    ]
    start_ms = int(markets[0].bars["time_ms"][2_000]) + 10_000
    with Exchange(markets, start_ms=start_ms, stamps="wall") as running:
        yield running


def shape(value: Any) -> Any:
    """A value reduced to its structure: field names in order, types, and the form of texts."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    if isinstance(value, str):
        return "number" if re.fullmatch(r"-?\d+(\.\d+)?", value) else "text"
    return type(value).__name__


def simulated(exchange: Exchange, *topics: str, minutes: int = 3) -> list[Any]:
    """Messages of some public topics over a few minutes, acknowledgements included."""
    socket = RawSocket(exchange, "/v5/public/linear")
    messages = socket.subscribe(*topics)
    exchange.advance(minutes * MINUTE_MS)
    messages += socket.drain()
    socket.close()
    return messages


def test_acks(exchange: Exchange) -> None:
    """Fields in the recorded order."""
    for genuine in wire("ws_linear_ack.jsonl"):
        ours = simulated(exchange, "tickers.BTCUSDT", minutes=0)[-1]
        assert list(ours) == list(genuine)
        assert shape(ours) == shape(genuine)


def test_klines(exchange: Exchange) -> None:
    """Fields, types and trimmed numbers of every recorded push; rolls of two elements that continue."""
    ours = [one for one in simulated(exchange, *(f"kline.1.{name}" for name in SYMBOLS)) if "topic" in one]
    ours_by_length = {len(one["data"]): one for one in ours}
    lengths = set()
    for genuine in wire("ws_linear_kline.jsonl"):
        twin = ours_by_length[len(genuine["data"])]
        lengths.add(len(genuine["data"]))
        assert list(twin) == list(genuine)
        assert [list(element) for element in twin["data"]] == [list(element) for element in genuine["data"]]
        assert [shape(element) for element in twin["data"]] == [shape(element) for element in genuine["data"]]
        if len(genuine["data"]) == 2:
            for message in (genuine, twin):
                closed, new = message["data"]
                assert (closed["confirm"], new["confirm"]) == (True, False)
                assert new["open"] == closed["close"]
    assert lengths == {1, 2}
    numbers = [bar[name] for one in ours for bar in one["data"] for name in ("open", "high", "low", "close")]
    assert not any("." in text and text.endswith("0") for text in numbers)


def test_tickers(exchange: Exchange) -> None:
    """Snapshot: the recorded fields in the recorded order. Delta: only fields of the snapshot."""
    ours = [one for one in simulated(exchange, *(f"tickers.{name}" for name in SYMBOLS)) if "topic" in one]
    snapshot = next(one for one in ours if one["type"] == "snapshot")
    genuine = wire("ws_linear_tickers.jsonl")
    for one in genuine:
        if one["type"] == "snapshot":
            assert list(one) == list(snapshot)
            assert list(one["data"]) == list(snapshot["data"])
    decimals = {
        one["data"]["symbol"]: one["data"]["lastPrice"].partition(".")[2]
        for one in [*genuine, *ours]
        if one["type"] == "snapshot"
    }
    assert (len(decimals["BTCUSDT"]), len(decimals["DOGEUSDT"])) == (2, 5)
    deltas = [one for one in ours if one["type"] == "delta"]
    assert deltas
    for one in deltas:
        assert list(one) == list(snapshot)
        assert set(one["data"]) <= set(snapshot["data"])


def test_trades(exchange: Exchange) -> None:
    """Fields and types."""
    ours = next(one for one in simulated(exchange, "publicTrade.BTCUSDT") if "topic" in one)
    for genuine in wire("ws_linear_publicTrade.jsonl"):
        assert list(ours) == list(genuine)
        assert list(ours["data"][0]) == list(genuine["data"][0])
        assert shape(ours["data"][0]) == shape(genuine["data"][0])


def test_instruments(exchange: Exchange) -> None:
    """Known symbols print exactly what the exchange printed; only the listing time is the script's."""
    session = pybit_http(exchange)
    genuine = json.loads(recorded("wire_2026-08-09", "http_instruments_info_linear.json").read_text())
    rows = {row["symbol"]: row for row in genuine["result"]["list"]}
    for name in SYMBOLS:
        reply: Any = session.get_instruments_info(category="linear", symbol=name)
        ours = reply["result"]["list"][0]
        assert list(ours) == list(rows[name])
        assert {**ours, "launchTime": ""} == {**rows[name], "launchTime": ""}


def test_order_rows(exchange: Exchange) -> None:
    """Every field of genuine order rows, written the same way ("" for unset, {} for no fee)."""
    data = json.loads(recorded("orders_rest.json").read_text())
    session = pybit_http(exchange)
    words = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "qty": "0.001"}
    last = exchange.venue.last[("linear", "BTCUSDT")]
    resting: Any = session.place_order(**words, orderType="Limit", price=str(last - 100))
    market: Any = session.place_order(**words, orderType="Market")
    for reply, name in (
        (resting, "fetchOpenOrder_linear_limit"),
        (market, "fetchClosedOrder_linear_market_filled"),
    ):
        found: Any = session.get_open_orders(
            category="linear", symbol="BTCUSDT", orderId=reply["result"]["orderId"]
        )
        ours = found["result"]["list"][0]
        genuine = data[name]["result"]["list"][0]
        assert set(genuine) <= set(ours)
        for field in ("positionIdx", "smpGroup", "triggerDirection"):
            genuine[field] = int(genuine[field])  # the recorder wrote all numbers as text
        same = {field for field in genuine if shape(ours[field]) == shape(genuine[field])}
        assert set(genuine) - same == set()


@pytest.mark.parametrize("name", ["order", "execution", "position", "wallet"])
def test_private_topics_have_the_documented_fields(exchange: Exchange, name: str) -> None:
    """Every documented field of the private topics is sent, with the documented JSON type."""
    example = documented(f"ws_{name}__1.json.txt")[0]
    socket = RawSocket(exchange, "/v5/private")
    import time

    ahead = int(time.time() * 1000) - exchange.clock.now_ms() + 5_000
    assert socket.login(ahead_ms=ahead)["success"]
    socket.subscribe(name)
    pybit_http(exchange).place_order(
        category="linear", symbol="BTCUSDT", side="Buy", orderType="Market", qty="0.01"
    )
    ours = socket.receive()
    socket.close()
    assert set(ours) == set(example)
    assert missing(ours["data"][0], example["data"][0]) == {}


REST_EXAMPLES = {
    "rest_position_list__0": ("get_positions", {"category": "linear", "symbol": "BTCUSDT"}),
    "rest_execution_list__0": ("get_executions", {"category": "linear"}),
    "rest_order_realtime__0": ("get_order_history", {"category": "linear"}),
    "rest_order_history__0": ("get_order_history", {"category": "linear"}),
    "rest_wallet_balance__0": ("get_wallet_balance", {"accountType": "UNIFIED"}),
    "rest_account_info__0": ("get_account_info", {}),
    "rest_fee_rate__0": ("get_fee_rates", {"category": "linear", "symbol": "BTCUSDT"}),
    "rest_closed_pnl__0": ("get_closed_pnl", {"category": "linear"}),
    "rest_transaction_log__0": ("get_transaction_log", {}),
    "rest_kline__0": ("get_kline", {"category": "linear", "symbol": "BTCUSDT", "interval": "1"}),
    "rest_time__0": ("get_server_time", {}),
    "rest_price_limit__0": ("get_price_limit", {"category": "linear", "symbol": "BTCUSDT"}),
}


@pytest.mark.parametrize("name", sorted(REST_EXAMPLES))
def test_rest_replies_have_the_documented_fields(exchange: Exchange, name: str) -> None:
    """Every documented field of the REST replies is there, with the documented JSON type."""
    session = pybit_http(exchange)
    words = {"category": "linear", "symbol": "BTCUSDT", "orderType": "Market", "qty": "0.01"}
    session.place_order(**words, side="Buy")
    session.place_order(**words, side="Sell", reduceOnly=True)
    method, parameters = REST_EXAMPLES[name]
    ours: Any = getattr(session, method)(**parameters)
    assert missing(ours, documented(f"{name}.json.txt")[0]) == {}


MISSPELT = {"mmrSysUpdateTime"}  # the REST page's spelling of the position's mmrSysUpdatedTime


def missing(ours: Any, example: Any, path: str = "") -> dict[str, str]:
    """Fields of the example that we lack or write as another JSON type; documentation texts vary too much."""
    if isinstance(example, dict) and isinstance(ours, dict):
        wrong: dict[str, str] = {}
        for name, value in example.items():
            if name in MISSPELT or name in ("MNT", "extraFees"):
                continue
            if name not in ours:
                wrong[f"{path}/{name}"] = "missing"
            else:
                wrong |= missing(ours[name], value, f"{path}/{name}")
        return wrong
    if isinstance(example, list) and isinstance(ours, list):
        return missing(ours[0], example[0], f"{path}/0") if example and ours else {}
    if type(example) is not type(ours):
        return {path: f"{type(ours).__name__} for {type(example).__name__}"}
    return {}
