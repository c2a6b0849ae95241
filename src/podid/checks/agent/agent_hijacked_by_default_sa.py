"""The agent's DaemonSet names no service account, so its pods run as kube-system/default:
https://github.com/aws/eks-pod-identity-agent/issues/83. The add-on's pods ask the webhook to leave them alone.
"""

from podid.checks.base import Case, Check, Severity, Snapshot, Verdict, Verdicts, known, known_or, rule
from podid.domain.cluster import Pod
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef
from podid.domain.text import count_of, short_list
from podid.domain.workloads import INJECTED_ENV, IRSA_ENV, live, opted_out
from podid.facts.index import index


@rule(needs=("agent_pods",), wants=("associations", "pods", "service_accounts"))
def agent_hijacked_by_default_sa(check: Check, snapshot: Snapshot) -> Verdicts:
    users = index(snapshot).users
    for ref, pods in sorted(grouped((pod.ref, pod) for pod in known(snapshot.agent_pods) if live(pod)).items()):
        taken = [p for p in pods if any(c.sets(INJECTED_ENV[0]) or c.sets(IRSA_ENV) for c in p.containers)]
        chain = {name for pod in taken or pods for name in users.get(pod.node, ())}
        case = check.case(ref.subject, tuple(sorted(chain)))
        if not taken:
            yield _soon(case, snapshot, ref, [pod for pod in pods if not opted_out(pod)])
            continue
        yield case.fail(
            f"{count_of(len(taken), 'agent pod')} with credentials of {ref} instead of the node's role",
            evidence=(
                f"pods: {short_list(pod.name for pod in taken)}",
                f"{ref} has an association, or the annotation of IRSA",
            ),
            commands=(("kubectl", "-n", ref.namespace, "get", "serviceaccount", ref.name, "-o", "yaml"),),
        )


def _soon(case: Case, snapshot: Snapshot, ref: ServiceAccountRef, pods: list[Pod]) -> Verdict:
    """Of pods that have the node's role still, and do not ask the webhook to leave them alone."""
    annotated = any(a.ref == ref and a.irsa_role_arn for a in known_or(snapshot.service_accounts, ()))
    source = "an association" if ref in index(snapshot).associations else "the annotation of IRSA" if annotated else ""
    if not source or not pods:
        return case.ok("the agent acts as its node's role")
    return case.fail(
        f"{ref}, which the agent runs as, has {source}: each agent pod that is made from now on takes its credentials "
        "instead of the node's role",
        severity=Severity.WARN,
        evidence=(f"pods that are older than that: {short_list(pod.name for pod in pods)}",),
        commands=(("kubectl", "-n", ref.namespace, "get", "serviceaccount", ref.name, "-o", "yaml"),),
    )
