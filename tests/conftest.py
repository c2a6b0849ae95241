"""Every test runs with a clean environment and talks to 127.0.0.1 only."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from hypothesis import settings

from harness import Podid
from podid.sandbox.box import Sandbox
from worlds import KubeWorld, Site, account_site, clear, kube_world, whole_site

# the same cases on every run, so that a red run means a change; `make fuzz` looks for new ones
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("fuzz", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@pytest.fixture(scope="session", autouse=True)
def _models_are_read_once() -> Iterator[None]:
    """Every command makes its own boto3 session, which reads megabytes of service models: a third of many tests."""
    with pytest.MonkeyPatch.context() as patch:
        kept: dict[Any, Any] = {}
        begin = Loader.__init__

        def beginning(self: Loader, *args: Any, **named: Any) -> None:
            begin(self, *args, **named)
            self._cache = kept

        patch.setattr(Loader, "__init__", beginning)
        yield


@pytest.fixture(scope="session", autouse=True)
def _interrupts_are_heard() -> Iterator[None]:
    """Behind nohup, `&` and some CI runners SIGINT is ignored, and every process started from here inherits that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in _LOOPBACK:
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("AWS_", "PODID_", "XDG_")) or name in ("KUBECONFIG", "NO_COLOR", "FORCE_COLOR", "CI"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "aws-credentials"))


# --- worlds, see worlds.py: a fixture of these names is the same everywhere -------------------------------------------


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An AWS account as good as new, without Kubernetes; the process is pointed at it as its administrator."""
    with account_site(tmp_path) as site:
        site.enter(monkeypatch)
        yield site


@pytest.fixture
def box(account: Site) -> Sandbox:
    """The sandbox of `account`."""
    return account.box


@pytest.fixture
def podid(account: Site) -> Podid:
    """podid at `account`, off a terminal, cluster demo."""
    return account.podid


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An account whose cluster demo has three nodes and three workloads, no agent, no association."""
    with whole_site(tmp_path) as site:
        yield site


@pytest.fixture
def healthy(site: Site) -> Site:
    """The agent on every node, shop/orders associated and its pods made again; payments/billing-worker without Pod
    Identity and legacy/reports on IRSA, as they came."""
    return site.with_agent().with_identity()


@pytest.fixture(scope="module")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with whole_site(tmp_path_factory.mktemp("site")) as site:
        yield site.with_agent().with_identity()


@pytest.fixture
def shared(_kept: Site) -> Iterator[Site]:
    """Like `healthy`, one for the tests of a module: only rights may be taken away, and they come back."""
    yield _kept
    _kept.box.world.credentials.allow_again()
    _kept.box.faults.clear()
    _kept.kube.faults.clear()


@pytest.fixture
def world() -> Iterator[KubeWorld]:
    """A cluster without an account."""
    with kube_world() as made:
        yield made


@pytest.fixture
def no_sandbox() -> None:
    """For tests that start one of their own: only one runs in a process."""
    clear()


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where podid records its changes; not there yet."""
    directory = tmp_path / "journal"
    monkeypatch.setenv("PODID_JOURNAL_DIR", str(directory))
    return directory
