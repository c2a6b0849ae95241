"""A token is bound to the unique id of its service account:
https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens. That EKS
Auth refuses one of an account that is gone was not seen, so it is no error.
"""

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, rule
from podid.checks.shared import injection
from podid.domain.text import utc
from podid.facts.injection import PodState


@rule(needs=(*injection.NEEDS, "service_accounts"), wants=injection.WANTS)
def sa_recreated_token_invalid(check: Check, snapshot: Snapshot) -> Verdicts:
    made = {account.ref: account.created_at for account in known(snapshot.service_accounts)}
    for case, group in check.of_groups(snapshot):
        ref, pods = group.association.ref, group.states.get(PodState.INJECTED, ())
        since = made.get(ref)
        if since is None or not pods:
            yield case.skip("none of its pods carries the credentials" if since else "the service account is not there")
            continue
        older = tuple(pod for pod in pods if pod.created_at < since)
        if not older:
            yield case.ok("its pods are younger than their service account")
            continue
        say = "older than their service account, which was made again: their tokens are of the one that is gone"
        evidence = (f"service account {ref} made {utc(since)}",)
        yield injection.to_be_replaced(case, snapshot, group, older, say, evidence, Severity.WARN)
