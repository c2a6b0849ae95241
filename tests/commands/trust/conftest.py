"""Fixtures of the tests of commands for trust policies."""

from ops.change.conftest import _impatient  # noqa: F401  for these tests too
from ops.trust.conftest import wide  # noqa: F401  for these tests too
