from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared import injection
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    seconds = injection.PROPAGATION.seconds
    say = f"started within {seconds} s of a change of the association, before the webhook knew of it"
    return injection.per_workload(check, snapshot, injection.PodState.RACED, say)


CHECK = Check.of("association-propagation-race", rule, needs=injection.NEEDS, wants=injection.WANTS)
