"""podid role delete."""

from podid.cli.command import Access, command
from podid.cli.options import AWS, NARROW
from podid.domain.option import switch
from podid.ops.options import REMOVE_FROM_TARGETS, ROLE, TARGET_PROFILE


@command(
    shared=(*AWS, *NARROW),
    needs="Iam.get_role Iam.list_role_names DELETING_ROLE",
    optional=(("--update-trust", "ROLE_TRUST.update USERS_OF_ROLES"),),
)
def delete(
    access: Access,
    name: str = ROLE,
    ignore_not_found: bool = switch("Succeed if the role does not exist."),
    adopt: bool = switch("Delete a role that podid did not create, according to its journal."),
    update_trust: bool = REMOVE_FROM_TARGETS,
    target_profile: str = TARGET_PROFILE,
) -> None:
    """Delete a role and its policies. Asks for confirmation, or requires --yes.

    podid does not delete the role while an association uses it, in any cluster of any region. If podid cannot read one
    of them, it deletes nothing (exit 9), except with --accept-unread. podid undo creates the role again.

    Example: podid role delete shop-orders

    Example: podid role delete shop-orders --update-trust

    Example: podid role delete shop-orders --ignore-not-found --yes

    Example: podid role delete billing --adopt --dry-run
    """
    from podid.cli.changing import Change
    from podid.ops.role.delete import plan_deleting

    change = Change.begin(access, access.account_place())
    with access.terminal.working(f"reading role {name} and its users"):
        plan, consent = plan_deleting(
            access.clients,
            change.place,
            access.journal,
            name,
            done=access.journal.done_before(access.runtime.argv, change.place.header),
            ignore_not_found=ignore_not_found,
            adopt=adopt,
            update_trust=update_trust,
            target_profile=target_profile,
        )
    change.run(plan, consent=consent)
