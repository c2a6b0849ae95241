"""A session of the account."""

import os

import pytest

from podid.aws.session import AwsSession
from worlds import Site


@pytest.fixture
def session(account: Site) -> AwsSession:
    return AwsSession(None, None, env=os.environ)
