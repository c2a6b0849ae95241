"""Fixtures of the tests of commands for trust policies."""

from ops.trust.conftest import _impatient, wide  # noqa: F401  for these tests too
