"""podid trust remove."""

from podid.cli.command import Access, command
from podid.cli.options import CLUSTER, KUBERNETES, NARROW
from podid.domain.errors import UsageError
from podid.domain.option import option, options
from podid.ops.trust.request import TrustEditOptions


@options
class TrustRemoveOptions(TrustEditOptions):
    issuer: str | None = option(
        "URL",
        "Remove this OIDC provider from the trust policy, after a migration from IRSA. With --for, remove only that "
        "service account.",
    )


@command(
    shared=(*CLUSTER, *KUBERNETES, *NARROW),
    optional=(
        ("--role", "EDITING_TRUST USERS_OF_ROLES"),
        ("--issuer: what else uses the role by IRSA", "USERS_BY_IRSA"),
        "USERS",
    ),
)
def remove(access: Access, options: TrustRemoveOptions) -> None:
    """Remove pods, or an OIDC provider, from a trust policy.

    podid removes a statement that allows no one else, or one value of a list. It does not remove a statement or value
    that also allows other pods, such as a pattern (exit 6). --issuer without --for removes all statements that allow
    the OIDC provider.

    For a file, podid prints the new policy, or writes it with --in-place. With --role, it changes the trust policy of
    the role; running pods may keep the role for hours.

    Example: podid trust remove trust.json --for shop/orders --cluster-arn "$CLUSTER_ARN"

    Example: podid trust remove --role storefront --for shop/orders

    Example: podid trust remove --role storefront --issuer "$OIDC_ISSUER" --dry-run
    """
    from podid.cli.changing import Change
    from podid.commands.trust.edits import edit_files, edit_role, read_role, role_place, subjects_of
    from podid.ops.trust.edit import removing, removing_issuer

    options.check_together(access.terminal.read_file)
    issuer, refs = options.issuer, options.service_accounts
    of_pods = options.cluster_arn is not None or options.scope != "service-account" or options.session_tags is not None
    if issuer is not None and of_pods:
        raise UsageError("--issuer cannot be used together with --cluster-arn, --scope or --no-session-tags")
    place = (
        None
        if options.role is None
        else role_place(access, options, needs_cluster=issuer is None or access.named is not None)
    )
    edit = removing(subjects_of(access, options)) if issuer is None else removing_issuer(issuer, refs)
    names = ", ".join(map(str, refs))
    if issuer is not None:
        names = f"{names} of {issuer}" if refs else issuer
    if options.role is None or place is None:
        edit_files(access, options, edit)
        return
    change = Change.begin(access, place)
    role = read_role(access, place, options.role)
    question = f"Remove {names} from the trust policy of role {role.name}?"
    edit_role(change, role, edit, why=f"to remove {names}", question=question)
