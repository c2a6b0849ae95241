"""Fixtures of the tests of changes: calls with a short patience, and processes that can be killed."""

from collections.abc import Iterator

import pytest

from ops.change.dying import Launcher
from podid.aws.session import AwsSession


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """End calls after a quarter of a second."""
    monkeypatch.setitem(AwsSession.__init__.__kwdefaults__ or {}, "patience", 0.25)


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    started = Launcher(tmp_path_factory.mktemp("streams"))
    yield started
    started.stop()


@pytest.fixture(scope="session")
def launchers(launcher: Launcher, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Launcher, Launcher]]:
    """Return two launchers, whose processes run at the same time."""
    second = Launcher(tmp_path_factory.mktemp("streams"))
    yield launcher, second
    second.stop()
