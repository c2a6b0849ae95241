"""Clients that make one attempt, and a cluster that is called without HTTP."""

from typing import Any

import pytest

from sandbox.aws_checks import Connect
from sandbox.kube_support import Cluster
from worlds import Site


@pytest.fixture
def connect(account: Site) -> Connect:
    """Return a function: `connect("eks")` is a boto3 client of the administrator; `key` is another credential."""
    return account.aws


@pytest.fixture
def eks(connect: Connect) -> Any:
    return connect("eks")


@pytest.fixture
def iam(connect: Connect) -> Any:
    return connect("iam")


@pytest.fixture
def cluster() -> Cluster:
    """Return the baseline cluster, on a clock that the test advances."""
    new = Cluster()
    new.sandbox.load_baseline()
    new.wait(5)
    return new
