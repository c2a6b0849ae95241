"""podid copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from podid.cli.command import Access, command
from podid.cli.options import AWS, CHANGE, KUBERNETES, NAMESPACES
from podid.domain.option import REQUIRED, included, option, options, several
from podid.domain.permissions import CommandPermissions
from podid.ops.association.request import AccountOptions, AssociationChange


def _role_map(texts: Sequence[str]) -> dict[str, str]:
    """Return OLD=NEW pairs of role names or ARNs. Raise InvalidInput."""
    from podid.domain.errors import InvalidInput
    from podid.domain.names import check_role

    roles: dict[str, str] = {}
    for text in texts:
        old, equals, new = text.partition("=")
        if not equals:
            raise InvalidInput(f"--map-role {text!r} is not OLD=NEW", subject=text)
        if roles.setdefault(check_role(old), check_role(new)) != new:
            raise InvalidInput(f"--map-role names {old} twice", subject=old)
    return roles


def permissions() -> CommandPermissions:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import permissions

    return permissions.making(Eks.list_associations, Eks.get_cluster, Iam.get_role, Iam.list_role_names)


@options
class CopyOptions:
    from_cluster: str = option("NAME", "Cluster to copy from.", default=REQUIRED)
    to_cluster: str = option("NAME", "Cluster to copy to.", default=REQUIRED)
    roles: Mapping[str, str] = several(
        "OLD=NEW", "Use role NEW in place of role OLD. Repeatable.", name="--map-role", default={}, read=_role_map
    )
    change: AssociationChange = included(AssociationChange)
    accounts: AccountOptions = included(AccountOptions)


@command(shared=(*AWS, *KUBERNETES, *NAMESPACES, *CHANGE, "wait"), permissions=permissions)
def copy(access: Access, options: CopyOptions) -> None:
    """Copy associations to another cluster.

    Roles, target roles, session policies and tags stay the same. Associations that exist in the other cluster are kept.
    Those that an add-on owns are skipped. A role whose trust policy names the first cluster requires --update-trust.

    Example: podid copy --from-cluster blue --to-cluster green --update-trust

    Example: podid copy --from-cluster blue --to-cluster green --namespace shop --dry-run

    Example: podid copy --from-cluster blue --to-cluster green --map-role orders-blue=orders-green
    """
    from podid.commands.association.associating import associate_in
    from podid.domain.errors import NotFound, UsageError
    from podid.ops.association.associate import AssociateRequest
    from podid.ops.association.transfer import copies

    if options.from_cluster == options.to_cluster:
        raise UsageError("--from-cluster and --to-cluster are the same cluster", subject=options.from_cluster)
    source, target = access.of(cluster=options.from_cluster), access.of(cluster=options.to_cluster)
    place = source.place(for_change=True)
    with access.terminal.working(f"reading the associations of {options.from_cluster}"):
        associations = source.aws.eks.list_associations(place.cluster_name, access.shared.namespace)
    if not associations:
        message = f"Cluster {options.from_cluster} has no associations to copy"
        raise NotFound(message, subject=options.from_cluster)
    items = copies(associations, options.roles)
    request = AssociateRequest(
        items=tuple(item for item in items if not item.owner),
        skipped=tuple(item for item in items if item.owner),
        change=options.change,
        accounts=options.accounts,
    )
    associate_in(target, request)
