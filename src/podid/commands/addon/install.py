"""podid addon install."""

from dataclasses import replace

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.plan import ChangeResult
from podid.ops.addon.request import AddonInstallOptions


@command(
    shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"),
    needs="ADDON.create Eks.list_addon_versions Eks.get_addon_configuration",
    optional=(
        ("changing an installed add-on", "ADDON.update Eks.get_update KubeReader.list_written"),
        ("--role: the role", "CREATING_WITH_ROLES Iam.get_role Iam.list_role_names"),
        ("--recommended", "CREATING_WITH_ROLES ROLE.create ROLE_ATTACHMENT.create"),
        ("--role, --recommended: an installed add-on", "ADDON_ASSOCIATIONS.update"),
        ("--replace", "ASSOCIATION.delete"),
        ("--update-trust", "ROLE_TRUST.update"),
        "TAKING_BACK_ATTACHED RUNNING_PODS REACHED LONG_TRUST",
    ),
)
def install(access: Access, options: AddonInstallOptions) -> None:
    """Install or update an add-on and give it roles.

    EKS creates a new add-on and the associations of its service accounts together. podid waits for the add-on. Without
    --addon-version, podid does not change an installed version. Before an update, podid lists the fields that you or
    another tool changed, with the effect of each value of --resolve-conflicts.

    Example: podid addon install aws-ebs-csi-driver --recommended

    Example: podid addon install adot --role adot-col-otlp-ingest=traces --dry-run

    Example: podid addon install vpc-cni --addon-version latest --resolve-conflicts preserve
    """
    from podid.aws.addon_values import parse_values
    from podid.cli.changing import Change
    from podid.ops.addon.install import prepare
    from podid.ops.agent.waiting import INSTALL_SECONDS, after_addon
    from podid.ops.association.aftermath import after_associate
    from podid.ops.trust.files import called

    file = options.config_file
    values = {} if file is None else parse_values(access.terminal.read_file(file), called(file))
    change = Change.begin(access)
    place = change.place
    with access.terminal.working(f"reading add-on {options.addon}"):
        plan, refs = prepare(access.clients, place, access.journal, replace(options, values=values))

    def after(result: ChangeResult) -> ChangeResult:
        result = change.take_back(result)
        with access.terminal.working(f"waiting for add-on {options.addon}"):
            result = after_addon(change.waiting(seconds=INSTALL_SECONDS), result, options.addon)
        return after_associate(change.waiting(), result, refs)

    change.run(change.with_outlook(plan, refs) if refs else plan, after)
