from podid.checks.base import Check, Severity, Snapshot, Verdicts, rule
from podid.checks.shared import sdk
from podid.domain.cluster import Container, Pod
from podid.domain.workloads import INJECTED_ENV, IRSA_ENV
from podid.facts.credentials import Own


@rule(needs=sdk.NEEDS)
def irsa_env_hardcoded(check: Check, snapshot: Snapshot) -> Verdicts:
    return sdk.per_workload(check, snapshot, _own_irsa, "no container sets the variables of IRSA itself")


def _own_irsa(_: Pod, container: Container) -> Own | None:
    if INJECTED_ENV[0] not in container.env:
        return None
    irsa = tuple(name for name in ("AWS_ROLE_ARN", IRSA_ENV) if container.sets(name))
    if IRSA_ENV in irsa:
        return Own(Severity.ERROR, irsa, "the IRSA web identity that the manifest sets, not Pod Identity")
    if irsa:
        return Own(Severity.INFO, irsa, "Pod Identity, although the manifest sets AWS_ROLE_ARN: most SDKs ignore it")
    return None
