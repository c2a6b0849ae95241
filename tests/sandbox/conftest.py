"""Clients that make one attempt, and a cluster that is called without HTTP."""

from typing import Any

import pytest

from sandbox.aws_checks import Connect
from sandbox.kube_support import Cluster
from worlds import Site


@pytest.fixture
def connect(account: Site) -> Connect:
    """`connect("eks")` is a boto3 client of the administrator; `key` takes another credential."""
    return account.aws


@pytest.fixture
def eks(connect: Connect) -> Any:
    return connect("eks")


@pytest.fixture
def iam(connect: Connect) -> Any:
    return connect("iam")


@pytest.fixture
def cluster() -> Cluster:
    """The baseline, on a clock that the test moves."""
    made = Cluster()
    made.sandbox.load_baseline()
    made.wait(5)
    return made
