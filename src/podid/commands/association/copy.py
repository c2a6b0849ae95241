"""podid copy."""

from podid.cli.arguments import CREATE_SERVICE_ACCOUNT, REPLACE, SCOPE, STRICT, UPDATE_TRUST
from podid.cli.command import Access, Terminal, command
from podid.cli.options import AWS, CHANGE, KUBERNETES, NAMESPACES
from podid.domain.option import REQUIRED, option, several
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
    from_cluster: str = option("NAME", "The cluster to read.", default=REQUIRED),
    to_cluster: str = option("NAME", "The cluster to change.", default=REQUIRED),
    map_role: tuple[str, ...] = several("OLD=NEW", "Another role there. Repeatable."),
    scope: str = SCOPE,
    replace: bool = REPLACE,
    update_trust: bool = UPDATE_TRUST,
    create_service_account: bool = CREATE_SERVICE_ACCOUNT,
    strict: bool = STRICT,
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
        found = source.aws.eks.list_associations(place.cluster_name, access.shared.namespace)
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
