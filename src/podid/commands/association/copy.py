"""podid copy."""

from podid.cli.command import Access, command
from podid.cli.options import AWS, CHANGE, KUBERNETES, NAMESPACES
from podid.domain.errors import UsageError
from podid.ops.association.request import AssociateOptions, CopyOptions


@command(
    shared=(*AWS, *KUBERNETES, *NAMESPACES, *CHANGE, "wait"),
    needs="ASSOCIATING Eks.list_associations Eks.get_cluster Iam.get_role Iam.list_role_names",
)
def copy(access: Access, options: CopyOptions) -> None:
    """Copy associations to another cluster.

    Roles, target roles, session policies and tags stay the same. Associations that exist in the other cluster are kept.
    podid skips associations that an add-on owns. A role whose trust policy names the first cluster requires
    --update-trust.

    With --to-profile the other cluster may be in another account. The mapped roles must exist there.

    Example: podid copy --from-cluster blue --to-cluster green --update-trust

    Example: podid copy --from-cluster blue --to-cluster green --namespace shop --dry-run

    Example: podid copy --from-cluster blue --to-cluster green --map-role orders-blue=orders-green

    Example: podid copy --from-cluster blue --to-cluster green --to-profile prod --map-account 111122223333=444455556666
    """
    from podid.commands.association.associating import associate_in
    from podid.commands.association.moving import place_of_one, suggesting
    from podid.ops.association.associate import AssociateRequest
    from podid.ops.association.transfer import associations_to_copy, check_copies, check_maps, copies

    source = access.of(cluster=options.from_cluster)
    target = access.of(cluster=options.to_cluster, profile=options.to_profile or None)
    place = place_of_one(source, options.to_cluster)
    target_place = place_of_one(target, place.cluster_name)
    if place.the_cluster.arn == target_place.the_cluster.arn:
        raise UsageError("--from-cluster and --to-cluster are the same cluster", subject=options.from_cluster)
    with access.terminal.working(f"reading the associations of {options.from_cluster}"):
        associations = associations_to_copy(source.clients, place, access.shared.namespace)
    maps = (options.roles, options.namespaces, options.role_accounts)
    check_maps(associations, *maps)
    items = copies(associations, *maps)
    check_copies(items, target_place.account)
    request = AssociateRequest(
        items=tuple(item for item in items if not item.owner),
        skipped=tuple(item for item in items if item.owner),
        options=AssociateOptions(change=options.change, accounts=options.accounts),
    )
    with suggesting(target, access.argv):
        associate_in(target, request)
