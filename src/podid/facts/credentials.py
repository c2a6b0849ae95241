"""The credentials that an SDK in a container uses, in the SDKs' order:
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html. Every source before the container
credentials overrides Pod Identity.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from podid.domain import workloads
from podid.domain.cluster import TOKEN as POD_TOKEN
from podid.domain.cluster import Container, Pod
from podid.domain.findings import Severity
from podid.domain.names import PODS_PRINCIPAL
from podid.domain.snapshot import Missing, Section, part
from podid.domain.status import ContainerUse, CredentialCandidate, CredentialSource

IN_ENV = "env"
SECRETS = "podid does not read Secrets"


class Own(NamedTuple):
    """A container's own source of credentials: the variables (or files), and the credentials that an SDK uses then."""

    severity: Severity
    variables: tuple[str, ...]
    taken: str
    how: str = "sets"


@dataclass(frozen=True, slots=True)
class Brought:
    """The variables of a container by source ("env", "ConfigMap settings"), the sources whose variable names are not
    known, and the known values."""

    names: Mapping[str, str]
    unseen: tuple[tuple[str, Missing], ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)

    def all_of(self, *names: str) -> bool:
        return all(name in self.names for name in names)

    def named(self, *names: str) -> tuple[str, ...]:
        """Return those of the variables that are set, with their source if it is not the container itself."""
        sources = ((name, self.names[name]) for name in names if name in self.names)
        return tuple(name if source == IN_ENV else f"{name} (from {source})" for name, source in sources)


ConfigMapKeys = Section[Mapping[tuple[str, str], Section[Mapping[str, str] | None]]]


def brought(maps: ConfigMapKeys, pod: Pod, container: Container) -> Brought:
    """Return the variables of a container; `maps` are the keys of ConfigMaps in a snapshot. A variable of `env`
    overrides one of `envFrom`, even if it is empty; of several sources the last one counts."""
    names: dict[str, str] = {}
    unseen: dict[str, Missing] = {}
    values: dict[str, str] = {}
    for source in container.env_from:
        origin = f"{source.kind} {source.name}"
        if source.kind == "Secret":
            unseen[origin] = Missing(SECRETS)
            continue
        keys = part(maps, (pod.namespace, source.name))
        if isinstance(keys, Missing):
            unseen[origin] = keys
        else:
            variables = {f"{source.prefix}{key}": value for key, value in (keys.value or {}).items()}
            names |= dict.fromkeys(variables, origin)
            values |= variables
    own = {name: IN_ENV for name in container.env if container.sets(name)}
    names = {name: origin for name, origin in names.items() if name not in container.blank}
    return Brought({**names, **own}, tuple(unseen.items()), {**values, **container.env})


KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
OF_KEYS = (*KEYS, "AWS_SESSION_TOKEN")
RELATIVE_URI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
CREDENTIALS_FILE = "AWS_SHARED_CREDENTIALS_FILE"


def own_profile(container: Container, variables: Brought) -> Own | None:
    """Return a profile that the container names. Its file is not read: it may even use the container credentials."""
    for name in PROFILES:
        if name in variables.names and container.env.get(name) != "default":
            profile = container.env.get(name) or f"in {name}"
            return Own(Severity.WARN, variables.named(name), f"the profile {profile} before Pod Identity")
    return None


def own_file(container: Container, variables: Brought) -> Own | None:
    """Return a credentials file that the container names or mounts. Files in an emptyDir are ignored: SDKs keep their
    cache there. A configuration file rarely contains keys, so it is only info."""
    if CREDENTIALS_FILE in variables.names and variables.values.get(CREDENTIALS_FILE) != os.devnull:
        return Own(
            Severity.WARN,
            variables.named(CREDENTIALS_FILE),
            "the container's own credentials file, if it contains keys",
        )
    for mount in container.mounts:
        if not mount.kind or mount.kind == "emptyDir" or ".aws" not in mount.path.split("/"):
            continue
        place = f"{mount.path} ({mount.kind} {mount.source})".replace(" )", ")")
        if mount.kind == "configMap" or mount.path.endswith("/config"):
            return Own(Severity.INFO, (place,), "the container's own configuration file", "mounts")
        return Own(Severity.WARN, (place,), "a mounted credentials file, if it contains keys", "mounts")
    return None


