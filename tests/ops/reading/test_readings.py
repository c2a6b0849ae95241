"""Sections that are read from the cluster: refusals of agent pods, clocks, instances, firewalls, agents' logs, network
policies, and objects of products such as secret stores and issuers."""

import json
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import pytest

from checks.builder import NOW, agent_pod, daemon_set
from cluster_api import Json
from harness import one_in, table
from ops.reading.reports import findings, viewer
from podid.domain.errors import Unavailable
from podid.domain.products import ProductSetting
from podid.domain.snapshot import Known, Missing
from podid.kube.project_custom import CUSTOM
from podid.ops.reading.readings import agent_warnings, products
from podid.sandbox.kube.kubelet import Kubelet
from worlds import ACCOUNT, ORDERS, Site, trust_for


def test_a_namespace_that_rejects_the_agent(healthy: Site) -> None:
    healthy.cluster.merge(
        "/api/v1/namespaces/kube-system", {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    )
    for pod in healthy.cluster.pods("kube-system"):
        healthy.cluster.delete(f"/api/v1/namespaces/kube-system/pods/{pod['metadata']['name']}")
    healthy.wait(200)
    seen = findings(healthy)
    assert seen["admission-policy-blocks-agent"] == "error"
    assert "agent-not-on-node" not in seen


def test_a_terminating_agent_pod_hides_no_refusal() -> None:
    """Those of a node that is gone stay for a while, beside the ones that are wanted."""
    complete, leaving = daemon_set(desired=1), agent_pod(deleting=True)
    refused = {f"{complete.namespace}/{complete.name}": Known((f"{complete.name} is refused",))}
    assert warnings_of(complete, leaving) == refused


@pytest.mark.parametrize(("desired", "pods"), [(0, ()), (0, (agent_pod(deleting=True),)), (1, (agent_pod(),))])
def test_old_refusals_of_a_complete_daemon_set_are_not_read(desired: int, pods: tuple[Any, ...]) -> None:
    """One that goes to no node, as in Auto Mode, may have been refused before."""
    assert warnings_of(daemon_set(desired=desired), *pods) == {}


def warnings_of(daemons: Any, *pods: Any) -> Any:
    sections = {"daemon_sets": (daemons,), "agent_pods": pods}

    def list_warnings(*about: str, since: datetime) -> tuple[str, ...]:
        assert timedelta(minutes=10) < NOW - since < timedelta(hours=1), "an Event is kept for an hour"
        return (f"{about[-1]} is refused",)

    kube: Any = SimpleNamespace(list_warnings=list_warnings)
    source: Any = SimpleNamespace(value=sections.__getitem__, kube=kube, now=NOW)
    return agent_warnings(source)


def test_a_past_refusal_is_no_finding(healthy: Site) -> None:
    system = "/api/v1/namespaces/kube-system"
    label = "pod-security.kubernetes.io/enforce"
    healthy.cluster.merge(system, {"metadata": {"labels": {label: "restricted"}}})
    for pod in healthy.cluster.pods("kube-system"):
        healthy.cluster.delete(f"{system}/pods/{pod['metadata']['name']}")
    # a controller tries again and again, so that the refusal stays a present one
    healthy.wait(3000)
    assert findings(healthy)["admission-policy-blocks-agent"] == "error"
    healthy.cluster.merge(system, {"metadata": {"labels": {label: None}}})
    healthy.wait(1100)
    assert findings(healthy) == {}


def test_a_clock_a_firewall_and_an_instance(healthy: Site) -> None:
    (node, *_) = [item["metadata"]["name"] for item in healthy.cluster.items("/api/v1/nodes")]
    healthy.kube.faults.clocks[node] = -400.0
    script = "iptables -t raw -I PREROUTING -i eni+ -d 169.254.0.0/16 -j DROP; sleep infinity"
    container = {"name": "rules", "image": "busybox", "command": ["sh", "-c", script]}
    healthy.cluster.make_workload("DaemonSet", "kube-system", "block", "default", pod={"initContainers": [container]})
    instance = "i-0a1b2c3d4e5f60001"
    healthy.aws("ec2").modify_instance_metadata_options(InstanceId=instance, HttpEndpoint="disabled")
    seen = findings(healthy)
    assert seen.pop("node-clock-skew") == "warn"
    assert seen.pop("host-firewall-blocks-link-local") == "error"
    assert seen.pop("agent-imds-unavailable") == "error"
    assert seen == {}


def test_an_expired_lease_shows_no_clock_skew(healthy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(healthy) == {}  # which renews them
    monkeypatch.setattr(Kubelet, "renew_leases", lambda self: None)
    healthy.wait(400)
    assert findings(healthy) == {}


def test_an_instance_without_metadata(healthy: Site) -> None:
    for instance in ("i-0a1b2c3d4e5f60001", "i-0a1b2c3d4e5f60002", "i-0a1b2c3d4e5f60003"):
        healthy.aws("ec2").modify_instance_metadata_options(InstanceId=instance, HttpEndpoint="disabled")
    assert findings(healthy) == {"agent-imds-unavailable": "error"}


# what an agent's log has of each failure mode: https://github.com/aws/eks-pod-identity-agent/issues
FETCH = "Error fetching credentials: error getting credentials to cache: unable to fetch credentials from EKS Auth: "
SEEN = {
    "eks-auth-unreachable": f"{FETCH}dial tcp: lookup eks-auth.us-west-2.api.aws: no such host",
    "bearer-token-prefix": "Service account token cannot be parsed: illegal base64 data at input byte 6",
    "eks-auth-throttled": f"{FETCH}ThrottlingException: Rate exceeded",
    "node-clock-skew": "Service account token failed basic claim validations: token is not valid yet",
    "node-role-missing-eks-auth": "User: arn:aws:sts::1:assumed-role/n/i-1 is not authorized to perform: "
    "eks-auth:AssumeRoleForPodIdentity",
    "stale-link-or-route": "expected route to be interface index 4, please remove route and try again",
}


@pytest.mark.parametrize("mode", one_in(2, SEEN))
def test_a_line_of_the_log_is_a_finding(healthy: Site, mode: str) -> None:
    say(healthy, SEEN[mode])
    assert findings(healthy) == {}
    assert list(findings(healthy, "--logs")) == [mode]
    assert list(findings(healthy, "shop/orders", "--logs", "--check", mode)) == [mode]


ENDS = {
    "agent-port80-conflict": "Unable to start server: listen tcp 169.254.170.23:80: bind: address already in use",
    "agent-probe-port-conflict": "Unable to start probes: listen tcp :2703: bind: address already in use",
    "agent-ipv6-bind": "Unable to start server: listen tcp [fd00:ec2::23]:80: bind: cannot assign requested address",
}


@pytest.mark.parametrize("mode", ENDS)
def test_the_last_line_of_a_crashing_agent_is_read_without_an_option(healthy: Site, mode: str) -> None:
    (node, *_) = [item["metadata"]["name"] for item in healthy.cluster.items("/api/v1/nodes")]
    healthy.kube.faults.agent_crashing[node] = ENDS[mode]
    healthy.wait(180)
    outcome = healthy("doctor", "-o", "json")
    verdicts = {(item["id"], item["severity"], item["maskedBy"]) for item in outcome.json["findings"]}
    assert verdicts == {(mode, "error", None), ("agent-pod-unhealthy", "error", mode)}
    assert (outcome.code, outcome.json["unknowns"]) == (3, [])
    assert findings(healthy, "--logs") == {mode: "error"}
    assert [item["id"] for item in healthy("doctor", "--check", mode, "-o", "json").json["findings"]] == [mode]


def test_a_crashing_agent_without_the_permission_to_read_logs(healthy: Site) -> None:
    (node, *_) = [item["metadata"]["name"] for item in healthy.cluster.items("/api/v1/nodes")]
    healthy.kube.faults.agent_crashing[node] = ENDS["agent-ipv6-bind"]
    healthy.wait(180)
    outcome = healthy("doctor", "-o", "json", env=viewer(healthy, "pods/log"))
    verdicts = [(item["id"], item["severity"], item["maskedBy"]) for item in outcome.json["findings"]]
    assert verdicts == [("agent-pod-unhealthy", "error", None), ("agent-ipv6-bind", "info", None)]
    (unknown,) = outcome.json["unknowns"]
    assert (outcome.code, unknown["id"], unknown["permission"].partition(" in ")[0]) == (
        3,
        "tool-k8s-rbac-denied",
        "get pods/log",
    )


def test_a_line_about_the_trust_policy_is_no_finding(healthy: Site) -> None:
    say(healthy, f"{FETCH}Unauthorized Exception! EKS does not have permissions to assume the associated role.")
    assert findings(healthy, "--logs") == {}


def test_without_the_permission_to_read_logs(healthy: Site) -> None:
    caller = viewer(healthy, "pods/log")
    assert healthy("doctor", env=caller).code == 0
    outcome = healthy("doctor", "--logs", "-o", "json", env=caller)
    named = {item["permission"].partition(" in ")[0] for item in outcome.json["unknowns"]}
    assert (outcome.code, outcome.json["findings"], named) == (9, [], {"get pods/log"})


def say(site: Site, text: str) -> None:
    node = site.cluster.pods("shop", "orders")[0]["spec"]["nodeName"]
    line = {"level": "error", "msg": text, "time": datetime.fromtimestamp(site.clock.now(), UTC).isoformat()}
    site.kube.add_agent_line(node, json.dumps(line))


POLICIES = "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies"


def add_policy(site: Site, **spec: Any) -> None:
    body = {"podSelector": {"matchLabels": {"app": "orders"}}, "policyTypes": ["Egress"], **spec}
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "egress"},
        "spec": body,
    }
    site.cluster.post(POLICIES, policy)


