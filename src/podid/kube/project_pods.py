"""The API's JSON of pods as domain values. Pure functions. Missing fields get Kubernetes' zero values; a missing field
that an API server always sets raises Malformed.

Of the environment, they keep the names of variables for credentials and proxies, and only values that are not secret.
Annotations that can quote values (`kubectl.kubernetes.io/last-applied-configuration`) are dropped. Of command lines,
which can contain secrets, they keep the other parts.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from sys import intern
from urllib.parse import urlsplit

from podid.domain.cluster import TOKEN, Container, EnvSource, Mount, OwnerRef, Pod
from podid.domain.foreign import (
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
from podid.domain.names import AGENT_ADDON, PODS_PRINCIPAL
from podid.domain.network import NOT_SEEN
from podid.domain.products import CSI_DRIVERS, SECRETS_STORE
from podid.domain.text import plain_urls
from podid.domain.workloads import TOKEN_FILES, TOKEN_VOLUME

OF_EKS = "eks.amazonaws.com/"
_POD_ANNOTATIONS = (
    OF_EKS,
    "kubernetes.io/config.",
    "kubectl.kubernetes.io/restartedAt",
    "kubectl.kubernetes.io/default-container",
    # traffic that a mesh's sidecar skips, and a separate network interface of the pod
    "traffic.sidecar.istio.io/",
    "config.linkerd.io/",
    "vpc.amazonaws.com/pod-eni",
)
# settings of AWS's controllers: the region, the VPC, the role to assume
_CONTROLLER_FLAGS = ("--aws-",)
# the directory of SDK files, and the variables with their paths
_SDK_DIRECTORY = ".aws"
_SDK_FILES = ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE")
_NAMED = {"secret": "secretName", "configMap": "name", "persistentVolumeClaim": "claimName"}
_STATES = ("initContainerStatuses", "containerStatuses")
# the group of a custom resource contains a dot, and that of these controllers does not
_CONTROLLERS = ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController")
_EPOCH = datetime.fromtimestamp(0, UTC)


def pod(item: Object) -> Pod:
    metadata, spec, status = inner(item, "metadata"), inner(item, "spec"), inner_or_empty(item, "status")
    states = {text(s, "name"): s for key in _STATES for s in inners_or_none(status, key)}
    conditions = conditions_of(status)
    ready = is_true(conditions, "Ready")
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
        labels={intern(key): intern(value) for key, value in pairs(metadata, "labels").items()},
        annotations={k: v for k, v in pairs(metadata, "annotations").items() if k.startswith(_POD_ANNOTATIONS)},
        host_network=flag_or(spec, "hostNetwork"),
        ready=ready,
        deleting=bool(text_or(metadata, "deletionTimestamp")),
        owner=owner(metadata),
        volumes=tuple(map(intern, volumes)),
        ephemeral=tuple(text(c, "name") for c in inners_or_none(spec, "ephemeralContainers")),
        ips=tuple(text(address, "ip") for address in inners_or_none(status, "podIPs")),
        reason=text_or(status, "reason") or _unscheduled(conditions, "reason"),
        message=text_or(status, "message") or _unscheduled(conditions, "message"),
        host_ports=host_ports(spec),
        priority=number_or(spec, "priority"),
        ready_since=instant_or_none(conditions["Ready"], "lastTransitionTime") if ready else None,
        secret_classes=tuple(name for v in volumes.values() if (name := _secret_class(v))),
        automount=flag_or(spec, "automountServiceAccountToken", True),
        windows="windows"
        in (text_or(inner_or_empty(spec, "os"), "name"), pairs(spec, "nodeSelector").get("kubernetes.io/os")),
    )


def owner(metadata: Object) -> OwnerRef | None:
    """Return the controlling owner, if any. The kind of a custom resource that Kubernetes has too is given with its
    group, as in `StatefulSet.apps.kruise.io`."""
    for reference in inners_or_none(metadata, "ownerReferences"):
        if flag_or(reference, "controller"):
            kind, group = text(reference, "kind"), text_or(reference, "apiVersion").rpartition("/")[0]
            if "." in group and kind in _CONTROLLERS:
                kind = f"{kind}.{group}"
            return OwnerRef(intern(kind), intern(text(reference, "name")), interned(reference, "uid"))
    return None


def _container(item: Object, states: Mapping[str, Object], volumes: Mapping[str, Object], *, init: bool) -> Container:
    name = intern(text(item, "name"))
    state = states.get(name) or {}
    ended = inner_or_empty(state, "state", "terminated")
    before = inner_or_empty(state, "lastState", "terminated")
    env, blank = env_of(inners_or_none(item, "env"))
    return Container(
        name=name,
        image=interned(item, "image"),
        init=init,
        env=env,
        blank=blank,
        env_from=tuple(source for entry in inners_or_none(item, "envFrom") for source in env_from(entry)),
        mounts=_mounts(inners_or_none(item, "volumeMounts"), volumes, env),
        unmounted=_unmounted(inners_or_none(item, "volumeMounts"), volumes, env),
        ready=flag_or(state, "ready"),
        waiting=interned(inner_or_empty(state, "state", "waiting"), "reason"),
        restarts=number_or(state, "restartCount"),
        ended=interned(before, "reason"),
        exit_code=number_or(ended, "exitCode") if ended else None,
        failed=_failed(before),
        flags=_flags(item),
    )


def _flags(item: Object) -> tuple[str, ...]:
    """Return the arguments with these prefixes, each with its value if that is the next argument."""
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


def _mounts(items: Sequence[Object], volumes: Mapping[str, Object], env: Mapping[str, str]) -> tuple[Mount, ...]:
    files, mounts = [env.get(name, "") for name in _SDK_FILES], []
    token = env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "")
    for item in items:
        volume = volumes.get(text_or(item, "name"), {})
        kind, source = _volume(volume)
        mount = Mount(interned(item, "mountPath").rstrip("/"), kind, source)
        if token and (audience := _audience(volume, mount.path, token)) is not None:
            # the webhook's own is in every pod
            if text_or(item, "name") != TOKEN_VOLUME or audience != PODS_PRINCIPAL:
                mounts.append(Mount(mount.path, TOKEN, audience))
        elif _SDK_DIRECTORY in mount.path.split("/") or any(map(mount.covers, files)):
            mounts.append(mount)
    return tuple(mounts)


def _unmounted(items: Sequence[Object], volumes: Mapping[str, Object], env: Mapping[str, str]) -> bool:
    """Return whether no mount contains the webhook's token. Another volume, or a file that is mounted with a subPath,
    may contain it. Windows has other paths, and no agent."""
    file = env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "")
    covering = [item for item in items if Mount(text_or(item, "mountPath").rstrip("/"), "").covers(file)]
    return file.startswith(TOKEN_FILES) and all(map(partial(_lacks_token, volumes, file), covering))


def _lacks_token(volumes: Mapping[str, Object], file: str, mount: Object) -> bool:
    name, path = text_or(mount, "name"), text_or(mount, "mountPath").rstrip("/")
    return name == TOKEN_VOLUME and path != file and _audience(volumes.get(name, {}), path, file) is None


def _audience(volume: Object, path: str, file: str) -> str | None:
    """Return the audience of the pod's token that the volume, mounted at `path`, has as this file; None for no token.
    It is empty for the audience of the API server."""
    for source in inners_or_none(inner_or_empty(volume, "projected"), "sources"):
        token = inner_or_empty(source, TOKEN)
        if token and f"{path}/{text_or(token, 'path')}" == file:
            return interned(token, "audience")
    return None


def _volume(volume: Object) -> tuple[str, str]:
    """Return the kind of the volume in Kubernetes' terms, and the name of its source object, if any."""
    kind = next((member for member in volume if member != "name" and volume[member] is not None), "")
    name = interned(inner_or_empty(volume, kind), _NAMED[kind]) if kind in _NAMED else ""
    return intern(kind), name


