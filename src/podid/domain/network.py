"""Egress rules of a cluster, and whether they let a pod ask the agent. Pure.

https://kubernetes.io/docs/concepts/services-networking/network-policies/: once a policy with Egress among its types
selects a pod, what no rule of any such policy allows is cut off.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Generic, TypeVar

NO_PROXY = ("NO_PROXY", "no_proxy")
# in the place of a NO_PROXY that comes from a Secret or a ConfigMap's key
NOT_SEEN = "$(valueFrom)"
AGENT_PORT = 80
AGENT_ADDRESS = {"ipv4": "169.254.170.23", "ipv6": "fd00:ec2::23"}


@dataclass(frozen=True, slots=True)
class Expression:
    """One matchExpression of a label selector; `operator` is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def met_by(self, labels: Mapping[str, str]) -> bool:
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels
        return False


@dataclass(frozen=True, slots=True)
class Selector:
    """A label selector; an empty one selects everything."""

    labels: Mapping[str, str] = field(default_factory=dict)
    requirements: tuple[Expression, ...] = ()

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
        found = [item for key in keys if key in self._kept for item in self._kept[key]]
        return tuple(policy for _, policy in sorted(found, key=lambda item: item[0]))


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
