"""Fixtures of the tests of role commands."""

from ops.role.conftest import _impatient, orders_policy  # noqa: F401  for these tests too
