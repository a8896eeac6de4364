"""A failed sentence of tests/spec.py prints both sides."""

import pytest

pytest.register_assert_rewrite("tests.spec")
