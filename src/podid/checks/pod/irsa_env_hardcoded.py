from podid.checks.base import Check, Severity, Snapshot, Verdicts, rule
from podid.checks.shared import sdk
from podid.domain.cluster import Container, Pod
from podid.domain.workloads import INJECTED_ENV, IRSA_ENV
from podid.facts.credentials import Brought, Own, brought


@rule(needs=sdk.NEEDS, wants=(*sdk.WANTS, "config_map_keys"))
def irsa_env_hardcoded(check: Check, snapshot: Snapshot) -> Verdicts:
    def own_irsa(pod: Pod, container: Container) -> Own | None:
        return _own_irsa(container, brought(snapshot.config_map_keys, pod, container))

    return sdk.per_workload(check, snapshot, own_irsa, "no container sets the variables of IRSA itself")


def _own_irsa(container: Container, variables: Brought) -> Own | None:
    if INJECTED_ENV[0] not in container.env:
        return None
    irsa = variables.named("AWS_ROLE_ARN", IRSA_ENV)
    if variables.all_of(IRSA_ENV):
        return Own(Severity.ERROR, irsa, "the IRSA web identity in the container's environment, not Pod Identity")
    if irsa:
        return Own(Severity.INFO, irsa, "Pod Identity, although the manifest sets AWS_ROLE_ARN: most SDKs ignore it")
    return None
