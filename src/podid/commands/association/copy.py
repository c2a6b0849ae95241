"""podid copy."""

from typing import Annotated

import typer

from podid.cli.arguments import CreateServiceAccount, Replace, Scope, Strict, UpdateTrust
from podid.cli.command import Access, Shared, Terminal, command
from podid.cli.options import AWS, CHANGE, KUBERNETES, NAMESPACES
from podid.domain.rights import CommandRights


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights

    return rights.making(Eks.list_associations, Eks.get_cluster, Iam.get_role, Iam.list_role_names)


@command(shared=(*AWS, *KUBERNETES, *NAMESPACES, *CHANGE, "wait"), rights=rights)
def copy(
    access: Access,
    terminal: Terminal,
    options: Shared,
    from_cluster: Annotated[str, typer.Option("--from-cluster", metavar="NAME", help="The cluster to read.")],
    to_cluster: Annotated[str, typer.Option("--to-cluster", metavar="NAME", help="The cluster to change.")],
    map_role: Annotated[
        list[str] | None, typer.Option("--map-role", metavar="OLD=NEW", help="Another role there. Repeatable.")
    ] = None,
    scope: Scope = "service-account",
    replace: Replace = False,
    update_trust: UpdateTrust = False,
    create_service_account: CreateServiceAccount = False,
    strict: Strict = False,
) -> None:
    """Make a cluster's associations again in another one.

    Roles, target roles, session policies and tags are the same; what is there already stays. Those that an add-on owns
    are left to it. A role whose trust names the first cluster needs --update-trust.

    Example: podid copy --from-cluster blue --to-cluster green --update-trust
    """
    from podid.cli import typed
    from podid.cli.associating import AssociateAsked, associate_in
    from podid.domain.errors import NotFound, UsageError
    from podid.ops.association.transfer import copies, role_map

    if from_cluster == to_cluster:
        raise UsageError("--from-cluster and --to-cluster are the same cluster", subject=from_cluster)
    roles, chosen_scope = role_map(map_role or ()), typed.scope(scope)
    source, target = access.of(cluster=from_cluster), access.of(cluster=to_cluster)
    place = source.place(for_change=True)
    with terminal.working(f"reading the associations of {from_cluster}"):
        found = source.aws.eks.list_associations(place.cluster_name, options.namespace)
    if not found:
        raise NotFound(f"Cluster {from_cluster} has no association to copy", subject=from_cluster)
    items = copies(found, roles)
    asked = AssociateAsked(
        items=tuple(item for item in items if not item.owner),
        skipped=tuple(item for item in items if item.owner),
        scope=chosen_scope,
        replace=replace,
        update_trust=update_trust,
        create_service_account=create_service_account,
        strict=strict,
    )
    associate_in(target, terminal, asked)
