"""Which credentials an SDK in a container takes, in the order in which SDKs ask:
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html.
"""

from __future__ import annotations

from collections.abc import Iterator

from podid.checks.pod import injected_fields_hardcoded as own_address
from podid.checks.pod import static_aws_keys_shadow as own_keys
from podid.checks.shared.sdk import Brought, ConfigMapKeys, brought
from podid.domain.cluster import Container, Pod
from podid.domain.credentials import ContainerUse, CredentialCandidate, CredentialSource
from podid.domain.findings import Severity
from podid.domain.workloads import INJECTED_ENV, IRSA_ENV, main_containers, on_fargate

ROLE_ARN = "AWS_ROLE_ARN"
NO_METADATA = "AWS_EC2_METADATA_DISABLED"


def uses_of(pod: Pod, maps: ConfigMapKeys) -> tuple[ContainerUse, ...]:
    """Of each container but init containers, which have ended. `maps` are the keys of ConfigMaps, as a snapshot has
    them."""
    return tuple(_use(pod, container, maps) for container in pod.containers if not container.init)


def main_use(pod: Pod, maps: ConfigMapKeys) -> ContainerUse | None:
    """Of the container that the pod is there for; None for a pod without containers."""
    return next((_use(pod, container, maps) for container in main_containers(pod)), None)


def _use(pod: Pod, container: Container, maps: ConfigMapKeys) -> ContainerUse:
    return ContainerUse(container.name, tuple(_candidates(pod, container, brought(maps, pod, container))))


def _candidates(pod: Pod, container: Container, found: Brought) -> Iterator[CredentialCandidate]:
    """In the order in which an SDK asks; the last is never missing."""
    yield from _static(container, found)
    if (named := own_keys.profile(container, found)) is not None:
        yield CredentialCandidate(
            CredentialSource.PROFILE, f"{', '.join(named.variables)}; its file is not read", certain=False
        )
    if found.all_of(IRSA_ENV, ROLE_ARN):
        yield CredentialCandidate(CredentialSource.IRSA, container.env.get(ROLE_ARN) or ROLE_ARN)
    if (file := own_keys.file(container)) is not None and file.severity is not Severity.INFO:
        what = f"{', '.join(file.variables)}; it is not read"
        yield CredentialCandidate(CredentialSource.CREDENTIALS_FILE, what, certain=False)
    yield from _endpoint(pod, container, found)
    if on_fargate(pod, {}) or container.env.get(NO_METADATA, "").lower() == "true":
        yield CredentialCandidate(CredentialSource.NONE)
    else:
        yield CredentialCandidate(
            CredentialSource.NODE_ROLE, "if the node's metadata service answers pods", certain=False
        )


def _static(container: Container, found: Brought) -> Iterator[CredentialCandidate]:
    keys = own_keys.KEYS
    if found.all_of(*keys):
        yield CredentialCandidate(CredentialSource.STATIC_KEYS, ", ".join(found.named(*own_keys.OF_KEYS)))
        return
    if found.all_of(keys[0]) and not found.unseen:
        detail = f"{', '.join(found.named(keys[0]))} without its secret"
        yield CredentialCandidate(CredentialSource.STATIC_KEYS, detail, certain=False)
    if found.unseen and not all(name in container.blank for name in keys):
        what = "; ".join(f"envFrom {name}: {missing.reason}" for name, missing in found.unseen)
        yield CredentialCandidate(CredentialSource.STATIC_KEYS, what, certain=False)


def _endpoint(pod: Pod, container: Container, found: Brought) -> Iterator[CredentialCandidate]:
    if found.all_of(own_keys.RELATIVE_URI):
        yield CredentialCandidate(CredentialSource.OTHER_ENDPOINT, ", ".join(found.named(own_keys.RELATIVE_URI)))
    own = own_address.look(pod, container)
    if own is not None:
        what = f"{own.how} {', '.join(own.variables)}"
        yield CredentialCandidate(CredentialSource.OTHER_ENDPOINT, what, certain=own.severity is Severity.ERROR)
    elif container.sets(INJECTED_ENV[0]):
        yield CredentialCandidate(CredentialSource.POD_IDENTITY)
