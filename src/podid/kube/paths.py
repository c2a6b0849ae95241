"""Paths of the Kubernetes API, and permissions for them."""

from collections.abc import Mapping

from podid.domain.permissions import KubePermission

# kind -> (API prefix, plural)
KINDS: Mapping[str, tuple[str, str]] = {
    "Namespace": ("/api/v1", "namespaces"),
    "Pod": ("/api/v1", "pods"),
    "Node": ("/api/v1", "nodes"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "Secret": ("/api/v1", "secrets"),
    "Event": ("/api/v1", "events"),
    "PersistentVolume": ("/api/v1", "persistentvolumes"),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies"),
    "CSIDriver": ("/apis/storage.k8s.io/v1", "csidrivers"),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases"),
    "Deployment": ("/apis/apps/v1", "deployments"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "CronJob": ("/apis/batch/v1", "cronjobs"),
    "Job": ("/apis/batch/v1", "jobs"),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles"),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles"),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings"),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings"),
}


def on(verb: str, *kinds: str) -> tuple[KubePermission, ...]:
    """Return the permissions for `verb` on objects of these kinds."""
    rows = (KINDS[kind] for kind in kinds)
    # /apis/GROUP/VERSION; /api/v1 is the core group, whose name is empty
    return tuple(KubePermission("".join(prefix.split("/")[2:-1]), plural, verb) for prefix, plural in rows)


def path_of(kind: str, namespace: str = "", name: str = "") -> str:
    """Return the path of an object, or of all objects of a kind, in one namespace or in all."""
    return path_in(*KINDS[kind], namespace, name)


def path_in(prefix: str, plural: str, namespace: str, name: str = "") -> str:
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{prefix}{scope}/{plural}" + (f"/{name}" if name else "")
