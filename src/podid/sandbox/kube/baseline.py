"""The initial objects of a sandbox cluster: nodes, namespaces, and three workloads for trials."""

from dataclasses import dataclass

from podid.sandbox.kube import kinds
from podid.sandbox.kube.objects import Obj, rfc3339
from podid.sandbox.kube.registry import Registry
from podid.sandbox.kube.webhook import ROLE_ARN, configuration

IMAGE = "public.ecr.aws/docker/library/busybox:1.37"


@dataclass(frozen=True, slots=True)
class Baseline:
    """Names that the cluster shares with the AWS half."""

    node_group: str = "workers"
    instance_type: str = "m6i.large"
    kubernetes_version: str = "1.35"
    irsa_role: str = "irsa-reports"
    orders: tuple[str, str] = ("shop", "orders")
    reports: tuple[str, str] = ("legacy", "reports")
    billing: tuple[str, str] = ("payments", "billing-worker")
    """Its association names another service account, payments/bilingworker."""

    @property
    def instance_ids(self) -> tuple[str, ...]:
        return tuple(f"i-{number:017x}" for number in (0x0A1B2C3D4E5F60001, 0x0A1B2C3D4E5F60002, 0x0A1B2C3D4E5F60003))


def load(registry: Registry, baseline: Baseline, region: str, account: str, partition: str, ca_bundle: str) -> None:
    """Add all objects to the store. The caller holds its lock."""
    furnish(registry, ca_bundle)
    for index, instance in enumerate(baseline.instance_ids):
        zone = f"{region}{'abc'[index % 3]}"
        add_node(registry, node(f"10.0.{index}.{10 + index}", instance, zone, region, baseline))
    role = f"arn:{partition}:iam::{account}:role/{baseline.irsa_role}"
    workload(registry, *baseline.orders, replicas=2)
    workload(registry, *baseline.reports, annotations={ROLE_ARN: role})
    workload(registry, *baseline.billing)


def furnish(registry: Registry, ca_bundle: str) -> None:
    """Create the namespaces of every cluster, and the webhook's configuration."""
    for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
        registry.create(kinds.NAMESPACES, "", {"metadata": {"name": name}})
    registry.create(kinds.MUTATING_WEBHOOKS, "", configuration(ca_bundle))
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    registry.create(kinds.CLUSTER_ROLES, "", {"metadata": {"name": "cluster-admin"}, "rules": rules})
    registry.create(
        kinds.CLUSTER_ROLE_BINDINGS,
        "",
        {
            "metadata": {"name": "cluster-admin"},
            "roleRef": {"apiGroup": kinds.RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": kinds.RBAC, "kind": "Group", "name": "system:masters"}],
        },
    )


def node(address: str, instance: str, zone: str, region: str, baseline: Baseline) -> Obj:
    """Return a Linux node of a managed node group, labelled as EKS labels it."""
    name = f"ip-{address.replace('.', '-')}.{region}.compute.internal"
    return {
        "metadata": {
            "name": name,
            "labels": {
                "beta.kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/instance-type": baseline.instance_type,
                "beta.kubernetes.io/os": "linux",
                "eks.amazonaws.com/capacityType": "ON_DEMAND",
                "eks.amazonaws.com/nodegroup": baseline.node_group,
                "failure-domain.beta.kubernetes.io/region": region,
                "failure-domain.beta.kubernetes.io/zone": zone,
                "k8s.io/cloud-provider-aws": "5553ae84a0d29114870f67bbabd07d44",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "node.kubernetes.io/instance-type": baseline.instance_type,
                "topology.kubernetes.io/region": region,
                "topology.kubernetes.io/zone": zone,
            },
            "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
        },
        "spec": {"providerID": f"aws:///{zone}/{instance}"},
        "status": node_status(name, address, baseline.kubernetes_version),
    }


def node_status(name: str, address: str, version: str) -> Obj:
    resources = {"cpu": "2", "ephemeral-storage": "80Gi", "memory": "8Gi", "pods": "29"}
    return {
        "capacity": dict(resources),
        "allocatable": dict(resources),
        "conditions": [
            {"type": kind, "status": status, "reason": reason, "message": message}
            for kind, status, reason, message in (
                ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            )
        ],
        "addresses": [
            {"type": "InternalIP", "address": address},
            {"type": "InternalDNS", "address": name},
            {"type": "Hostname", "address": name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": name,
            "systemUUID": name,
            "bootID": name,
            "kernelVersion": "6.12.40-64.114.amzn2023.x86_64",
            "osImage": "Amazon Linux 2023.9.20251020",
            "containerRuntimeVersion": "containerd://2.1.4",
            "kubeletVersion": f"v{version}.0-eks-sandbox",
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": "amd64",
        },
    }


def add_node(registry: Registry, body: Obj) -> Obj:
    """Store a node with its status, as its kubelet registers it."""
    created = registry.create(kinds.NODES, "", {key: value for key, value in body.items() if key != "status"})
    stamp = rfc3339(registry.store.now())
    times = {"lastHeartbeatTime": stamp, "lastTransitionTime": stamp}
    conditions = [{**entry, **times} for entry in body["status"]["conditions"]]
    return registry.set_status(kinds.NODES, created, {**body["status"], "conditions": conditions})


def workload(
    registry: Registry, namespace: str, name: str, *, replicas: int = 1, annotations: dict[str, str] | None = None
) -> None:
    """Create a namespace, a service account and a Deployment that uses it, all with the same name."""
    if registry.store.find(kinds.NAMESPACES, "", namespace) is None:
        registry.create(kinds.NAMESPACES, "", {"metadata": {"name": namespace}})
    account: Obj = {"metadata": {"name": name}}
    if annotations:
        account["metadata"]["annotations"] = annotations
    registry.create(kinds.SERVICE_ACCOUNTS, namespace, account)
    labels = {"app": name}
    container = {"name": "app", "image": IMAGE, "command": ["sleep", "infinity"]}
    registry.create(
        kinds.DEPLOYMENTS,
        namespace,
        {
            "metadata": {"name": name, "labels": labels},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": dict(labels)},
                "template": {
                    "metadata": {"labels": dict(labels)},
                    "spec": {"serviceAccountName": name, "containers": [container]},
                },
            },
        },
    )
