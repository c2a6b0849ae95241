from collections.abc import Callable

from podid.checks.base import Check, Snapshot, Verdicts, count_of, rule, short_list
from podid.domain.cluster import Pod
from podid.domain.workloads import live, on_fargate, opted_out
from podid.facts.index import index, podid_command


@rule(needs=("associations", "pods"), wants=("cluster", "nodes"))
def fargate_pod(check: Check, snapshot: Snapshot) -> Verdicts:
    nodes = index(snapshot).nodes
    note = "effect of the association: the webhook does not inject IRSA credentials either"
    return without_agent(check, snapshot, "Fargate", lambda pod: on_fargate(pod, nodes), note)


def without_agent(
    check: Check, snapshot: Snapshot, platform: str, runs_there: Callable[[Pod], bool], *notes: str
) -> Verdicts:
    """Yield one verdict per workload. It fails if any of its pods runs on a platform without an agent."""
    for case, (association, _, pods) in check.of_workloads(snapshot):
        running = [pod for pod in pods if runs_there(pod)]
        on_platform = [pod for pod in running if not opted_out(pod)]
        if not on_platform:
            words = f"its pods on {platform} are excluded from injection by their own labels or annotations"
            yield case.skip(words) if running else case.ok(f"none of its pods runs on {platform}")
            continue
        users = index(snapshot).pods.get(association.ref, ())
        others = [pod for pod in users if live(pod) and not opted_out(pod) and not runs_there(pod)]
        elsewhere = f"{count_of(len(others), 'pod')} elsewhere"
        yield case.fail(
            f"{len(on_platform)} of {count_of(len(pods), 'pod')} {'runs' if len(on_platform) == 1 else 'run'} on "
            f"{platform}, where there is no Pod Identity agent; use IRSA there",
            f"pods: {short_list(' on '.join(filter(None, (pod.name, pod.node))) for pod in on_platform)}",
            *notes,
            *((f"fix: use another service account for these pods; {elsewhere} use the association",) if others else ()),
            # without the association, the other pods would lose their credentials; only new pods get those of IRSA
            commands=() if others else (podid_command(snapshot, "disassociate", str(association.ref), "--restart"),),
            pods=on_platform,
        )
