from collections.abc import Iterable

from podid.checks.base import Check, Missing, Severity, Snapshot, Verdicts, rule
from podid.checks.shared import sdk
from podid.domain.cluster import Container, Pod
from podid.facts.credentials import KEYS, OF_KEYS, RELATIVE_URI, Brought, Own, brought, own_file, own_profile


@rule(needs=sdk.NEEDS, wants=(*sdk.WANTS, "config_map_keys"))
def static_aws_keys_shadow(check: Check, snapshot: Snapshot) -> Verdicts:
    def own_of(pod: Pod, container: Container) -> Own | None:
        variables = brought(snapshot.config_map_keys, pod, container)
        return _keys(variables) or own_profile(container, variables) or own_file(container, variables)

    def unseen(pod: Pod, container: Container) -> Iterable[tuple[str, Missing]]:
        # the container's own variables override those of its sources
        variables = brought(snapshot.config_map_keys, pod, container)
        return () if all(name in container.blank for name in (*KEYS, RELATIVE_URI)) else variables.unseen

    healthy = "no container has its own access keys, profile or credentials file"
    return sdk.per_workload(check, snapshot, own_of, healthy, unseen)


def _keys(variables: Brought) -> Own | None:
    if variables.all_of(*KEYS):
        keys = "the access keys in the container's environment, not Pod Identity"
        return Own(Severity.ERROR, variables.named(*OF_KEYS), keys)
    if variables.all_of(RELATIVE_URI):
        return Own(Severity.ERROR, variables.named(RELATIVE_URI), f"the endpoint in {RELATIVE_URI}, not Pod Identity")
    # some SDKs continue with the next provider, others stop: botocore raises PartialCredentialsError
    if variables.all_of(KEYS[0]) and not variables.unseen:
        return Own(Severity.WARN, variables.named(KEYS[0]), "an access key without its secret, or no credentials")
    return None
