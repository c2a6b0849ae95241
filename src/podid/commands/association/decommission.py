"""podid decommission."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NARROW
from podid.domain.errors import NotFound, UsageError
from podid.domain.plan import Consent, Place
from podid.ops.options import REMOVE_FROM_TARGETS, TARGET_PROFILE


@command(
    shared=(*CLUSTER, *KUBERNETES, *NARROW),
    needs=(
        "ASSOCIATION.delete ROLE_TRUST.update DELETING_ROLE Eks.list_clusters Eks.list_associations "
        "Iam.list_roles Iam.find_roles"
    ),
    optional=("RUNNING_PODS",),
)
def decommission(
    access: Access, update_trust: bool = REMOVE_FROM_TARGETS, target_profile: str = TARGET_PROFILE
) -> None:
    """Remove a cluster's associations, roles and trust statements.

    podid deletes the cluster's associations. It also deletes the roles that podid created, according to its journal, if
    nothing else uses them in any cluster of any region. From the trust policies of other roles, podid removes the
    statements for this cluster. podid does not change resources of add-ons and other tools. If the cluster no longer
    exists, podid changes only roles.

    Specify the cluster with --cluster. podid asks you to type its name, or requires --yes. podid undo restores
    everything as long as the cluster exists. podid does not delete the cluster itself.

    Example: podid decommission --cluster blue --dry-run

    Example: podid decommission --cluster blue --yes
    """
    from podid.cli.changing import Change
    from podid.ops.association.disassociate import plan_decommission

    place, arn = _place(access)
    change = Change.begin(access, place)
    with access.terminal.working("reading the associations of the cluster") as progress:
        plan = plan_decommission(
            access.clients,
            place,
            access.journal,
            arn,
            access.runtime.now(),
            progress.glance,
            update_trust=update_trust,
            target_profile=target_profile,
        )
    name = arn.rpartition("/")[2]
    consent = Consent(
        question=f"Remove the associations, roles and trust of cluster {name}?",
        needed_for="Decommissioning a cluster",
        word=name,
    )
    change.run(plan, consent=consent)


def _place(access: Access) -> tuple[Place, str]:
    """Return the place and the ARN of the cluster; without the cluster in it if the cluster does not exist."""
    if not access.typed_clusters:
        raise UsageError("Specify the cluster to decommission: --cluster NAME")
    try:
        place = access.place(for_change=True)
        return place, place.the_cluster.arn
    except NotFound:
        place = access.account_place()
    named = access.named
    assert named is not None
    named.check_account(place.account)
    return place, f"arn:{access.aws.partition}:eks:{place.region}:{place.account}:cluster/{named.name}"
