from podid.checks.base import Check, Severity, Snapshot, Verdicts, count_of, rule, short_list
from podid.domain.cluster import Pod
from podid.domain.network import AGENT_PORT, covers
from podid.facts.egress import agent_address, agent_cidr

ISTIO = "traffic.sidecar.istio.io/"
LINKERD = "config.linkerd.io/"


@rule(needs=("associations", "pods"), wants=("cluster",))
def service_mesh_intercepts(check: Check, snapshot: Snapshot) -> Verdicts:
    address = agent_address(snapshot)
    for case, (_, _, pods) in check.of_workloads(snapshot):
        meshed = [(pod, mesh) for pod in pods if (mesh := _mesh(pod, address))]
        if not meshed:
            yield case.ok("no sidecar of a service mesh intercepts its requests to the agent")
            continue
        mesh = meshed[0][1]
        advice = {
            "Istio": f"fix: annotate the pods with {ISTIO}excludeOutboundIPRanges: {agent_cidr(snapshot)}",
            "Linkerd": f"fix: annotate the pods with {LINKERD}skip-outbound-ports: '{AGENT_PORT}' or skip-subnets",
        }[mesh]
        yield case.fail(
            f"{mesh}'s sidecar intercepts the requests of {len(meshed)} of {count_of(len(pods), 'pod')} to the agent: "
            "most succeed, but they fail before the sidecar runs or if it changes the Host header",
            f"pods: {short_list(pod.name for pod, _ in meshed)}",
            advice,
            severity=Severity.WARN,
            pods=(pod for pod, _ in meshed),
        )


def _mesh(pod: Pod, address: str) -> str:
    """Return the mesh whose sidecar intercepts the pod's requests to the agent; empty if none does."""
    names = {container.name for container in pod.containers}
    # the only container of a gateway is the proxy itself, and nothing redirects its requests
    if "istio-proxy" in names and any(c.name != "istio-proxy" for c in pod.containers if not c.init):
        ranges = f"{ISTIO}includeOutboundIPRanges"
        included = _parts(pod, ranges)
        if ranges in pod.annotations and not included:
            return ""
        out = covers(_parts(pod, f"{ISTIO}excludeOutboundIPRanges"), address)
        out |= _has_port(_parts(pod, f"{ISTIO}excludeOutboundPorts"))
        return "" if out or (included and not covers(included, address)) else "Istio"
    if "linkerd-proxy" in names:
        out = covers(_parts(pod, f"{LINKERD}skip-subnets"), address)
        return "" if out or _has_port(_parts(pod, f"{LINKERD}skip-outbound-ports")) else "Linkerd"
    return ""


def _parts(pod: Pod, annotation: str) -> list[str]:
    return [part.strip() for part in pod.annotations.get(annotation, "").split(",") if part.strip()]


def _has_port(parts: list[str]) -> bool:
    """Return whether the agent's port is in the list. Linkerd accepts ranges (`80-90`) too."""
    for part in parts:
        first, _, last = part.partition("-")
        if first.isdecimal() and int(first) <= AGENT_PORT <= int(last if last.isdecimal() else first):
            return True
    return False
