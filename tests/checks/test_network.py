"""Link 5 as the cluster's objects tell it: egress rules, proxies, meshes, security groups. And link 4 by image."""

from dataclasses import replace
from typing import Any

import pytest

from harness import table
from podid.domain.cluster import Container, DaemonSet, EnvSource, Requirement
from podid.domain.network import NOT_SEEN, Block, CiliumPolicy, EgressRule, NetworkPolicy, Ports, Selector
from podid.domain.snapshot import Known, Snapshot

from .builder import INJECTED, cluster, daemon_set, healthy, pod
from .grid import DENIED, answers, only

SUBJECT = "Deployment shop/orders"
ID, CILIUM_ID = "networkpolicy-blocks-agent", "cilium-host-entity"


def other(name: str, **changes: object) -> DaemonSet:
    return daemon_set(**{"name": name, "images": (), "args": (), "labels": {}, **changes})


CALICO, CILIUM = other("calico-node"), other("cilium")
CNI_ON = other("aws-node", args=("--enable-network-policy=true",))
CNI_OFF = other("aws-node", args=("--enable-network-policy=false",))


def policy(*rules: EgressRule, **changes: Any) -> NetworkPolicy:
    base = NetworkPolicy(namespace="shop", name="egress", selector=Selector(), egress=True, rules=rules)
    return replace(base, **changes)


def block(cidr: str, *excepted: str, ports: tuple[Ports, ...] = ()) -> EgressRule:
    return EgressRule(blocks=(Block(cidr, excepted),), ports=ports)


def with_policies(*policies: NetworkPolicy, engine: DaemonSet = CALICO, **sections: object) -> Snapshot:
    return healthy(**{"network_policies": policies, "daemon_sets": (daemon_set(), engine), **sections})


@table(
    ("rules", "open_"),
    [
        ((), False),
        ((EgressRule(anywhere=True),), True),
        ((EgressRule(anywhere=True, ports=(Ports("TCP", 443),)),), False),
        ((EgressRule(anywhere=True, ports=(Ports("UDP", 80),)),), False),
        ((EgressRule(anywhere=True, ports=(Ports("TCP", 80),)),), True),
        ((EgressRule(anywhere=True, ports=(Ports("TCP", 1, 1024),)),), True),
        ((EgressRule(anywhere=True, ports=(Ports("TCP", 0),)),), True),
        ((EgressRule(anywhere=True, ports=(Ports("TCP", None),)),), False),
        ((EgressRule(),), False),  # to pods alone: the agent has no pod address
        ((block("169.254.170.23/32"),), True),
        ((block("0.0.0.0/0"),), True),
        ((block("0.0.0.0/0", "169.254.0.0/16"),), False),
        ((block("0.0.0.0/0", "169.254.169.254/32"),), True),
        ((block("10.0.0.0/8"),), False),
        ((block("10.0.0.0/8"), block("169.254.170.0/24", ports=(Ports("TCP", 80),))), True),
        ((block("no cidr"),), False),
        ((block("fd00:ec2::23/128"),), False),
    ],
)
def test_egress_rules(rules: tuple[EgressRule, ...], open_: bool) -> None:
    expected = ("pass" if open_ else "fail", "error", SUBJECT)
    assert answers(ID, with_policies(policy(*rules))) == [expected]


def test_policies_add_up() -> None:
    assert answers(ID, with_policies(policy(), policy(block("169.254.170.23/32"), name="agent")))[0][0] == "pass"


@table(
    "changes",
    [
        {"namespace": "pay"},
        {"egress": False},
        {"selector": Selector({"app": "cart"})},
        {"selector": Selector({}, (Requirement("app", "NotIn", ("orders",)),))},
        {"selector": Selector({}, (Requirement("app", "DoesNotExist"),))},
        {"selector": Selector({}, (Requirement("tier", "Exists"),))},
        {"selector": Selector({}, (Requirement("app", "In", ("cart",)),))},
        {"selector": Selector({}, (Requirement("app", "Unheard"),))},
    ],
)
def test_a_policy_that_is_not_about_the_pod(changes: dict[str, object]) -> None:
    assert answers(ID, with_policies(policy(**changes)))[0][0] == "pass"


