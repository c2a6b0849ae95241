from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.facts import index, service_account_subject
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.text import count_of, short_list
from podid.domain.workloads import TOKEN_VOLUME, live


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    facts = index(snapshot)
    for ref, pods in sorted(facts.pods.items()):
        case = check.case(service_account_subject(ref), (str(ref),))
        carriers = [pod for pod in pods if live(pod) and TOKEN_VOLUME in pod.volumes]
        if carriers and ref in facts.associations:
            yield case.ok("its pods and its association agree")
        elif carriers:
            yield case.fail(
                f"{count_of(len(carriers), 'pod')} with Pod Identity's token, but {ref} has no association any more: "
                "they fail when their cached credentials run out",
                evidence=(
                    f"pods: {short_list(pod.name for pod in carriers)}",
                    "once the association is back, these pods work again without a restart",
                ),
                commands=(("podid", "history"),),
            )


CHECK = Check.of("association-deleted-env-remains", rule, needs=("associations", "pods"), wants=("cluster",))
