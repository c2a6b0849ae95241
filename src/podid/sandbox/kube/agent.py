"""The eks-pod-identity-agent add-on on the cluster: its DaemonSet, the logs of its pods, and network access to it.

Form and messages: https://github.com/aws/eks-pod-identity-agent (charts/, cmd/, internal/) Network policies:
https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

import json
from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from podid.domain.names import AGENT_ADDON, AGENT_NAMESPACE
from podid.sandbox.contract import AgentAddon, ControlPlane
from podid.sandbox.kube import kinds
from podid.sandbox.kube.faults import bind_addresses
from podid.sandbox.kube.objects import Obj, get, labels, name, parse_time, rfc3339
from podid.sandbox.kube.registry import Registry
from podid.sandbox.kube.selectors import matches

_SETTINGS = ("nodeSelector", "tolerations", "priorityClassName", "affinity", "imagePullSecrets")


def may_leave(pod: Obj, address: str, port: int, policies: list[Obj]) -> bool:
    """Return whether the egress rules of the namespace's `policies` allow the pod's TCP connection. Network policies do
    not apply to pods on the host's network."""
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
    """Return whether the peer's IP block contains the address. The address belongs to no pod, so that no selector
    matches it."""
    block = peer.get("ipBlock")
    if block is None:
        return False
    destination = ip_address(address)
    return destination in ip_network(block["cidr"]) and not any(
        destination in ip_network(hole) for hole in block.get("except") or ()
    )


def _opens(entry: Obj, port: int) -> bool:
    if entry.get("protocol", "TCP") != "TCP":
        return False
    first = entry.get("port", port)
    return isinstance(first, int) and first <= port <= int(entry.get("endPort", first))


class AddonManager:
    """Applies the add-on when EKS installs or changes it. Later changes of users to the DaemonSet stay."""

    def __init__(self, registry: Registry, world: ControlPlane) -> None:
        self._registry = registry
        self._world = world
        self._applied: str | None = None

    def signature(self) -> str | None:
        """Return a signature of the objects to apply now; None without the add-on."""
        addon = self._world.agent_addon()
        if addon is None or not addon.present:
            return None
        return json.dumps([addon.version, dict(addon.configuration)], sort_keys=True)

    def sync(self) -> None:
        signature = self.signature()
        if signature == self._applied:
            return
        self._applied = signature
        addon = self._world.agent_addon()
        sets = daemon_sets(addon, self._world) if addon is not None and addon.present else []
        by_name = {name(entry): entry for entry in sets}
        for suffix in ("", *(f"-{kind}" for kind in _HYBRID)):
            self._apply(f"{AGENT_ADDON}{suffix}", by_name.get(f"{AGENT_ADDON}{suffix}"))

    def _apply(self, set_name: str, daemon_set: Obj | None) -> None:
        current = self._registry.store.find(kinds.DAEMON_SETS, AGENT_NAMESPACE, set_name)
        if daemon_set is None:
            if current is not None:
                self._registry.delete(kinds.DAEMON_SETS, current, {})
        else:
            if current is None:
                written = self._registry.create(kinds.DAEMON_SETS, AGENT_NAMESPACE, daemon_set)
            else:
                written = self._registry.update(kinds.DAEMON_SETS, current, daemon_set)
            managed = [
                {
                    "manager": "eks",
                    "operation": "Apply",
                    "apiVersion": "apps/v1",
                    "time": rfc3339(self._registry.store.now()),
                    "fieldsType": "FieldsV1",
                    "fieldsV1": _fields(
                        {"metadata": {"labels": daemon_set["metadata"]["labels"]}, "spec": daemon_set["spec"]}
                    ),
                }
            ]
            marked = {**written, "metadata": {**written["metadata"], "managedFields": managed}}
            self._registry.store.replace(kinds.DAEMON_SETS, marked)


def _fields(value: object) -> Obj:
    """Return FieldsV1 of the applied fields: https://kubernetes.io/docs/reference/using-api/server-side-apply/"""
    if isinstance(value, dict):
        return {f"f:{key}": _fields(item) for key, item in value.items()}
    named = [item for item in value if isinstance(item, dict) and "name" in item] if isinstance(value, list) else []
    return {f"k:{json.dumps({'name': item['name']})}": _fields(item) for item in named}


def app_version(addon_version: str) -> str:
    """Return the agent's own version: 0.1.37 for v1.3.10-eksbuild.N. For other versions it is derived in step, because
    AWS publishes no table."""
    patch = addon_version.partition("-")[0].rsplit(".", 1)[-1]
    return f"0.1.{27 + int(patch)}" if patch.isdigit() else "0.1.37"


# the DaemonSets for hybrid nodes -> whether a node has the label of Bottlerocket
_HYBRID = {"hybrid": "DoesNotExist", "hybrid-bottlerocket": "Exists"}


