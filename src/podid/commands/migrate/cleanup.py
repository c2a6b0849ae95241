"""podid migrate cleanup."""

from podid.cli.command import Access, command
from podid.cli.options import AWS, CHANGE
from podid.domain.option import arguments
from podid.domain.permissions import CommandPermissions


def permissions() -> CommandPermissions:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.domain.permissions import OptionalPermission
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import OIDC_PROVIDER, ROLE, ROLE_ATTACHMENT, ROLE_POLICY

    role = (Iam.get_role, Iam.list_role_names, Iam.list_instance_profiles, Eks.list_clusters, Eks.list_associations)
    calls = (*ROLE.calls(Verb.DELETE), *ROLE_POLICY.calls(Verb.DELETE), *ROLE_ATTACHMENT.calls(Verb.DELETE))
    return CommandPermissions.of(
        Iam.list_oidc_providers,
        Iam.list_roles,
        optional=(
            OptionalPermission.of("deleting OIDC providers", *OIDC_PROVIDER.calls(Verb.DELETE)),
            OptionalPermission.of("deleting roles", *calls, *role),
        ),
    )


@command(shared=(*AWS, *CHANGE), permissions=permissions)
def cleanup(
    access: Access,
    arns: tuple[str, ...] = arguments("[ARN...]", "ARNs to delete, from the list.", default=()),
) -> None:
    """List and delete unused IAM resources after a migration.

    podid lists OIDC providers that no role trusts, and roles that no one can assume any more. It deletes only the
    specified ARNs, and asks for confirmation first, or requires --yes. podid undo creates them again.

    Example: podid migrate cleanup

    Example: podid migrate cleanup arn:aws:iam::111122223333:role/irsa-reports --dry-run
    """
    from podid.cli.changing import run, settle_interrupted
    from podid.domain.plan import Consent
    from podid.domain.text import count_of
    from podid.ops.migrate.cleanup import plan_cleanup, read_leftovers
    from podid.render.migration import cleanup_view

    place = access.account_place()
    with access.terminal.working("reading roles and OIDC providers"):
        leftovers = read_leftovers(access.clients.iam)
    if not arns:
        access.terminal.emit(cleanup_view(leftovers))
        return
    settle_interrupted(access, place)
    plan = plan_cleanup(access.clients, place, access.journal, leftovers, arns)
    question = f"Delete {count_of(len(set(arns)), 'leftover')}?"
    run(access, plan, consent=Consent(question=question, needed_for="Deleting leftovers"))
