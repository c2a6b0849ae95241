from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.facts import association_subject, index
from podid.checks.shared.roles import given
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot, known
from podid.domain.text import short_list
from podid.domain.workloads import live


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    facts = index(snapshot)
    for association in known(snapshot.associations):
        case = check.case(association_subject(association), (str(association.ref),))
        if association.service_account != "default":
            yield case.ok("the association is for a service account with a name of its own")
            continue
        pods = [pod.name for pod in facts.pods.get(association.ref, ()) if live(pod)]
        yield case.fail(
            f"every pod of namespace {association.namespace} that names no service account is given "
            f"{given(association)}",
            evidence=(f"pods that run as it now: {short_list(pods) or 'none that could be seen'}",),
        )


CHECK = Check.of("default-sa-association", rule, needs=("associations",), wants=("pods",))
