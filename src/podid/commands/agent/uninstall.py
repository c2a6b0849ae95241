"""podid uninstall-agent."""

from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.option import switch
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.kube.reader import KubeReader
    from podid.ops.agent.preflight import CHECKS
    from podid.ops.change.kinds import ADDON

    return CommandRights.of(
        *ADDON.calls(Verb.DELETE),
        Eks.list_association_summaries,
        KubeReader.list_agent_daemon_sets,
        KubeReader.list_agent_pods,
        optional=(rights.outlook(CHECKS),),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"), rights=rights)
def uninstall_agent(
    access: Access,
    terminal: Terminal,
    preserve: bool = switch("Leave the DaemonSet in the cluster, no longer managed by EKS."),
) -> None:
    """Remove the agent add-on. Deleting asks first, or needs --yes.

    It lists the service accounts, pods and nodes that lose credentials, and says what stays. Associations stay.

    Example: podid uninstall-agent --preserve --yes
    """
    from podid.cli import typed
    from podid.cli.changing import carry_out, report, settle_interrupted
    from podid.cli.foreseeing import with_outlook
    from podid.ops.agent.preflight import CHECKS
    from podid.ops.agent.uninstall import UNINSTALL_SECONDS, after_uninstall, plan_uninstall, read_uninstall

    typed.no_state(access.shared.wait)
    place = access.place(for_change=True)
    settle_interrupted(access, terminal, place)
    with terminal.working(f"looking at who needs the agent of {place.cluster_name}"):
        facts = read_uninstall(access.clients, place)
    plan = plan_uninstall(place.header, facts, preserve=preserve)
    several = not preserve and facts.losing.count > 1
    if plan.actions and not facts.losing.unread:
        plan = with_outlook(access, terminal, place, plan, checks=CHECKS, by_name=True)
    result = carry_out(
        access,
        terminal,
        plan,
        question="Delete the add-on eks-pod-identity-agent?",
        needed_for="Deleting the agent",
        word="delete" if several else "",
    )
    if result is None:
        return
    if plan.actions:
        patience = access.patience(UNINSTALL_SECONDS)
        with terminal.working("waiting for the agent to go"):
            result = after_uninstall(
                access.clients, place, patience, result, wait=access.shared.wait, preserve=preserve
            )
    report(terminal, result)
