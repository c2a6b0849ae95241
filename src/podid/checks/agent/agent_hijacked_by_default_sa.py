"""The agent's DaemonSet names no service account, so its pods run as kube-system/default:
https://github.com/aws/eks-pod-identity-agent/issues/83. The add-on excludes its pods
from injection.
"""

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, known_or, rule
from podid.domain.grouping import grouped
from podid.domain.text import count_of, short_list
from podid.domain.workloads import INJECTED_ENV, IRSA_ENV, live, opted_out
from podid.facts.index import index, users_on


@rule(needs=("agent_pods",), wants=("associations", "pods", "service_accounts"))
def agent_hijacked_by_default_sa(check: Check, snapshot: Snapshot) -> Verdicts:
    facts = index(snapshot)
    for ref, pods in sorted(grouped((pod.ref, pod) for pod in known(snapshot.agent_pods) if live(pod)).items()):
        taken = [p for p in pods if any(c.sets(INJECTED_ENV[0]) or c.sets(IRSA_ENV) for c in p.containers)]
        case = check.case(ref.subject, users_on(snapshot, (pod.node for pod in taken or pods)))
        annotated = any(a.ref == ref and a.irsa_role_arn for a in known_or(snapshot.service_accounts, ()))
        source = "an association" if ref in facts.associations else "an IRSA annotation" if annotated else ""
        others = [pod for pod in pods if not opted_out(pod)]
        show = ("kubectl", "-n", ref.namespace, "get", "serviceaccount", ref.name, "-o", "yaml")
        if taken:
            yield case.fail(
                f"{count_of(len(taken), 'agent pod')} started with credentials of {ref} instead of the node's role",
                f"pods: {short_list(pod.name for pod in taken)}",
                f"source: {ref} has an association or an IRSA annotation",
                commands=(show,),
            )
        elif not source or not others:
            yield case.ok("the agent uses its node's role")
        else:
            yield case.fail(
                f"the agent runs as {ref}, which has {source}: new agent pods will use its credentials instead of the "
                "node's role",
                f"pods that still use the node's role: {short_list(pod.name for pod in others)}",
                severity=Severity.WARN,
                commands=(show,),
            )
