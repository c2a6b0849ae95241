"""The webhook leaves a container alone that defines these names: https://github.com/aws/amazon-eks-pod-identity-webhook."""

from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared import sdk
from podid.domain.cluster import Container, Pod
from podid.domain.findings import Severity, Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import AGENT_ADDRESSES, INJECTED_ENV, TOKEN_FILES, TOKEN_VOLUME, where_injected

URI, TOKEN_FILE = INJECTED_ENV
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    return sdk.per_workload(check, snapshot, look, "the container credentials are those that the webhook sets")


CHECK = Check.of("injected-fields-hardcoded", rule, needs=sdk.NEEDS)


def look(pod: Pod, container: Container) -> sdk.Own | None:
    """What an SDK takes in the place of what the webhook sets, where the container has some of it itself."""
    env = container.env
    if URI in container.blank:
        return sdk.Own(Severity.ERROR, (URI,), f"nothing of Pod Identity: the webhook leaves an empty {URI} as it is")
    if URI in env and not env[URI]:
        return sdk.Own(Severity.WARN, (URI,), f"what the {URI} of its own names, which podid cannot see")
    if env.get(URI, AGENT_ADDRESSES[0]) not in AGENT_ADDRESSES:
        return sdk.Own(Severity.ERROR, (URI,), f"what another {URI} names, not Pod Identity")
    if URI in env and not any(container.sets(name) for name in (TOKEN_FILE, TOKEN)):
        return sdk.Own(Severity.ERROR, (URI,), f"nothing: with a {URI} of its own, it has no token to send")
    # somebody may have mounted a token of the right audience by hand
    if not where_injected(env.get(TOKEN_FILE, TOKEN_FILES)):
        return sdk.Own(Severity.WARN, (TOKEN_FILE,), "a token file of its own")
    # with another volume mounted there by hand the token may be where it belongs
    if where_injected(env.get(TOKEN_FILE, "")) and TOKEN_VOLUME not in pod.volumes:
        return sdk.Own(Severity.WARN, INJECTED_ENV, "a token file that no injected volume holds")
    return None
