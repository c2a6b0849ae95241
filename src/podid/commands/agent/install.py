"""podid install-agent."""

from dataclasses import replace

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.plan import ChangeResult
from podid.ops.agent.request import InstallRequest


@command(
    shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"),
    needs="INSTALLING_AGENT",
    optional=(
        ("changing an installed add-on", "Eks.update_addon Eks.get_update"),
        ("--fix-node-role", "ROLE_ATTACHMENT.create"),
        ("checking a configuration against its schema", "Eks.get_addon_configuration"),
        ("reading the log and events of an agent that does not start", "KubeReader.read_log KubeReader.list_warnings"),
        ("finding the pod whose port an agent waits for", "KubeReader.list_pods"),
        "REACHED",
    ),
)
def install_agent(access: Access, options: InstallRequest) -> None:
    """Install or upgrade the agent add-on and wait for it.

    Without --addon-version, podid does not change an installed version. An add-on with the requested settings stays
    unchanged. EKS Auto Mode nodes have the agent built in. podid first checks the cluster. Exit 6 if the agent would
    not start, or if the installation would cause a failure.

    Example: podid install-agent --cluster demo

    Example: podid install-agent --addon-version latest --dry-run

    Example: podid install-agent --config agent.probePort=2704
    """
    from podid.aws.addon_values import parse_values
    from podid.cli.changing import Change
    from podid.ops.agent.install import prepare
    from podid.ops.agent.waiting import INSTALL_SECONDS, after_install, pods_before
    from podid.ops.association.aftermath import after_all
    from podid.ops.trust.files import called

    file = options.config_file
    values = {} if file is None else parse_values(access.terminal.read_file(file), called(file))
    request = replace(options, values=values)
    change = Change.begin(access)
    place = change.place
    with access.terminal.working(f"checking the add-on and the nodes of {place.cluster_name}"):
        plan, installed = prepare(access.clients, place, request, now=access.runtime.now())
    before = pods_before(access.clients) if plan.actions and installed else frozenset()

    def after(result: ChangeResult) -> ChangeResult:
        if not plan.actions and not plan.unchanged:
            return result
        how = change.waiting(seconds=INSTALL_SECONDS)
        with access.terminal.working("waiting for the agent"):
            return after_all(how, after_install(how, result, before))

    change.run(plan, after)
