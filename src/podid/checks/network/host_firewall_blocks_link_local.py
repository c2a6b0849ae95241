"""Rules of the nodes' packet filters that scripts of DaemonSets create. podid cannot read other rules of a packet
filter."""

import re

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, rule
from podid.domain.cluster import DaemonSet
from podid.domain.network import AGENT_ADDRESS, covers
from podid.domain.workloads import why_not_here
from podid.facts.index import Affected, reach_on

_ADDRESS = re.compile(r"(?<![\w.:])(169\.254\.\d{1,3}\.\d{1,3}(?:/\d{1,2})?|f[de][0-9a-f]{2}:[0-9a-f:]*(?:/\d{1,3})?)")
_REFUSES = re.compile(r"\b(drop|reject)\b", re.IGNORECASE)
_ACCEPTS = re.compile(r"\b(accept|return)\b", re.IGNORECASE)
_NEGATED = re.compile(r"!\s*(?:-d|--destination)[ =]\S+|(?:-d|--destination)\s+!\s*\S+|!=\s*\S+")
# the agent's address is on the node: packets to it are not forwarded and do not leave the node
_PAST_THE_AGENT = re.compile(r"\b(FORWARD|OUTPUT)\b")


@rule(needs=("daemon_sets",), wants=("cluster", "probes", "nodes", "pods", "associations"))
def host_firewall_blocks_link_local(check: Check, snapshot: Snapshot) -> Verdicts:
    for ds in known(snapshot.daemon_sets):
        if not ds.firewall:
            continue
        reach = _reach(snapshot, ds)
        case = check.case(ds.subject, reach.chain)
        lines = [line for line in ds.firewall if _REFUSES.search(line) and _names_agent(line)]
        if not lines:
            yield case.ok("its rules for link-local addresses do not include the agent's address")
            continue
        unless = ""
        if all(_PAST_THE_AGENT.search(line) for line in lines):
            unless = ", unless they pass through another chain"
        elif any(_ACCEPTS.search(line) and _names_agent(line) for line in ds.firewall):
            unless = ", unless a rule that accepts them comes first"
        yield case.fail(
            f"packet filter rules of DaemonSet {ds.namespace}/{ds.name} drop the pods' requests to the agent{unless}",
            *lines[:3],
            severity=Severity.WARN if unless or not reach.chain else Severity.ERROR,
            nodes=reach.nodes,
            commands=(("kubectl", "-n", ds.namespace, "edit", "daemonset", ds.name),),
        )


def _reach(snapshot: Snapshot, ds: DaemonSet) -> Affected:
    return reach_on(snapshot, lambda node: not why_not_here(node, ds.placement))


def _names_agent(line: str) -> bool:
    """Return whether the line is about the agent's address; `! -d ADDRESS` is about all others."""
    networks = _ADDRESS.findall(_NEGATED.sub("", line))
    return any(covers(networks, address) for address in AGENT_ADDRESS.values())