URI, TOKEN_FILE = workloads.INJECTED_ENV
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"


def token_audience(container: Container) -> str | None:
    """Return the audience of the token that the container sends to the agent, if its volume is not the webhook's; None
    if that is not known. It is empty for the audience of the API server."""
    file = container.env.get(TOKEN_FILE, "")
    return next((mount.source for mount in container.mounts if mount.kind == POD_TOKEN and mount.covers(file)), None)


def wrong_audience(container: Container) -> Own | None:
    """Return the wrong token that an SDK sends; None if it sends a token for EKS Auth, or if podid does not know the
    token."""
    audience = token_audience(container)
    if audience is None or audience == PODS_PRINCIPAL:
        return None
    words = f"audience {audience}" if audience else "audience of the API server"
    # the webhook skips a container that sets either
    variables = tuple(name for name in workloads.INJECTED_ENV if name in container.env)
    return Own(Severity.ERROR, variables, f"a token with the {words}, which EKS Auth refuses")


def own_endpoint(pod: Pod, container: Container) -> Own | None:
    """Return the credentials that an SDK uses if the container sets some of the injected fields itself."""
    env = container.env
    if URI in container.blank:
        return Own(Severity.ERROR, (URI,), f"no Pod Identity credentials: the webhook does not replace an empty {URI}")
    if URI not in env:
        # the webhook skips a container that sets only the other variable: `no_endpoint`
        return None
    if not env[URI]:
        return Own(Severity.WARN, (URI,), f"the endpoint in the container's own {URI}, which podid cannot read")
    if env[URI] not in workloads.AGENT_ADDRESSES:
        return Own(Severity.ERROR, (URI,), f"another endpoint in {URI}, not Pod Identity")
    if not any(container.sets(name) for name in (TOKEN_FILE, TOKEN)):
        return Own(Severity.ERROR, (URI,), f"no credentials: the container sets {URI} itself and has no token to send")
    if token_audience(container) is not None:
        return wrong_audience(container)
    # the volume may be one of which podid does not know the token
    if not workloads.is_injected_path(env.get(TOKEN_FILE, workloads.TOKEN_FILES)):
        return Own(Severity.WARN, (TOKEN_FILE,), "the container's own token file")
    if container.unmounted:
        if workloads.TOKEN_VOLUME not in pod.volumes:
            return Own(Severity.ERROR, workloads.INJECTED_ENV, "no credentials: no volume contains the token file")
        why = "the token's volume is not mounted, because another webhook removed it or the manifest sets the variables"
        return Own(Severity.ERROR, (workloads.TOKEN_VOLUME,), f"no credentials: {why}", "lacks the volumeMount")
    # the manifest may mount another volume with the token at this path
    if workloads.is_injected_path(env.get(TOKEN_FILE, "")) and workloads.TOKEN_VOLUME not in pod.volumes:
        return Own(Severity.WARN, workloads.INJECTED_ENV, "a token file that is not in an injected volume")
    return None


def no_endpoint(pod: Pod, container: Container) -> Own | None:
    """Return an error if the container has only a part of the injected fields, so that an SDK finds no endpoint."""
    if URI in container.env:
        return None
    if TOKEN_FILE in container.env:
        return Own(Severity.ERROR, (TOKEN_FILE,), f"no Pod Identity credentials: the container has no {URI}")
    # a webhook that runs later may add a container, but it leaves the others unchanged
    main = workloads.main_containers(pod)
    if workloads.TOKEN_VOLUME not in pod.volumes or container not in main or any(URI in c.env for c in main):
        return None
    why = "the token was injected, but the variables are missing, so another webhook or policy removed them"
    return Own(Severity.ERROR, workloads.INJECTED_ENV, f"no Pod Identity credentials: {why}", "lacks")


