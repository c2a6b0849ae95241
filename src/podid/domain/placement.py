"""The nodes on which a DaemonSet's pods can be scheduled, and the reasons against the others.

https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/; tolerations of every daemon pod:
https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations.
"""

from collections.abc import Iterable

from podid.domain.cluster import Node, Placement, Requirement, Taint, Toleration
from podid.domain.foreign import Object, inner_or_empty, inners_or_none, pairs, record, text, words_or_none
from podid.domain.text import short_list

_NODE = "node.kubernetes.io/"
_DAEMON_PODS = (
    *(Toleration(_NODE + name, "Exists", effect="NoExecute") for name in ("not-ready", "unreachable")),
    *(
        Toleration(_NODE + name, "Exists", effect="NoSchedule")
        for name in ("disk-pressure", "memory-pressure", "pid-pressure", "unschedulable", "network-unavailable")
    ),
)
# PreferNoSchedule does not prevent scheduling
_KEEPS_AWAY = ("NoSchedule", "NoExecute")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def of_spec(spec: Object) -> Placement:
    """Return the placement of a pod spec. Raise Malformed."""
    affinity = inner_or_empty(inner_or_empty(spec, "affinity"), "nodeAffinity")
    terms = None
    if affinity.get(_REQUIRED):
        terms = tuple(map(_term, inners_or_none(inner_or_empty(affinity, _REQUIRED), "nodeSelectorTerms")))
    return Placement(pairs(spec, "nodeSelector"), terms, tuple(map(_toleration, inners_or_none(spec, "tolerations"))))


taint = record(Taint)
_toleration = record(Toleration)


def why_not_here(node: Node, placement: Placement) -> str:
    """Return the first reason why a daemon pod is not scheduled on the node; empty if it is."""
    for key, value in placement.selector.items():
        if node.labels.get(key) != value:
            return f"the nodeSelector requires {key}={value}"
    if placement.terms is not None and not any(term and not _unmet(term, node) for term in placement.terms):
        unmet = next((item for term in placement.terms for item in _unmet(term, node)), None)
        return f"the affinity requires {_words(unmet)}" if unmet else "the affinity matches no node"
    tolerations = (*placement.tolerations, *_DAEMON_PODS)
    for item in node.taints:
        if item.effect in _KEEPS_AWAY and not any(_tolerates(toleration, item) for toleration in tolerations):
            return f"the taint {item} is not tolerated"
    return ""


def why_none_here(node: Node, placements: Iterable[Placement]) -> str:
    """Return why none of the daemon pods is scheduled on the node, by the first of them; empty if one is, or if there
    are none."""
    reasons = [why_not_here(node, placement) for placement in placements]
    return reasons[0] if reasons and all(reasons) else ""


def _term(data: Object) -> tuple[Requirement, ...]:
    return (
        *(_requirement(item) for item in inners_or_none(data, "matchExpressions")),
        *(_requirement(item, of_name=True) for item in inners_or_none(data, "matchFields")),
    )


def _requirement(data: Object, *, of_name: bool = False) -> Requirement:
    return Requirement(text(data, "key"), text(data, "operator"), words_or_none(data, "values"), of_name)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in ("", taint.effect):
        return False
    if toleration.operator == "Exists":
        return toleration.key in ("", taint.key)
    return toleration.key == taint.key and toleration.value == taint.value


def _unmet(term: tuple[Requirement, ...], node: Node) -> list[Requirement]:
    """Return the requirements that the node does not meet. One with an unknown operator counts as met."""
    return [requirement for requirement in term if requirement.met_by(node.labels, node.name) is False]


def _words(requirement: Requirement) -> str:
    key = "the node's name" if requirement.of_name else requirement.key
    return f"{key} {requirement.operator}" + (f" {short_list(requirement.values)}" if requirement.values else "")
