from podid.checks.base import Check, Severity, Snapshot, Verdicts, rule

CORRECT = (
    "automountServiceAccountToken is false in its pods; this does not affect Pod Identity, whose token has its own "
    "volume"
)


@rule(needs=("associations", "pods"))
def automount_false(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report a setting that looks wrong and is correct only if the user named the service account."""
    for case, (association, _, pods) in check.of_workloads(snapshot):
        if all(pod.automount for pod in pods):
            yield case.ok("its pods do not set automountServiceAccountToken to false")
        elif association.ref in snapshot.targets:
            yield case.fail(CORRECT, severity=Severity.INFO)
        else:
            yield case.ok(CORRECT)
