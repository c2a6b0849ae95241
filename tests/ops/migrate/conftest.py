"""Worlds of the tests of a migration."""

import pytest

from cluster_api import Json
from irsa import Irsa
from ops.migrate.worlds import Proxies
from podid.sandbox.proxy_samples import NAMESPACE
from worlds import Site


@pytest.fixture
def irsa(healthy: Site) -> Irsa:
    """Return a cluster with IRSA: legacy/reports and the service accounts that a test adds."""
    return Irsa(healthy)


@pytest.fixture
def proxies(healthy: Site) -> Proxies:
    """Return a cluster with kube2iam and the workloads that a test adds."""
    return Proxies(healthy)


@pytest.fixture
def moved(irsa: Irsa) -> Irsa:
    """Return `irsa` after the migration of legacy/reports."""
    irsa.site.must("migrate", "apply", "-A", "--yes")
    return irsa


@pytest.fixture
def sharing(proxies: Proxies) -> Proxies:
    """Return `proxies` with two Deployments and a CronJob of three roles, all of the default service account."""
    for name, kind in (("reader", "Deployment"), ("writer", "Deployment"), ("nightly", "CronJob")):
        proxies.one(name, account="default", kind=kind)
    settings: Json = {"imagePullSecrets": [{"name": "registry"}], "automountServiceAccountToken": False}
    proxies.patch(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default", settings)
    return proxies
