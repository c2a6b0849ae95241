"""Objects of products beside the pods, such as secret stores and issuers."""

from threading import Barrier
from types import SimpleNamespace
from typing import Any

from cluster_api import Json
from harness import table
from ops.reading.reports import findings, viewer
from podid.domain.errors import Unavailable
from podid.domain.products import ProductSetting
from podid.domain.snapshot import Known, Missing
from podid.kube.project_custom import CUSTOM
from podid.ops.reading.readings import products
from worlds import ACCOUNT, ORDERS, Site, trust_for


def make(site: Site, group: str, plural: str, name: str, spec: Json, version: str = "v1") -> None:
    site.kube.install(group)
    where = "" if plural.startswith("cluster") else "/namespaces/shop"
    site.cluster.post(f"/apis/{group}/{version}{where}/{plural}", {"metadata": {"name": name}, "spec": spec})


def store(**aws: Any) -> Json:
    return {"provider": {"aws": {"service": "SecretsManager", "region": "us-west-2", **aws}}}


JWT = {"auth": {"jwt": {"serviceAccountRef": {"name": "orders"}}}}


def test_a_store_with_a_token_of_the_associated_account(healthy: Site) -> None:
    make(healthy, "external-secrets.io", "secretstores", "secrets", store(**JWT))
    assert findings(healthy) == {"product-still-in-irsa-mode": "error"}
    assert findings(healthy, "shop/orders") == {"product-still-in-irsa-mode": "error"}


def test_the_kinds_of_an_unavailable_group_are_read_concurrently() -> None:
    """Each is retried for half a minute."""
    both = Barrier(2)

    def list_product_settings(group: str, plural: str, version: str, namespace: str) -> tuple[ProductSetting, ...]:
        both.wait(5)  # breaks without a second read
        raise Unavailable("503")

    kube = SimpleNamespace(
        list_api_groups=lambda: {"external-secrets.io": "v1"}, list_product_settings=list_product_settings
    )
    source: Any = SimpleNamespace(kube=kube, of_namespaces=lambda read: read(""), before=lambda name: Known(()))
    gap = Missing("503", "", "Unavailable")
    assert products(source) == {"secretstores": gap, "clustersecretstores": gap}


def test_stores_with_credentials_of_the_operator_or_keys(healthy: Site) -> None:
    make(healthy, "external-secrets.io", "clustersecretstores", "plain", store())
    keys = {"auth": {"secretRef": {"accessKeyIDSecretRef": {"name": "k", "key": "id"}}}}
    make(healthy, "external-secrets.io", "secretstores", "keys", store(**keys))
    make(healthy, "external-secrets.io", "secretstores", "vault", {"provider": {"vault": {"server": "https://v"}}})
    assert findings(healthy) == {}


def test_a_class_without_pod_identity_and_a_driver_without_its_token(healthy: Site) -> None:
    csi = {"driver": "secrets-store.csi.k8s.io", "readOnly": True, "volumeAttributes": {"secretProviderClass": "db"}}
    healthy.cluster.make_pod("shop", "reader", "orders", volumes=[{"name": "db", "csi": csi}])
    healthy.wait(60)
    make(healthy, "secrets-store.csi.x-k8s.io", "secretproviderclasses", "db", {"provider": "aws", "parameters": {}})
    assert findings(healthy) == {"product-still-in-irsa-mode": "error"}
    path = "/apis/secrets-store.csi.x-k8s.io/v1/namespaces/shop/secretproviderclasses/db"
    healthy.cluster.merge(path, {"spec": {"parameters": {"usePodIdentity": "true"}}})
    driver = {"metadata": {"name": "secrets-store.csi.k8s.io"}, "spec": {"tokenRequests": [{"audience": "x"}]}}
    healthy.cluster.post("/apis/storage.k8s.io/v1/csidrivers", driver)
    assert findings(healthy) == {"csi-driver-tokenrequest-missing": "error"}
    audience = {"spec": {"tokenRequests": [{"audience": "pods.eks.amazonaws.com"}]}}
    healthy.cluster.merge("/apis/storage.k8s.io/v1/csidrivers/secrets-store.csi.k8s.io", audience)
    assert findings(healthy) == {}


def test_an_issuer_that_assumes_its_own_role(healthy: Site) -> None:
    healthy.cluster.make_namespace("cert-manager")
    healthy.cluster.make_account("cert-manager", "cert-manager")
    healthy.trust("storefront", trust_for(ORDERS.__class__("cert-manager", "cert-manager")))
    healthy.associate("cert-manager", "cert-manager")
    solver = {"dns01": {"route53": {"region": "us-west-2", "role": f"arn:aws:iam::{ACCOUNT}:role/storefront"}}}
    make(healthy, "cert-manager.io", "clusterissuers", "public", {"acme": {"solvers": [{"http01": {}}, solver]}})
    assert findings(healthy) == {"app-assumes-own-role": "error"}


@table("group", sorted(CUSTOM))
def test_a_kind_without_the_permission_to_list_it_is_unknown(healthy: Site, group: str) -> None:
    healthy.kube.install(group)
    outcome = healthy("doctor", "-o", "json", env=viewer(healthy, group))
    assert (outcome.code, outcome.json["findings"]) == (9, [])
    named = {item["permission"] for item in outcome.json["unknowns"]}
    assert {f"list {plural}.{group} (cluster-wide)" for plural in CUSTOM[group]} == named
