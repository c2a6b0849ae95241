"""Egress rules of a cluster, and whether they let a pod ask the agent; how packets leave the subnets of a VPC, as far
as its route tables and endpoints tell. Pure.

https://kubernetes.io/docs/concepts/services-networking/network-policies/: once a policy with Egress among its types
selects a pod, what no rule of any such policy allows is cut off.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Generic, TypeVar

from podid.domain.cluster import Requirement

NO_PROXY = ("NO_PROXY", "no_proxy")
# in the place of a NO_PROXY that comes from a Secret or a ConfigMap's key
NOT_SEEN = "$(valueFrom)"
AGENT_PORT = 80
AGENT_ADDRESS = {"ipv4": "169.254.170.23", "ipv6": "fd00:ec2::23"}


@dataclass(frozen=True, slots=True)
class Selector:
    """A label selector; an empty one selects everything."""

    labels: Mapping[str, str] = field(default_factory=dict)
    requirements: tuple[Requirement, ...] = ()

    def selects(self, labels: Mapping[str, str]) -> bool:
        return self.labels.items() <= labels.items() and all(item.met_by(labels) for item in self.requirements)


@dataclass(frozen=True, slots=True)
class Ports:
    """A rule's entry under `ports`. `first` 0 is every port; None is a name, which no address outside pods has."""

    protocol: str = "TCP"
    first: int | None = 0
    last: int = 0

    def include(self, port: int) -> bool:
        if self.protocol != "TCP" or self.first is None:
            return False
        return self.first == 0 or self.first <= port <= max(self.first, self.last)


@dataclass(frozen=True, slots=True)
class Block:
    """An ipBlock: a CIDR and the ones cut out of it."""

    cidr: str
    excepted: tuple[str, ...] = ()

    def holds(self, address: str) -> bool:
        return _within(address, self.cidr) and not any(_within(address, cidr) for cidr in self.excepted)


