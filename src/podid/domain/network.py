"""Egress rules of a cluster, and whether they allow a pod to reach the agent; routes of the subnets of a VPC, according
to its route tables and endpoints. Pure.

https://kubernetes.io/docs/concepts/services-networking/network-policies/: if a policy of type Egress selects a pod,
only traffic that a rule of such a policy allows can leave it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Generic, TypeVar

from podid.domain.cluster import Requirement
from podid.domain.section import Known, Section

NO_PROXY = ("NO_PROXY", "no_proxy")
# replaces the value of a NO_PROXY from a Secret, or from a key of a ConfigMap
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
    """An entry under `ports` of a rule. `first` is 0 for every port, and None for a named port, which only pods
    have."""

    protocol: str = "TCP"
    first: int | None = 0
    last: int = 0

    def include(self, port: int) -> bool:
        if self.protocol != "TCP" or self.first is None:
            return False
        return self.first == 0 or self.first <= port <= max(self.first, self.last)


@dataclass(frozen=True, slots=True)
class Block:
    """An ipBlock: a CIDR and its exceptions."""

    cidr: str
    excepted: tuple[str, ...] = ()

    def holds(self, address: str) -> bool:
        return _within(address, self.cidr) and not any(_within(address, cidr) for cidr in self.excepted)


@dataclass(frozen=True, slots=True)
class EgressRule:
    """An egress rule. `anywhere` is true without `to`; empty `ports` are all ports."""

    anywhere: bool = False
    blocks: tuple[Block, ...] = ()
    ports: tuple[Ports, ...] = ()

    def opens(self, port: int) -> bool:
        return not self.ports or any(item.include(port) for item in self.ports)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPolicy:
    """The egress part of a networking.k8s.io/v1 NetworkPolicy; `egress` is whether the policy has type Egress."""

    namespace: str
    name: str
    selector: Selector
    egress: bool
    rules: tuple[EgressRule, ...] = ()

    def isolates(self, namespace: str, labels: Mapping[str, str]) -> bool:
        return self.egress and self.namespace == namespace and self.selector.selects(labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class CiliumPolicy:
    """The egress part of a CiliumNetworkPolicy, or with namespace "" of a CiliumClusterwideNetworkPolicy. `to_host` is
    whether a rule allows TCP 80 to the node itself; `denies_host` whether a rule denies it, which takes precedence.
    `isolates` is whether traffic without an allowing rule is dropped."""

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
    """An index of policies by label, to find those that may select a pod without comparing all of them."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        listed = tuple(policies)
        # a policy is indexed by the rarest label of its selector
        common = Counter(pair for policy in listed for pair in policy.selector.labels.items())
        self._kept: dict[tuple[str, tuple[str, str] | None], list[tuple[int, Policy]]] = defaultdict(list)
        for place, policy in enumerate(listed):
            rarest = min(policy.selector.labels.items(), key=common.__getitem__, default=None)
            self._kept[policy.namespace, rarest].append((place, policy))

    def near(self, namespace: str, labels: Mapping[str, str]) -> tuple[Policy, ...]:
        """Return every policy that selects a pod of this namespace with these labels, and some others, in order."""
        keys = [(where, pair) for where in {namespace, ""} for pair in (None, *labels.items())]
        candidates = [item for key in keys if key in self._kept for item in self._kept[key]]
        return tuple(policy for _, policy in sorted(candidates, key=lambda item: item[0]))


@dataclass(frozen=True, slots=True)
class AgentPath:
    """The network path of a pod to the agent. `isolated_by` are the policies that select the pod. `anywhere` is whether
    a rule allows every destination, `by_block` whether one allows the agent's address, `default_deny` whether no policy
    selects the pod in a cluster that blocks such pods."""

    isolated_by: tuple[NetworkPolicy, ...]
    anywhere: bool
    by_block: bool
    default_deny: bool = False

    @property
    def open(self) -> bool:
        return not (self.isolated_by or self.default_deny) or self.anywhere or self.by_block


def path_to_agent(
    policies: Iterable[NetworkPolicy], namespace: str, labels: Mapping[str, str], address: str, *, strict: bool = False
) -> AgentPath:
    """Return the path. `strict` is whether the cluster blocks pods that no policy of any type selects."""
    policies = tuple(policies)
    isolating = tuple(policy for policy in policies if policy.isolates(namespace, labels))
    rules = [rule for policy in isolating for rule in policy.rules if rule.opens(AGENT_PORT)]
    return AgentPath(
        isolating,
        anywhere=any(rule.anywhere for rule in rules),
        by_block=any(block.holds(address) for rule in rules for block in rule.blocks),
        default_deny=strict and not any(p.namespace == namespace and p.selector.selects(labels) for p in policies),
    )


def no_proxy(env: Mapping[str, str]) -> list[str]:
    """Return the addresses, names and CIDRs that a program with these variables reaches without its proxy."""
    return [part for name in NO_PROXY for part in env.get(name, "").split(",") if part]