def conditions_of(status: Object) -> dict[str, Object]:
    return {text(condition, "type"): condition for condition in inners_or_none(status, "conditions")}


def is_true(conditions: Mapping[str, Object], name: str) -> bool:
    return text_or(conditions.get(name, {}), "status") == "True"


def host_ports(spec: Object) -> tuple[int, ...]:
    """Return the pod's TCP ports on its node; the agent uses no others. The API server sets each port of a hostNetwork
    pod as a host port, too."""
    shared = flag_or(spec, "hostNetwork")
    # other init containers end before the pod serves requests
    sidecars = [c for c in inners_or_none(spec, "initContainers") if text_or(c, "restartPolicy") == "Always"]
    listed = (port for c in (*inners(spec, "containers"), *sidecars) for port in inners_or_none(c, "ports"))
    ports = [port for port in listed if text_or(port, "protocol") in ("", "TCP")]
    taken = (number_or(port, "hostPort") or (number_or(port, "containerPort") if shared else 0) for port in ports)
    return tuple(sorted({port for port in taken if port}))


def _unscheduled(conditions: Mapping[str, Object], member: str) -> str:
    scheduled = conditions.get("PodScheduled", {})
    return text_or(scheduled, member) if text_or(scheduled, "status") == "False" else ""


# variables whose value is not secret and selects an SDK's credentials
PLAIN_ENV = frozenset(
    {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_REGION",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
    }
)
# variables that are kept without their values
_KEPT_ENV = ("AWS_", "JAVA_", "JDK_JAVA_")
_PROXY_ENV = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"})
# kept of a DaemonSet in addition: the CNI's modes for security groups and network policies, and the host to which the
# agent sends its requests
_DAEMON_ENV = frozenset({"POD_SECURITY_GROUP_ENFORCING_MODE", "NETWORK_POLICY_ENFORCING_MODE"})
_ENDPOINTS = frozenset({"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EKS_AUTH"})
# the part of a NO_PROXY that can match the agent; the other host names are private
_NO_PROXY = "NO_PROXY"
_NEAR_AGENT = ("*", "169.", "0.0.0.0/", "fd00:", "[fd00:", "::/")


