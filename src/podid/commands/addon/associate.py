"""podid addon associate."""

from typing import Annotated

import typer

from podid.cli.arguments import UpdateTrust
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights, OptionalRight

AddonName = Annotated[str, typer.Argument(metavar="ADDON", help="The installed add-on.")]


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ADDON_ASSOCIATIONS, ASSOCIATION, ROLE, ROLE_ATTACHMENT, ROLE_TRUST

    return CommandRights.of(
        *ADDON_ASSOCIATIONS.calls(Verb.UPDATE),
        Eks.list_associations,
        Eks.get_addon_configuration,
        Iam.get_role,
        optional=(
            OptionalRight.of("--replace", *ASSOCIATION.calls(Verb.DELETE)),
            OptionalRight.of("--update-trust", *ROLE_TRUST.calls(Verb.UPDATE)),
            OptionalRight.of("--recommended", *ROLE.calls(Verb.CREATE), *ROLE_ATTACHMENT.calls(Verb.CREATE)),
            rights.RUNNING_PODS,
            *rights.REACHED,
        ),
    )


@command(shared=(*CLUSTER, *KUBERNETES, *CHANGE, "wait"), rights=rights)
def associate(
    access: Access,
    terminal: Terminal,
    addon: AddonName,
    account: Annotated[
        str | None, typer.Argument(metavar="[SA]", help="Its service account, without namespace.")
    ] = None,
    role: Annotated[str | None, typer.Option("--role", metavar="ROLE", help="IAM role, by name or ARN.")] = None,
    recommended: Annotated[
        bool, typer.Option("--recommended", help="Make a role with the policies that AWS recommends, for each account.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Change a role that is there, or delete an association that stands alone.")
    ] = False,
    update_trust: UpdateTrust = False,
) -> None:
    """Give an add-on's service account a role.

    The add-on owns the association then. Its other service accounts keep theirs: EKS is told the whole list.

    Example: podid addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role ebs-csi
    """
    from podid.cli.changing import carry_out, report, settle_interrupted, waiting
    from podid.ops.addon.associate import AddonRequest, prepare
    from podid.ops.association.aftermath import after_associate

    request = AddonRequest.of(addon, account, role, recommended=recommended, replace=replace, update_trust=update_trust)
    place = access.place(for_change=True)
    settle_interrupted(access, terminal, place)
    with terminal.working(f"reading add-on {addon} and its associations"):
        plan, refs = prepare(access.clients, place, access.journal, request)
    result = carry_out(access, terminal, plan)
    if result is not None:
        report(terminal, after_associate(waiting(access, place), result, refs))
