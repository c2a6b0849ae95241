"""podid trust remove."""

from podid.cli.arguments import CLUSTER_ARN, IN_PLACE, SESSION_TAGS, TRUST_FILES, TRUST_FOR, TRUST_ROLE, TRUST_SCOPE
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER
from podid.domain.option import option
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ROLE_TRUST

    return CommandRights.of(
        optional=(
            OptionalRight.of("--role", *ROLE_TRUST.calls(Verb.UPDATE), Iam.get_role, Iam.list_role_names),
            rights.USERS,
        )
    )


@command(shared=(*CLUSTER, *CHANGE), rights=rights)
def remove(
    access: Access,
    terminal: Terminal,
    files: tuple[str, ...] = TRUST_FILES,
    role: str | None = TRUST_ROLE,
    for_: tuple[str, ...] = TRUST_FOR,
    cluster_arn: str | None = CLUSTER_ARN,
    scope: str = TRUST_SCOPE,
    session_tags: bool = SESSION_TAGS,
    issuer: str | None = option(
        "URL", "Take out this OIDC provider, after a migration from IRSA; with --for only that service account."
    ),
    in_place: bool = IN_PLACE,
) -> None:
    """Take pods, or an OIDC provider, out of a trust policy.

    Takes out the statement that lets in nobody else, or one value of a list; what others get in by, too, such as a
    pattern, is refused (6). --issuer alone takes out all that the OIDC provider lets in. Of a file the new policy is
    printed, or written with --in-place; of a role the trust policy is changed, and pods that run may keep the role for
    hours.

    Example: podid trust remove trust.json --for shop/orders --cluster-arn "$CLUSTER_ARN"
    """
    from podid.cli import typed
    from podid.cli.changing import settle_interrupted
    from podid.cli.trusting import edit_files, edit_role, one_of_both, read_role, role_place, whom
    from podid.domain.errors import UsageError
    from podid.ops.trust.edit import removing, removing_issuer

    one_of_both(terminal, files, role)
    if issuer is not None and (cluster_arn is not None or scope != "service-account" or not session_tags):
        raise UsageError("--cluster-arn, --scope and --no-session-tags do not belong to --issuer, an OIDC provider")
    place = None if role is None else role_place(access, cluster_arn, needs_cluster=issuer is None)
    if issuer is not None:
        refs = typed.service_accounts(for_) if for_ else ()
        edit = removing_issuer(issuer, refs)
        names = f"{', '.join(map(str, refs))} of {issuer}" if refs else issuer
    else:
        wanted = whom(access, for_, cluster_arn, scope, session_tags=session_tags)
        edit, names = removing(wanted), ", ".join(map(str, wanted.refs))
    if role is None or place is None:
        edit_files(access, terminal, files or (), edit, in_place=in_place)
        return
    settle_interrupted(access, terminal, place)
    found = read_role(access, place, role)
    question = f"Take {names} out of the trust policy of role {found.name}?"
    edit_role(access, terminal, place, found, edit, why=f"without {names}", question=question)
