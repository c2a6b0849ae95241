"""From the API's JSON to the few fields that podid keeps. Pure; absent fields are Kubernetes' zero values, and what an
API server always gives raises Malformed where it is missing.

Values of environment variables are dropped, as `podid.kube.project_env` says, and so are annotations that can quote
them (`kubectl.kubernetes.io/last-applied-configuration`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from sys import intern

from podid.domain.admission import ENFORCE
from podid.domain.cluster import Container, DaemonSet, Mount, Node, NodeClass, OwnerRef, Pod, ServiceAccount, Workload
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
    text,
    text_or,
    words_or_none,
)
from podid.domain.placement import of_spec, taint
from podid.domain.products import CSI_DRIVERS, SECRETS_STORE
from podid.domain.rights import AccessReview
from podid.kube.managed_fields import set_by
from podid.kube.plain import plain_words
from podid.kube.project_env import daemon_env, env_from, env_of

# a command for the node's packet filter that names link-local addresses
_LINK_LOCAL = re.compile(r"\b(ip6?tables|nft|ipset)\b.*\b(169\.254\.|fd00:ec2|fe80:)", re.DOTALL)
_OF_EKS = "eks.amazonaws.com/"
_POD_ANNOTATIONS = (
    _OF_EKS,
    "kubernetes.io/config.",
    "kubectl.kubernetes.io/restartedAt",
    "kubectl.kubernetes.io/default-container",
    # what keeps a mesh's sidecar away from some traffic, and a network interface of the pod's own
    "traffic.sidecar.istio.io/",
    "config.linkerd.io/",
    "vpc.amazonaws.com/pod-eni",
)
# of a controller of AWS's, beside the pod's own variables: the region, the VPC, the role that it is to assume
_CONTROLLER_FLAGS = ("--aws-",)
# the directory that SDKs look for their files in, and the variables that name these
_SDK_DIRECTORY = ".aws"
_SDK_FILES = ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE")
_NAMED = {"secret": "secretName", "configMap": "name", "persistentVolumeClaim": "claimName"}
_STATES = ("initContainerStatuses", "containerStatuses")
_EPOCH = datetime.fromtimestamp(0, UTC)


def pod(item: Object) -> Pod:
    metadata, spec, status = inner(item, "metadata"), inner(item, "spec"), inner_or_empty(item, "status")
    states = {text(s, "name"): s for key in _STATES for s in inners_or_none(status, key)}
    conditions = {text(c, "type"): c for c in inners_or_none(status, "conditions")}
    volumes = {text(v, "name"): v for v in inners_or_none(spec, "volumes")}
    return Pod(
        namespace=interned(metadata, "namespace"),
        name=text_or(metadata, "name"),
        uid=text_or(metadata, "uid"),
        service_account=interned(spec, "serviceAccountName") or "default",
        node=interned(spec, "nodeName"),
        phase=interned(status, "phase"),
        created_at=instant_or_none(metadata, "creationTimestamp") or _EPOCH,
        containers=(
            *(_container(c, states, volumes, init=True) for c in inners_or_none(spec, "initContainers")),
            *(_container(c, states, volumes, init=False) for c in inners(spec, "containers")),
        ),
        labels=_interned(metadata, "labels"),
        annotations={k: v for k, v in pairs(metadata, "annotations").items() if k.startswith(_POD_ANNOTATIONS)},
        host_network=flag_or(spec, "hostNetwork"),
        ready=_is_true(conditions, "Ready"),
        deleting=bool(text_or(metadata, "deletionTimestamp")),
        owner=owner(metadata),
        volumes=tuple(map(intern, volumes)),
        ephemeral=tuple(text(c, "name") for c in inners_or_none(spec, "ephemeralContainers")),
        ips=tuple(text(each, "ip") for each in inners_or_none(status, "podIPs")),
        reason=text_or(status, "reason") or _unscheduled(conditions, "reason"),
        message=text_or(status, "message") or _unscheduled(conditions, "message"),
        host_ports=_host_ports(spec),
        priority=number_or(spec, "priority"),
        ready_since=_since(conditions, "Ready"),
        secret_classes=tuple(name for v in volumes.values() if (name := _secret_class(v))),
        automount=flag_or(spec, "automountServiceAccountToken", True),
    )


def node(item: Object) -> Node:
    metadata, status = inner(item, "metadata"), inner_or_empty(item, "status")
    labels, info = pairs(metadata, "labels"), inner_or_empty(status, "nodeInfo")
    spec = inner_or_empty(item, "spec")
    return Node(
        name=text(metadata, "name"),
        os=text_or(info, "operatingSystem") or labels.get("kubernetes.io/os", ""),
        arch=text_or(info, "architecture") or labels.get("kubernetes.io/arch", ""),
        compute_type=labels.get("eks.amazonaws.com/compute-type", ""),
        ready=_is_true({text(c, "type"): c for c in inners_or_none(status, "conditions")}, "Ready"),
        labels=labels,
        provider_id=text_or(spec, "providerID"),
        created_at=instant_or_none(metadata, "creationTimestamp"),
        taints=tuple(map(taint, inners_or_none(spec, "taints"))),
    )


def service_account(item: Object) -> ServiceAccount:
    metadata = inner(item, "metadata")
    return ServiceAccount(
        namespace=text_or(metadata, "namespace"),
        name=text(metadata, "name"),
        uid=text_or(metadata, "uid"),
        annotations={k: v for k, v in pairs(metadata, "annotations").items() if k.startswith(_OF_EKS)},
        created_at=instant_or_none(metadata, "creationTimestamp"),
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
        host_ports=_host_ports(pod_spec),
        env={key: value for c in containers for key, value in daemon_env(inners_or_none(c, "env")).items()},
        firewall=tuple(_firewall(pod_spec)),
        set_by=set_by(metadata),
    )


def workload(kind: str, item: Object) -> Workload:
    """A Deployment, StatefulSet, DaemonSet, ReplicaSet, Job or CronJob; for the last two `replicas` is what runs."""
    metadata, spec, status = inner(item, "metadata"), inner(item, "spec"), inner_or_empty(item, "status")
    pod_spec = inner(_template(kind, spec), "spec")
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


def node_class(item: Object) -> NodeClass:
    spec = inner_or_empty(item, "spec")
    return NodeClass(
        name=text(inner(item, "metadata"), "name"),
        role=text_or(spec, "role"),
        instance_profile=text_or(spec, "instanceProfile"),
    )


def name(item: Object) -> str:
    return text(inner(item, "metadata"), "name")


def pod_security(namespace: Object) -> str:
    return pairs(inner(namespace, "metadata"), "labels").get(ENFORCE, "")


def lease(item: Object) -> tuple[str, datetime | None, datetime | None]:
    """Whose it is, when it was renewed last by the clock of its kubelet, and when by that of the API server."""
    renewed = instant_or_none(inner_or_empty(item, "spec"), "renewTime")
    writes = inners_or_none(inner_or_empty(item, "metadata"), "managedFields")
    times = [instant_or_none(entry, "time") for entry in writes if _renews(entry)]
    return name(item), renewed, max((moment for moment in times if moment is not None), default=None)


def _renews(entry: Object) -> bool:
    return "f:renewTime" in inner_or_empty(inner_or_empty(entry, "fieldsV1"), "f:spec")


def access_review(answer: Object) -> AccessReview:
    """With an authorizer that failed, a refusal may be its failure."""
    status = inner(answer, "status")
    if flag_or(status, "allowed"):
        return AccessReview(True)
    if "allowed" not in status:
        raise Malformed("allowed is missing")
    failed = text_or(status, "evaluationError")
    return AccessReview(None, failed) if failed else AccessReview(False, text_or(status, "reason"))


def warning(event: Object) -> tuple[str, datetime | None]:
    """What an Event says, and when it was seen last."""
    times = [instant_or_none(event, name) for name in ("lastTimestamp", "eventTime")]
    times.append(instant_or_none(inner_or_empty(event, "series"), "lastObservedTime"))
    return text_or(event, "message"), max((moment for moment in times if moment is not None), default=None)


def uid_and_owner(item: Object) -> tuple[str, OwnerRef | None]:
    metadata = inner(item, "metadata")
    return text_or(metadata, "uid"), owner(metadata)


def owner(metadata: Object) -> OwnerRef | None:
    """The controlling owner, if there is one."""
    for reference in inners_or_none(metadata, "ownerReferences"):
        if flag_or(reference, "controller"):
            return OwnerRef(
                intern(text(reference, "kind")), intern(text(reference, "name")), interned(reference, "uid")
            )
    return None


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


def _template(kind: str, spec: Object) -> Object:
    return inner(inner(inner(spec, "jobTemplate"), "spec") if kind == "CronJob" else spec, "template")


def _container(item: Object, states: Mapping[str, Object], volumes: Mapping[str, Object], *, init: bool) -> Container:
    name = intern(text(item, "name"))
    state = states.get(name) or {}
    ended = inner_or_empty(inner_or_empty(state, "state"), "terminated")
    before = inner_or_empty(inner_or_empty(state, "lastState"), "terminated")
    env, blank = env_of(inners_or_none(item, "env"))
    return Container(
        name=name,
        image=interned(item, "image"),
        init=init,
        env=env,
        blank=blank,
        env_from=tuple(source for each in inners_or_none(item, "envFrom") for source in env_from(each)),
        mounts=_mounts(inners_or_none(item, "volumeMounts"), volumes, env),
        ready=flag_or(state, "ready"),
        waiting=interned(inner_or_empty(inner_or_empty(state, "state"), "waiting"), "reason"),
        restarts=number_or(state, "restartCount"),
        ended=interned(before, "reason"),
        exit_code=number_or(ended, "exitCode") if ended else None,
        failed=_failed(before),
        flags=_flags(item),
    )


def _flags(item: Object) -> tuple[str, ...]:
    """The arguments that begin so, each with its value where that is the next one."""
    words = [word for member in ("command", "args") for word in plain_words(words_or_none(item, member))]
    return tuple(
        intern(f"{word}={words[place + 1]}" if _valued(word, words[place + 1 : place + 2]) else word)
        for place, word in enumerate(words)
        if word.startswith(_CONTROLLER_FLAGS)
    )


def _valued(word: str, after: Sequence[str]) -> bool:
    return "=" not in word and bool(after) and not after[0].startswith("-")


def _secret_class(volume: Object) -> str:
    csi = inner_or_empty(volume, "csi")
    if text_or(csi, "driver") != CSI_DRIVERS[SECRETS_STORE]:
        return ""
    return interned(inner_or_empty(csi, "volumeAttributes"), "secretProviderClass")


def _failed(run: Object) -> tuple[datetime, datetime] | None:
    started, finished = instant_or_none(run, "startedAt"), instant_or_none(run, "finishedAt")
    return (started, finished) if number_or(run, "exitCode") and started and finished else None


def _firewall(pod_spec: Object) -> Iterator[str]:
    """The lines of its containers' commands that make rules for link-local addresses."""
    for member in ("initContainers", "containers"):
        for container in inners_or_none(pod_spec, member):
            script = " ".join(word for part in ("command", "args") for word in words_or_none(container, part))
            # the parts of a shell's line that are commands of their own
            yield from (line.strip() for line in re.split(r"[\n;]|&&|\|\|", script) if _LINK_LOCAL.search(line))


