import json

from podid.checks.base import Check, Missing, Snapshot, Verdicts, rule, short_list
from podid.domain.network import AGENT_PORT, NetworkPolicy
from podid.facts.egress import MODE, NEEDS, agent_address, agent_cidr, engine, has_cilium, ways

_NO_ENGINE = Missing("not known whether network policies are enforced: no policy engine was detected", "", "NoEngine")


@rule(needs=NEEDS, wants=("daemon_sets", "cilium_policies", "cluster"))
def networkpolicy_blocks_agent(check: Check, snapshot: Snapshot) -> Verdicts:
    address = agent_address(snapshot)
    for case, (_, _, pods) in check.of_workloads(snapshot):
        shut = [item for item in ways(snapshot, pods) if not item.way.open and not item.to_host]
        if not shut:
            yield case.ok(f"no network policy blocks TCP {AGENT_PORT} to {address} for its pods")
            continue
        if shut[0].way.default_deny:
            yield case.fail(
                "the pods cannot reach the agent: the VPC CNI blocks pods that no network policy selects",
                f"pods: {short_list(item.pod.name for item in shut)}",
                f"{MODE} of aws-node: strict",
                pods=(item.pod for item in shut),
            )
            continue
        policies = tuple(dict.fromkeys(policy.name for item in shut for policy in item.way.isolated_by))
        verb = "does" if len(policies) == 1 else "do"
        rules = f"network policy {short_list(policies)} {verb} not allow TCP {AGENT_PORT} to {address}"
        if isinstance(snapshot.daemon_sets, Missing):
            yield case.unknown(snapshot.daemon_sets, f"{rules}; it is not known whether network policies are enforced")
        elif has_cilium(snapshot) and isinstance(snapshot.cilium_policies, Missing):
            yield case.unknown(snapshot.cilium_policies, f"{rules}; Cilium's own policies may allow it")
        elif not engine(snapshot):
            yield case.unknown(_NO_ENGINE, f"{rules}; it is not known whether network policies are enforced")
        else:
            yield case.fail(
                f"the pods cannot reach the agent: {rules}",
                f"pods: {short_list(item.pod.name for item in shut)}",
                f"network policies enforced by: {engine(snapshot)}",
                commands=(_opening(shut[0].way.isolated_by[0], agent_cidr(snapshot)),),
                pods=(item.pod for item in shut),
            )


def _opening(policy: NetworkPolicy, cidr: str) -> tuple[str, ...]:
    """Return the command that adds the rule to one policy. Policies are additive, so one is enough."""
    opening = {"to": [{"ipBlock": {"cidr": cidr}}], "ports": [{"protocol": "TCP", "port": AGENT_PORT}]}
    value, path = (opening, "/spec/egress/-") if policy.rules else ([opening], "/spec/egress")
    patch = json.dumps([{"op": "add", "path": path, "value": value}])
    return ("kubectl", "-n", policy.namespace, "patch", "networkpolicy", policy.name, "--type=json", "-p", patch)
