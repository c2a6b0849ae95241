from podid.checks.base import Check, Snapshot, Verdicts, rule, short_list
from podid.facts.egress import NEEDS, has_cilium, ways


@rule(needs=(*NEEDS, "daemon_sets", "cilium_policies"), wants=("cluster",))
def cilium_host_entity(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report egress rules by CIDR under Cilium. Cilium assigns the identity `host` to all listeners on the node itself,
    and no CIDR matches it."""
    cilium = has_cilium(snapshot)
    for case, (_, _, pods) in check.of_workloads(snapshot):
        if not cilium:
            yield case.skip("the cluster does not run Cilium")
            continue
        shut = [
            item
            for item in ways(snapshot, pods)
            # networkpolicy-blocks-agent reports a pod without any rule for the agent
            if not item.to_host
            and (
                item.denied
                or item.way.by_block
                or (not item.way.isolated_by and any(policy.isolates for policy in item.cilium))
            )
        ]
        if not shut:
            yield case.ok("no Cilium egress rule blocks requests from its pods to their node")
            continue
        names = [policy.name for item in shut for policy in item.way.isolated_by]
        policies = dict.fromkeys((*names, *(policy.name for item in shut for policy in item.cilium)))
        yield case.fail(
            f"Cilium blocks the pods' requests to the agent: {short_list(policies)} "
            f"{'isolates' if len(policies) == 1 else 'isolate'} them, and TCP 80 to the entity host is denied or not "
            "allowed",
            f"pods: {short_list(item.pod.name for item in shut)}",
            pods=(item.pod for item in shut),
        )
