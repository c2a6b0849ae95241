"""Doctor and what is beside the pods: objects of products, policies, instances, clocks, as the APIs give them."""

import json
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from checks.builder import NOW, agent_pod, daemon_set
from cluster_api import Json
from podid.checks.all import ALL
from podid.domain.snapshot import Known
from podid.kube.project_custom import CUSTOM
from podid.ops.reading.readings import agent_warnings
from podid.ops.reading.sections import permissions
from podid.sandbox.kube.kubelet import Kubelet
from worlds import ACCOUNT, ORDERS, Site, trust_for

FOREIGN = "arn:aws:iam::444455556666:role/reader"


def found(site: Site, *argv: str) -> dict[str, str]:
    report = site("doctor", "-o", "json", *argv).json
    return {item["id"]: item["severity"] for item in report["findings"] if not item["maskedBy"]}


def make(site: Site, group: str, plural: str, name: str, spec: Json, version: str = "v1") -> None:
    site.kube.install(group)
    where = "" if plural.startswith("cluster") else "/namespaces/shop"
    site.cluster.post(f"/apis/{group}/{version}{where}/{plural}", {"metadata": {"name": name}, "spec": spec})


def store(**aws: Any) -> Json:
    return {"provider": {"aws": {"service": "SecretsManager", "region": "us-west-2", **aws}}}


JWT = {"auth": {"jwt": {"serviceAccountRef": {"name": "orders"}}}}


def test_a_store_with_a_token_of_the_associated_account(healthy: Site) -> None:
    make(healthy, "external-secrets.io", "secretstores", "secrets", store(**JWT))
    assert found(healthy) == {"product-still-in-irsa-mode": "error"}
    assert found(healthy, "shop/orders") == {"product-still-in-irsa-mode": "error"}


def test_stores_that_take_the_operators_own_credentials_or_keys(healthy: Site) -> None:
    make(healthy, "external-secrets.io", "clustersecretstores", "plain", store())
    keys = {"auth": {"secretRef": {"accessKeyIDSecretRef": {"name": "k", "key": "id"}}}}
    make(healthy, "external-secrets.io", "secretstores", "keys", store(**keys))
    make(healthy, "external-secrets.io", "secretstores", "vault", {"provider": {"vault": {"server": "https://v"}}})
    assert found(healthy) == {}


def test_a_class_without_pod_identity_and_a_driver_without_its_token(healthy: Site) -> None:
    csi = {"driver": "secrets-store.csi.k8s.io", "readOnly": True, "volumeAttributes": {"secretProviderClass": "db"}}
    healthy.cluster.make_pod("shop", "reader", "orders", volumes=[{"name": "db", "csi": csi}])
    healthy.wait(60)
    make(healthy, "secrets-store.csi.x-k8s.io", "secretproviderclasses", "db", {"provider": "aws", "parameters": {}})
    assert found(healthy) == {"product-still-in-irsa-mode": "error"}
    path = "/apis/secrets-store.csi.x-k8s.io/v1/namespaces/shop/secretproviderclasses/db"
    healthy.cluster.merge(path, {"spec": {"parameters": {"usePodIdentity": "true"}}})
    driver = {"metadata": {"name": "secrets-store.csi.k8s.io"}, "spec": {"tokenRequests": [{"audience": "x"}]}}
    healthy.cluster.post("/apis/storage.k8s.io/v1/csidrivers", driver)
    assert found(healthy) == {"csi-driver-tokenrequest-missing": "error"}
    audience = {"spec": {"tokenRequests": [{"audience": "pods.eks.amazonaws.com"}]}}
    healthy.cluster.merge("/apis/storage.k8s.io/v1/csidrivers/secrets-store.csi.k8s.io", audience)
    assert found(healthy) == {}


def test_an_issuer_that_names_the_role_that_its_pods_have(healthy: Site) -> None:
    healthy.cluster.make_namespace("cert-manager")
    healthy.cluster.make_account("cert-manager", "cert-manager")
    healthy.trust("storefront", trust_for(ORDERS.__class__("cert-manager", "cert-manager")))
    healthy.associate("cert-manager", "cert-manager")
    solver = {"dns01": {"route53": {"region": "us-west-2", "role": f"arn:aws:iam::{ACCOUNT}:role/storefront"}}}
    make(healthy, "cert-manager.io", "clusterissuers", "public", {"acme": {"solvers": [{"http01": {}}, solver]}})
    assert found(healthy) == {"app-assumes-own-role": "error"}


@pytest.mark.parametrize("group", sorted(CUSTOM))
def test_a_kind_that_may_not_be_read_is_unknown(healthy: Site, group: str) -> None:
    healthy.kube.install(group)
    rules = [
        {"apiGroups": [permission.group], "resources": [permission.resource], "verbs": [permission.verb]}
        for permission in permissions(ALL).kubernetes
        if permission.group != group
    ]
    outcome = healthy("doctor", "-o", "json", env=healthy.user("viewer", rules))
    assert (outcome.code, outcome.json["findings"]) == (9, [])
    named = {item["permission"] for item in outcome.json["unknowns"]}
    assert {f"list {plural}.{group} (cluster-wide)" for plural in CUSTOM[group]} == named


def policy(site: Site, *actions: str, resource: str = FOREIGN) -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}],
    }
    iam = site.aws("iam")
    arn = iam.create_policy(PolicyName=f"p{len(actions)}", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="shop-orders", PolicyArn=arn)


def test_a_role_elsewhere_that_may_be_assumed_and_not_tagged(healthy: Site) -> None:
    policy(healthy, "sts:AssumeRole")
    assert found(healthy) == {"chained-assume-missing-tag-session": "error"}
    policy(healthy, "sts:AssumeRole", "sts:TagSession")
    assert found(healthy) == {}


