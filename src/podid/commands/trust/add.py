"""podid trust add."""

from podid.cli.arguments import CLUSTER_ARN, IN_PLACE, SESSION_TAGS, TRUST_FILES, TRUST_FOR, TRUST_ROLE, TRUST_SCOPE
from podid.cli.command import Access, Terminal, command
from podid.cli.options import CHANGE, CLUSTER
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
def add(
    access: Access,
    terminal: Terminal,
    files: tuple[str, ...] = TRUST_FILES,
    role: str | None = TRUST_ROLE,
    for_: tuple[str, ...] = TRUST_FOR,
    cluster_arn: str | None = CLUSTER_ARN,
    scope: str = TRUST_SCOPE,
    session_tags: bool = SESSION_TAGS,
    in_place: bool = IN_PLACE,
) -> None:
    """Let service accounts in by a trust policy.

    A statement each, unless they get in already; every other statement keeps its values and its place. Of a file the
    new policy is printed, or written with --in-place; the trust policy of a role is changed. Exit 6 where it cannot be.

    Example: podid trust add trust.json --for shop/orders --cluster-arn "$CLUSTER_ARN" --in-place
    """
    from podid.cli.changing import settle_interrupted
    from podid.cli.trusting import edit_files, edit_role, one_of_both, read_role, role_place, whom
    from podid.ops.trust.edit import adding

    one_of_both(terminal, files, role)
    if role is None:
        wanted = whom(access, for_, cluster_arn, scope, session_tags=session_tags)
        edit_files(access, terminal, files or (), adding(wanted), in_place=in_place)
        return
    place = role_place(access, cluster_arn)
    wanted = whom(access, for_, cluster_arn, scope, session_tags=session_tags)
    settle_interrupted(access, terminal, place)
    found = read_role(access, place, role)
    names = ", ".join(map(str, wanted.refs))
    edit_role(access, terminal, place, found, adding(wanted), why=f"so that it admits {names}")
