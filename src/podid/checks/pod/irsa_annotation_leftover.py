from podid.checks.base import Check, Snapshot, Verdicts, known, rule
from podid.domain.workloads import carries_irsa, injected, live, on_fargate
from podid.facts.index import index


@rule(needs=("associations", "service_accounts"), wants=("pods", "nodes"))
def irsa_annotation_leftover(check: Check, snapshot: Snapshot) -> Verdicts:
    facts = index(snapshot)
    for account in known(snapshot.service_accounts):
        if account.ref not in facts.associations:
            continue
        case = check.case(account.ref.subject, (str(account.ref),))
        pods = [pod for pod in facts.pods.get(account.ref, ()) if live(pod)]
        if not account.irsa_role_arn:
            yield case.ok("the service account has no annotation of IRSA")
        elif any(on_fargate(pod, facts.nodes) for pod in pods):
            yield case.skip("pods on Fargate need it")
        elif any(carries_irsa(pod) and not injected(pod) for pod in pods):
            yield case.skip("pods still use it")
        else:
            yield case.fail(
                "the service account has an association and the annotation of IRSA; new pods use the association",
                evidence=(
                    f"annotated with {account.irsa_role_arn}",
                    "it is the way back while the move is on trial, and nothing is wrong with it",
                ),
            )
