"""Paths of the Kubernetes API, and the permissions that they require."""

import pytest

from podid.domain.permissions import KubePermission
from podid.kube.paths import on, path_of


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "path"),
    [
        ("Pod", "", "", "/api/v1/pods"),
        ("Pod", "shop", "", "/api/v1/namespaces/shop/pods"),
        ("Pod", "shop", "web-0", "/api/v1/namespaces/shop/pods/web-0"),
        ("Namespace", "", "shop", "/api/v1/namespaces/shop"),
        ("Deployment", "shop", "web", "/apis/apps/v1/namespaces/shop/deployments/web"),
        ("ClusterRole", "", "view", "/apis/rbac.authorization.k8s.io/v1/clusterroles/view"),
    ],
)
def test_paths(kind: str, namespace: str, name: str, path: str) -> None:
    assert path_of(kind, namespace, name) == path


def test_permissions_have_the_group_without_its_version() -> None:
    assert on("list", "Pod", "Deployment", "Lease") == (
        KubePermission("", "pods", "list"),
        KubePermission("apps", "deployments", "list"),
        KubePermission("coordination.k8s.io", "leases", "list"),
    )
