"""How far to believe a sweep: the deflated Sharpe ratio, the order of trades, heat maps, sensitivities."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats

from engines.research.deflated import deflated_sharpe, expected_largest, probability_above
from engines.research.monte_carlo import monte_carlo, trade_returns
from engines.research.stability import heat_map, sensitivity
from engines.research.windows import DAY_MS, Window, days_of, windows
from kwin_core.errors import ConfigError


def test_the_deflated_sharpe_ratio_of_the_paper() -> None:
    """Bailey and Lopez de Prado (2014), numerical example.

    100 tries whose yearly ratios vary by 0.5, best 2.5 over 1250 days of 250 a year, skew -3, kurtosis 10: threshold
    0.1132 a day, probability 0.9004; with 46 tries it would have been 0.9505.
    """
    for trials, threshold, probability in ((100, 0.1132, 0.9004), (46, None, 0.9505)):
        found = math.sqrt(0.5 / 250) * expected_largest(trials)
        if threshold is not None:
            assert found == pytest.approx(threshold, abs=5e-5)
        assert probability_above(2.5 / math.sqrt(250), found, 1250, -3.0, 10.0) == pytest.approx(
            probability, abs=5e-5
        )


def test_expected_largest_is_that_of_simulated_normals() -> None:
    draws = np.random.default_rng(1).standard_normal((20_000, 200)).max(axis=1)
    assert expected_largest(200) == pytest.approx(draws.mean(), abs=0.03)
    with pytest.raises(ConfigError, match="at least 2"):
        expected_largest(1)


def test_the_best_of_worthless_sets_is_not_believed_and_a_real_edge_is() -> None:
    """1000 sets of random days: the best yearly ratio looks fine; deflated it is worth nothing."""
    random = np.random.default_rng(3)

    def table(days: np.ndarray) -> pa.Table:
        ratios = days.mean(axis=1) / days.std(axis=1, ddof=1)
        order = np.argsort(-ratios)
        return pa.table(
            {
                "set": order,
                "sharpe": ratios[order] * math.sqrt(365),
                "daily_skew": stats.skew(days[order], axis=1),
                "daily_kurtosis": stats.kurtosis(days[order], axis=1, fisher=False),
                "days": np.full(order.size, days.shape[1]),
            }
        )

    worthless = random.standard_normal((1000, 365))
    found = deflated_sharpe(table(worthless), 1000)
    assert found.sharpe > 2.0
    assert found.probability < 0.9
    assert "0." in str(found)
    worthless[17] += 0.35
    assert deflated_sharpe(table(worthless), 1000).set == 17
    assert deflated_sharpe(table(worthless), 1000).probability > 0.99
    with pytest.raises(ConfigError, match="trials = 5: this sweep alone has 1000"):
        deflated_sharpe(table(worthless), 5)


def test_shuffled_trades_end_where_they_ended_and_fall_differently() -> None:
    random = np.random.default_rng(2)
    returns = random.normal(0.002, 0.02, 400)
    found = monte_carlo(returns, 300.0, runs=2_000, seed=4)
    assert found.final == pytest.approx(found.actual_final)
    assert found.actual_final == pytest.approx(300.0 * np.prod(1.0 + returns))
    assert found.drawdown.std() > 0.01
    assert 0.02 < found.luck < 0.98
    assert found.ruined == 0.0
    again = monte_carlo(returns, 300.0, runs=2_000, seed=4)
    np.testing.assert_array_equal(found.drawdown, again.drawdown)
    table = found.percentiles((5, 50, 95))
    assert table["drawdown"].is_monotonic_increasing


def test_the_best_order_is_called_lucky() -> None:
    """All losses spread between the wins fall least; in a row they fall most."""
    wins, losses = np.full(50, 0.02), np.full(50, -0.01)
    spread = monte_carlo(np.column_stack((wins, losses)).ravel(), 100.0, runs=500)
    in_a_row = monte_carlo(np.concatenate((wins, losses)), 100.0, runs=500)
    assert spread.luck == 1.0
    assert in_a_row.luck < 0.01


def test_bootstrapped_trades_end_elsewhere_and_can_ruin() -> None:
    found = monte_carlo(np.array([0.5, -0.4, 0.3, -1.0]), 100.0, method="bootstrap", runs=4_000)
    assert found.final.std() > 1.0
    assert found.ruined == pytest.approx(1.0 - 0.75**4, abs=0.03)


@pytest.mark.parametrize("method", ["shuffle", "bootstrap"])
def test_a_ruined_order_trades_no_more(method: str) -> None:
    """A loss of more than the equity, twice, is no gain: the sign of nothing does not turn."""
    returns = np.array([0.5, 0.3, -1.2])
    found = monte_carlo(returns, 100.0, method=method, runs=2_000, seed=5)
    ruined = found.final <= 0.0
    assert ruined.mean() == found.ruined > 0.6
    possible = [-0.2 * 100.0 * gains for gains in (1.0, 1.5, 1.3, 1.5 * 1.3, 1.5 * 1.5, 1.3 * 1.3)]
    assert np.isclose(found.final[ruined, None], possible).any(axis=1).all()
    assert found.actual_final == pytest.approx(-0.2 * 195.0)
    assert returns.tolist() == [0.5, 0.3, -1.2]


def test_trade_returns_are_fractions_of_the_equity_before() -> None:
    assert trade_returns(np.array([10.0, -11.0, 9.9]), 100.0).tolist() == pytest.approx([0.1, -0.1, 0.1])
    with pytest.raises(ConfigError, match="the equity falls to 0"):
        trade_returns(np.array([-100.0, 5.0]), 100.0)
    with pytest.raises(ConfigError, match="at least two trades"):
        monte_carlo(np.array([0.1]), 100.0)
    with pytest.raises(ConfigError, match="method = 'mix': choose one of shuffle, bootstrap"):
        monte_carlo(np.array([0.1, 0.2]), 100.0, method="mix")


FRAME = pd.DataFrame(
    {
        "a": [1, 1, 1, 1, 2, 2, 2, 2],
        "b": [0.1, 0.1, 0.2, 0.2, 0.1, 0.1, 0.2, 0.2],
        "c": [True, False] * 4,
        "sharpe": [1.0, 1.2, 3.0, 3.2, 1.1, 1.3, 3.1, np.nan],
    }
)


def test_a_heat_map_is_the_mean_over_what_it_does_not_show() -> None:
    found = heat_map(FRAME, "a", "b", "sharpe", "mean", ["a", "b", "c"])
    assert found.values.loc[0.1, 1] == pytest.approx(1.1)
    assert found.values.loc[0.2, 2] == pytest.approx(3.1)
    assert list(found.values.columns) == [1, 2]
    figure = found.figure()
    assert figure.data[0].type == "heatmap"
    assert figure.data[0].z.shape == (2, 2)
    for x, y, says in (("a", "a", "twice"), ("a", "z", "'z' was not swept: choose two of a, b, c")):
        with pytest.raises(ConfigError, match=says):
            heat_map(FRAME, x, y, "sharpe", "mean", ["a", "b", "c"])
    with pytest.raises(ConfigError, match="unknown statistic 'sharp'"):
        heat_map(FRAME, "a", "b", "sharp", "mean", ["a", "b", "c"])


def test_sensitivity_names_the_input_that_matters() -> None:
    found = sensitivity(FRAME, ["a", "b", "c"], "sharpe")
    assert found.index[0] == "b"
    assert found.loc["b", "explained"] > 0.95
    assert found.loc["b", "best_value"] == 0.2
    assert found.loc["a", "explained"] < 0.1
    many = pd.DataFrame({"a": np.linspace(0, 1, 1000), "sharpe": np.linspace(0, 1, 1000) ** 2})
    grouped = sensitivity(many, ["a"], "sharpe")
    assert grouped.loc["a", "values"] == 10
    assert grouped.loc["a", "explained"] > 0.95


def test_windows_cover_the_time_after_the_first_stretch_without_gap_or_overlap() -> None:
    for anchored in (False, True):
        found = list(windows(0, 100 * DAY_MS, 30 * DAY_MS, 20 * DAY_MS, anchored=anchored))
        assert [(window.split_ms // DAY_MS, window.end_ms // DAY_MS) for window in found] == [
            (30, 50), (50, 70), (70, 90), (90, 100),
        ]  # fmt: skip
        starts = [window.start_ms // DAY_MS for window in found]
        assert starts == ([0, 0, 0, 0] if anchored else [0, 20, 40, 60])
    assert next(windows(0, 10, 5, 9, anchored=False)) == Window(0, 5, 10)
    with pytest.raises(ConfigError, match="nothing is left to test"):
        list(windows(0, 30 * DAY_MS, 30 * DAY_MS, DAY_MS, anchored=False))


def test_lengths_are_days_or_say_their_unit() -> None:
    assert days_of("180d", "x") == days_of(180, "x") == days_of(180.0, "x") == 180 * DAY_MS
    assert days_of("12h", "x") == DAY_MS // 2
    assert days_of("4w", "x") == 28 * DAY_MS
    for bad in ("", "d", "-3", 0, True, "3 months"):
        with pytest.raises(ConfigError, match="in_sample"):
            days_of(bad, "in_sample")
