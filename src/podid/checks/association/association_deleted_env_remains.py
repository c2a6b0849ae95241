from podid.checks.base import Check, Snapshot, Verdicts, count_of, rule, short_list
from podid.domain.workloads import TOKEN_VOLUME, live
from podid.facts.index import index


@rule(needs=("associations", "pods"), wants=("cluster",))
def association_deleted_env_remains(check: Check, snapshot: Snapshot) -> Verdicts:
    facts = index(snapshot)
    for ref, pods in sorted(facts.pods.items()):
        case = check.case(ref.subject, (str(ref),))
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