@pytest.mark.parametrize(
    "selector", [Selector({"app": "orders"}), Selector({}, (Requirement("app", "In", ("orders",)),))]
)
def test_a_policy_that_is(selector: Selector) -> None:
    assert answers(ID, with_policies(policy(selector=selector)))[0][0] == "fail"


def test_an_ipv6_cluster_has_another_address() -> None:
    six = cluster(ip_family="ipv6")
    assert answers(ID, with_policies(policy(block("169.254.170.23/32")), cluster=six))[0][0] == "fail"
    assert answers(ID, with_policies(policy(block("fd00:ec2::23/128")), cluster=six))[0][0] == "pass"


@pytest.mark.parametrize(
    ("engine", "outcome"),
    [(CALICO, "fail"), (CNI_ON, "fail"), (CNI_OFF, "unknown"), (other("antrea-agent"), "fail"), (CILIUM, "fail")],
)
def test_only_what_is_enforced_is_an_error(engine: DaemonSet, outcome: str) -> None:
    assert answers(ID, with_policies(policy(), engine=engine))[0][0] == outcome


def test_pods_on_the_nodes_network_are_not_subject() -> None:
    assert answers(ID, with_policies(policy(), pods=(pod(host_network=True),)))[0][0] == "pass"


def test_what_cannot_be_read_is_unknown() -> None:
    assert answers(ID, with_policies(policy(), daemon_sets=DENIED))[0][0] == "unknown"
    assert answers(ID, with_policies(policy(), engine=CILIUM, cilium_policies=DENIED))[0][0] == "unknown"
    # nothing shuts anybody out, so nothing depends on these
    assert answers(ID, with_policies(daemon_sets=DENIED, cilium_policies=DENIED))[0][0] == "pass"


def test_the_fix_opens_one_policy() -> None:
    for rules, path in (((), '"/spec/egress"'), ((block("10.0.0.0/8"),), '"/spec/egress/-"')):
        fix = only(ID, with_policies(policy(*rules))).fix
        assert fix is not None
        (command,) = fix.commands
        assert command[:6] == ("kubectl", "-n", "shop", "patch", "networkpolicy", "egress")
        assert path in command[-1]
        assert "169.254.170.23/32" in command[-1]


HOST = CiliumPolicy(namespace="shop", name="host", selector=Selector({"app": "orders"}), to_host=True)
WORLD = replace(HOST, name="world", to_host=False)
_NAMESPACE, _ACCOUNT = "io.kubernetes.pod.namespace", "io.cilium.k8s.policy.serviceaccount"


