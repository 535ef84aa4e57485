"""Record dtypes: attribute access at every level, zero bytes as start, no objects, one layout for numba."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numba import njit

from kwin_core.errors import StrategyError
from kwin_core.records import StateRecord, record

PLAIN = np.dtype([("count", np.int64), ("values", np.float64, (3,))])
INNER = record([("plain", PLAIN), ("flag", np.int8), ("level", np.float64)])
OUTER = record([("first", INNER), ("second", INNER), ("table", np.float64, (2, 2))])


@njit
def _touch(st):
    st.second.plain.values[1] = 2.5
    st.second.plain.count += 1
    st.table[1, 0] = 4.0
    return st.second.plain.values[1] + st.table[1, 0]


def test_nested_records_are_reached_by_attribute_without_the_compiler():
    state = np.zeros(1, OUTER)[0]
    assert _touch.py_func(state) == 6.5
    assert state["second"]["plain"]["count"] == 1


def test_nested_records_are_reached_by_attribute_in_compiled_code():
    states = np.zeros(1, OUTER)
    assert _touch(states[0]) == 6.5
    assert states["second"]["plain"]["values"][0, 1] == 2.5
    assert states["first"]["plain"]["count"][0] == 0, "the sibling record must not move"


def test_a_plain_structured_field_becomes_a_record_with_its_array_shape():
    inner = INNER.fields["plain"][0]
    assert inner.type is StateRecord
    assert inner.fields["values"][0].shape == (3,)


def test_layout_is_aligned():
    assert OUTER.isalignedstruct
    assert INNER.fields["level"][1] % 8 == 0


@pytest.mark.parametrize("kind", [object, str, "datetime64[ms]"])
def test_types_that_are_not_plain_bytes_are_refused_by_name(kind):
    with pytest.raises(StrategyError, match="'note'"):
        record([("note", kind)])


HIDDEN = record([("size", np.int64), ("mean", np.float64), ("inner", record([("data", np.float64, (2,))]))])


@njit
def _touch_hidden(st):
    st.size += 5
    st.mean = st.size / 2
    st.inner.data[1] = st.mean
    return st.inner.data[1]


def test_fields_win_over_numpy_attributes_of_the_same_name_in_both_modes():
    """A plain numpy.record would answer ``size`` with 1: a wrong number, silently."""
    compiled, plain = np.zeros(2, HIDDEN)
    assert _touch_hidden(compiled) == 2.5
    assert _touch_hidden.py_func(plain) == 2.5
    assert plain.size == 5
    assert plain == compiled


def test_values_survive_bytes_and_pickle():
    states = np.zeros(2, HIDDEN)
    _touch_hidden(states[1])
    for copy in (np.frombuffer(states.tobytes(), HIDDEN), pickle.loads(pickle.dumps(states))):
        assert copy[1].inner.data[1] == 2.5
        assert copy.dtype == HIDDEN


@pytest.mark.parametrize("name", ["dtype", "getfield", "two words", ""])
def test_names_that_cannot_be_attributes_are_refused(name):
    with pytest.raises(StrategyError, match="rename"):
        record([(name, np.float64)])
