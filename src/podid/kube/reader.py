"""Reads of the cluster: `list_*` is complete and sorted, `find_*` returns one or None, `get_*` one or NotFound.

Every method raises AccessDenied with the missing permission, CredentialsError, or Unavailable, see `podid.kube.errors`.
A namespace of "" means all namespaces, which requires cluster-wide permissions.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import chain
from typing import TypeVar

from podid.domain import cluster
from podid.domain.errors import NotFound, Rejected
from podid.domain.exposure import IdentityGrant, KeyPlace, abilities_of, may_bind, named_abilities_of
from podid.domain.findings import Subject
from podid.domain.foreign import Reading, text
from podid.domain.metadata_proxies import PodTemplate
from podid.domain.names import ServiceAccountRef
from podid.domain.network import CiliumPolicy, NetworkPolicy
from podid.domain.owners import PLURALS, Owner
from podid.domain.permissions import AccessReview, KubePermission, needs
from podid.domain.products import ProductSetting
from podid.domain.text import without_tokens
from podid.domain.workloads import RESTARTABLE, WEBHOOK, WebhookRegistration, is_agent, runs_in
from podid.kube import project, project_custom, project_exposure, project_network, project_pods
from podid.kube.paths import on, path_in, path_of
from podid.kube.project_custom import CUSTOM
from podid.kube.rollout import Rollout, rollout
from podid.kube.transport import JSON, METADATA_ONLY, Json, Query, Transport

T = TypeVar("T")
Placed = cluster.Pod | cluster.ServiceAccount | cluster.DaemonSet | cluster.Workload | NetworkPolicy | CiliumPolicy
P = TypeVar("P", bound=Placed)
Annotations = Mapping[tuple[str, str], Mapping[str, str]]

LOG_BYTES = 4 * 1024 * 1024
WEBHOOK_PATH = f"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{WEBHOOK}"

ACCESS_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

# plural -> whether objects of the kind are in a namespace
CILIUM_POLICIES = {"ciliumnetworkpolicies": True, "ciliumclusterwidenetworkpolicies": False}
TEMPLATED = (*RESTARTABLE, "CronJob", "Job")


class KubeReader:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @needs()
    def check(self) -> str:
        """Return the API server's version ("v1.36.0"). Success also proves that it can be reached and has the cluster's
        certificate."""
        return self._transport.get("/version", lambda answer: text(answer, "gitVersion"))

    @needs()
    def may(self, permission: KubePermission, namespace: str = "") -> AccessReview:
        """Return whether the caller has this permission, in one namespace or in all. Every authenticated caller is
        authorized to ask, by Kubernetes' own ClusterRole system:basic-user."""
        resource, _, sub = permission.resource.partition("/")
        attributes = {"group": permission.group, "resource": resource, "subresource": sub, "verb": permission.verb}
        body: Json = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**attributes, "namespace": namespace}},
        }
        return self._transport.post(ACCESS_REVIEWS, body, project.access_review, idempotent=True)

    @needs(*on("list", "Namespace"))
    def list_namespaces(self) -> tuple[str, ...]:
        """Return the names of the namespaces, without those that are being deleted."""
        return self._namespaces(ending=False)

    @needs(list_namespaces)
    def list_ending_namespaces(self) -> tuple[str, ...]:
        return self._namespaces(ending=True)

    def _namespaces(self, *, ending: bool) -> tuple[str, ...]:
        namespaces = self._transport.list(path_of("Namespace"), project.namespace, accept=METADATA_ONLY)
        return tuple(sorted(name for name, deleted in namespaces if deleted is ending))

    @needs(list_namespaces)
    def find_pod_security(self, namespace: str) -> str:
        """Return the Pod Security level that a namespace enforces; empty for none, and for a missing namespace."""
        query: Query = {"fieldSelector": f"metadata.name={namespace}"}
        levels = self._transport.list(path_of("Namespace"), project.pod_security, query, accept=METADATA_ONLY)
        return next(iter(levels), "")

    @needs(*on("list", "Pod"))
    def list_pods(
        self, namespace: str = "", *, service_account: str = "", selector: Mapping[str, str] | None = None
    ) -> tuple[cluster.Pod, ...]:
        """Return pods, including those of finished Jobs; filtered by the server by service account or labels."""
        query: Query = {}
        if selector:
            query["labelSelector"] = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
        if service_account:
            query["fieldSelector"] = f"spec.serviceAccountName={service_account}"
        return self._placed(path_of("Pod", namespace), project_pods.pod, query)

    @needs(*on("list", "Node"))
    def list_nodes(self) -> tuple[cluster.Node, ...]:
        return tuple(sorted(self._transport.list(path_of("Node"), project.node), key=lambda node: node.name))

    @needs(*on("list", "ServiceAccount"))
    def list_service_accounts(self, namespace: str = "", *, selector: str = "") -> tuple[cluster.ServiceAccount, ...]:
        """Return service accounts. `selector` is a label selector, as in kubectl."""
        path = path_of("ServiceAccount", namespace)
        query: Query = {"labelSelector": selector} if selector else {}
        return self._placed(path, project.service_account, query, accept=METADATA_ONLY)

    @needs(*on("get", "ServiceAccount"))
    def get_service_account(self, ref: ServiceAccountRef) -> cluster.ServiceAccount:
        path = path_of("ServiceAccount", ref.namespace, ref.name)
        return self._transport.get(path, project.service_account)

    @needs(get_service_account)
    def find_service_account(self, ref: ServiceAccountRef) -> cluster.ServiceAccount | None:
        return _or_none(self.get_service_account, ref)

    @needs(*on("get", "ServiceAccount"))
    def get_account_settings(self, ref: ServiceAccountRef) -> Mapping[str, object]:
        """Return the image pull secrets and the automount setting of a service account, as the API has them."""
        return self._transport.get(path_of("ServiceAccount", ref.namespace, ref.name), project.account_settings)

    @needs(*on("get", "ServiceAccount"))
    def get_manifest(self, ref: ServiceAccountRef) -> dict[str, object]:
        """Return the manifest of a service account without the annotations of IRSA."""
        path = path_of("ServiceAccount", ref.namespace, ref.name)
        return self._transport.get(path, project.manifest_without_irsa)

    @needs(*on("get", "ConfigMap"))
    def find_config_map_keys(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """Return the names of a ConfigMap's entries, with the link-local addresses of a NO_PROXY as the only values;
        None if it does not exist."""
        path = path_of("ConfigMap", namespace, name)
        return _or_none(self._transport.get, path, project_pods.keys_of)

    @needs(*on("list", "DaemonSet"))
    def list_daemon_sets(self, namespace: str = "") -> tuple[cluster.DaemonSet, ...]:
        return self._placed(path_of("DaemonSet", namespace), project.daemon_set)

    @needs(*on("list", "NetworkPolicy"))
    def list_network_policies(self, namespace: str = "") -> tuple[NetworkPolicy, ...]:
        return self._placed(path_of("NetworkPolicy", namespace), project_network.network_policy)

    @needs(*(KubePermission("cilium.io", kind, "list") for kind in CILIUM_POLICIES))
    def list_cilium_policies(self, namespace: str = "") -> tuple[CiliumPolicy, ...]:
        """Return the policies of both kinds; empty if the cluster does not have the kind."""
        policies: list[CiliumPolicy] = []
        for plural, namespaced in CILIUM_POLICIES.items():
            path = path_in("/apis/cilium.io/v2", plural, namespace if namespaced else "")
            policies += chain.from_iterable(self._list_if_served(path, project_network.cilium_policies))
        return tuple(sorted(policies, key=_place))

    @needs()
    def list_api_groups(self) -> Mapping[str, str]:
        """Return API group -> the server's preferred version, including custom groups. Every authenticated caller is
        authorized to read it, by Kubernetes' own ClusterRole system:discovery."""
        return self._transport.get("/apis", project_custom.groups)

    @needs(*(KubePermission(group, plural, "list") for group, kinds in CUSTOM.items() for plural in kinds))
    def list_product_settings(
        self, group: str, plural: str, version: str, namespace: str = ""
    ) -> tuple[ProductSetting, ...]:
        """Return the settings for credentials in custom resources; of cluster-scoped ones whatever the namespace. Empty
        if the cluster has the group but not the kind."""
        kind, read = CUSTOM[group][plural]
        path = path_in(f"/apis/{group}/{version}", plural, "" if plural.startswith("cluster") else namespace)
        return tuple(chain.from_iterable(self._list_if_served(path, partial(read, kind))))

    @needs(*(KubePermission(group, plural, "list") for group, plural in PLURALS.items()))
    def list_custom_owners(self) -> dict[str, Owner]:
        """Return the owners by custom resources: of associations by id and ARN, of roles by ARN."""
        return project_custom.owners(self.list_api_groups(), self._list_if_served)

    @needs(*on("list", "PersistentVolume"))
    def list_volume_settings(self) -> tuple[ProductSetting, ...]:
        return self._flat("PersistentVolume", partial(project_custom.volume, "PersistentVolume"))

    @needs(*on("list", "CSIDriver"))
    def list_csi_drivers(self) -> Mapping[str, frozenset[str]]:
        """Return CSI driver -> the audiences of the pod tokens that a kubelet passes to it."""
        return dict(self._transport.list(path_of("CSIDriver"), project_custom.csi_driver))

    @needs(KubePermission("coordination.k8s.io", "leases", "list"))
    def read_clocks(self) -> Mapping[str, int]:
        """Return node -> the seconds by which its kubelet's clock is ahead of the API server's. The source is the
        node's lease: the kubelet's time of renewal, and the server's time of that write. An old lease serves as well as
        a new one. Nodes without a record of the write are omitted."""
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        leases = self._transport.list(path, project.node_lease)
        return {
            name: round((renewed - written).total_seconds())
            for name, renewed, written in leases
            if renewed is not None and written is not None
        }

    @needs(*on("get", "Lease"))
    def find_lease(self, namespace: str, name: str) -> cluster.Lease | None:
        return _or_none(self._transport.get, path_of("Lease", namespace, name), project.held_lease)

    @needs(KubePermission("karpenter.k8s.aws", "ec2nodeclasses", "list"))
    def list_node_classes(self) -> tuple[cluster.NodeClass, ...]:
        """Return Karpenter's node classes, sorted by name; empty if the cluster does not have the kind."""
        classes = self._list_if_served("/apis/karpenter.k8s.aws/v1/ec2nodeclasses", project.node_class)
        return tuple(sorted(classes, key=lambda node_class: node_class.name))

    @needs(*on("list", *TEMPLATED))
    def list_workloads(self, namespace: str = "") -> tuple[cluster.Workload, ...]:
        """Return objects with a pod template, by kind and place. A Job of a CronJob has it as `owner`."""
        workloads: list[cluster.Workload] = []
        for kind in TEMPLATED:
            workloads += self._placed(path_of(kind, namespace), partial(project.workload, kind))
        return tuple(workloads)

    @needs(list_workloads)
    def list_pod_templates(self, keys: Collection[str]) -> tuple[PodTemplate, ...]:
        """Return the same objects with the annotations of their pod templates that have these names."""
        templates: list[PodTemplate] = []
        for kind in TEMPLATED:
            read = partial(project.pod_template, kind, frozenset(keys))
            templates += self._transport.list(path_of(kind), read)
        return tuple(sorted(templates, key=lambda template: template.subject))

    @needs(*on("get", *RESTARTABLE, "CronJob"))
    def find_pod_template(self, kind: str, namespace: str, name: str, keys: Collection[str]) -> PodTemplate | None:
        """Return one of them; None if it does not exist."""
        read = partial(project.pod_template, kind, frozenset(keys))
        return _or_none(self._transport.get, path_of(kind, namespace, name), read)

    @needs(*on("get", "DaemonSet", "Deployment"))
    def find_agent_template(self, kind: str, namespace: str, name: str) -> PodTemplate | None:
        """Return a DaemonSet or Deployment, without annotations; None if it does not exist."""
        return self.find_pod_template(kind, namespace, name, ())

    @needs(list_pods, list_namespaces)
    def list_annotations(self, kind: str, keys: Collection[str]) -> Annotations:
        """Return (namespace, name) -> annotations with these names, of the pods or the namespaces that have one."""
        read = partial(project.annotated, frozenset(keys))
        items = self._transport.list(path_of(kind), read, accept=METADATA_ONLY)
        return {place: annotations for place, annotations in items if annotations}

    @needs(*on("list", "RoleBinding", "ClusterRoleBinding"))
    def list_bindings(self, namespace: str) -> Mapping[Subject, tuple[ServiceAccountRef, ...]]:
        """Return the RoleBindings of the namespace and all ClusterRoleBindings, with the service accounts that each
        names."""
        bindings = self._with_cluster("RoleBinding", namespace, project.subjects_of)
        return {Subject(kind, name, home): refs for kind, ((home, name), refs) in bindings}

    @needs(*on("list", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"))
    def list_grants(self, namespace: str = "") -> tuple[IdentityGrant, ...]:
        """Return the permissions by which users, groups and service accounts get the identity of service accounts, by
        RoleBindings of the namespace and by ClusterRoleBindings."""
        roles = self._with_cluster("Role", namespace, project_exposure.rules)
        rules = {(kind, *place): listed_rules for kind, (place, listed_rules) in roles}
        grants: list[IdentityGrant] = []
        bindings = self._with_cluster("RoleBinding", namespace, project_exposure.binding)
        for kind, ((home, name), (role_kind, role), subjects) in bindings:
            bound = rules.get((role_kind, home if role_kind == "Role" else "", role), ())
            abilities = abilities_of(bound, home)
            named = tuple(item for item in named_abilities_of(bound, home) if may_bind(item, home, rules))
            words = f"{kind} {home}/{name}" if home else f"{kind} {name}"
            role_words = f"{role_kind} {role}"
            grants += (IdentityGrant(subject, home, abilities, role_words, words, named) for subject in subjects)
        return tuple(sorted(grant for grant in grants if grant.abilities or grant.named))

    def _with_cluster(self, kind: str, namespace: str, read: Reading[T]) -> Iterator[tuple[str, T]]:
        """Yield the objects of a kind in the namespace and of its cluster-scoped counterpart, each with its kind."""
        for binding, place in ((kind, namespace), (f"Cluster{kind}", "")):
            for item in self._transport.list(path_of(binding, place), read):
                yield binding, item

    @needs(*on("list", "Pod"))
    def list_keys_of_pods(self, namespace: str = "") -> tuple[KeyPlace, ...]:
        """Return the access keys in the environment and the command lines of pods."""
        return self._flat("Pod", project_exposure.keys_in_pod, namespace)

    @needs(*on("list", "ConfigMap"))
    def list_keys_of_config_maps(self, namespace: str = "") -> tuple[KeyPlace, ...]:
        return self._flat("ConfigMap", partial(project_exposure.keys_in_data, "ConfigMap"), namespace)

    @needs(*on("list", "Secret"))
    def list_keys_of_secrets(self, namespace: str = "") -> tuple[KeyPlace, ...]:
        return self._flat("Secret", partial(project_exposure.keys_in_data, "Secret"), namespace)

    def _flat(self, kind: str, read: Reading[tuple[T, ...]], namespace: str = "") -> tuple[T, ...]:
        return tuple(chain.from_iterable(self._transport.list(path_of(kind, namespace), read)))

    @needs(*on("list", "ReplicaSet", "Job"))
    def list_owners(self, namespace: str, kind: str) -> Mapping[str, cluster.OwnerRef]:
        """Return UID -> controller (a Deployment, a Rollout, a CronJob) of each ReplicaSet or Job. Metadata only."""
        pairs = self._transport.list(path_of(kind, namespace), project.uid_and_owner, accept=METADATA_ONLY)
        return {uid: owner for uid, owner in pairs if owner is not None}

    @needs(*on("list", "DaemonSet", "Deployment"))
    def list_written(self, namespace: str) -> tuple[cluster.FieldWriters, ...]:
        """Return the DaemonSets and Deployments with the fields that each field manager has set. Metadata only."""
        objects: list[cluster.FieldWriters] = []
        for kind in ("DaemonSet", "Deployment"):
            path = path_of(kind, namespace)
            objects += self._transport.list(path, partial(project.written, kind), accept=METADATA_ONLY)
        return tuple(sorted(objects, key=lambda item: (item.kind, item.name)))

    @needs(*on("get", "Job"))
    def job_exists(self, namespace: str, name: str) -> bool:
        return bool(_or_none(self._transport.get, path_of("Job", namespace, name), project.name))

    @needs(*on("list", "Event"))
    def list_warnings(
        self, namespace: str, kind: str, name: str, *, reason: str = "", since: datetime | None = None
    ) -> tuple[str, ...]:
        """Return the warnings about one object, oldest first; with `since`, only those that occurred later. An Event is
        kept for an hour, even if its cause is fixed."""
        only = f",reason={reason}" if reason else ""
        query: Query = {"fieldSelector": f"involvedObject.kind={kind},involvedObject.name={name},type=Warning{only}"}
        events = self._transport.list(path_of("Event", namespace), project.warning, query)
        return tuple(message for message, at in events if since is None or at is None or at >= since)

    @needs(*on("get", *RESTARTABLE))
    def get_rollout(self, kind: str, namespace: str, name: str) -> Rollout:
        return self._transport.get(path_of(kind, namespace, name), partial(rollout, kind))

    @needs(list_daemon_sets)
    def list_agent_daemon_sets(self) -> tuple[cluster.DaemonSet, ...]:
        """Return the agent's DaemonSets (cloud, hybrid, hybrid-bottlerocket, or self-installed)."""
        return tuple(ds for ds in self.list_daemon_sets() if is_agent(ds))

    @needs(list_agent_daemon_sets, list_pods)
    def list_agent_pods(self) -> tuple[cluster.Pod, ...]:
        return self.list_pods_of(self.list_agent_daemon_sets())

    @needs(list_pods)
    def list_pods_of(self, daemon_sets: Iterable[cluster.DaemonSet]) -> tuple[cluster.Pod, ...]:
        """Return the pods of these DaemonSets: pods with another owner may have the same labels."""
        pods = {
            _place(pod): pod
            for ds in daemon_sets
            for pod in self.list_pods(ds.namespace, selector=ds.selector)
            if runs_in(pod, ds)
        }
        return tuple(pod for _, pod in sorted(pods.items()))

    @needs(KubePermission("", "pods/log", "get"))
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
        """Return a container's log, at most LOG_BYTES and without tokens. `previous` reads the log of the previous
        container. Raise NotFound without the pod, Rejected for a container that has not started."""
        query: Query = {"container": container, "limitBytes": LOG_BYTES}
        if since_seconds is not None:
            query["sinceSeconds"] = max(since_seconds, 1)
        if tail is not None:
            query["tailLines"] = tail
        query |= {name: "true" for name, chosen in (("previous", previous), ("timestamps", timestamps)) if chosen}
        return without_tokens(self._transport.text(path_of("Pod", namespace, pod) + "/log", query))

    @needs(KubePermission("admissionregistration.k8s.io", "mutatingwebhookconfigurations", "get"))
    def find_webhook(self) -> WebhookRegistration | None:
        """Return the registration of the webhook that injects credentials. EKS runs it; users can delete the object."""
        return _or_none(self._transport.get, WEBHOOK_PATH, project_network.webhook)

    def _placed(self, path: str, read: Reading[P], query: Query | None = None, *, accept: str = JSON) -> tuple[P, ...]:
        """Return all items of a list, sorted by namespace and name."""
        return tuple(sorted(self._transport.list(path, read, query, accept=accept), key=_place))

    def _list_if_served(self, path: str, read: Reading[T]) -> list[T]:
        """Return the list, empty if the cluster does not have the kind."""
        try:
            return self._transport.list(path, read)
        except Rejected as error:
            if error.service_code != "NotFound":
                raise
            return []


def _or_none(get: Callable[..., T], *args: object) -> T | None:
    """Return the result of `get`, or None if it raises NotFound."""
    try:
        return get(*args)
    except NotFound:
        return None


def _place(item: Placed) -> tuple[str, str]:
    return item.namespace, item.name
