from podid.checks.base import Check, Snapshot, Verdicts, known, rule
from podid.domain.workloads import carries_irsa, injected, live, on_fargate, on_windows
from podid.facts.index import index


@rule(needs=("associations", "service_accounts"), wants=("pods", "nodes"))
def irsa_annotation_leftover(check: Check, snapshot: Snapshot) -> Verdicts:
    facts = index(snapshot)
    for account in known(snapshot.service_accounts):
        if account.ref not in facts.associations:
            continue
        case = check.of_account(account.ref)
        pods = [pod for pod in facts.pods.get(account.ref, ()) if live(pod)]
        if not account.irsa_role_arn:
            yield case.ok("the service account has no IRSA annotation")
        elif any(on_fargate(pod, facts.nodes) for pod in pods):
            yield case.skip("pods on Fargate need the annotation")
        elif any(on_windows(pod, facts.nodes) for pod in pods):
            yield case.skip("pods on Windows need the annotation")
        elif any(carries_irsa(pod) and not injected(pod) for pod in pods):
            yield case.skip("running pods still use IRSA")
        else:
            yield case.fail(
                "the service account has an association and an IRSA annotation; new pods use the association",
                f"IRSA annotation: {account.irsa_role_arn}",
                "keep it while you test the migration: it is your rollback",
            )
