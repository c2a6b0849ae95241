"""Clients that make one attempt."""

from typing import Any

import pytest

from sandbox.aws_checks import Connect
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
