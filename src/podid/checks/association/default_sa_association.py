from podid.checks.base import Check, Snapshot, Verdicts, rule, short_list
from podid.domain.workloads import live
from podid.facts.index import given, index


@rule(needs=("associations",), wants=("pods",))
def default_sa_association(check: Check, snapshot: Snapshot) -> Verdicts:
    facts = index(snapshot)
    for case, association in check.of_associations(snapshot):
        if association.service_account != "default":
            yield case.ok("the association is for a service account with a name of its own")
            continue
        pods = [pod.name for pod in facts.pods.get(association.ref, ()) if live(pod)]
        yield case.fail(
            f"every pod of namespace {association.namespace} that names no service account is given "
            f"{given(association)}",
            evidence=(f"pods that run as it now: {short_list(pods) or 'none that could be seen'}",),
        )
