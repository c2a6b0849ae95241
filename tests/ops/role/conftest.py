"""Fixtures of the tests of roles."""

import os
from pathlib import Path

import pytest

from harness import Podid
from ops.change.conftest import _impatient  # noqa: F401  for these tests too
from ops.change.support import policy_file
from podid.aws.session import AwsSession
from podid.ops.clients import Clients, KubeAccess
from podid.sandbox.box import Sandbox


@pytest.fixture
def orders_policy(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> str:
    """Create role shop-orders with one inline policy, and return the policy's file."""
    file = policy_file(tmp_path)
    assert podid("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", file).code == 0
    return file


@pytest.fixture
def clients(box: Sandbox) -> Clients:
    """Return clients of the account, without Kubernetes."""
    return Clients(AwsSession(None, None, env=os.environ), KubeAccess)
