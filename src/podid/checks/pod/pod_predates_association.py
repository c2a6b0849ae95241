from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared import injection
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    say = "started before the association existed, so they carry no credentials"
    return injection.per_workload(check, snapshot, injection.PodState.PREDATES, say)


CHECK = Check.of("pod-predates-association", rule, needs=injection.NEEDS, wants=injection.WANTS)
