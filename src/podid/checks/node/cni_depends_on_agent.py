from podid.checks.base import Check, Missing, Snapshot, Verdicts, known, rule
from podid.facts.index import podid_command, role_subject

ACCOUNT = "kube-system/aws-node"


@rule(needs=("associations", "cni_permissions"), wants=("cluster",))
def cni_depends_on_agent(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report a CNI that gets its credentials from the agent. AWS recommends a separate role for the CNI. The dependency
    matters when the agent fails."""
    for arn, section in known(snapshot.cni_permissions).items():
        case = check.case(role_subject(arn), (ACCOUNT,))
        if isinstance(section, Missing):
            yield case.unknown(section)
        elif all(decision.allowed for decision in section.value):
            yield case.ok("the node's role also has the CNI's permissions, so the CNI works if the agent fails")
        else:
            yield case.fail(
                f"{ACCOUNT} has its permissions only from Pod Identity: if the agent of a node fails, new pods there "
                "get no network",
                "AWS recommends this setup: if both fail, fix the agent first",
                commands=(podid_command(snapshot, "agent", "status"),),
            )
