"""podid show."""

from podid.cli.arguments import OneServiceAccount
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CLUSTER, KUBERNETES
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam

    return CommandRights.of(
        Eks.find_association,
        Eks.list_association_summaries,
        Iam.find_role,
        Iam.simulate,
    )


@command(shared=(*CLUSTER, *KUBERNETES), rights=rights)
def show(access: Access, terminal: Terminal, target: OneServiceAccount) -> None:
    """Show one association and its trust.

    Says whether the role's trust policy admits the service account's pods.

    Example: podid show shop/orders
    """
    from podid.domain.names import ServiceAccountRef
    from podid.ops.association.read import read_association
    from podid.render.associations import association_view

    ref = ServiceAccountRef.parse(target)
    place = access.place()
    found = read_association(access.clients, place, ref)
    terminal.emit(association_view(found, access.runtime.now()))