@dataclass(frozen=True, slots=True)
class EgressRule:
    """`anywhere` where the rule has no `to`; `ports` empty is every port."""

    anywhere: bool = False
    blocks: tuple[Block, ...] = ()
    ports: tuple[Ports, ...] = ()

    def opens(self, port: int) -> bool:
        return not self.ports or any(item.include(port) for item in self.ports)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPolicy:
    """What a networking.k8s.io/v1 NetworkPolicy says of egress; `egress` is whether it says anything."""

    namespace: str
    name: str
    selector: Selector
    egress: bool
    rules: tuple[EgressRule, ...] = ()

    def isolates(self, namespace: str, labels: Mapping[str, str]) -> bool:
        return self.egress and self.namespace == namespace and self.selector.selects(labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class CiliumPolicy:
    """What a CiliumNetworkPolicy, or with namespace "" a CiliumClusterwideNetworkPolicy, says of egress. `to_host` is
    whether a rule of it allows TCP 80 to the node itself, `denies_host` whether one forbids it, which wins; `isolates`
    whether what no rule allows is cut off."""

    namespace: str
    name: str
    selector: Selector
    to_host: bool = False
    isolates: bool = True
    denies_host: bool = False

    def selects(self, namespace: str, labels: Mapping[str, str]) -> bool:
        return self.namespace in ("", namespace) and self.selector.selects(labels)


Policy = TypeVar("Policy", NetworkPolicy, CiliumPolicy)


class PolicyIndex(Generic[Policy]):
    """Finds the few policies that may select a pod without a look at each of the cluster's."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        listed = tuple(policies)
        # a policy is kept under the rarest of the labels that it asks for
        common = Counter(pair for policy in listed for pair in policy.selector.labels.items())
        self._kept: dict[tuple[str, tuple[str, str] | None], list[tuple[int, Policy]]] = defaultdict(list)
        for place, policy in enumerate(listed):
            rarest = min(policy.selector.labels.items(), key=common.__getitem__, default=None)
            self._kept[policy.namespace, rarest].append((place, policy))

    def near(self, namespace: str, labels: Mapping[str, str]) -> tuple[Policy, ...]:
        """Every policy that selects a pod of this namespace with these labels, and some that do not, in order."""
        keys = [(where, pair) for where in {namespace, ""} for pair in (None, *labels.items())]
        candidates = [item for key in keys if key in self._kept for item in self._kept[key]]
        return tuple(policy for _, policy in sorted(candidates, key=lambda item: item[0]))


@dataclass(frozen=True, slots=True)
class AgentPath:
    """How a pod comes to the agent: `isolated_by` are the policies that select it, empty where none does. `anywhere`
    and `by_block` are whether a rule lets it go wherever it wants, or to the agent's address."""

    isolated_by: tuple[NetworkPolicy, ...]
    anywhere: bool
    by_block: bool

    @property
    def open(self) -> bool:
        return not self.isolated_by or self.anywhere or self.by_block


def way_to_agent(
    policies: Iterable[NetworkPolicy], namespace: str, labels: Mapping[str, str], address: str
) -> AgentPath:
    isolating = tuple(policy for policy in policies if policy.isolates(namespace, labels))
    rules = [rule for policy in isolating for rule in policy.rules if rule.opens(AGENT_PORT)]
    return AgentPath(
        isolating,
        anywhere=any(rule.anywhere for rule in rules),
        by_block=any(block.holds(address) for rule in rules for block in rule.blocks),
    )


def no_proxy(env: Mapping[str, str]) -> list[str]:
    """The addresses, names and CIDRs that a program with these variables asks without its proxy."""
    return [part for name in NO_PROXY for part in env.get(name, "").split(",") if part]


def covers(entries: Iterable[str], address: str) -> bool:
    """Whether a list of addresses and CIDRs has the address: a NO_PROXY, a mesh's excluded ranges."""
    return any(entry == "*" or _within(address, entry.strip("[]")) for entry in entries)


def _within(address: str, cidr: str) -> bool:
    """False also for what is no CIDR: nothing is known to be in it."""
    try:
        return ip_address(address) in ip_network(cidr, strict=False)
    except ValueError:
        return False


# https://docs.aws.amazon.com/eks/latest/userguide/vpc-interface-endpoints.html; China writes cn. before it
EKS_AUTH = ".eks-auth"
# what leads out of AWS's network: https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html
_OUT = ("igw-", "nat-", "eigw-")


@dataclass(frozen=True, slots=True)
class VpcRoute:
    """`target` is an id, or `local`; one whose target is gone is not `active`."""

    destination: str
    target: str
    active: bool = True

    @property
    def default(self) -> bool:
        return self.destination in ("0.0.0.0/0", "::/0")

    @property
    def out(self) -> bool:
        return self.active and self.target.startswith(_OUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTable:
    """`main` is the one of every subnet that names none."""

    table_id: str
    subnet_ids: tuple[str, ...] = ()
    main: bool = False
    routes: tuple[VpcRoute, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcEndpoint:
    """`private_dns`: the service's own name leads to it from everywhere in the VPC."""

    endpoint_id: str
    service: str
    state: str
    private_dns: bool = False

    @property
    def serves(self) -> bool:
        return self.service.endswith(EKS_AUTH) and self.state.lower() == "available"


@dataclass(frozen=True, slots=True)
class Egress:
    """Of one VPC."""

    tables: tuple[RouteTable, ...]
    endpoints: tuple[VpcEndpoint, ...]

    def table_of(self, subnet: str) -> RouteTable | None:
        named = next((table for table in self.tables if subnet in table.subnet_ids), None)
        return named or next((table for table in self.tables if table.main), None)

    @property
    def eks_auth(self) -> VpcEndpoint | None:
        """The endpoint for EKS Auth, one with private DNS first."""
        endpoints = [endpoint for endpoint in self.endpoints if endpoint.serves]
        return next(iter(sorted(endpoints, key=lambda endpoint: not endpoint.private_dns)), None)


def closed_in(egress: Egress, subnets: Iterable[str]) -> tuple[str, ...]:
    """The subnets from which nothing leads anywhere but to the VPC itself."""
    return tuple(subnet for subnet in subnets if (table := egress.table_of(subnet)) and not _ways(table))


def elsewhere_from(egress: Egress, subnets: Iterable[str]) -> dict[str, str]:
    """Subnet -> what its packets go to, which is neither the internet nor nowhere: a transit gateway, an appliance.
    What is behind that is not seen from here. "" for a subnet whose route table is not known."""
    targets = {}
    for subnet in subnets:
        table = egress.table_of(subnet)
        if table is None:
            targets[subnet] = ""
        elif (ways := _ways(table)) and not any(route.out and route.default for route in ways):
            targets[subnet] = ways[0].target
    return targets


def _ways(table: RouteTable) -> list[VpcRoute]:
    """Gateway endpoints lead to S3 and DynamoDB alone; their routes name a prefix list."""
    return [
        route
        for route in table.routes
        if route.active and route.target != "local" and not (route.target.startswith("vpce-") and not route.default)
    ]