@table(
    ("policies", "cilium", "outcomes"),
    [
        ((), (), ("pass", "pass")),
        # a CIDR is not enough under Cilium
        ((policy(block("169.254.170.23/32")),), (), ("pass", "fail")),
        ((policy(block("169.254.170.23/32")),), (HOST,), ("pass", "pass")),
        ((policy(EgressRule(anywhere=True)),), (), ("pass", "pass")),
        ((policy(),), (), ("fail", "pass")),
        ((policy(),), (HOST,), ("pass", "pass")),
        ((), (WORLD,), ("pass", "fail")),
        ((), (WORLD, HOST), ("pass", "pass")),
        ((), (replace(WORLD, namespace="pay"),), ("pass", "pass")),
        ((), (replace(WORLD, namespace=""),), ("pass", "fail")),
        ((), (replace(WORLD, selector=Selector({"app": "cart"})),), ("pass", "pass")),
        ((), (replace(WORLD, isolates=False),), ("pass", "pass")),
        ((), (replace(WORLD, isolates=False), WORLD), ("pass", "fail")),
        ((policy(block("169.254.170.23/32")),), (replace(HOST, isolates=False),), ("pass", "pass")),
        # what one forbids no other allows
        (
            (policy(EgressRule(anywhere=True)),),
            (HOST, replace(WORLD, isolates=False, denies_host=True)),
            ("pass", "fail"),
        ),
        # Cilium knows a pod's namespace and service account by labels of its own
        ((), (replace(WORLD, namespace="", selector=Selector({_NAMESPACE: "shop"})),), ("pass", "fail")),
        ((), (replace(WORLD, namespace="", selector=Selector({_NAMESPACE: "pay"})),), ("pass", "pass")),
        (
            (),
            (replace(WORLD, selector=Selector({}, (Requirement(_NAMESPACE, "NotIn", ("shop",)),))),),
            ("pass", "pass"),
        ),
        ((), (WORLD, replace(HOST, selector=Selector({_ACCOUNT: "orders"}))), ("pass", "pass")),
    ],
)
def test_cilium(
    policies: tuple[NetworkPolicy, ...], cilium: tuple[CiliumPolicy, ...], outcomes: tuple[str, str]
) -> None:
    snapshot = with_policies(*policies, engine=CILIUM, cilium_policies=cilium)
    assert (answers(ID, snapshot)[0][0], answers(CILIUM_ID, snapshot)[0][0]) == outcomes


def test_without_cilium_its_check_does_not_apply() -> None:
    assert answers(CILIUM_ID, with_policies(policy(block("169.254.170.23/32"))))[0][0] == "not-applicable"


def box(name: str = "app", image: str = "example/app:1", **env: str) -> Container:
    return Container(name=name, image=image, env={**INJECTED, **env}, ready=True)


def running(*containers: Container, **annotations: str) -> Snapshot:
    return healthy(pods=(pod(containers=containers, annotations=annotations),))


@table(
    ("env", "expected"),
    [
        ({"HTTPS_PROXY": ""}, ("pass", "error")),
        ({"HTTP_PROXY": ""}, ("fail", "warn")),
        ({"all_proxy": "", "no_proxy": "169.254.169.254"}, ("fail", "warn")),
        ({"http_proxy": "", "NO_PROXY": "169.254.169.254,169.254.170.23"}, ("pass", "error")),
        ({"HTTP_PROXY": "", "NO_PROXY": "*"}, ("pass", "error")),
        ({"HTTP_PROXY": "", "NO_PROXY": "169.254.0.0/16"}, ("fail", "info")),
        ({"HTTP_PROXY": "", "NO_PROXY": NOT_SEEN}, ("unknown", "warn")),
        ({"HTTP_PROXY": "", "NO_PROXY": NOT_SEEN, "no_proxy": "169.254.170.23"}, ("pass", "error")),
    ],
)
def test_proxies(env: dict[str, str], expected: tuple[str, str]) -> None:
    assert answers("pod-proxy-missing-no-proxy", running(box(**env))) == [(*expected, SUBJECT)]
    # the same by way of a ConfigMap, and what the container sets itself before that
    mapped = replace(box(), env_from=(EnvSource("ConfigMap", "proxies"),))
    snapshot = replace(running(mapped), config_map_keys=Known({("shop", "proxies"): Known(env)}))
    assert answers("pod-proxy-missing-no-proxy", snapshot) == [(*expected, SUBJECT)]
    own = replace(mapped, env={**mapped.env, "NO_PROXY": "169.254.170.23", "no_proxy": "169.254.170.23"})
    snapshot = replace(running(own), config_map_keys=Known({("shop", "proxies"): Known(env)}))
    assert [answer[0] for answer in answers("pod-proxy-missing-no-proxy", snapshot)] == ["pass"]


def test_a_no_proxy_may_be_where_nobody_looked() -> None:
    hidden = replace(box(HTTP_PROXY=""), env_from=(EnvSource("Secret", "settings"),))
    assert answers("pod-proxy-missing-no-proxy", running(hidden)) == [("unknown", "warn", SUBJECT)]
    own = replace(hidden, env={**hidden.env, "NO_PROXY": "10.0.0.0/8"})
    assert answers("pod-proxy-missing-no-proxy", running(own)) == [("fail", "warn", SUBJECT)]


