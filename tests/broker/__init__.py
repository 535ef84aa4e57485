"""The broker emulator by its rules."""

import pytest

pytest.register_assert_rewrite("tests.broker.cases")
