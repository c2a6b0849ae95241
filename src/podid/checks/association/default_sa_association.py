from podid.checks.base import Check, Known, Snapshot, Verdicts, rule, short_list
from podid.domain.workloads import live
from podid.facts.index import index, role_of


@rule(needs=("associations",), wants=("pods",))
def default_sa_association(check: Check, snapshot: Snapshot) -> Verdicts:
    no_pods = "none" if isinstance(snapshot.pods, Known) else "not read"
    for case, association in check.of_associations(snapshot):
        if association.service_account != "default":
            yield case.ok("the association is not for the service account default")
            continue
        pods = [pod.name for pod in index(snapshot).pods.get(association.ref, ()) if live(pod)]
        yield case.fail(
            f"every pod in namespace {association.namespace} that names no service account gets {role_of(association)}",
            f"pods that use it now: {short_list(pods) or no_pods}",
        )
