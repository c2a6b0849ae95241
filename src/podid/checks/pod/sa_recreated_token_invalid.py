"""A token is bound to the unique id of its service account:
https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens. The
severity is not error, because no refusal by EKS Auth of a token of a deleted service account has been observed."""

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, rule
from podid.checks.shared import injection
from podid.domain.text import utc
from podid.facts.injection import PodState


@rule(needs=(*injection.NEEDS, "service_accounts"), wants=injection.WANTS)
def sa_recreated_token_invalid(check: Check, snapshot: Snapshot) -> Verdicts:
    accounts = {account.ref: account for account in known(snapshot.service_accounts)}
    for case, group in check.of_groups(snapshot):
        ref, pods = group.association.ref, group.states.get(PodState.INJECTED, ())
        account = accounts.get(ref)
        if account is None or not pods:
            why = "none of its pods has injected credentials" if account else "the service account does not exist"
            yield case.skip(why)
            continue
        since = account.created_at
        if since is None:
            yield case.skip("the time at which the service account was created is not known")
            continue
        older = tuple(pod for pod in pods if pod.created_at < since)
        if not older:
            yield case.ok("its pods started after their service account was created")
            continue
        say = "started before the service account was created again, with tokens of the deleted service account"
        evidence = (f"service account {ref} created: {utc(since)}",)
        yield injection.to_be_replaced(case, snapshot, group, older, say, evidence, Severity.WARN)
