"""An Optuna search for the best set: trials are asked for in batches, so that each is one compiled call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from engines.research.axis import Axis
from engines.research.extras import needs
from engines.research.space import MOST_SETS
from kwin_core.errors import ConfigError

if TYPE_CHECKING:
    from engines.research.sweeping import How, Work

TRIALS_A_BATCH = 64
"""Small enough that the search learns, large enough that the cores are busy."""


def check_search(how: How) -> None:
    """Refuse a search that cannot be made, before anything is computed.

    Raises
    ------
    ConfigError
        No number of sets, or Optuna is not installed.
    """
    if (
        how.sets is None
        or isinstance(how.sets, bool)
        or not isinstance(how.sets, int)
        or not 1 <= how.sets <= MOST_SETS
    ):
        raise ConfigError(f"sets = {how.sets!r}: a search needs a number of sets, for example sets = 1000")
    needs("optuna", "search")


def search(axes: Sequence[Axis], how: How, work: Work) -> pa.Table:
    """Run the search; the same arguments give the same trials, also when it goes on after an interruption.

    With several data files the mean of their scores counts; a set that does not count on one of them is as bad as can
    be.
    """
    optuna = needs("optuna", "search")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=how.seed, multivariate=True, constant_liar=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    kinds = {axis.name: _distribution(optuna, axis) for axis in axes}
    count = how.sets or 0
    tables: list[pa.Table] = []
    number = 0
    for first in range(0, count, TRIALS_A_BATCH):
        trials = [study.ask(kinds) for _ in range(min(TRIALS_A_BATCH, count - first))]
        sets = [{axis.name: _value(axis, trial.params[axis.name]) for axis in axes} for trial in trials]
        table = work.batches(sets, first, number, count * work.files)
        number += work.batches_of(len(sets))
        tables.append(table)
        rows = table.to_pylist()
        for trial, given in zip(trials, range(len(sets)), strict=True):
            scores = [how.ranking.score(row) for row in rows[given :: len(sets)]]
            known = [score for score in scores if score is not None]
            if len(known) < len(scores):
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            else:
                study.tell(trial, sum(known) / len(known))
    return pa.concat_tables(tables)


def _distribution(optuna: Any, axis: Axis) -> Any:
    """Numbers in order are searched by their place in the list, so that near values are near."""
    if not axis.is_list:
        return optuna.distributions.FloatDistribution(axis.low, axis.high, log=axis.log)
    if _is_ordered(axis):
        return optuna.distributions.IntDistribution(0, len(axis.values) - 1)
    return optuna.distributions.CategoricalDistribution(axis.values)


def _is_ordered(axis: Axis) -> bool:
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in axis.values)
    return numbers and list(axis.values) == sorted(axis.values)


def _value(axis: Axis, found: Any) -> Any:
    return axis.values[found] if axis.is_list and _is_ordered(axis) else found
