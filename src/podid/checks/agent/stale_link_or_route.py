"""The agent's init container creates a link and routes. A link or route of another CNI or an earlier agent stops it:
https://github.com/aws/eks-pod-identity-agent (internal/cloud/, pkg/). Only its log shows it.
"""

from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared.logs import ends_by
from podid.facts.agent import not_judged


@rule(needs=("daemon_sets", "agent_pods"), wants=("agent_crashes", "nodes", "associations", "pods", "cluster"))
def stale_link_or_route(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report only by logs: `in_logs` reports the failures in a log, with the node as subject."""
    for case, pod in check.of_agent_pods(snapshot):
        if reason := not_judged(snapshot, pod):
            yield case.skip(reason)
        elif pod.ready:
            yield case.ok("the agent is ready")
        elif ends_by(snapshot, pod) is None:
            yield case.skip("the agent is not ready, and its log was not read")
        else:
            yield case.ok("its log does not contain this error")
