"""podid trust add."""

from podid.cli.command import Access, command
from podid.cli.options import CHANGE, CLUSTER
from podid.domain.permissions import CommandPermissions
from podid.ops.trust.request import TrustEditOptions


def permissions() -> CommandPermissions:
    from podid.cli.permissions import editing_trust

    return editing_trust()


@command(shared=(*CLUSTER, *CHANGE), permissions=permissions)
def add(access: Access, options: TrustEditOptions) -> None:
    """Let service accounts in by a trust policy.

    A statement each, unless they get in already; every other statement keeps its values and its place. Of a file the
    new policy is printed, or written with --in-place; the trust policy of a role is changed. Exit 6 where it cannot be.

    Example: podid trust add trust.json --for shop/orders --cluster-arn "$CLUSTER_ARN" --in-place
    """
    from podid.cli.changing import settle_interrupted
    from podid.commands.trust.edits import edit_files, edit_role, read_role, role_place, whom
    from podid.ops.trust.edit import adding
    from podid.ops.trust.files import check_named

    check_named(options.files, options.role, access.terminal.read_file)
    if options.role is None:
        edit_files(access, options, adding(whom(access, options)))
        return
    place = role_place(access, options)
    added = whom(access, options)
    settle_interrupted(access, place)
    role = read_role(access, place, options.role)
    names = ", ".join(map(str, added.refs))
    edit_role(access, place, role, adding(added), why=f"so that it admits {names}")