OUT = "traffic.sidecar.istio.io/excludeOutboundIPRanges"


@table(
    ("sidecar", "annotations", "outcome"),
    [
        ("istio-proxy", {}, "fail"),
        ("istio-proxy", {OUT: "169.254.170.23/32"}, "pass"),
        ("istio-proxy", {OUT: "10.0.0.0/8, 169.254.0.0/16"}, "pass"),
        ("istio-proxy", {OUT: "169.254.169.254/32"}, "fail"),
        ("istio-proxy", {"traffic.sidecar.istio.io/excludeOutboundPorts": "3306,80"}, "pass"),
        ("istio-proxy", {"traffic.sidecar.istio.io/includeOutboundIPRanges": "10.100.0.0/16"}, "pass"),
        ("istio-proxy", {"traffic.sidecar.istio.io/includeOutboundIPRanges": "*"}, "fail"),
        ("linkerd-proxy", {}, "fail"),
        ("linkerd-proxy", {"config.linkerd.io/skip-outbound-ports": "25,79-90"}, "pass"),
        ("linkerd-proxy", {"config.linkerd.io/skip-subnets": "169.254.170.23/32"}, "pass"),
        ("envoy", {}, "pass"),
    ],
)
def test_meshes(sidecar: str, annotations: dict[str, str], outcome: str) -> None:
    found = answers("service-mesh-intercepts", running(box(), box(sidecar), **annotations))
    assert found == [(outcome, "warn" if outcome == "fail" else "error", SUBJECT)]


@pytest.mark.parametrize(
    ("cni", "outcome"),
    [
        (other("aws-node"), "fail"),
        (other("aws-node", env={"POD_SECURITY_GROUP_ENFORCING_MODE": "strict"}), "fail"),
        (other("aws-node", env={"POD_SECURITY_GROUP_ENFORCING_MODE": "standard"}), "pass"),
        (CILIUM, "pass"),
    ],
)
def test_security_groups_for_pods(cni: DaemonSet, outcome: str) -> None:
    branch = pod(annotations={"vpc.amazonaws.com/pod-eni": "[{}]"})
    found = answers("sg-for-pods-blocks-agent", healthy(pods=(branch,), daemon_sets=(daemon_set(), cni)))
    assert found[0][0] == outcome


@table(
    ("image", "outcome"),
    [
        ("amazon/aws-cli:2.14.6", "fail"),
        ("amazon/aws-cli:2.15.0", "pass"),
        ("amazon/aws-cli:1.29.80", "fail"),
        ("amazon/aws-cli:1.30.0", "pass"),
        ("amazon/aws-cli", "pass"),
        ("amazon/aws-cli:latest", "pass"),
        ("602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/aws-ebs-csi-driver:v1.25.0", "fail"),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v2.6.2", "fail"),
        ("public.ecr.aws/eks/aws-load-balancer-controller:v2.7.0", "pass"),
        ("registry.k8s.io/external-dns/external-dns:v0.14.1", "fail"),
        ("registry.k8s.io/external-dns/external-dns:v0.14.2", "pass"),
        ("localhost:5000/external-dns:v0.13.6", "fail"),
        ("localhost:5000/external-dns@sha256:00", "pass"),
        ("ghcr.io/external-secrets/external-secrets:v0.9.9-ubi", "fail"),
        ("quay.io/thanos/thanos:v0.36.0", "pass"),
        ("example/app:0.1.0", "pass"),
    ],
)
def test_images(image: str, outcome: str) -> None:
    found = [answer for answer in answers("sdk-too-old", running(box(image=image))) if answer[2] == SUBJECT]
    assert found == [(outcome, "warn" if outcome == "fail" else "error", SUBJECT)]