def covers(entries: Iterable[str], address: str) -> bool:
    """Return whether a list of addresses and CIDRs contains the address: a NO_PROXY, a mesh's excluded ranges."""
    return any(entry == "*" or _within(address, entry.strip("[]")) for entry in entries)


def _within(address: str, cidr: str) -> bool:
    """Return whether the address is in the CIDR; False for text that is not a CIDR."""
    try:
        return ip_address(address) in ip_network(cidr, strict=False)
    except ValueError:
        return False


# https://docs.aws.amazon.com/eks/latest/userguide/vpc-interface-endpoints.html; in China the name begins with cn.
EKS_AUTH = ".eks-auth"
# the names of other partitions: https://docs.aws.amazon.com/general/latest/gr/eks.html
_EKS_AUTH_DOMAIN = {
    "aws-cn": "api.amazonwebservices.com.cn",
    "aws-eusc": "api.amazonwebservices.eu",
    # https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json
    "aws-iso": "api.aws.ic.gov",
    "aws-iso-b": "api.aws.scloud",
    "aws-iso-e": "api.cloud-aws.adc-e.uk",
    "aws-iso-f": "api.aws.hci.ic.gov",
}
# targets outside of the VPC: https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html
_OUT = ("igw-", "nat-", "eigw-")


@dataclass(frozen=True, slots=True)
class VpcRoute:
    """A route. `target` is an id, or `local`. It is not `active` if its target was deleted."""

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
    """A route table. `main` is the one of every subnet without an explicit one."""

    table_id: str
    subnet_ids: tuple[str, ...] = ()
    main: bool = False
    routes: tuple[VpcRoute, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityGroup:
    """The sources from which a security group allows TCP port 443: CIDRs, security groups, and prefix lists."""

    group_id: str
    cidrs: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    def allows(self, addresses: Iterable[str], groups: Iterable[str]) -> bool | None:
        """Return whether a host with these addresses and security groups is a source; None if a prefix list may contain
        it."""
        within = any(_within(address, cidr) for address in addresses for cidr in self.cidrs)
        if within or {*groups} & {*self.groups}:
            return True
        return None if self.lists else False


@dataclass(frozen=True, slots=True, kw_only=True)
class VpcEndpoint:
    """A VPC endpoint. With `private_dns`, the service's name resolves to it in the VPC. `policy` is JSON. `group_ids`
    are the security groups of an interface endpoint."""

    endpoint_id: str
    service: str
    state: str
    private_dns: bool = False
    policy: str = ""
    group_ids: tuple[str, ...] = ()

    @property
    def serves(self) -> bool:
        return self.service.endswith(EKS_AUTH) and self.state.lower() == "available"


_NONE: Section[tuple[SecurityGroup, ...]] = Known(())


@dataclass(frozen=True, slots=True)
class Egress:
    """The route tables and endpoints of one VPC, and the security groups of its endpoint for EKS Auth."""

    tables: tuple[RouteTable, ...]
    endpoints: tuple[VpcEndpoint, ...]
    groups: Section[tuple[SecurityGroup, ...]] = _NONE

    def table_of(self, subnet: str) -> RouteTable | None:
        named = next((table for table in self.tables if subnet in table.subnet_ids), None)
        return named or next((table for table in self.tables if table.main), None)

    @property
    def eks_auth(self) -> VpcEndpoint | None:
        """Return the endpoint for EKS Auth, preferably one with private DNS."""
        endpoints = [endpoint for endpoint in self.endpoints if endpoint.serves]
        return next(iter(sorted(endpoints, key=lambda endpoint: not endpoint.private_dns)), None)


def eks_auth_host(partition: str, region: str) -> str:
    """Return the name to which agents send their requests by default."""
    return f"eks-auth.{region}.{_EKS_AUTH_DOMAIN.get(partition, 'api.aws')}"


def eks_auth_service(partition: str, region: str) -> str:
    """Return the name of the service of an interface endpoint for EKS Auth."""
    return f"{'cn.' if partition == 'aws-cn' else ''}com.amazonaws.{region}{EKS_AUTH}"


def isolated_subnets(egress: Egress, subnets: Iterable[str]) -> tuple[str, ...]:
    """Return the subnets that have routes within the VPC only."""
    return tuple(subnet for subnet in subnets if (table := egress.table_of(subnet)) and not _ways(table))


def other_targets(egress: Egress, subnets: Iterable[str]) -> dict[str, str]:
    """Return, by subnet, the target of its packets if that is not the internet, such as a transit gateway or an
    appliance. podid cannot see the network behind it. "" for a subnet whose route table is not known."""
    targets = {}
    for subnet in subnets:
        table = egress.table_of(subnet)
        if table is None:
            targets[subnet] = ""
        elif (ways := _ways(table)) and not any(route.out and route.default for route in ways):
            targets[subnet] = ways[0].target
    return targets


def _ways(table: RouteTable) -> list[VpcRoute]:
    """Return the active routes out of the VPC, without those of gateway endpoints: these lead to S3 and DynamoDB only,
    by a prefix list."""
    return [
        route
        for route in table.routes
        if route.active and route.target != "local" and not (route.target.startswith("vpce-") and not route.default)
    ]
