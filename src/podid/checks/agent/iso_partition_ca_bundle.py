"""The agent's chart mounts the node's bundle of certificates in isolated regions alone, from where RPMs have it:
https://github.com/aws/eks-pod-identity-agent (charts/)."""

from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared.agent import importance
from podid.checks.shared.facts import index
from podid.domain.findings import Subject, Verdict
from podid.domain.snapshot import Missing, Snapshot, known
from podid.domain.text import cut

BUNDLE = "ca-bundle.crt"


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    if "-iso" not in known(snapshot.cluster).region:
        return
    told, users = known(snapshot.agent_warnings), index(snapshot).users
    for pod in known(snapshot.agent_pods):
        case = check.case(Subject("Pod", pod.name, pod.namespace), users.get(pod.node, ()))
        section = told.get(f"{pod.namespace}/{pod.name}")
        if section is None:
            yield case.ok("it has started, or another of its kind was looked at")
        elif isinstance(section, Missing):
            yield case.unknown(section)
        elif lines := [line for line in section.value if BUNDLE in line]:
            yield case.fail(
                f"it does not start, for its node has no certificates where they are looked for: {cut(lines[-1], 200)}",
                severity=importance(snapshot),
                commands=(("kubectl", "-n", pod.namespace, "describe", "pod", pod.name),),
            )
        else:
            yield case.ok("what keeps it from starting is something else")


CHECK = Check.of(
    "iso-partition-ca-bundle",
    rule,
    needs=("cluster", "agent_pods", "agent_warnings"),
    wants=("associations", "pods", "daemon_sets"),
)