@pytest.fixture
def calico(healthy: Site) -> Site:
    healthy.cluster.make_workload("DaemonSet", "kube-system", "calico-node", "default")
    return healthy


def test_an_egress_rule_without_the_agent(calico: Site) -> None:
    add_policy(calico, egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]}])
    (finding,) = calico("doctor", "shop/orders", "-o", "json").json["findings"]
    assert finding["id"] == "networkpolicy-blocks-agent"
    assert finding["severity"] == "error"
    assert finding["link"] == 5
    assert "network policy egress does not allow TCP 80 to 169.254.170.23" in finding["message"]
    assert calico("doctor").code == 3


def test_an_egress_rule_with_the_agent(calico: Site) -> None:
    ports = [{"protocol": "TCP", "port": 80}]
    add_policy(calico, egress=[{"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}], "ports": ports}])
    assert findings(calico, "shop/orders") == {}


def test_a_policy_that_nothing_enforces_is_unknown(healthy: Site) -> None:
    add_policy(healthy)
    outcome = healthy("doctor", "-o", "json")
    assert outcome.code == 9
    assert [item["id"] for item in outcome.json["unknowns"]] == ["networkpolicy-blocks-agent"]


def test_without_the_permission_to_list_network_policies(calico: Site) -> None:
    add_policy(calico)
    rules = [{"apiGroups": ["", "apps", "batch", "admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["*"]}]
    outcome = calico("doctor", "-o", "json", env=calico.user("reader", rules))
    assert outcome.code == 9
    unknown = [item for item in outcome.json["unknowns"] if item["id"] == "networkpolicy-blocks-agent"]
    assert [item["permission"] for item in unknown] == ["list networkpolicies.networking.k8s.io (cluster-wide)"]


def test_under_cilium(healthy: Site) -> None:
    healthy.cluster.make_workload("DaemonSet", "kube-system", "cilium", "default")
    add_policy(healthy, egress=[{"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}]}])
    assert list(findings(healthy, "shop/orders")) == ["cilium-host-entity"]


def test_without_the_permission_to_list_policies_of_cilium(healthy: Site) -> None:
    healthy.cluster.make_workload("DaemonSet", "kube-system", "cilium", "default")
    for kind in ("ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"):
        outcome = healthy("doctor", "-o", "json", env=viewer(healthy, kind))
        assert (outcome.code, outcome.json["findings"]) == (9, [])
        unknown = {item["id"]: item["permission"] for item in outcome.json["unknowns"]}
        assert unknown["cilium-host-entity"].startswith(f"list {kind}.cilium.io")
        assert "tool-k8s-rbac-denied" in unknown


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
