"""podid trust remove."""

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER
from podid.domain.option import option, options
from podid.domain.permissions import CommandPermissions
from podid.ops.trust.request import TrustEditOptions


def permissions() -> CommandPermissions:
    from podid.cli.permissions import editing_trust

    return editing_trust()


@options
class TrustRemoveOptions(TrustEditOptions):
    issuer: str | None = option(
        "URL", "Take out this OIDC provider, after a migration from IRSA; with --for only that service account."
    )


@command(shared=(*CLUSTER, *CHANGE), permissions=permissions)
def remove(access: Access, options: TrustRemoveOptions) -> None:
    """Take pods, or an OIDC provider, out of a trust policy.

    Takes out the statement that lets in nobody else, or one value of a list; what others get in by, too, such as a
    pattern, is refused (6). --issuer alone takes out all that the OIDC provider lets in. Of a file the new policy is
    printed, or written with --in-place; of a role the trust policy is changed, and pods that run may keep the role for
    hours.

    Example: podid trust remove trust.json --for shop/orders --cluster-arn "$CLUSTER_ARN"
    """
    from podid.cli.changing import settle_interrupted
    from podid.commands.trust.edits import edit_files, edit_role, read_role, role_place, whom
    from podid.domain.errors import UsageError
    from podid.ops.trust.edit import removing, removing_issuer
    from podid.ops.trust.files import check_named

    check_named(options.files, options.role, access.terminal.read_file)
    issuer, refs = options.issuer, options.service_accounts
    of_pods = options.cluster_arn is not None or options.scope != "service-account" or not options.session_tags
    if issuer is not None and of_pods:
        raise UsageError("--cluster-arn, --scope and --no-session-tags do not belong to --issuer, an OIDC provider")
    place = None if options.role is None else role_place(access, options, needs_cluster=issuer is None)
    edit = removing(whom(access, options)) if issuer is None else removing_issuer(issuer, refs)
    names = ", ".join(map(str, refs))
    if issuer is not None:
        names = f"{names} of {issuer}" if refs else issuer
    if options.role is None or place is None:
        edit_files(access, options, edit)
        return
    settle_interrupted(access, place)
    role = read_role(access, place, options.role)
    question = f"Take {names} out of the trust policy of role {role.name}?"
    edit_role(access, place, role, edit, why=f"without {names}", question=question)
