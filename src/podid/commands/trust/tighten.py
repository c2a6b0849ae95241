"""podid trust tighten."""

from podid.cli.arguments import CLUSTER_ARN, IN_PLACE, SESSION_TAGS, TRUST_FILES, TRUST_FOR, TRUST_ROLE, TRUST_SCOPE
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER
from podid.domain.option import switch
from podid.domain.rights import CommandRights, OptionalRight


def rights() -> CommandRights:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.cli import rights
    from podid.domain.plan import Verb
    from podid.ops.change.kinds import ROLE_TRUST

    return CommandRights.of(
        optional=(
            OptionalRight.of(
                "--role",
                *ROLE_TRUST.calls(Verb.UPDATE),
                Iam.get_role,
                Iam.list_role_names,
                Eks.list_clusters,
                Eks.list_associations,
            ),
            rights.USERS,
        )
    )


@command(shared=(*CLUSTER, *CHANGE), rights=rights)
def tighten(
    access: Access,
    terminal: Terminal,
    files: tuple[str, ...] = TRUST_FILES,
    role: str | None = TRUST_ROLE,
    for_: tuple[str, ...] = TRUST_FOR,
    cluster_arn: str | None = CLUSTER_ARN,
    scope: str = TRUST_SCOPE,
    session_tags: bool = SESSION_TAGS,
    skip_disabled_regions: bool = switch(
        "Assume that regions which do not know the credentials have no cluster of the account."
    ),
    in_place: bool = IN_PLACE,
) -> None:
    """Narrow a trust policy to those who use the role.

    Wide statements for EKS Pod Identity give way to one for each association that uses the role, in any cluster of
    any region; every region must be readable, and nobody who uses the role loses it. A file does not tell who uses its
    role: name them with --for. Exit 6 where it cannot be.

    Example: podid trust tighten --role storefront --dry-run
    """
    from podid.cli.changing import settle_interrupted
    from podid.cli.trusting import edit_files, edit_role, one_of_both, read_role, whom
    from podid.cli.typed import scope as parse_scope
    from podid.domain.errors import UsageError
    from podid.ops.role.uses import read_all_uses
    from podid.ops.trust.edit import tightening
    from podid.ops.trust.tighten import users_of, users_words

    one_of_both(terminal, files, role)
    reach = parse_scope(scope)
    if role is None:
        wanted = whom(access, for_, cluster_arn, scope, session_tags=session_tags)
        edit_files(access, terminal, files or (), tightening(wanted.identities({}), reach), in_place=in_place)
        return
    if for_ or cluster_arn is not None:
        raise UsageError("--for and --cluster-arn belong to FILE: of a role its associations are read")
    place = access.account_place()
    settle_interrupted(access, terminal, place)
    found = read_role(access, place, role)
    with terminal.working("reading the associations of every region"):
        uses = read_all_uses(access.aws, place.account)
    users = users_of(found, uses, skip_disabled=skip_disabled_regions)
    edit_role(
        access,
        terminal,
        place,
        found,
        tightening(users, reach),
        why=f"narrowed to {users_words(users)}",
        question=f"Narrow the trust policy of role {found.name} to {users_words(users)}?",
    )
