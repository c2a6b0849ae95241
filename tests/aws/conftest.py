"""An AWS account on loopback, and a session that leads to it."""

import os
from collections.abc import Iterator

import pytest

from podid.aws.session import AwsSession
from podid.sandbox.box import Sandbox


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox() as box:
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
            monkeypatch.delenv(name, raising=False)
        for name, value in box.env().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        yield box


@pytest.fixture
def session(box: Sandbox) -> AwsSession:
    return AwsSession(None, None, env=os.environ)
