"""The API's JSON as domain values, for all objects except pods and network policies. Pure functions. Missing fields get
Kubernetes' zero values; a missing field that an API server always sets raises Malformed."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from podid.domain import cluster
from podid.domain.foreign import (
    Malformed,
    Object,
    flag_or,
    inner,
    inner_or_empty,
    inners,
    inners_or_none,
    instant_or_none,
    interned,
    number_or,
    pairs,
    record,
    text,
    text_or,
    words_or_none,
)
from podid.domain.metadata_proxies import PodTemplate, flags_of, program_of
from podid.domain.names import ServiceAccountRef
from podid.domain.permissions import AccessReview
from podid.domain.workloads import ENFORCE, of_spec, taint
from podid.kube.project_pods import OF_EKS, conditions_of, daemon_env, host_ports, is_true, owner, plain_words

# a firewall command with link-local addresses
_LINK_LOCAL = re.compile(r"\b(ip6?tables|nft|ipset)\b.*\b(169\.254\.|fd00:ec2|fe80:)", re.DOTALL)


def node(item: Object) -> cluster.Node:
    metadata, status = inner(item, "metadata"), inner_or_empty(item, "status")
    labels, info = pairs(metadata, "labels"), inner_or_empty(status, "nodeInfo")
    spec = inner_or_empty(item, "spec")
    return cluster.Node(
        name=text(metadata, "name"),
        os=text_or(info, "operatingSystem") or labels.get("kubernetes.io/os", ""),
        arch=text_or(info, "architecture") or labels.get("kubernetes.io/arch", ""),
        compute_type=labels.get("eks.amazonaws.com/compute-type", ""),
        ready=is_true(conditions_of(status), "Ready"),
        labels=labels,
        provider_id=text_or(spec, "providerID"),
        created_at=instant_or_none(metadata, "creationTimestamp"),
        taints=tuple(map(taint, inners_or_none(spec, "taints"))),
    )


_IRSA_ANNOTATIONS = f"metadata.annotations.{OF_EKS}"
# label -> what to call the tool that sets it; the label beside it has the namespace
_FLUX = {
    "kustomize.toolkit.fluxcd.io": "Flux Kustomization",
    "helm.toolkit.fluxcd.io": "Flux HelmRelease",
}
# field managers that write for a tool that would restore the object from its own files
_MANAGERS = {
    "argocd-controller": "Argo CD",
    "eks": "an EKS add-on",
    "eksctl": "eksctl",
    "hashicorp": "Terraform",
    "helm": "Helm",
    "terraform": "Terraform",
}


def annotation_owner(item: Object, fields: tuple[str, ...] = (_IRSA_ANNOTATIONS,)) -> str:
    """Return the tool that would restore these fields, by default IRSA's annotations of a service account; empty if
    none is known. `kubectl` owns no field. An unknown manager owns only the fields that it applied."""
    metadata = inner(item, "metadata")
    labels, annotations = pairs(metadata, "labels"), pairs(metadata, "annotations")
    for prefix, title in _FLUX.items():
        if name := labels.get(f"{prefix}/name"):
            return f"{title} {labels.get(f'{prefix}/namespace', '?')}/{name}"
    if tracking := annotations.get("argocd.argoproj.io/tracking-id"):
        return f"Argo CD application {tracking.partition(':')[0]}"
    if release := annotations.get("meta.helm.sh/release-name"):
        return f"Helm release {release} in namespace {annotations.get('meta.helm.sh/release-namespace', '?')}"
    for entry in inners_or_none(metadata, "managedFields"):
        paths = _leaves(inner_or_empty(entry, "fieldsV1"), "", 0)
        if not any(path.startswith(fields) for path in paths):
            continue
        manager = text_or(entry, "manager")
        if tool := _MANAGERS.get(manager.lower()):
            return tool
        if text_or(entry, "operation") == "Apply" and not manager.startswith(("kubectl", "podid")):
            return f"field manager {manager}"
    owners = inners_or_none(metadata, "ownerReferences")
    return f"{text_or(owners[0], 'kind')} {text_or(owners[0], 'name')}" if owners else ""


def _read_annotations(item: Object) -> dict[str, str]:
    annotations = pairs(inner(item, "metadata"), "annotations")
    return {name: value for name, value in annotations.items() if name.startswith((OF_EKS, cluster.OF_PODID))}


def manifest_without_irsa(item: Object) -> dict[str, object]:
    """Return the manifest of a service account: without the fields of the API server and without IRSA's annotations."""
    metadata = inner(item, "metadata")
    dropped = (*cluster.IRSA_ANNOTATIONS, "kubectl.kubernetes.io/last-applied-configuration")
    annotations = {name: text for name, text in pairs(metadata, "annotations").items() if name not in dropped}
    kept = {"labels": pairs(metadata, "labels"), "annotations": annotations}
    named = {name: text_or(metadata, name) for name in ("name", "namespace")}
    members = {name: value for name, value in item.items() if name not in ("apiVersion", "kind", "metadata")}
    more = {name: value for name, value in kept.items() if value}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**named, **more}, **members}


