"""The agent's init container makes a link and routes; what another CNI or an earlier agent has made stops it:
https://github.com/aws/eks-pod-identity-agent (internal/cloud/, pkg/). Only its log says so.
"""

from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared.logs import ends_by
from podid.facts.agent import not_judged


@rule(needs=("daemon_sets", "agent_pods"), wants=("agent_crashes", "nodes", "associations", "pods", "cluster"))
def stale_link_or_route(check: Check, snapshot: Snapshot) -> Verdicts:
    """What a log shows is told by `in_logs`, of the node."""
    for case, pod in check.of_agent_pods(snapshot):
        if reason := not_judged(snapshot, pod):
            yield case.skip(reason)
        elif pod.ready:
            yield case.ok("the agent runs, so nothing was in its way")
        elif ends_by(snapshot, pod) is None:
            yield case.skip("it does not run, and there is no log of it that says why")
        else:
            yield case.ok("its log does not show it")
