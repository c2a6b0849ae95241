"""The agent needs the host network and a privileged init container. The Pod Security Standards baseline and restricted
forbid both: https://kubernetes.io/docs/concepts/security/pod-security-standards/."""

from podid.checks.base import Check, Known, Missing, Severity, Snapshot, Subject, Verdicts, known, known_or, rule
from podid.domain.names import AGENT_ADDON
from podid.domain.text import cut
from podid.domain.workloads import allow_agent_command, refusals, why_agent_refused
from podid.facts.agent import ADMISSION_DENIED, agents, importance, lacks_agents, unserved


@rule(
    needs=("daemon_sets", "agent_warnings"),
    wants=("agent_addon", "agent_pods", "associations", "pods", "nodes", "pod_security"),
)
def admission_policy_blocks_agent(check: Check, snapshot: Snapshot) -> Verdicts:
    """Use the warnings of DaemonSets that lack pods now. An issue of the add-on may remain after its cause is fixed."""
    addon = known_or(snapshot.agent_addon, None)
    issues = [issue for issue in addon.issues if issue.code == ADMISSION_DENIED] if addon is not None else []
    warnings, reach = known(snapshot.agent_warnings), unserved(snapshot)
    sets = agents(snapshot)
    for ds in sets:
        case = check.case(ds.subject, reach.chain)
        section = warnings.get(f"{ds.namespace}/{ds.name}")
        lines = refusals(section.value) if isinstance(section, Known) else []
        if lines:
            yield case.fail(
                f"an admission policy rejects the agent's pods: {cut(lines[-1], 200)}",
                *(cut(line, 400) for line in dict.fromkeys(lines[-3:])),
                severity=importance(snapshot),
                nodes=reach.nodes,
                commands=(("kubectl", "-n", ds.namespace, "describe", "daemonset", ds.name),),
            )
        elif why := why_agent_refused(ds.namespace, known_or(snapshot.pod_security, {}).get(ds.namespace, "")):
            command = allow_agent_command(ds.namespace)
            yield case.fail(why, severity=importance(snapshot), nodes=reach.nodes, commands=(command,))
        elif section is None and not issues:
            yield case.ok("it has all of its pods")
        elif isinstance(section, Missing):
            # other checks report the missing pods
            yield case.skip(f"its events could not be read: {section.reason}")
        elif not issues:
            yield case.ok("no admission policy rejects its pods")
    if issues:
        whole = not lacks_agents(snapshot)
        yield check.case(Subject("Addon", AGENT_ADDON), reach.chain).fail(
            f"an admission policy rejects the add-on: {cut(issues[0].message, 200)}"
            + (", although no agent pod is missing: the status may be out of date" if whole else ""),
            *(f"{issue.code}: {issue.message}" for issue in issues),
            severity=Severity.WARN if whole else importance(snapshot),
            nodes=reach.nodes,
            commands=(("kubectl", "-n", "kube-system", "get", "events", "--field-selector", "type=Warning"),),
        )
