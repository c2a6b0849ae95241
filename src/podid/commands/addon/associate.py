"""podid addon associate."""

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.plan import ChangeResult
from podid.ops.addon.request import AddonRequest


@command(
    shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"),
    needs="ADDON_ASSOCIATIONS.update Eks.list_associations Eks.get_addon_configuration Iam.get_role",
    optional=(
        ("--replace", "ASSOCIATION.delete"),
        ("--update-trust", "ROLE_TRUST.update"),
        ("--recommended", "ROLE.create ROLE_ATTACHMENT.create"),
        ("--all: the installed add-ons", "Eks.list_addons"),
        "TAKING_BACK_ATTACHED RUNNING_PODS REACHED LONG_TRUST",
    ),
)
def associate(access: Access, request: AddonRequest) -> None:
    """Give an add-on's service account a role.

    The add-on owns the association. The add-on's other service accounts keep their roles.

    Example: podid addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role ebs-csi

    Example: podid addon associate aws-ebs-csi-driver --recommended

    Example: podid addon associate --recommended --all --dry-run
    """
    from podid.cli.changing import Change
    from podid.ops.addon.associate import prepare
    from podid.ops.association.aftermath import after_associate

    request.check_together()
    change = Change.begin(access)
    subject = f"add-on {request.addon}" if request.addon else "all add-ons"
    with access.terminal.working(f"reading {subject} and the associations"):
        plan, refs = prepare(access.clients, change.place, access.journal, request)

    def after(result: ChangeResult) -> ChangeResult:
        return after_associate(change.waiting(), change.take_back(result), refs)

    change.run(change.with_outlook(plan, refs), after)
