from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared import sdk
from podid.domain.cluster import Container, Pod
from podid.domain.findings import Severity, Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.workloads import INJECTED_ENV, IRSA_ENV


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    return sdk.per_workload(check, snapshot, _look, "no container sets the variables of IRSA beside Pod Identity's")


CHECK = Check.of("irsa-env-hardcoded", rule, needs=sdk.NEEDS)


def _look(_: Pod, container: Container) -> sdk.Own | None:
    if INJECTED_ENV[0] not in container.env:
        return None
    irsa = tuple(name for name in ("AWS_ROLE_ARN", IRSA_ENV) if container.sets(name))
    if IRSA_ENV in irsa:
        return sdk.Own(Severity.ERROR, irsa, "the web identity of IRSA that its manifest sets, not Pod Identity")
    if irsa:
        return sdk.Own(Severity.INFO, irsa, "Pod Identity in spite of an AWS_ROLE_ARN of its own, which most ignore")
    return None
