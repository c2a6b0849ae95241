"""A whole account with a cluster, podid in front of it, and a clock that only podid's own waiting moves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from podid.sandbox.box import Sandbox
from podid.sandbox.kubernetes import factory_in

from .world import Site


@contextmanager
def _site(directory: Path) -> Iterator[Site]:
    with Sandbox(kubernetes=factory_in(directory)) as box:
        site = Site(box, directory)
        site.wait(60)
        yield site


def _set_up(site: Site) -> Site:
    site.must("install-agent")
    site.must("role", "create", "shop-orders", "--for", "shop/orders", "--policy-file", site.policy_file())
    site.must("associate", "shop/orders", "--role", "shop-orders", "--restart")
    site.wait(30)
    return site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A fresh account: cluster demo with three nodes and three workloads, no agent, no association."""
    with _site(tmp_path) as site:
        yield site


@pytest.fixture
def healthy(site: Site) -> Site:
    """The agent on every node, shop/orders associated and restarted; payments/billing-worker without Pod Identity and
    legacy/reports on IRSA, as they came."""
    return _set_up(site)


@pytest.fixture(scope="module")
def _kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with _site(tmp_path_factory.mktemp("site")) as site:
        yield _set_up(site)


@pytest.fixture
def shared(_kept: Site) -> Iterator[Site]:
    """Like `healthy`, one for the tests of a module: only rights may be taken away, and they come back."""
    yield _kept
    _kept.box.world.credentials.allow_again()
    _kept.box.faults.clear()
    _kept.kube.faults.clear()
