"""Network policies, as far as they decide whether a pod reaches an address of its node.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from ipaddress import ip_address, ip_network

from podid.sandbox.kube.objects import Obj, labels
from podid.sandbox.kube.selectors import matches


def may_leave(pod: Obj, address: str, port: int, policies: list[Obj]) -> bool:
    """Whether the egress rules of the namespace's `policies` let the pod open a TCP connection. Pods on the host's
    network are beyond them."""
    if pod["spec"].get("hostNetwork"):
        return True
    about = [policy["spec"] for policy in policies if _egress(policy["spec"], pod)]
    return not about or any(_allows(rule, address, port) for spec in about for rule in spec.get("egress") or ())


def _egress(spec: Obj, pod: Obj) -> bool:
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    return "Egress" in types and matches(spec.get("podSelector") or {}, labels(pod))


def _allows(rule: Obj, address: str, port: int) -> bool:
    to, ports = rule.get("to") or (), rule.get("ports") or ()
    return (not to or any(_names(peer, address) for peer in to)) and (
        not ports or any(_opens(entry, port) for entry in ports)
    )


def _names(peer: Obj, address: str) -> bool:
    """The address belongs to no pod, so that only a block of addresses can name it."""
    block = peer.get("ipBlock")
    if block is None:
        return False
    wanted = ip_address(address)
    return wanted in ip_network(block["cidr"]) and not any(
        wanted in ip_network(hole) for hole in block.get("except") or ()
    )


def _opens(entry: Obj, port: int) -> bool:
    if entry.get("protocol", "TCP") != "TCP":
        return False
    first = entry.get("port", port)
    return isinstance(first, int) and first <= port <= int(entry.get("endPort", first))
