"""A sandbox of its own for each test, without delays, and clients that make one attempt."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from podid.sandbox.box import Sandbox
from podid.sandbox.credentials import Credential
from sandbox.aws_checks import Connect

_SESSION = boto3.session.Session()


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        sandbox.world.delays.association = 0
        sandbox.world.delays.addon = 0
        yield sandbox


@pytest.fixture
def connect(box: Sandbox) -> Connect:
    """`connect("eks")` is a boto3 client of the administrator; `key` takes another credential."""

    def make(service: str, *, key: Credential | None = None, region: str = "", attempts: int = 1) -> Any:
        credential = key or box.admin_key
        return _SESSION.client(
            service,
            endpoint_url=box.endpoint_url,
            region_name=region or box.world.region,
            aws_access_key_id=credential.access_key_id,
            aws_secret_access_key=credential.secret_access_key,
            aws_session_token=credential.session_token or None,
            config=Config(retries={"total_max_attempts": attempts}, connect_timeout=2, read_timeout=5),
        )

    return make


@pytest.fixture
def eks(connect: Connect) -> Any:
    return connect("eks")


@pytest.fixture
def iam(connect: Connect) -> Any:
    return connect("iam")
