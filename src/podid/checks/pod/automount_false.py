from podid.checks.base import Check, Snapshot, Verdicts, rule


@rule(needs=("associations", "pods"))
def automount_false(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, (_, _, pods) in check.of_workloads(snapshot):
        if all(pod.automount for pod in pods):
            yield case.ok("its pods leave automountServiceAccountToken as it is")
        else:
            yield case.note(
                snapshot,
                "automountServiceAccountToken is false in its pods, which is no matter: Pod Identity's token has a "
                "volume of its own",
            )