def _mounts(items: Sequence[Object], volumes: Mapping[str, Object], env: Mapping[str, str]) -> tuple[Mount, ...]:
    files, found = [env.get(name, "") for name in _SDK_FILES], []
    for item in items:
        kind, source = _volume(volumes.get(text_or(item, "name"), {}))
        mount = Mount(interned(item, "mountPath").rstrip("/"), kind, source)
        if _SDK_DIRECTORY in mount.path.split("/") or any(map(mount.covers, files)):
            found.append(mount)
    return tuple(found)


def _volume(volume: Object) -> tuple[str, str]:
    """Its kind in Kubernetes' words, and the object that it shows, where it is one."""
    kind = next((member for member in volume if member != "name" and volume[member] is not None), "")
    name = interned(inner_or_empty(volume, kind), _NAMED[kind]) if kind in _NAMED else ""
    return intern(kind), name


def _is_true(conditions: Mapping[str, Object], name: str) -> bool:
    return text_or(conditions.get(name, {}), "status") == "True"


def _since(conditions: Mapping[str, Object], name: str) -> datetime | None:
    return instant_or_none(conditions[name], "lastTransitionTime") if _is_true(conditions, name) else None


def _host_ports(spec: Object) -> tuple[int, ...]:
    """The ports of its node that the pod takes; the API server gives hostNetwork pods each port as a host port."""
    shared = flag_or(spec, "hostNetwork")
    ports = [port for c in inners(spec, "containers") for port in inners_or_none(c, "ports")]
    taken = (number_or(port, "hostPort") or (number_or(port, "containerPort") if shared else 0) for port in ports)
    return tuple(sorted({port for port in taken if port}))


def _unscheduled(conditions: Mapping[str, Object], member: str) -> str:
    scheduled = conditions.get("PodScheduled", {})
    return text_or(scheduled, member) if text_or(scheduled, "status") == "False" else ""


def _interned(data: Object, name: str) -> dict[str, str]:
    return {intern(key): intern(value) for key, value in pairs(data, name).items()}
