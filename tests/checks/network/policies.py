"""Network policies, and the DaemonSets that enforce them."""

from dataclasses import replace
from typing import Any

from checks.builder import daemon_set, healthy
from podid.domain.cluster import DaemonSet
from podid.domain.network import Block, CiliumPolicy, EgressRule, NetworkPolicy, Ports, Selector
from podid.domain.snapshot import Snapshot


def other(name: str, **changes: object) -> DaemonSet:
    """Return a DaemonSet that is not the agent's."""
    return daemon_set(**{"name": name, "images": (), "args": (), "labels": {}, **changes})


CALICO, CILIUM = other("calico-node"), other("cilium")


HOST = CiliumPolicy(namespace="shop", name="host", selector=Selector({"app": "orders"}), to_host=True)


def policy(*rules: EgressRule, **changes: Any) -> NetworkPolicy:
    base = NetworkPolicy(namespace="shop", name="egress", selector=Selector(), egress=True, rules=rules)
    return replace(base, **changes)


def block(cidr: str, *excepted: str, ports: tuple[Ports, ...] = ()) -> EgressRule:
    return EgressRule(blocks=(Block(cidr, excepted),), ports=ports)


def with_policies(*policies: NetworkPolicy, engine: DaemonSet = CALICO, **sections: object) -> Snapshot:
    return healthy(**{"network_policies": policies, "daemon_sets": (daemon_set(), engine), **sections})