def keys_of(item: Object) -> dict[str, str]:
    """Return the names of a ConfigMap's entries. Their values are dropped, except the link-local addresses of a
    NO_PROXY."""
    plain = inner_or_empty(item, "data")
    names = (key for member in (plain, inner_or_empty(item, "binaryData")) for key in member)
    return {key: _near_agent(text_or(plain, key)) if key.upper().endswith(_NO_PROXY) else "" for key in names}


def _near_agent(value: str) -> str:
    return ",".join(part.strip() for part in value.split(",") if part.strip().startswith(_NEAR_AGENT))


def env_of(items: Sequence[Object]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the variables that are kept, and those with an empty value."""
    kept: dict[str, str] = {}
    blank: list[str] = []
    for item in items:
        name, value = text(item, "name"), text_or(item, "value")
        if not name.startswith(_KEPT_ENV) and name.upper() not in _PROXY_ENV:
            continue
        name, empty = intern(name), not value and not item.get("valueFrom")
        if empty:
            blank.append(name)
        if name in PLAIN_ENV:
            kept[name] = intern(plain_url(value))
        elif name.upper() == _NO_PROXY:
            kept[name] = NOT_SEEN if item.get("valueFrom") else _near_agent(value)
        # SDKs ignore an empty variable
        elif not empty:
            kept[name] = ""
    return kept, tuple(blank)


def daemon_env(items: Sequence[Object]) -> dict[str, str]:
    """Return the variables of a DaemonSet's container, a few of them with values."""
    plain = {text(item, "name"): text_or(item, "value") for item in items if text(item, "name") in _DAEMON_ENV}
    hosts = {text(item, "name"): _host(text_or(item, "value")) for item in items if text(item, "name") in _ENDPOINTS}
    return env_of(items)[0] | plain | hosts


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def env_from(item: Object) -> Iterator[EnvSource]:
    """Yield the sources in one entry of `envFrom`."""
    for member, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        if item.get(member) is not None:
            yield EnvSource(kind, interned(inner(item, member), "name"), interned(item, "prefix"))


HIDDEN = "…"
_NAMES = r"pass(?:word|wd|phrase)|secret|token|credential|auth|(?:api|access|private)[-_]?key"
_SECRET = re.compile(_NAMES, re.IGNORECASE)
_SAID = re.compile(rf"(?P<name>[\w.-]*(?:{_NAMES})[\w.-]*[ =:]+)\S+", re.IGNORECASE)


def plain_url(value: str) -> str:
    """Return a URL without user, password, query and fragment; other values unchanged."""
    scheme, is_url, address = value.partition("://")
    if not is_url:
        return value
    address, *more = re.split(r"[?#]", address, maxsplit=1)
    authority, slash, path = address.partition("/")
    return plain_urls(f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}") + ("?…" if more else "")


def plain_words(words: Iterable[str]) -> Iterator[str]:
    """Yield the words of a command line, without the values of options with secret names, and without scripts except
    those that start the agent."""
    hide = False
    for word in words:
        name, equals, _ = word.partition("=")
        hidden, hide = hide and not word.startswith("-"), False
        if hidden:
            yield HIDDEN
        elif any(map(str.isspace, word)):
            yield _SAID.sub(rf"\g<name>{HIDDEN}", plain_urls(word)) if AGENT_ADDON in word else HIDDEN
        elif _SECRET.search(name):
            hide = not equals and name.startswith("-")
            yield f"{name}{equals}{HIDDEN}" if equals else name
        else:
            yield plain_urls(word)
