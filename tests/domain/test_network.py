"""The network path of a pod to the agent, proxies, and routes of subnets."""

from typing import Any

from harness import table
from podid.domain.cluster import Requirement
from podid.domain.network import (
    Block,
    CiliumPolicy,
    Egress,
    EgressRule,
    NetworkPolicy,
    PolicyIndex,
    Ports,
    RouteTable,
    Selector,
    VpcEndpoint,
    VpcRoute,
    covers,
    isolated_subnets,
    no_proxy,
    other_targets,
    path_to_agent,
)

AGENT = "169.254.170.23"
LABELS = {"app": "orders"}


def policy(*rules: EgressRule, namespace: str = "shop", egress: bool = True, **labels: str) -> NetworkPolicy:
    return NetworkPolicy(namespace=namespace, name="p", selector=Selector(labels), egress=egress, rules=rules)


@table(
    ("policies", "isolating", "open_"),
    [
        ([], 0, True),
        ([policy()], 1, False),
        ([policy(namespace="web"), policy(egress=False), policy(app="cart")], 0, True),
        ([policy(app="orders"), policy(EgressRule(anywhere=True))], 2, True),
        ([policy(EgressRule(anywhere=True, ports=(Ports("TCP", 443),)))], 1, False),
        ([policy(EgressRule(blocks=(Block("169.254.0.0/16"),)))], 1, True),
        ([policy(EgressRule(blocks=(Block("0.0.0.0/0", ("169.254.0.0/16",)),)))], 1, False),
        ([policy(EgressRule(blocks=(Block("not a CIDR"), Block("::/0"))))], 1, False),
    ],
)
def test_the_path_to_the_agent(policies: list[NetworkPolicy], isolating: int, open_: bool) -> None:
    path = path_to_agent(policies, "shop", LABELS, AGENT)
    assert (len(path.isolated_by), path.open) == (isolating, open_)


@table(
    ("ports", "included"),
    [
        (Ports(), True),
        (Ports("TCP", 80), True),
        (Ports("TCP", 1, 79), False),
        (Ports("TCP", 1, 80), True),
        (Ports("UDP", 80), False),
        (Ports("TCP", None), False),
    ],
)
def test_ports_of_a_rule(ports: Ports, included: bool) -> None:
    assert ports.include(80) is included


def test_a_requirement_with_an_unknown_operator_selects_nothing() -> None:
    selector = Selector({"app": "orders"}, (Requirement("zone", "Near", ("a",)),))
    assert not selector.selects({**LABELS, "zone": "a"})
    assert Selector().selects({})


def test_an_index_returns_every_policy_that_selects_a_pod() -> None:
    def cilium(name: str, namespace: str, **labels: str) -> CiliumPolicy:
        return CiliumPolicy(namespace=namespace, name=name, selector=Selector(labels))

    policies = [
        cilium("whole cluster", ""),
        cilium("common", "shop", tier="web"),
        cilium("rare", "shop", tier="web", app="orders"),
        cilium("other app", "shop", tier="web", app="cart"),
        cilium("other namespace", "web", tier="web"),
    ]
    labels = {"tier": "web", "app": "orders"}
    near = PolicyIndex(policies).near("shop", labels)
    assert [item.name for item in near if item.selects("shop", labels)] == ["whole cluster", "common", "rare"]
    assert "other app" not in {item.name for item in near}


@table(
    ("entries", "covered"),
    [
        (["169.254.170.23"], True),
        (["*"], True),
        (["169.254.0.0/16"], True),
        (["10.0.0.0/8", "example.com"], False),
        (["[169.254.170.23]"], True),
        ([], False),
    ],
)
def test_addresses_without_proxy(entries: list[str], covered: bool) -> None:
    assert covers(entries, AGENT) is covered


def test_entries_of_both_spellings_of_no_proxy() -> None:
    assert no_proxy({"NO_PROXY": "a,,b", "no_proxy": "c", "OTHER": "d"}) == ["a", "b", "c"]


def routes(table_id: str, *targets: str, main: bool = False, subnets: tuple[str, ...] = ()) -> RouteTable:
    listed = tuple(VpcRoute("0.0.0.0/0", target) for target in targets)
    local = VpcRoute("10.0.0.0/16", "local")
    return RouteTable(table_id=table_id, subnet_ids=subnets, main=main, routes=(local, *listed))


S3 = VpcRoute("pl-1", "vpce-1")
GONE = VpcRoute("0.0.0.0/0", "nat-gone", active=False)
TABLES = (
    routes("public", "igw-1", subnets=("public",)),
    routes("private", "nat-1", subnets=("private",)),
    routes("transit", "tgw-1", subnets=("transit",)),
    RouteTable(table_id="isolated", subnet_ids=("isolated",), routes=(VpcRoute("10.0.0.0/16", "local"), S3, GONE)),
)


def test_subnets_without_a_route_out_of_the_vpc() -> None:
    subnets = ("public", "private", "transit", "isolated", "unknown")
    egress = Egress(TABLES, ())
    assert isolated_subnets(egress, subnets) == ("isolated",)
    assert other_targets(egress, subnets) == {"transit": "tgw-1", "unknown": ""}
    # the main route table is that of every other subnet
    assert isolated_subnets(Egress((*TABLES, routes("main", main=True)), ()), ("unknown",)) == ("unknown",)


def test_the_endpoint_for_eks_auth() -> None:
    def endpoint(number: int, service: str = "eks-auth", state: str = "Available", **more: Any) -> VpcEndpoint:
        name = f"com.amazonaws.eu-west-1.{service}"
        return VpcEndpoint(endpoint_id=f"vpce-{number}", service=name, state=state, **more)

    endpoints = (endpoint(1), endpoint(2, private_dns=True), endpoint(3, "eks"), endpoint(4, state="pending"))
    best = Egress((), endpoints).eks_auth
    assert best is not None
    assert best.endpoint_id == "vpce-2"
    assert Egress((), endpoints[2:]).eks_auth is None
