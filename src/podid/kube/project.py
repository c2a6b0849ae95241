"""The API's JSON as domain values, for all objects except pods and network policies. Pure functions. Missing fields get
Kubernetes' zero values; a missing field that an API server always sets raises Malformed."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from podid.domain import products
from podid.domain.admission import ENFORCE
from podid.domain.cluster import (
    IRSA_ANNOTATIONS,
    OF_PODID,
    DaemonSet,
    FieldWriters,
    Node,
    NodeClass,
    OwnerRef,
    ServiceAccount,
    Workload,
)
from podid.domain.foreign import (
    Malformed,
    Object,
    flag_or,
    inner,
    inner_or_empty,
    inners,
    inners_or_none,
    instant_or_none,
    number_or,
    pairs,
    record,
    text,
    text_or,
    words_or_none,
)
from podid.domain.names import ServiceAccountRef
from podid.domain.permissions import AccessReview
from podid.domain.placement import of_spec, taint
from podid.kube.project_pods import OF_EKS, conditions_of, daemon_env, host_ports, is_true, owner, plain_words

# a firewall command with link-local addresses
_LINK_LOCAL = re.compile(r"\b(ip6?tables|nft|ipset)\b.*\b(169\.254\.|fd00:ec2|fe80:)", re.DOTALL)


def node(item: Object) -> Node:
    metadata, status = inner(item, "metadata"), inner_or_empty(item, "status")
    labels, info = pairs(metadata, "labels"), inner_or_empty(status, "nodeInfo")
    spec = inner_or_empty(item, "spec")
    return Node(
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
    return {name: value for name, value in annotations.items() if name.startswith((OF_EKS, OF_PODID))}


def manifest_without_irsa(item: Object) -> dict[str, object]:
    """Return the manifest of a service account: without the fields of the API server and without IRSA's annotations."""
    metadata = inner(item, "metadata")
    dropped = (*IRSA_ANNOTATIONS, "kubectl.kubernetes.io/last-applied-configuration")
    annotations = {name: text for name, text in pairs(metadata, "annotations").items() if name not in dropped}
    kept = {"labels": pairs(metadata, "labels"), "annotations": annotations}
    named = {name: text_or(metadata, name) for name in ("name", "namespace")}
    rest = {name: value for name, value in item.items() if name not in ("apiVersion", "kind", "metadata")}
    more = {name: value for name, value in kept.items() if value}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**named, **more}, **rest}


service_account = record(
    ServiceAccount,
    namespace="metadata.namespace?",
    name="metadata.name",
    uid="metadata.uid",
    annotations=_read_annotations,
    created_at="metadata.creationTimestamp",
    owner=annotation_owner,
)


