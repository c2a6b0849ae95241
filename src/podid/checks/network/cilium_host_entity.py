from podid.checks.base import Check, Snapshot, Verdicts, rule, short_list
from podid.facts.egress import NEEDS, has_cilium, ways


@rule(needs=(*NEEDS, "daemon_sets", "cilium_policies"), wants=("cluster",))
def cilium_host_entity(check: Check, snapshot: Snapshot) -> Verdicts:
    """Cilium gives whatever listens on the node itself the identity `host`; no CIDR matches it."""
    cilium = has_cilium(snapshot)
    for case, (_, _, pods) in check.of_workloads(snapshot):
        if not cilium:
            yield case.skip("the cluster does not run Cilium")
            continue
        shut = [
            item
            for item in ways(snapshot, pods)
            # one that no rule opens at all is networkpolicy-blocks-agent's
            if not item.to_host
            and (
                item.denied
                or item.way.by_block
                or (not item.way.isolated_by and any(policy.isolates for policy in item.cilium))
            )
        ]
        if not shut:
            yield case.ok("no egress rule of Cilium keeps its pods from the node's own address")
            continue
        names = [policy.name for item in shut for policy in item.way.isolated_by]
        policies = dict.fromkeys((*names, *(policy.name for item in shut for policy in item.cilium)))
        yield case.fail(
            f"its pods may not ask the agent: {short_list(policies)} isolate them, and none allows TCP 80 to the "
            "entity host, by which alone Cilium knows the agent, or one denies it",
            evidence=(f"pods: {short_list(item.pod.name for item in shut)}",),
            pods=(item.pod for item in shut),
        )
