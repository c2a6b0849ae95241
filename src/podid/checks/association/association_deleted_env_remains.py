from podid.checks.base import Check, Snapshot, Verdicts, count_of, rule, short_list
from podid.domain.workloads import TOKEN_VOLUME, injected, live
from podid.facts.index import index


@rule(needs=("associations", "pods"), wants=("cluster",))
def association_deleted_env_remains(check: Check, snapshot: Snapshot) -> Verdicts:
    facts = index(snapshot)
    for ref, pods in sorted(facts.pods.items()):
        case = check.of_account(ref)
        carriers = [pod for pod in pods if live(pod) and TOKEN_VOLUME in pod.volumes and injected(pod)]
        if carriers and ref in facts.associations:
            yield case.ok("its pods have an association")
        elif carriers:
            yield case.fail(
                f"the association of {ref} was deleted, and {count_of(len(carriers), 'running pod')} still "
                f"{'has' if len(carriers) == 1 else 'have'} its token: AWS requests fail after the cached "
                "credentials expire",
                f"pods: {short_list(pod.name for pod in carriers)}",
                "to restore access: create the association again, which needs no restart of these pods",
                commands=(("podid", "history"),),
            )
