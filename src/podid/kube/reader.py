"""Reading the cluster: `list_*` is complete and sorted, `find_*` one or None, `get_*` one or NotFound.

Every method raises AccessDenied with the missing permission, CredentialsError, or Unavailable as `podid.kube.errors`
tells them apart. A namespace of "" means all namespaces, which needs cluster-wide rights.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

from podid.domain.admission import WEBHOOK, WebhookRegistration
from podid.domain.cluster import DaemonSet, Node, NodeClass, OwnerRef, Pod, ServiceAccount, Workload
from podid.domain.errors import NotFound, Rejected
from podid.domain.foreign import Object, listed, text_or
from podid.domain.names import ServiceAccountRef
from podid.domain.network import CiliumPolicy, NetworkPolicy
from podid.domain.products import ProductSetting
from podid.domain.rights import AccessReview, KubeRight, needs
from podid.domain.text import without_tokens
from podid.domain.workloads import RESTARTABLE, is_agent, runs_in
from podid.kube import project, project_network, project_pods
from podid.kube.project import CUSTOM
from podid.kube.rollout import Rollout, rollout
from podid.kube.transport import METADATA_ONLY, Json, Transport

T = TypeVar("T")

LOG_BYTES = 4 * 1024 * 1024
WEBHOOK_PATH = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{WEBHOOK}"

ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

# kind -> (API prefix, plural)
KINDS: Mapping[str, tuple[str, str]] = {
    "Deployment": ("/apis/apps/v1", "deployments"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "CronJob": ("/apis/batch/v1", "cronjobs"),
    "Job": ("/apis/batch/v1", "jobs"),
}
# plural -> whether objects of the kind are in a namespace
CILIUM_POLICIES = {"ciliumnetworkpolicies": True, "ciliumclusterwidenetworkpolicies": False}
TEMPLATED = (*RESTARTABLE, "CronJob", "Job")


def on(verb: str, *kinds: str) -> tuple[KubeRight, ...]:
    """The rights to do `verb` with objects of these kinds."""
    return tuple(KubeRight(prefix.split("/")[2], plural, verb) for prefix, plural in (KINDS[kind] for kind in kinds))


class KubeReader:
    """What podid reads from Kubernetes, as domain values."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @needs()
    def check(self) -> str:
        """The API server's version ("v1.36.0"): it can be reached, and its certificate is the cluster's."""
        return self._transport.get("/version", lambda answer: text_or(answer, "gitVersion"))

    @needs()
    def may(self, right: KubeRight, namespace: str = "") -> AccessReview:
        """Whether the caller has this right, in one namespace or in all of them. By Kubernetes' own ClusterRole
        system:basic-user everybody who is signed in may ask."""
        resource, _, sub = right.resource.partition("/")
        attributes = {"group": right.group, "resource": resource, "subresource": sub, "verb": right.verb}
        body: Json = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**attributes, "namespace": namespace}},
        }
        return self._transport.post(ACCESS_REVIEWS, body, project.access_review, idempotent=True)

    @needs(KubeRight("", "namespaces", "list"))
    def list_namespaces(self) -> tuple[str, ...]:
        return tuple(sorted(self._transport.list("/api/v1/namespaces", project.name, accept=METADATA_ONLY)))

    @needs(list_namespaces)
    def find_pod_security(self, namespace: str) -> str:
        """The Pod Security level that a namespace enforces; empty for none, and for one that does not exist."""
        query: dict[str, str | int] = {"fieldSelector": f"metadata.name={namespace}"}
        found = self._transport.list("/api/v1/namespaces", project.pod_security, query, accept=METADATA_ONLY)
        return next(iter(found), "")

    @needs(KubeRight("", "pods", "list"))
    def list_pods(
        self, namespace: str = "", *, service_account: str = "", selector: Mapping[str, str] | None = None
    ) -> tuple[Pod, ...]:
        """Pods, those of finished Jobs included; narrowed by the server to a service account's name or labels."""
        query: dict[str, str | int] = {}
        if selector:
            query["labelSelector"] = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        if service_account:
            query["fieldSelector"] = f"spec.serviceAccountName={service_account}"
        pods = self._transport.list(_path("/api/v1", namespace, "pods"), project_pods.pod, query)
        return tuple(sorted(pods, key=_place))

    @needs(KubeRight("", "nodes", "list"))
    def list_nodes(self) -> tuple[Node, ...]:
        return tuple(sorted(self._transport.list("/api/v1/nodes", project.node), key=lambda node: node.name))

    @needs(KubeRight("", "serviceaccounts", "list"))
    def list_service_accounts(self, namespace: str = "", *, selector: str = "") -> tuple[ServiceAccount, ...]:
        """`selector` is one of labels, as kubectl takes it."""
        path = _path("/api/v1", namespace, "serviceaccounts")
        query: dict[str, str | int] = {"labelSelector": selector} if selector else {}
        found = self._transport.list(path, project.service_account, query, accept=METADATA_ONLY)
        return tuple(sorted(found, key=_place))

    @needs(KubeRight("", "serviceaccounts", "get"))
    def get_service_account(self, ref: ServiceAccountRef) -> ServiceAccount:
        path = _path("/api/v1", ref.namespace, "serviceaccounts", ref.name)
        return self._transport.get(path, project.service_account)

    @needs(get_service_account)
    def find_service_account(self, ref: ServiceAccountRef) -> ServiceAccount | None:
        try:
            return self.get_service_account(ref)
        except NotFound:
            return None

    @needs(KubeRight("", "configmaps", "get"))
    def find_config_map_keys(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """The names of its entries; of these only what a NO_PROXY says of link-local addresses. None where it does not
        exist."""
        try:
            return self._transport.get(_path("/api/v1", namespace, "configmaps", name), project_pods.keys_of)
        except NotFound:
            return None

    @needs(*on("list", "DaemonSet"))
    def list_daemon_sets(self, namespace: str = "") -> tuple[DaemonSet, ...]:
        path = _path("/apis/apps/v1", namespace, "daemonsets")
        return tuple(sorted(self._transport.list(path, project.daemon_set), key=_place))

    @needs(KubeRight("networking.k8s.io", "networkpolicies", "list"))
    def list_network_policies(self, namespace: str = "") -> tuple[NetworkPolicy, ...]:
        path = _path("/apis/networking.k8s.io/v1", namespace, "networkpolicies")
        return tuple(sorted(self._transport.list(path, project_network.network_policy), key=_place))

    @needs(*(KubeRight("cilium.io", kind, "list") for kind in CILIUM_POLICIES))
    def list_cilium_policies(self, namespace: str = "") -> tuple[CiliumPolicy, ...]:
        """Of both kinds; none where the cluster does not know the kind."""
        found: list[CiliumPolicy] = []
        for kind, namespaced in CILIUM_POLICIES.items():
            path = _path("/apis/cilium.io/v2", namespace if namespaced else "", kind)
            policies = self._list_if_served(path, project_network.cilium_policies)
            found += [policy for several in policies for policy in several]
        return tuple(sorted(found, key=_place))

    @needs()
    def list_api_groups(self) -> Mapping[str, str]:
        """Each API group that the server knows, custom ones included -> the version that it prefers. By Kubernetes' own
        ClusterRole system:discovery everybody who is signed in may ask."""
        return dict(self._transport.get("/apis", _groups))

    @needs(*(KubeRight(group, plural, "list") for group, kinds in CUSTOM.items() for plural in kinds))
    def list_product_settings(
        self, group: str, plural: str, version: str, namespace: str = ""
    ) -> tuple[ProductSetting, ...]:
        """What objects of a custom resource say of credentials; those of the whole cluster whatever the namespace. None
        where the cluster knows the group and not the kind."""
        kind, read = CUSTOM[group][plural]
        path = _path(f"/apis/{group}/{version}", "" if plural.startswith("cluster") else namespace, plural)
        found = self._list_if_served(path, partial(read, kind))
        return tuple(setting for several in found for setting in several)

    @needs(KubeRight("", "persistentvolumes", "list"))
    def list_volume_settings(self) -> tuple[ProductSetting, ...]:
        read = partial(project.volume, "PersistentVolume")
        return tuple(each for several in self._transport.list("/api/v1/persistentvolumes", read) for each in several)

    @needs(KubeRight("storage.k8s.io", "csidrivers", "list"))
    def list_csi_drivers(self) -> Mapping[str, frozenset[str]]:
        """CSI driver -> the audiences of the tokens of pods that a kubelet gives it."""
        return dict(self._transport.list("/apis/storage.k8s.io/v1/csidrivers", project.csi_driver))

    @needs(KubeRight("coordination.k8s.io", "leases", "list"))
    def read_clocks(self) -> Mapping[str, int]:
        """Node -> by how many seconds its kubelet's clock is ahead of the API server's, by the lease that it renews:
        what it wrote there, beside when the server says that it was written. A lease that nobody renews any more is as
        good as one of this minute. Not there for one whose writing the server has no record of."""
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        leases = self._transport.list(path, project.lease)
        return {
            name: round((renewed - written).total_seconds())
            for name, renewed, written in leases
            if renewed is not None and written is not None
        }

    @needs(KubeRight("karpenter.k8s.aws", "ec2nodeclasses", "list"))
    def list_node_classes(self) -> tuple[NodeClass, ...]:
        """Karpenter's, sorted by name; none where the cluster does not know the kind."""
        found = self._list_if_served("/apis/karpenter.k8s.aws/v1/ec2nodeclasses", project.node_class)
        return tuple(sorted(found, key=lambda each: each.name))

    @needs(*on("list", *TEMPLATED))
    def list_workloads(self, namespace: str = "") -> tuple[Workload, ...]:
        """What has a pod template, by kind and place. Jobs made by a CronJob carry it as `owner`."""
        found: list[Workload] = []
        for kind in TEMPLATED:
            prefix, plural = KINDS[kind]
            path = _path(prefix, namespace, plural)
            found += sorted(self._transport.list(path, partial(project.workload, kind)), key=_place)
        return tuple(found)

    @needs(*on("list", "ReplicaSet", "Job"))
    def list_owners(self, namespace: str, kind: str) -> Mapping[str, OwnerRef]:
        """uid of each ReplicaSet or Job -> what controls it (a Deployment, a Rollout, a CronJob). Metadata only."""
        prefix, plural = KINDS[kind]
        pairs = self._transport.list(_path(prefix, namespace, plural), project.uid_and_owner, accept=METADATA_ONLY)
        return {uid: owner for uid, owner in pairs if owner is not None}

    @needs(*on("get", "Job"))
    def job_exists(self, namespace: str, name: str) -> bool:
        prefix, plural = KINDS["Job"]
        try:
            return bool(self._transport.get(_path(prefix, namespace, plural, name), project.name))
        except NotFound:
            return False

    @needs(KubeRight("", "events", "list"))
    def list_warnings(self, namespace: str, kind: str, name: str, *, since: datetime | None = None) -> tuple[str, ...]:
        """What controllers have complained of about one object, oldest first; with `since` only what was seen after
        that. An Event stays for an hour, whatever has become of its cause."""
        query: dict[str, str | int] = {
            "fieldSelector": f"involvedObject.kind={kind},involvedObject.name={name},type=Warning"
        }
        found = self._transport.list(_path("/api/v1", namespace, "events"), project.warning, query)
        return tuple(told for told, seen in found if since is None or seen is None or seen >= since)

    @needs(*on("get", *RESTARTABLE))
    def get_rollout(self, kind: str, namespace: str, name: str) -> Rollout:
        """The rollout of a Deployment, StatefulSet or DaemonSet, at this moment."""
        prefix, plural = KINDS[kind]
        return self._transport.get(_path(prefix, namespace, plural, name), partial(rollout, kind))

    @needs(list_daemon_sets)
    def list_agent_daemon_sets(self) -> tuple[DaemonSet, ...]:
        """The agent's DaemonSets (cloud, hybrid, hybrid-bottlerocket, or self-installed)."""
        return tuple(ds for ds in self.list_daemon_sets() if is_agent(ds))

    @needs(list_agent_daemon_sets, list_pods)
    def list_agent_pods(self) -> tuple[Pod, ...]:
        return self.list_pods_of(self.list_agent_daemon_sets())

    @needs(list_pods)
    def list_pods_of(self, daemon_sets: Iterable[DaemonSet]) -> tuple[Pod, ...]:
        """The pods that run in these: a pod that others made may have the same labels."""
        found = {
            _place(pod): pod
            for ds in daemon_sets
            for pod in self.list_pods(ds.namespace, selector=ds.selector)
            if runs_in(pod, ds)
        }
        return tuple(pod for _, pod in sorted(found.items()))

    @needs(KubeRight("", "pods/log", "get"))
    def read_log(
        self,
        namespace: str,
        pod: str,
        *,
        container: str,
        since_seconds: int | None = None,
        tail: int | None = None,
        previous: bool = False,
        timestamps: bool = False,
    ) -> str:
        """A container's log, at most LOG_BYTES of it and without tokens; `previous` is that of the container that ran
        before this one. NotFound without such a pod, Rejected for a container that has not started."""
        query: dict[str, str | int] = {"container": container, "limitBytes": LOG_BYTES}
        if since_seconds is not None:
            query["sinceSeconds"] = max(since_seconds, 1)
        if tail is not None:
            query["tailLines"] = tail
        query |= {name: "true" for name, wanted in (("previous", previous), ("timestamps", timestamps)) if wanted}
        return without_tokens(self._transport.text(_path("/api/v1", namespace, "pods", pod) + "/log", query))

    @needs(KubeRight("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "get"))
    def find_webhook(self) -> WebhookRegistration | None:
        """The webhook that injects credentials, as it is registered. EKS runs it; users can delete the object."""
        try:
            return self._transport.get(WEBHOOK_PATH, project_network.webhook)
        except NotFound:
            return None

    def _list_if_served(self, path: str, read: Callable[[Object], T]) -> list[T]:
        """Nothing where the cluster does not know the kind."""
        try:
            return self._transport.list(path, read)
        except Rejected as error:
            if error.service_code != "NotFound":
                raise
            return []


def _groups(answer: Object) -> list[tuple[str, str]]:
    return [project.api_group(group) for group in listed(answer, "groups")]


def _path(prefix: str, namespace: str, plural: str, name: str = "") -> str:
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{prefix}{scope}/{plural}" + (f"/{name}" if name else "")


def _place(thing: Pod | ServiceAccount | DaemonSet | Workload | NetworkPolicy | CiliumPolicy) -> tuple[str, str]:
    return thing.namespace, thing.name
