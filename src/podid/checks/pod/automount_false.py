from podid.checks.base import Check, Verdicts, rule
from podid.domain.snapshot import Snapshot
from podid.facts.index import placed


@rule(needs=("associations", "pods"))
def automount_false(check: Check, snapshot: Snapshot) -> Verdicts:
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
