"""Fixtures of the tests of role commands."""

from ops.change.conftest import _impatient  # noqa: F401  for these tests too
from ops.role.conftest import orders_policy  # noqa: F401  for these tests too
