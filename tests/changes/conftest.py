"""Fixtures of the tests of changes: podid with a clock that does not wait, and processes that can be killed."""

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from botocore.loaders import Loader

import harness
from harness import Podid
from podid.aws.session import AwsSession
from podid.cli.runtime import Runtime
from podid.sandbox.box import Sandbox
from podid.sandbox.world import Delays

from .dying import Launcher, load_models_once


@pytest.fixture(scope="package", autouse=True)
def _quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loader, "__init__", Loader.__init__)  # so that it is put back
        load_models_once()
        yield


@pytest.fixture(scope="package")
def _account() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def box(_account: Sandbox) -> Sandbox:
    """As good as new, without the time that stopping one and starting another takes."""
    vars(_account.gateway).pop("answer", None)  # what a test put in front of it
    _account.admin_key = _account.world.credentials.add_user("podid-admin", account=_account.world.account)
    _account.world.delays = Delays()
    _account.reset()
    _account.faults.calls.clear()
    return _account


@pytest.fixture
def podid(box: Sandbox, podid: Podid, monkeypatch: pytest.MonkeyPatch) -> Podid:
    """As everywhere, but waits pass at once and calls are given up after a quarter of a second."""
    box.world.delays.association = box.world.delays.addon = 0.0
    waited = 0.0

    def sleep(seconds: float) -> None:
        nonlocal waited
        waited += seconds
        assert waited < 36000, "podid waits for hours"
        box.world.clock.advance(seconds)

    podid.sleep = sleep
    monkeypatch.setattr(harness, "Runtime", partial(Runtime, monotonic=lambda: time.monotonic() + waited))
    monkeypatch.setitem(AwsSession.__init__.__kwdefaults__ or {}, "patience", 0.25)
    return podid


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    started = Launcher(tmp_path_factory.mktemp("streams"))
    yield started
    started.stop()


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "journal"
    monkeypatch.setenv("PODID_JOURNAL_DIR", str(directory))
    assert os.environ["PODID_JOURNAL_DIR"] == str(directory)
    return directory
