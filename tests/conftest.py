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


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """A fresh AWS account on loopback, without Kubernetes."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def podid(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Podid:
    """podid pointed at the sandbox's account as its administrator, off a terminal, cluster demo."""
    return at(box, monkeypatch)


def at(box: Sandbox, monkeypatch: pytest.MonkeyPatch, **env: str) -> Podid:
    for name, value in {**box.env(), "PODID_CLUSTER": box.world.cluster_name, **env}.items():
        monkeypatch.setenv(name, value)  # boto3 reads the process's environment
    return Podid(env=os.environ)