ROLE_ARN = "AWS_ROLE_ARN"
NO_METADATA = "AWS_EC2_METADATA_DISABLED"


def uses_of(pod: Pod, maps: ConfigMapKeys) -> tuple[ContainerUse, ...]:
    """Return the credentials of each container. `maps` are the keys of ConfigMaps in a snapshot. Init containers come
    last: most of them have ended."""
    containers = sorted(pod.containers, key=lambda container: container.init)
    return tuple(_use(pod, container, maps) for container in containers)


def main_use(pod: Pod, maps: ConfigMapKeys) -> ContainerUse | None:
    """Return the credentials of the pod's main container; None for a pod without containers."""
    return next((_use(pod, container, maps) for container in workloads.main_containers(pod)), None)


def _use(pod: Pod, container: Container, maps: ConfigMapKeys) -> ContainerUse:
    candidates = tuple(_candidates(pod, container, brought(maps, pod, container)))
    return ContainerUse(container.name, candidates, init=container.init)


def _candidates(pod: Pod, container: Container, variables: Brought) -> Iterator[CredentialCandidate]:
    """Yield the candidates in the order of SDKs; there is always a last one."""
    yield from _static(container, variables)
    if (named := own_profile(container, variables)) is not None:
        detail = f"{', '.join(named.variables)}; its file is not read"
        yield CredentialCandidate(CredentialSource.PROFILE, detail, certain=False)
    if variables.all_of(workloads.IRSA_ENV, ROLE_ARN):
        yield CredentialCandidate(CredentialSource.IRSA, container.env.get(ROLE_ARN) or ROLE_ARN)
    if (file := own_file(container, variables)) is not None and file.severity is not Severity.INFO:
        detail = f"{', '.join(file.variables)}; it is not read"
        yield CredentialCandidate(CredentialSource.CREDENTIALS_FILE, detail, certain=False)
    yield from _endpoint(pod, container, variables)
    if workloads.on_fargate(pod, {}) or container.env.get(NO_METADATA, "").lower() == "true":
        yield CredentialCandidate(CredentialSource.NONE)
    else:
        detail = "if the node's metadata service answers pods"
        yield CredentialCandidate(CredentialSource.NODE_ROLE, detail, certain=False)


def _static(container: Container, variables: Brought) -> Iterator[CredentialCandidate]:
    if variables.all_of(*KEYS):
        yield CredentialCandidate(CredentialSource.STATIC_KEYS, ", ".join(variables.named(*OF_KEYS)))
        return
    if variables.all_of(KEYS[0]) and not variables.unseen:
        detail = f"{', '.join(variables.named(KEYS[0]))} without its secret"
        yield CredentialCandidate(CredentialSource.STATIC_KEYS, detail, certain=False)
    if variables.unseen and not all(name in container.blank for name in KEYS):
        sources = "; ".join(f"envFrom {name}: {missing.reason}" for name, missing in variables.unseen)
        yield CredentialCandidate(CredentialSource.STATIC_KEYS, sources, certain=False)


def _endpoint(pod: Pod, container: Container, variables: Brought) -> Iterator[CredentialCandidate]:
    if variables.all_of(RELATIVE_URI):
        yield CredentialCandidate(CredentialSource.OTHER_ENDPOINT, ", ".join(variables.named(RELATIVE_URI)))
    own = own_endpoint(pod, container)
    if own is not None:
        detail = f"{own.how} {', '.join(own.variables)}"
        yield CredentialCandidate(CredentialSource.OTHER_ENDPOINT, detail, certain=own.severity is Severity.ERROR)
    elif container.sets(workloads.INJECTED_ENV[0]):
        yield CredentialCandidate(CredentialSource.POD_IDENTITY)


def carried_role(pod: Pod) -> str:
    """Return the role that IRSA's variables name in the pod's containers, empty for none. Init containers count only if
    no other container has one."""
    containers = sorted(pod.containers, key=lambda container: container.init)
    return next((arn for c in containers if (arn := c.env.get(ROLE_ARN, ""))), "")