def daemon_set(item: Object) -> DaemonSet:
    metadata, spec, status = inner(item, "metadata"), inner(item, "spec"), inner_or_empty(item, "status")
    pod_spec = inner(inner(spec, "template"), "spec")
    containers = inners(pod_spec, "containers")
    return DaemonSet(
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


def workload(kind: str, item: Object) -> Workload:
    """Return a Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or CronJob; for the last two, `replicas` is the
    number of active pods or Jobs."""
    metadata, spec, status = inner(item, "metadata"), inner(item, "spec"), inner_or_empty(item, "status")
    pod_spec = inner(template_in(kind, spec), "spec")
    replicas, ready, updated = _counts(kind, spec, status)
    return Workload(
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
        on_delete=text_or(inner_or_empty(spec, "updateStrategy"), "type") == "OnDelete",
        paused=flag_or(spec, "paused") or flag_or(spec, "suspend"),
        labels=pairs(metadata, "labels"),
        owner=owner(metadata),
    )


node_class = record(NodeClass, name="metadata.name", role="spec.role", instance_profile="spec.instanceProfile")


def name(item: Object) -> str:
    return text(inner(item, "metadata"), "name")


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


def uid_and_owner(item: Object) -> tuple[str, OwnerRef | None]:
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
    """Return the pod template in the spec of a workload."""
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


def written(kind: str, item: Object) -> FieldWriters:
    metadata = inner(item, "metadata")
    place = text_or(metadata, "namespace"), text_or(metadata, "name")
    return FieldWriters(kind, *place, labels=pairs(metadata, "labels"), set_by=set_by(metadata))


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


Read = Callable[[str, Object], tuple[products.ProductSetting, ...]]


def secret_store(kind: str, item: Object) -> tuple[products.ProductSetting, ...]:
    """Return the setting of a store; none for another provider, or for a store with its own access keys."""
    aws = inner_or_empty(inner_or_empty(inner_or_empty(item, "spec"), "provider"), "aws")
    auth = inner_or_empty(aws, "auth")
    if not aws or auth.get("secretRef") is not None:
        return ()
    account = inner_or_empty(inner_or_empty(auth, "jwt"), "serviceAccountRef")
    return (_with_token(products.EXTERNAL_SECRETS, kind, item, account, aws),)


def issuer(kind: str, item: Object) -> tuple[products.ProductSetting, ...]:
    """Return a setting for each solver that uses Route 53 without its own access keys."""
    return tuple(
        _with_token(products.CERT_MANAGER, kind, item, account, route53) for route53, account in _route53(item)
    )


def _with_token(product: str, kind: str, item: Object, account: Object, settings: Object) -> products.ProductSetting:
    """Return the setting of a product that can request a service account's token and assume a role."""
    namespace, _ = place_of(item)
    name = text_or(account, "name")
    # for a cluster-scoped object, the reference has the namespace, or the product's own applies
    ref = ServiceAccountRef(namespace or text_or(account, "namespace"), name) if name else None
    way = products.CredentialWay.TOKEN_OF if account else products.CredentialWay.OWN
    return _setting(product, kind, item, way, service_account=ref, role=text_or(settings, "role"))


def _setting(
    product: str, kind: str, item: Object, way: products.CredentialWay, **more: Any
) -> products.ProductSetting:
    namespace, name = place_of(item)
    return products.ProductSetting(product=product, kind=kind, way=way, name=name, **{"namespace": namespace, **more})


def _route53(item: Object) -> Iterator[tuple[Object, Object]]:
    acme = inner_or_empty(inner_or_empty(item, "spec"), "acme")
    for solver in inners_or_none(acme, "solvers"):
        dns = inner_or_empty(solver, "dns01")
        if dns.get("route53") is None:
            continue
        route53 = inner(dns, "route53")
        if any(route53.get(key) for key in ("accessKeyID", "accessKeyIDSecretRef", "secretAccessKeySecretRef")):
            continue
        kubernetes = inner_or_empty(inner_or_empty(route53, "auth"), "kubernetes")
        yield route53, inner_or_empty(kubernetes, "serviceAccountRef")


def trigger_authentication(kind: str, item: Object) -> tuple[products.ProductSetting, ...]:
    identity = inner_or_empty(inner_or_empty(item, "spec"), "podIdentity")
    if text_or(identity, "provider") not in ("aws", "aws-eks"):
        return ()
    way = (
        products.CredentialWay.IRSA if text_or(identity, "identityOwner") == "workload" else products.CredentialWay.OWN
    )
    return (_setting(products.KEDA, kind, item, way, role=text_or(identity, "roleArn")),)


def secret_provider_class(kind: str, item: Object) -> tuple[products.ProductSetting, ...]:
    spec = inner_or_empty(item, "spec")
    if text_or(spec, "provider") != "aws":
        return ()
    enabled = text_or(inner_or_empty(spec, "parameters"), "usePodIdentity").lower() == "true"
    way = products.CredentialWay.POD_IDENTITY if enabled else products.CredentialWay.IRSA
    return (_setting(products.SECRETS_STORE, kind, item, way),)


def volume(kind: str, item: Object) -> tuple[products.ProductSetting, ...]:
    """Return the setting of a Mountpoint volume, in the namespace of its claim."""
    spec = inner_or_empty(item, "spec")
    csi = inner_or_empty(spec, "csi")
    if text_or(csi, "driver") != products.CSI_DRIVERS[products.MOUNTPOINT]:
        return ()
    of_pod = text_or(inner_or_empty(csi, "volumeAttributes"), "authenticationSource") == "pod"
    way = products.CredentialWay.POD_IDENTITY if of_pod else products.CredentialWay.OWN
    namespace = text_or(inner_or_empty(spec, "claimRef"), "namespace")
    return (_setting(products.MOUNTPOINT, kind, item, way, namespace=namespace),)


def csi_driver(item: Object) -> tuple[str, frozenset[str]]:
    """Return the driver's name, and the audiences of the tokens that a kubelet passes to it."""
    requests = inners_or_none(inner_or_empty(item, "spec"), "tokenRequests")
    return place_of(item)[1], frozenset(text_or(request, "audience") for request in requests)


# API group -> plural -> (kind, reader)
CUSTOM: Mapping[str, Mapping[str, tuple[str, Read]]] = {
    "external-secrets.io": {
        "secretstores": ("SecretStore", secret_store),
        "clustersecretstores": ("ClusterSecretStore", secret_store),
    },
    "cert-manager.io": {"issuers": ("Issuer", issuer), "clusterissuers": ("ClusterIssuer", issuer)},
    "keda.sh": {
        "triggerauthentications": ("TriggerAuthentication", trigger_authentication),
        "clustertriggerauthentications": ("ClusterTriggerAuthentication", trigger_authentication),
    },
    "secrets-store.csi.x-k8s.io": {"secretproviderclasses": ("SecretProviderClass", secret_provider_class)},
}


def place_of(item: Object) -> tuple[str, str]:
    """Return namespace and name."""
    metadata = inner(item, "metadata")
    return text_or(metadata, "namespace"), text_or(metadata, "name")
