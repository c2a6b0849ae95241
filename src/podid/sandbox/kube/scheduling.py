"""Which node a pod may run on: selector, required affinity, taints and host ports."""

from podid.sandbox.kube.objects import Obj, condition, get, labels, name
from podid.sandbox.kube.selectors import expressions_match


def pick_node(pod: Obj, nodes: list[Obj], pods: list[Obj]) -> tuple[Obj | None, str]:
    """The eligible node with the fewest pods, or None and the scheduler's words for why there is none."""
    refusals: dict[str, int] = {}
    eligible: list[Obj] = []
    for node in nodes:
        if why := _refusal(pod, node, pods):
            refusals[why] = refusals.get(why, 0) + 1
        else:
            eligible.append(node)
    if not eligible:
        told = ", ".join(f"{count} {why}" for why, count in sorted(refusals.items()))
        return None, f"0/{len(nodes)} nodes are available: {told or 'no nodes available to schedule pods'}."
    load = {name(node): 0 for node in eligible}
    for other in pods:
        if (where := other["spec"].get("nodeName")) in load:
            load[where] += 1
    return min(eligible, key=lambda node: (load[name(node)], name(node))), ""


def _refusal(pod: Obj, node: Obj, pods: list[Obj]) -> str:
    if not node_matches(pod["spec"], node):
        return "node(s) didn't match Pod's node affinity/selector"
    ready = condition(node, "Ready")
    if ready is not None and ready["status"] != "True" and not _tolerates_everything(pod["spec"]):
        return "node(s) were not ready"
    if get(node, "spec", "unschedulable", default=False) and not _tolerates_everything(pod["spec"]):
        return "node(s) were unschedulable"
    if any(not _tolerated(pod["spec"], taint) for taint in get(node, "spec", "taints", default=())):
        return "node(s) had untolerated taint(s)"
    wanted = _host_ports(pod["spec"])
    on_node = [other for other in pods if other["spec"].get("nodeName") == name(node)] if wanted else []
    if any(wanted & _host_ports(other["spec"]) for other in on_node):
        return "node(s) didn't have free ports for the requested pod ports"
    return ""


def node_matches(spec: Obj, node: Obj) -> bool:
    """nodeSelector and requiredDuringScheduling node affinity of a pod spec."""
    found = labels(node)
    if any(found.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    required = get(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term_matches(term, node) for term in required.get("nodeSelectorTerms") or ())


def _term_matches(term: Obj, node: Obj) -> bool:
    fields = {"metadata.name": name(node)}
    return expressions_match(term.get("matchExpressions") or (), labels(node)) and expressions_match(
        term.get("matchFields") or (), fields
    )


def tolerates_node(spec: Obj, node: Obj) -> bool:
    """Whether no taint of the node keeps the pod away."""
    return all(_tolerated(spec, taint) for taint in get(node, "spec", "taints", default=()))


def _tolerates_everything(spec: Obj) -> bool:
    return any(entry.get("operator") == "Exists" and "key" not in entry for entry in spec.get("tolerations") or ())


def _tolerated(spec: Obj, taint: Obj) -> bool:
    if taint.get("effect") == "PreferNoSchedule":
        return True
    for entry in spec.get("tolerations") or ():
        if entry.get("effect") not in (None, "", taint.get("effect")):
            continue
        if entry.get("operator") == "Exists" and entry.get("key") in (None, "", taint["key"]):
            return True
        if entry.get("key") == taint["key"] and entry.get("value", "") == taint.get("value", ""):
            return True
    return False


def _host_ports(spec: Obj) -> set[int]:
    return {
        int(port["hostPort"])
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
        if port.get("hostPort")
    }
