from podid.checks.base import Check, Snapshot, Verdicts, rule


@rule(needs=("associations", "pods"))
def automount_false(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, (_, _, pods) in check.of_workloads(snapshot):
        if all(pod.automount for pod in pods):
            yield case.ok("its pods do not set automountServiceAccountToken to false")
        else:
            yield case.note(
                snapshot,
                "automountServiceAccountToken is false in its pods; this does not affect Pod Identity, whose token "
                "has its own volume",
            )