def daemon_sets(addon: AgentAddon, world: ControlPlane) -> list[Obj]:
    """Return the DaemonSet for EC2 nodes, and those for hybrid nodes that the configuration enables."""
    sets = [_daemon_set(addon, world, AGENT_ADDON, ("NotIn", ["fargate", "hybrid", "auto"]))]
    settings = _map(addon.configuration.get("daemonsets"))
    for kind, bottlerocket in _HYBRID.items():
        if _map(settings.get(kind)).get("create") is True:
            sets.append(_daemon_set(addon, world, f"{AGENT_ADDON}-{kind}", ("In", ["hybrid"]), bottlerocket))
    return sets


def _map(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _daemon_set(
    addon: AgentAddon, world: ControlPlane, set_name: str, compute: tuple[str, list[str]], bottlerocket: str = ""
) -> Obj:
    version = app_version(addon.version)
    image = f"602401143452.dkr.ecr.{world.region}.amazonaws.com/eks/eks-pod-identity-agent:v{version}"
    selector = {"app.kubernetes.io/instance": AGENT_ADDON, "app.kubernetes.io/name": set_name}
    settings = _map(addon.configuration)
    spec = _pod_spec(world, image, settings, compute, bottlerocket)
    spec |= {key: settings[key] for key in _SETTINGS if settings.get(key)}
    skip = {"eks.amazonaws.com/skip-containers": "eks-pod-identity-agent,eks-pod-identity-agent-init"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": set_name,
            "labels": {
                **selector,
                "app.kubernetes.io/managed-by": "Helm",
                "app.kubernetes.io/version": version,
                "helm.sh/chart": f"{AGENT_ADDON}-{addon.version.partition('-')[0].removeprefix('v')}",
            },
            "annotations": {"deprecated.daemonset.template.generation": "1"},
        },
        "spec": {
            "selector": {"matchLabels": dict(selector)},
            "template": {
                "metadata": {
                    "labels": {**_map(settings.get("podLabels")), **selector},
                    "annotations": {**_map(settings.get("podAnnotations")), **skip},
                },
                "spec": spec,
            },
            "updateStrategy": settings.get("updateStrategy")
            or {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
        },
    }


def _pod_spec(
    world: ControlPlane, image: str, settings: Mapping[str, object], compute: tuple[str, list[str]], bottlerocket: str
) -> Obj:
    agent = _map(settings.get("agent"))
    probe = agent.get("probePort", 2703)
    arguments = ["--port", "80", "--cluster-name", world.cluster_name, "--probe-port", str(probe)]
    for flag, value in _map(agent.get("additionalArgs")).items():
        arguments += [flag, str(value)]
    terms = [
        {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
        {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64", "arm64"]},
        {"key": "eks.amazonaws.com/compute-type", "operator": compute[0], "values": compute[1]},
    ]
    terms += [{"key": "os.bottlerocket.aws/version", "operator": bottlerocket}] if bottlerocket else []
    required = {"nodeSelectorTerms": [{"matchExpressions": terms}]}
    return {
        "initContainers": [
            {
                "name": "eks-pod-identity-agent-init",
                "image": image,
                "command": ["/go-runner", "/eks-pod-identity-agent", "initialize"],
                "securityContext": {"privileged": True},
            }
        ],
        "containers": [
            {
                "name": "eks-pod-identity-agent",
                "image": image,
                "command": ["/go-runner", "/eks-pod-identity-agent", "server"],
                "args": arguments,
                "ports": [
                    *([{"name": "proxy", "containerPort": 80}] if agent.get("advertiseProxyPort", True) else []),
                    {"name": "probes-port", "containerPort": probe},
                ],
                "env": [{"name": "AWS_REGION", "value": world.region}],
                "resources": settings.get("resources") or {},
                "securityContext": {"capabilities": {"add": ["CAP_NET_BIND_SERVICE"]}},
            }
        ],
        "automountServiceAccountToken": False,
        "hostNetwork": True,
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}},
        "tolerations": [{"operator": "Exists"}],
        "priorityClassName": "system-node-critical",
    }


def agent_log(pod: Obj, crash: str | None, extra: list[str]) -> str:
    """Return the agent's log: a plain line, then JSON of each of its servers. `crash` is its fatal error, if any."""
    began = rfc3339(parse_time(get(pod, "status", "startTime", default=pod["metadata"]["creationTimestamp"])))
    version = pod["spec"]["containers"][0]["image"].rpartition(":")[2]
    day, _, moment = began.removesuffix("Z").partition("T")
    lines = [f"{day.replace('-', '/')} {moment} Setting logging verbosity level to: info (4)"]
    addresses = bind_addresses(pod)
    for address in (*addresses, "localhost:2703", "0.0.0.0:2705"):
        for message in (f"Pod Identity Agent version {version}", "Starting server..."):
            lines.append(_line("info", message, began, {"bind-addr": address}))
    if crash is not None:
        lines.append(_line("fatal", crash, began, {"bind-addr": addresses[-1]}))
    return "".join(f"{line}\n" for line in [*lines, *([] if crash is not None else extra)])


def _line(level: str, message: str, when: str, fields: Mapping[str, str]) -> str:
    return json.dumps({**fields, "level": level, "msg": message, "time": when}, separators=(",", ":"))
