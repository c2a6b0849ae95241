from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared import sdk
from podid.domain.findings import Severity, Verdict
from podid.domain.model import Container, Pod
from podid.domain.snapshot import Snapshot

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
OF_KEYS = (*KEYS, "AWS_SESSION_TOKEN")
RELATIVE_URI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    healthy = "no container names keys or a profile of its own (Secrets under envFrom were not looked at)"
    return sdk.per_workload(check, snapshot, _look, healthy)


CHECK = Check.of("static-aws-keys-shadow", rule, needs=sdk.NEEDS)


def _look(_: Pod, container: Container) -> sdk.Own | None:
    env = container.env
    if all(name in env for name in KEYS):
        keys = tuple(name for name in OF_KEYS if name in env)
        return sdk.Own(Severity.ERROR, keys, "the access keys of its own environment, not Pod Identity")
    if RELATIVE_URI in env:
        return sdk.Own(Severity.ERROR, (RELATIVE_URI,), f"what {RELATIVE_URI} names, not Pod Identity")
    # the profile's file cannot be seen: it may even point back at the container's credentials
    if env.get("AWS_PROFILE", "default") not in ("", "default"):
        return sdk.Own(Severity.WARN, ("AWS_PROFILE",), f"the profile {env['AWS_PROFILE']} before Pod Identity")
    return None
