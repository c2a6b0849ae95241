"""Known defects that later versions fix: https://github.com/aws/eks-pod-identity-agent/releases. The add-on and the
agent in it have different version numbers, which are never compared with each other.
"""

from collections.abc import Iterator, Sequence

from podid.checks.base import Case, Check, Known, Missing, Severity, Snapshot, Subject, Verdict, known_or, rule
from podid.domain.cluster import DaemonSet, Node
from podid.domain.names import AGENT_ADDON
from podid.domain.text import short_list
from podid.domain.versions import addon_key, offer_of, older
from podid.facts.agent import agent_versions, agents
from podid.facts.index import podid_command

NO_FAULT = "none of its known defects affects this cluster, and EKS installs no newer version by default"
# of the add-on; keep it at the newest version below
NO_KNOWN_DEFECT_SINCE = "v1.3.4"
_IMPATIENT = ("0.1.32", "0.1.33")


@rule(needs=("agent_addon",), wants=("cluster", "daemon_sets", "nodes", "agent_versions"))
def agent_outdated(check: Check, snapshot: Snapshot) -> Verdict:
    addon, nodes, sets = known_or(snapshot.agent_addon, None), known_or(snapshot.nodes, ()), agents(snapshot)
    if addon is not None and addon_key(addon.version):
        case = check.case(Subject("Addon", AGENT_ADDON))
        faults = (*_of_addon(addon.version, nodes), *_of_agents(sets))
        name = f"add-on {AGENT_ADDON} {addon.version}"
        commands = [podid_command(snapshot, "install-agent", "--addon-version", "default")]
    elif addon is None and agent_versions(sets):
        # the first one with a known defect, if several agents run
        ds = next((ds for ds in sets if any(_of_agents([ds]))), next(ds for ds in sets if agent_versions([ds])))
        case = check.case(ds.subject)
        faults, name, commands = tuple(_of_agents([ds])), f"agent v{agent_versions([ds])[0]}", []
    else:
        return check.case(Subject("Addon", AGENT_ADDON)).skip(
            "the version of the agent is not known, or no agent is installed"
        )
    if not faults:
        return _without_a_fault(case, snapshot, addon.version, commands) if addon is not None else case.ok(NO_FAULT)
    message = f"{name} has known defects that later versions fix: {short_list(faults)}"
    return case.fail(message, *faults, commands=commands)


def _without_a_fault(case: Case, snapshot: Snapshot, version: str, commands: Sequence[tuple[str, ...]]) -> Verdict:
    """Report info if the default version of EKS is newer. The order of the list of versions is not documented."""
    cluster, versions = snapshot.cluster, snapshot.agent_versions
    if isinstance(versions, Missing):
        return case.unknown(versions)
    default = offer_of(cluster.value, versions.value, ()).default if isinstance(cluster, Known) else ""
    if not default or not older(version, default):
        return case.ok(NO_FAULT)
    return case.fail(
        f"add-on {AGENT_ADDON} {version} is older than {default}, the default version of EKS; none of its known "
        "defects affects this cluster",
        severity=Severity.INFO,
        commands=commands,
    )


def _of_addon(version: str, nodes: Sequence[Node]) -> Iterator[str]:
    """Yield the known defects of the add-on's version that affect the existing nodes."""
    kinds = {node.compute_type for node in nodes}
    if older(version, "v1.2.0"):
        yield "no tolerations: nodes with taints get no agent (before v1.2.0)"
    if older(version, "v1.3.3") and "hybrid" in kinds:
        yield "no support for hybrid nodes (before v1.3.3)"
    if older(version, "v1.3.4") and "auto" in kinds:
        yield "its pods run on Auto Mode nodes and conflict with the built-in agent (before v1.3.4)"


def _of_agents(sets: Sequence[DaemonSet]) -> Iterator[str]:
    if any(version in _IMPATIENT for version in agent_versions(sets)):
        yield "requests to EKS Auth time out after 600 ms (agent v0.1.32 and v0.1.33)"