@pytest.mark.parametrize("name", ["AdministratorAccess", "PowerUserAccess"])
def test_a_policy_of_awss_own_may_allow_the_tags(healthy: Site, name: str) -> None:
    policy(healthy, "sts:AssumeRole")
    healthy.aws("iam").attach_role_policy(RoleName="shop-orders", PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    assert found(healthy) == {}


@pytest.mark.parametrize("action", ["iam:GetPolicy", "iam:GetPolicyVersion"])
def test_a_policy_that_may_not_be_read_is_unknown(healthy: Site, action: str) -> None:
    policy(healthy, "sts:AssumeRole")
    healthy.box.world.credentials.deny(action)
    outcome = healthy("doctor", "-o", "json")
    assert (outcome.code, outcome.json["findings"]) == (9, [])
    assert {item["permission"] for item in outcome.json["unknowns"]} == {action}


def test_a_role_of_the_account_whose_trust_lacks_the_tags(healthy: Site) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/reports"
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": ["sts:AssumeRole"]}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    healthy.aws("iam").create_role(RoleName="reports", AssumeRolePolicyDocument=json.dumps(document))
    policy(healthy, "sts:AssumeRole", "sts:TagSession", resource=arn)
    assert found(healthy) == {"chained-assume-missing-tag-session": "error"}
    trust["Action"] = ["sts:AssumeRole", "sts:TagSession"]
    healthy.trust("reports", document)
    assert found(healthy) == {}


def test_a_namespace_that_admits_no_agent(healthy: Site) -> None:
    healthy.cluster.merge(
        "/api/v1/namespaces/kube-system", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    )
    for pod in healthy.cluster.pods("kube-system"):
        healthy.cluster.delete(f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}")
    healthy.wait(200)
    findings = found(healthy)
    assert findings["admission-policy-blocks-agent"] == "error"
    assert "agent-not-on-node" not in findings


def test_an_agents_pod_on_its_way_out_hides_no_refusal() -> None:
    """Those of a node that is gone stay for a while, beside the ones that are wanted."""
    wanted, leaving = daemon_set(desired=1), agent_pod(deleting=True)
    refused = {f"{wanted.namespace}/{wanted.name}": Known((f"{wanted.name} is refused",))}
    assert told_of(wanted, leaving) == refused


@pytest.mark.parametrize(("desired", "pods"), [(0, ()), (0, (agent_pod(deleting=True),)), (1, (agent_pod(),))])
def test_of_a_daemon_set_that_lacks_nothing_no_old_refusal_is_read(desired: int, pods: tuple[Any, ...]) -> None:
    """One that goes to no node, as in Auto Mode, may have been refused before."""
    assert told_of(daemon_set(desired=desired), *pods) == {}


def told_of(wanted: Any, *pods: Any) -> Any:
    sections = {"daemon_sets": (wanted,), "agent_pods": pods}

    def list_warnings(*about: str, since: datetime) -> tuple[str, ...]:
        assert timedelta(minutes=10) < NOW - since < timedelta(hours=1), "an Event is kept for an hour"
        return (f"{about[-1]} is refused",)

    told: Any = SimpleNamespace(list_warnings=list_warnings)
    source: Any = SimpleNamespace(value=sections.__getitem__, kube=told, now=NOW)
    return agent_warnings(source)


def test_a_refusal_that_is_over_is_no_finding(healthy: Site) -> None:
    system = "/api/v1/namespaces/kube-system"
    label = "pod-security.kubernetes.io/enforce"
    healthy.cluster.merge(system, {"metadata": {"labels": {label: "restricted"}}})
    for pod in healthy.cluster.pods("kube-system"):
        healthy.cluster.delete(f"{system}/pods/{pod['metadata']['name']}")
    # a controller tries again and again, so that the refusal stays a present one
    healthy.wait(3000)
    assert found(healthy)["admission-policy-blocks-agent"] == "error"
    healthy.cluster.merge(system, {"metadata": {"labels": {label: None}}})
    healthy.wait(1100)
    assert found(healthy) == {}


def test_a_clock_a_firewall_and_an_instance(healthy: Site) -> None:
    (node, *_) = [item["metadata"]["name"] for item in healthy.cluster.items("/api/v1/nodes")]
    healthy.kube.faults.clocks[node] = -400.0
    script = "iptables -t raw -I PREROUTING -i eni+ -d 169.254.0.0/16 -j DROP; sleep infinity"
    container = {"name": "rules", "image": "busybox", "command": ["sh", "-c", script]}
    healthy.cluster.make_workload("DaemonSet", "kube-system", "block", "default", pod={"initContainers": [container]})
    instance = "i-0a1b2c3d4e5f60001"
    healthy.aws("ec2").modify_instance_metadata_options(InstanceId=instance, HttpEndpoint="disabled")
    findings = found(healthy)
    assert findings.pop("node-clock-skew") == "warn"
    assert findings.pop("host-firewall-blocks-link-local") == "error"
    assert findings.pop("agent-imds-unavailable") == "error"
    assert findings == {}


def test_a_lease_that_nobody_renews_says_nothing_of_a_clock(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(healthy) == {}  # which renews them
    monkeypatch.setattr(Kubelet, "renew_leases", lambda self: None)
    healthy.wait(400)
    assert found(healthy) == {}


def test_an_instance_without_metadata(healthy: Site) -> None:
    for instance in ("i-0a1b2c3d4e5f60001", "i-0a1b2c3d4e5f60002", "i-0a1b2c3d4e5f60003"):
        healthy.aws("ec2").modify_instance_metadata_options(InstanceId=instance, HttpEndpoint="disabled")
    assert found(healthy) == {"agent-imds-unavailable": "error"}
