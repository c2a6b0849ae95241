from collections.abc import Iterable

from podid.checks.base import Check
from podid.checks.shared import agent_way
from podid.checks.shared.placed import placed
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot
from podid.domain.text import short_list


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    """Cilium gives whatever listens on the node itself the identity `host`; no CIDR matches it."""
    cilium = agent_way.has_cilium(snapshot)
    for association, workload, pods in placed(snapshot):
        case = check.case(workload, (str(association.ref),))
        if not cilium:
            yield case.skip("the cluster does not run Cilium")
            continue
        shut = [
            item
            for item in agent_way.ways(snapshot, pods)
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


CHECK = Check.of(
    "cilium-host-entity", rule, needs=(*agent_way.NEEDS, "daemon_sets", "cilium_policies"), wants=("cluster",)
)
