import os
from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared import sdk
from podid.domain.cluster import Container, Pod
from podid.domain.findings import Severity, Verdict
from podid.domain.snapshot import Missing, Snapshot

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
OF_KEYS = (*KEYS, "AWS_SESSION_TOKEN")
RELATIVE_URI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
CREDENTIALS_FILE = "AWS_SHARED_CREDENTIALS_FILE"


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    def look(pod: Pod, container: Container) -> sdk.Own | None:
        found = sdk.brought(snapshot.config_map_keys, pod, container)
        return _keys(found) or profile(container, found) or file(container)

    def unseen(pod: Pod, container: Container) -> Iterable[tuple[str, Missing]]:
        # what the container sets itself is not overridden by its sources
        found = sdk.brought(snapshot.config_map_keys, pod, container)
        return () if all(name in container.blank for name in (*KEYS, RELATIVE_URI)) else found.unseen

    healthy = "no container brings keys, a profile or a credentials file of its own"
    return sdk.per_workload(check, snapshot, look, healthy, unseen)


CHECK = Check.of("static-aws-keys-shadow", rule, needs=sdk.NEEDS, wants=("config_map_keys",))


def _keys(found: sdk.Brought) -> sdk.Own | None:
    if found.all_of(*KEYS):
        return sdk.Own(
            Severity.ERROR, found.named(*OF_KEYS), "the access keys of its own environment, not Pod Identity"
        )
    if found.all_of(RELATIVE_URI):
        return sdk.Own(Severity.ERROR, found.named(RELATIVE_URI), f"what {RELATIVE_URI} names, not Pod Identity")
    # some SDKs go on to the next provider, others stop: botocore raises PartialCredentialsError
    if found.all_of(KEYS[0]) and not found.unseen:
        return sdk.Own(Severity.WARN, found.named(KEYS[0]), "an access key without its secret, or none at all")
    return None


def profile(container: Container, found: sdk.Brought) -> sdk.Own | None:
    """A profile that the container names. Its file cannot be seen: it may even point back at the container's
    credentials."""
    for name in PROFILES:
        if name in found.names and container.env.get(name) != "default":
            what = container.env.get(name) or f"that {name} names"
            return sdk.Own(Severity.WARN, found.named(name), f"the profile {what} before Pod Identity")
    return None


def file(container: Container) -> sdk.Own | None:
    """A file of credentials that it names or mounts. What is in an empty directory is the pod's own affair: SDKs keep
    their cache there. A configuration seldom holds keys, so a file of it is a note."""
    if container.sets(CREDENTIALS_FILE) and container.env[CREDENTIALS_FILE] != os.devnull:
        return sdk.Own(Severity.WARN, (CREDENTIALS_FILE,), "a credentials file of its own, if it has keys")
    for mount in container.mounts:
        if not mount.kind or mount.kind == "emptyDir" or ".aws" not in mount.path.split("/"):
            continue
        what = f"{mount.path} ({mount.kind} {mount.source})".replace(" )", ")")
        if mount.kind == "configMap" or mount.path.endswith("/config"):
            return sdk.Own(Severity.INFO, (what,), "a configuration of its own into account", "mounts")
        return sdk.Own(Severity.WARN, (what,), "a credentials file that is mounted, if it has keys", "mounts")
    return None
