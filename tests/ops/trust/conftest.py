"""Fixtures of the tests of trust policies."""

import pytest

from ops.change.conftest import _impatient  # noqa: F401  for these tests too
from ops.trust.support import ADMIN, WIDE
from podid.sandbox.baseline import add_role
from podid.sandbox.box import Sandbox


@pytest.fixture
def wide(box: Sandbox) -> str:
    """Create role wide, which every pod of the account and the account can assume, and return its name."""
    add_role(box.world, box.iam, "wide", {"Version": "2012-10-17", "Statement": [ADMIN, WIDE]})
    return "wide"
