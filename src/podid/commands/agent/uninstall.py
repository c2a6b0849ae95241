"""podid uninstall-agent."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NARROW
from podid.domain.option import switch
from podid.domain.plan import ChangeResult, Consent


@command(
    shared=(*CLUSTER, *KUBERNETES, *NARROW, "wait"),
    needs="ADDON.delete Eks.list_association_summaries KubeReader.list_agent_daemon_sets KubeReader.list_agent_pods",
    optional=("AGENT_OUTLOOK",),
)
def uninstall_agent(
    access: Access,
    preserve: bool = switch("Keep the DaemonSet in the cluster, no longer managed by EKS."),
) -> None:
    """Uninstall the agent add-on. Asks for confirmation, or requires --yes.

    podid lists the service accounts, pods and nodes that lose credentials. It does not delete associations and roles.

    Example: podid uninstall-agent --dry-run

    Example: podid uninstall-agent --preserve --yes
    """
    from podid.cli.changing import Change, refuse_state
    from podid.ops.agent.preflight import CHECKS
    from podid.ops.agent.uninstall import UNINSTALL_SECONDS, after_uninstall, plan_uninstall, read_uninstall

    refuse_state(access)
    change = Change.begin(access)
    place = change.place
    with access.terminal.working(f"reading the pods that use the agent of {place.cluster_name}"):
        facts = read_uninstall(access.clients, place)
    plan = plan_uninstall(place.header, facts, preserve=preserve)
    if plan.actions and not facts.unread:
        plan = change.with_outlook(plan, checks=CHECKS, by_name=True)

    def after(result: ChangeResult) -> ChangeResult:
        if not plan.actions:
            return result
        with access.terminal.working("waiting until the agent is gone"):
            return after_uninstall(change.waiting(seconds=UNINSTALL_SECONDS), result, facts.agents, preserve=preserve)

    consent = Consent(
        question="Delete the add-on eks-pod-identity-agent?",
        needed_for="Deleting the agent",
        word="delete" if facts.several and not preserve else "",
    )
    change.run(plan, after, consent=consent)
