"""Annotations of kiam and kube2iam, read from a cluster."""

from cluster_api import Json
from irsa import ANNOTATION, Irsa, irsa_statement
from ops.migrate.worlds import FINISH, Proxies, agents, names_agent
from podid.sandbox.proxy_samples import NAMESPACE, ROLE, ProxySamples
from worlds import Site


def test_without_an_agent_annotations_have_no_effect(healthy: Site) -> None:
    samples = ProxySamples(healthy.box.reach(), "kube2iam")
    healthy.cluster.make_namespace(NAMESPACE)
    samples.one("web", samples.role("apps-web"))
    healthy.wait(30)
    assert healthy.must("migrate", "plan", "-n", NAMESPACE, "-o", "json").json["items"] == []


def test_renamed_annotations(healthy: Site) -> None:
    proxies = Proxies(healthy, "kube2iam", "--iam-role-key=example.com/role", "--namespace-key", "example.com/roles")
    proxies.samples.role("apps-web")
    proxies.samples.one("web", "", annotations={"example.com/role": "apps-web"})
    healthy.wait(30)
    assert proxies.blockers() == {("web", "apps-web"): ["role-not-permitted"]}
    permitted = {"metadata": {"annotations": {"example.com/roles": '["apps-*"]'}}}
    proxies.patch(f"/api/v1/namespaces/{NAMESPACE}", permitted)
    assert proxies.blockers() == {("web", "apps-web"): []}


def test_the_default_role(healthy: Site) -> None:
    proxies = Proxies(healthy, "kube2iam", "--default-role=apps-base")
    proxies.samples.role("apps-base")
    proxies.samples.one("plain", "")
    proxies.one("web")
    assert proxies.blockers() == {("plain", "apps-base"): ["default-role"], ("web", "apps-web"): []}
    assert proxies.items()["plain", "apps-base"]["evidence"] == ["default role of kube2iam: Deployment apps/plain"]
    outcome = healthy("migrate", "apply", "apps/plain", "--accept", "default-role", "--yes")
    assert outcome.code == 0, outcome
    assert ("plain", "apps-base") not in proxies.items()


def test_a_bare_pod_keeps_its_annotation(proxies: Proxies) -> None:
    proxies.site.cluster.make_account(NAMESPACE, "bare")
    metadata = {"name": "bare", "annotations": {ROLE: proxies.samples.role("apps-bare")}}
    pod: Json = {"serviceAccountName": "bare", "containers": [{"name": "app", "image": "busybox"}]}
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    proxies.site.cluster.post(path, {"metadata": metadata, "spec": pod})
    proxies.site.wait(30)
    accept = ("--accept", "pod-predates-association")
    proxies.site.must("migrate", "apply", "apps/bare", "--until", "associated", *accept, "--yes")
    assert agents(proxies)[0]["serves"] == ["Pod/apps/bare"]
    assert proxies.site(*FINISH, "--yes").code == 3
    proxies.site.cluster.delete(f"{path}/bare")
    proxies.site.wait(60)
    proxies.site.cluster.post(path, {"metadata": metadata, "spec": pod})
    proxies.site.wait(30)
    assert agents(proxies)[0]["serves"] == []
    proxies.site.must(*FINISH, "--yes")
    assert not names_agent(proxies, "apps-bare")


def test_a_service_account_with_irsa_too_is_one_item(proxies: Proxies) -> None:
    """SDKs prefer the web identity of IRSA to the metadata service."""
    proxies.one("web")
    metadata = {"annotations": {ANNOTATION: Irsa(proxies.site).role("both", irsa_statement("apps/web"))}}
    proxies.patch(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/web", {"metadata": metadata})
    assert {key: item["source"] for key, item in proxies.items().items()} == {("web", "both"): "irsa"}
