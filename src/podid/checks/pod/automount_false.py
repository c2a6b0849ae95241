from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.placed import placed
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    for association, workload, pods in placed(snapshot):
        case = check.case(workload, (str(association.ref),))
        if all(pod.automount for pod in pods):
            yield case.ok("its pods leave automountServiceAccountToken as it is")
        else:
            yield case.note(
                snapshot,
                "automountServiceAccountToken is false in its pods, which is no matter: Pod Identity's token has a "
                "volume of its own",
            )


CHECK = Check.of("automount-false", rule, needs=("associations", "pods"))