service_account = record(
    cluster.ServiceAccount,
    namespace="metadata.namespace?",
    name="metadata.name",
    uid="metadata.uid",
    annotations=_read_annotations,
    created_at="metadata.creationTimestamp",
    owner=annotation_owner,
)


def daemon_set(item: Object) -> cluster.DaemonSet:
    metadata, spec, status = inner(item, "metadata"), inner(item, "spec"), inner_or_empty(item, "status")
    pod_spec = inner(inner(spec, "template"), "spec")
    containers = inners(pod_spec, "containers")
    return cluster.DaemonSet(
        namespace=text_or(metadata, "namespace"),
        name=text(metadata, "name"),
        selector=pairs(inner_or_empty(spec, "selector"), "matchLabels"),
        desired=number_or(status, "desiredNumberScheduled"),
        ready=number_or(status, "numberReady"),
        available=number_or(status, "numberAvailable"),
        updated=number_or(status, "updatedNumberScheduled"),
        generation=number_or(metadata, "generation"),
        observed_generation=number_or(status, "observedGeneration"),
        images=tuple(text_or(c, "image") for c in containers),
        args=tuple(arg for c in containers for arg in plain_words(words_or_none(c, "args"))),
        labels=pairs(metadata, "labels"),
        containers=tuple(text_or(c, "name") for c in containers),
        command=tuple(word for c in containers for word in plain_words(words_or_none(c, "command"))),
        placement=of_spec(pod_spec),
        host_ports=host_ports(pod_spec),
        env={key: value for c in containers for key, value in daemon_env(inners_or_none(c, "env")).items()},
        firewall=tuple(_firewall(pod_spec)),
        set_by=set_by(metadata),
    )


def workload(kind: str, item: Object) -> cluster.Workload:
    """Return a Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or CronJob; for the last two, `replicas` is the
    number of active pods or Jobs."""
    metadata, spec, status = inner(item, "metadata"), inner(item, "spec"), inner_or_empty(item, "status")
    pod_spec = inner(template_in(kind, spec), "spec")
    replicas, ready, updated = _counts(kind, spec, status)
    strategy = inner_or_empty(spec, "updateStrategy")
    partition = number_or(inner_or_empty(strategy, "rollingUpdate"), "partition")
    return cluster.Workload(
        kind=kind,
        namespace=text_or(metadata, "namespace"),
        name=text(metadata, "name"),
        uid=text_or(metadata, "uid"),
        service_account=text_or(pod_spec, "serviceAccountName") or "default",
        replicas=replicas,
        ready=ready,
        updated=updated,
        generation=number_or(metadata, "generation"),
        observed_generation=number_or(status, "observedGeneration"),
        on_delete=text_or(strategy, "type") == "OnDelete",
        # its pods' ordinals may begin at another number, from which the controller counts
        partition=partition and partition + number_or(inner_or_empty(spec, "ordinals"), "start"),
        paused=flag_or(spec, "paused") or flag_or(spec, "suspend"),
        labels=pairs(metadata, "labels"),
        owner=owner(metadata),
        variables=tuple(dict.fromkeys(_aws_variables(pod_spec))),
    )


