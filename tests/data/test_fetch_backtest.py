"""A fetched file is as good as its source: KWIN gives the same digest on both."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.backtesting import backtest
from engines.data.fetch import Fetch, FetchOrder
from feeds.parquet import ParquetFeed
from fixtures.make_ethusdt_like import PATH
from tests.exchange import Exchange, Market, known


@pytest.mark.slow
def test_backtest_digest_of_the_fetched_file_equals_that_of_the_source(tmp_path: Path) -> None:
    out = tmp_path / "fetched.parquet"
    with Exchange(markets=[Market(known("ETHUSDT"), ParquetFeed(PATH).read(), "15m")]) as exchange:
        Fetch(FetchOrder("ETHUSDT", "linear", exchange.url, 900_000, None, None, out)).run()
    source, fetched = backtest(PATH), backtest(out)
    assert fetched.digest == source.digest
    assert fetched.summary["trades_closed"] == source.summary["trades_closed"] > 50
