from podid.checks.base import Check, Missing, Snapshot, Verdicts, known, rule
from podid.facts.index import podid_command, role_subject

ACCOUNT = "kube-system/aws-node"


@rule(needs=("associations", "cni_permissions"), wants=("cluster",))
def cni_depends_on_agent(check: Check, snapshot: Snapshot) -> Verdicts:
    """AWS recommends the split; it is worth knowing once something is wrong with the agent."""
    for arn, section in known(snapshot.cni_permissions).items():
        case = check.case(role_subject(arn), (ACCOUNT,))
        if isinstance(section, Missing):
            yield case.unknown(section)
        elif all(decision.allowed for decision in section.value):
            yield case.ok("the node's role may do what the CNI does, should the agent fail")
        else:
            yield case.fail(
                f"the node's network hangs on the agent: {ACCOUNT} has its rights by Pod Identity alone, so that an "
                "agent that fails takes new pods' network along",
                evidence=("AWS recommends this set-up; mend what is wrong with the agent first",),
                commands=(podid_command(snapshot, "agent", "status"),),
            )