def _aws_variables(pod_spec: Object) -> Iterator[str]:
    for container in (*inners_or_none(pod_spec, "initContainers"), *inners_or_none(pod_spec, "containers")):
        names = (interned(item, "name") for item in inners_or_none(container, "env"))
        yield from (name for name in names if name.startswith("AWS_"))


node_class = record(cluster.NodeClass, name="metadata.name", role="spec.role", instance_profile="spec.instanceProfile")


def name(item: Object) -> str:
    return text(inner(item, "metadata"), "name")


def namespace(item: Object) -> tuple[str, bool]:
    """Return the namespace's name, and whether it is being deleted, because it then accepts no new objects."""
    return name(item), bool(text_or(inner(item, "metadata"), "deletionTimestamp"))


def pod_security(namespace: Object) -> str:
    return pairs(inner(namespace, "metadata"), "labels").get(ENFORCE, "")


def access_review(answer: Object) -> AccessReview:
    """Return the review. After a failure of an authorizer, a denial may be caused by it: unknown."""
    status = inner(answer, "status")
    if flag_or(status, "allowed"):
        return AccessReview(True)
    if "allowed" not in status:
        raise Malformed("allowed is missing")
    failed = text_or(status, "evaluationError")
    return AccessReview(None, failed) if failed else AccessReview(False, text_or(status, "reason"))


def warning(event: Object) -> tuple[str, datetime | None]:
    """Return the message of an Event, and when it last occurred."""
    times = [instant_or_none(event, name) for name in ("lastTimestamp", "eventTime")]
    times.append(instant_or_none(inner_or_empty(event, "series"), "lastObservedTime"))
    return text_or(event, "message"), max((moment for moment in times if moment is not None), default=None)


def uid_and_owner(item: Object) -> tuple[str, cluster.OwnerRef | None]:
    metadata = inner(item, "metadata")
    return text_or(metadata, "uid"), owner(metadata)


def _counts(kind: str, spec: Object, status: Object) -> tuple[int, int, int]:
    if kind == "DaemonSet":
        keys = ("desiredNumberScheduled", "numberReady", "updatedNumberScheduled")
        desired, ready, updated = (number_or(status, key) for key in keys)
        return desired, ready, updated
    if kind == "CronJob":
        active = len(inners_or_none(status, "active"))
        return active, active, active
    if kind == "Job":
        return number_or(status, "active"), number_or(status, "ready"), number_or(status, "active")
    return number_or(spec, "replicas", 1), number_or(status, "readyReplicas"), number_or(status, "updatedReplicas")


def template_in(kind: str, spec: Object) -> Object:
    return inner(inner(inner(spec, "jobTemplate"), "spec") if kind == "CronJob" else spec, "template")


def _firewall(pod_spec: Object) -> Iterator[str]:
    """Yield the lines of the containers' commands that add firewall rules for link-local addresses."""
    for member in ("initContainers", "containers"):
        for container in inners_or_none(pod_spec, member):
            script = " ".join(word for part in ("command", "args") for word in words_or_none(container, part))
            # a line of a shell can contain several commands
            yield from (line.strip() for line in re.split(r"[\n;]|&&|\|\|", script) if _LINK_LOCAL.search(line))


# no object of the API is deeper, but another server may answer
_DEEPEST = 30
# set by every controller and every client
_SET_BY_ALL = (
    "metadata.annotations.kubectl.kubernetes.io/last-applied-configuration",
    "metadata.annotations.deprecated",
)


def written(kind: str, item: Object) -> cluster.FieldWriters:
    metadata = inner(item, "metadata")
    return cluster.FieldWriters(kind, *place_of(item), labels=pairs(metadata, "labels"), set_by=set_by(metadata))


def set_by(metadata: Object) -> Mapping[str, tuple[str, ...]]:
    """Return manager -> the paths of its fields, as in `spec.template.spec.containers[name=agent].image`, without the
    status."""
    fields: dict[str, dict[str, None]] = {}
    for entry in inners_or_none(metadata, "managedFields"):
        if not text_or(entry, "subresource"):
            paths = (
                path for path in _leaves(inner_or_empty(entry, "fieldsV1"), "", 0) if not path.startswith(_SET_BY_ALL)
            )
            fields.setdefault(text_or(entry, "manager"), {}).update(dict.fromkeys(paths))
    return {manager: tuple(paths) for manager, paths in fields.items() if paths}


