"""Fixtures for tests against a local API server. Helpers are in kube_server.py, beside this file."""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from podid.domain.aws import Cluster
from podid.kube.connect import Connection
from podid.kube.transport import Transport
from worlds import KubeWorld, kube_world

from .kube_server import Server, self_signed, serve
from .kubeconfigs import connected


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(certificate: tuple[Path, str]) -> Iterator[Server]:
    with serve(certificate[0]) as server:
        yield server


@pytest.fixture
def make_cluster(certificate: tuple[Path, str]) -> Callable[..., Cluster]:
    def make(endpoint: str, pem: str = "", *, public_endpoint: bool = True) -> Cluster:
        return Cluster(
            name="demo",
            arn="arn:aws:eks:us-west-2:111122223333:cluster/demo",
            version="1.34",
            status="ACTIVE",
            endpoint=endpoint,
            certificate_authority=base64.b64encode((pem or certificate[1]).encode()).decode(),
            public_endpoint=public_endpoint,
        )

    return make


@pytest.fixture
def connection(tls: Server, make_cluster: Callable[..., Cluster]) -> Connection:
    return connected(make_cluster(tls.url), token=lambda: ("t-1", datetime.now(UTC) + timedelta(minutes=14)))


@pytest.fixture
def sleeps() -> list[float]:
    return []


@pytest.fixture
def transport(connection: Connection, sleeps: list[float]) -> Iterator[Transport]:
    transport = Transport(connection, sleep=sleeps.append)
    yield transport
    transport.close()


@pytest.fixture
def lab() -> Iterator[KubeWorld]:
    """Return the sandbox's cluster with the agent's DaemonSet."""
    with kube_world(agent=True) as world:
        yield world
