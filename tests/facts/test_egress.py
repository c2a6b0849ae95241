"""The egress rules for requests of pods to the agent."""

from dataclasses import replace

from checks.builder import cluster, daemon_set, healthy, pod
from checks.network.policies import HOST
from harness import table
from podid.domain.network import CiliumPolicy, EgressRule, NetworkPolicy, Selector
from podid.facts.egress import agent_cidr, engine, has_cilium, ways

CLOSED = NetworkPolicy(namespace="shop", name="closed", selector=Selector(), egress=True)


@table(("family", "cidr"), [("ipv4", "169.254.170.23/32"), ("ipv6", "fd00:ec2::23/128")])
def test_the_address_of_the_agent(family: str, cidr: str) -> None:
    assert agent_cidr(healthy(cluster=cluster(ip_family=family))) == cidr


@table(
    ("policies", "to_host", "denied"),
    [
        ((), False, False),
        ((HOST,), True, False),
        ((HOST, replace(HOST, name="deny", to_host=False, denies_host=True)), False, True),
        ((replace(HOST, selector=Selector({"app": "cart"})),), False, False),
        ((replace(HOST, namespace="pay"),), False, False),
        # Cilium adds the namespace and the service account to the labels
        ((replace(HOST, selector=Selector({"io.cilium.k8s.policy.serviceaccount": "orders"})),), True, False),
    ],
)
def test_cilium_policies_of_a_pod(policies: tuple[CiliumPolicy, ...], to_host: bool, denied: bool) -> None:
    (way,) = ways(healthy(network_policies=(CLOSED,), cilium_policies=policies), [pod()])
    assert (way.to_host, way.denied, way.way.anywhere) == (to_host, denied, False)


def test_a_rule_that_allows_every_address() -> None:
    (way,) = ways(healthy(network_policies=(replace(CLOSED, rules=(EgressRule(anywhere=True),)),)), [pod()])
    assert (way.way.anywhere, way.to_host) == (True, True)


def test_policies_do_not_apply_on_the_network_of_the_node() -> None:
    assert ways(healthy(network_policies=(CLOSED,)), [pod(host_network=True)]) == []


def test_the_engine_is_a_daemon_set() -> None:
    cilium = daemon_set(name="cilium", images=(), args=(), labels={})
    for sets, name, runs in (((daemon_set(),), "", False), ((daemon_set(), cilium), "Cilium", True)):
        snapshot = healthy(daemon_sets=sets)
        assert (engine(snapshot), has_cilium(snapshot)) == (name, runs)