def _leaves(fields: Mapping[str, object], path: str, depth: int) -> Iterator[str]:
    below = {key: value for key, value in fields.items() if key != "." and isinstance(value, dict)}
    if path and (not below or depth > _DEEPEST):
        yield path
        return
    for key, value in below.items():
        yield from _leaves(value, _step(path, key), depth + 1)


def _step(path: str, key: str) -> str:
    kind, _, name = key.partition(":")
    if kind == "f":
        return f"{path}.{name}" if path else name
    return f"{path}[{_element(name) if kind == 'k' else name}]"


def _element(key: str) -> str:
    """Return `{"name":"agent"}` as `name=agent`."""
    try:
        keys = json.loads(key)
    except ValueError:
        return key
    return ",".join(f"{name}={value}" for name, value in keys.items()) if isinstance(keys, dict) else key


def place_of(item: Object) -> tuple[str, str]:
    """Return namespace and name."""
    metadata = inner(item, "metadata")
    return text_or(metadata, "namespace"), text_or(metadata, "name")


def pod_template(kind: str, keys: frozenset[str], item: Object) -> PodTemplate:
    """Return the workload with the annotations of its template that have these names, and the flags of kiam and
    kube2iam."""
    template = template_in(kind, inner(item, "spec"))
    metadata = inner_or_empty(template, "metadata")
    containers = inners_or_none(inner(template, "spec"), "containers")
    words = [word for c in containers for part in ("command", "args") for word in words_or_none(c, part)]
    runs = program_of((text_or(c, "image") for c in containers), words)
    path = "spec.jobTemplate.spec.template" if kind == "CronJob" else "spec.template"
    fields = (*(f"{path}.metadata.annotations.{key}" for key in keys), f"{path}.spec.serviceAccountName")
    return PodTemplate(
        workload=workload(kind, item),
        annotations={key: value for key, value in pairs(metadata, "annotations").items() if key in keys},
        flags=flags_of(words) if runs else {},
        runs=runs,
        owner=annotation_owner(item, fields),
    )


def annotated(keys: frozenset[str], item: Object) -> tuple[tuple[str, str], dict[str, str]]:
    """Return namespace and name of any object, and those of its annotations that have these names."""
    annotations = pairs(inner(item, "metadata"), "annotations")
    return place_of(item), {key: value for key, value in annotations.items() if key in keys}


def subjects_of(item: Object) -> tuple[tuple[str, str], tuple[ServiceAccountRef, ...]]:
    """Return namespace and name of a RoleBinding or ClusterRoleBinding, and the service accounts that it names."""
    accounts = [s for s in inners_or_none(item, "subjects") if text_or(s, "kind") == "ServiceAccount"]
    return place_of(item), tuple(ServiceAccountRef(text_or(s, "namespace"), text_or(s, "name")) for s in accounts)


def account_settings(item: Object) -> dict[str, object]:
    return {key: item[key] for key in ("imagePullSecrets", "automountServiceAccountToken") if key in item}


def node_lease(item: Object) -> tuple[str, datetime | None, datetime | None]:
    """Return the node of the lease, and its last renewal by the kubelet's clock and by the API server's."""
    renewed = instant_or_none(inner_or_empty(item, "spec"), "renewTime")
    writes = inners_or_none(inner_or_empty(item, "metadata"), "managedFields")
    renewing = (entry for entry in writes if "f:renewTime" in inner_or_empty(entry, "fieldsV1", "f:spec"))
    times = [instant_or_none(entry, "time") for entry in renewing]
    return name(item), renewed, max((moment for moment in times if moment is not None), default=None)


held_lease = record(
    cluster.Lease,
    holder="spec.holderIdentity?",
    renewed="spec.renewTime?",
    seconds="spec.leaseDurationSeconds",
    version="metadata.resourceVersion",
    transitions="spec.leaseTransitions",
)
