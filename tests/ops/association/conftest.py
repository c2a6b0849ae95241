"""Fixtures of the tests of associations."""

from ops.change.conftest import _impatient  # noqa: F401  for these tests too
