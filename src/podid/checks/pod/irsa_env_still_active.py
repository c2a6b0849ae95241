from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared import injection
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    say = "still carry the web identity of IRSA (AWS_WEB_IDENTITY_TOKEN_FILE) instead of Pod Identity"
    return injection.per_workload(check, snapshot, injection.PodState.IRSA, say)


CHECK = Check.of("irsa-env-still-active", rule, needs=injection.NEEDS, wants=injection.WANTS)
